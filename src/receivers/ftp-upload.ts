/**
 * What FTP and SFTP do alike with a file that comes in: the checks before, the way to the intake, and the verdict that the
 * protocol then puts into its own words. See unpack-deliver.ts for what is left of a transfer that breaks off.
 */
import type { OpenIntake } from '../contracts.ts'
import type { Account } from './ftp-accounts.ts'
import { formatPath, type TreePath, UploadTree } from './ftp-tree.ts'
import type { ReceiverLog } from './listen.ts'
import { rateOf } from './options.ts'
import type { Holds } from './receiver-state.ts'
import { UnpackError } from './unpack.ts'
import { DeliveryError, deliver, type FileDeliveryOptions, HoldBudget } from './unpack-deliver.ts'

/** The sender broke off, or its connection did. */
export class TransferAborted extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TransferAborted'
  }
}

export type Verdict =
  | { outcome: 'taken' }
  /** `retry`: the same file may be sent again and taken then. */
  | { outcome: 'aborted' | 'full' | 'retry' | 'bad-file'; message: string }

export interface UploadsOptions extends FileDeliveryOptions {
  maxFramesPerSecondPerPeer: number
  maxBytesPerSecondPerPeer: number
  name: string
  sources: readonly string[]
  anySource: boolean
  rootUploads: boolean
}

export interface UploadsDeps {
  protocol: string
  log: ReceiverLog
  isFull: () => boolean
}

export interface Upload {
  path: TreePath
  account: Account
  address: string
  chunks: AsyncIterable<Uint8Array>
}

export class Uploads {
  readonly tree: UploadTree
  readonly counters = {
    uploads_total: 0,
    files_total: 0,
    received_bytes_total: 0,
    unpacked_bytes_total: 0,
    aborted_total: 0,
    damaged_files_total: 0,
    unsupported_files_total: 0,
    oversized_files_total: 0,
    put_off_total: 0,
    commit_failed_total: 0,
    pauses_total: 0
  }
  /** Transfers that run, those of them that wait for room, and those that are faster than their address may be. */
  running = 0
  waiting = 0
  limited = 0
  open: OpenIntake | undefined
  readonly #options: UploadsOptions
  readonly #deps: UploadsDeps
  readonly #budget: HoldBudget

  constructor(options: UploadsOptions, deps: UploadsDeps) {
    this.#options = options
    this.#deps = deps
    this.#budget = new HoldBudget(options.heldMaxBytes)
    this.tree = new UploadTree(options)
  }

  get heldBytes(): number {
    return this.#budget.heldBytes
  }

  /** What holds senders back, for the status. */
  get holds(): Holds {
    return { waiting: { count: this.waiting, of: 'transfers' }, limited: this.limited, isFull: this.#deps.isFull() }
  }

  /** True, and counted, when no file should be begun. */
  isPutOff(): boolean {
    if (!this.#deps.isFull()) return false
    this.counters.put_off_total++
    return true
  }

  /** Takes one file to its end. Never rejects. */
  async receive({ path, account, address, chunks }: Upload): Promise<Verdict> {
    const { name, log } = { name: this.#options.name, log: this.#deps.log }
    const source = this.tree.sourceOf(path, account)
    const facts = { receiver: name, peer: address, account: account.name, path: formatPath(path), source }
    log.info(facts, 'upload began')
    this.counters.uploads_total++
    this.running++
    const size = { bytes: 0 }
    try {
      const peer = {
        receiver: name,
        protocol: this.#deps.protocol,
        address,
        ...(source === undefined ? {} : { source }),
        ...rateOf(this.#options)
      }
      await deliver(this.#counted(chunks, size), this.#options, {
        open: framing => this.open!(peer, framing),
        budget: this.#budget,
        onBytes: count => {
          this.counters.unpacked_bytes_total += count
        },
        onWait: (isWaiting, isLimited) => {
          this[isLimited ? 'limited' : 'waiting'] += isWaiting ? 1 : -1
          if (isWaiting && !isLimited) this.counters.pauses_total++
        }
      })
      this.counters.files_total++
      this.tree.remember(path, size.bytes)
      log.info({ ...facts, bytes: size.bytes }, 'upload taken')
      return { outcome: 'taken' }
    } catch (error) {
      const verdict = this.#verdict(error)
      log.warn({ ...facts, bytes: size.bytes, outcome: verdict.outcome, err: error }, 'upload not taken')
      return verdict
    } finally {
      this.running--
    }
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>, size: { bytes: number }): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      size.bytes += chunk.length
      this.counters.received_bytes_total += chunk.length
      yield chunk
    }
  }

  #verdict(error: unknown): Verdict & { outcome: 'aborted' | 'full' | 'retry' | 'bad-file' } {
    const { message } = error as Error
    if (error instanceof UnpackError) {
      const counter = ({ damaged: 'damaged_files_total', unsupported: 'unsupported_files_total', limit: 'oversized_files_total' } as const)[
        error.kind
      ]
      this.counters[counter]++
      return { outcome: 'bad-file', message }
    }
    if (error instanceof DeliveryError) {
      this.counters[error.why === 'room' ? 'put_off_total' : 'commit_failed_total']++
      return { outcome: error.why === 'room' ? 'full' : 'retry', message }
    }
    this.counters.aborted_total++
    return { outcome: 'aborted', message: error instanceof TransferAborted ? message : 'the transfer broke off' }
  }
}
