/**
 * Objects of a bucket or container that a gateway exports its logs to (S3-compatible, Azure Blob): listed by time, each new one
 * read as a stream, unpacked by its content, and written down as taken when all of its lines would survive a power cut.
 */
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverStatus } from '../contracts.ts'
import type { ReceiverDeps, ReceiverLog } from './listen.ts'
import { ObjectLedger } from './object-ledger.ts'
import { download, ObjectChanged, type ObjectStore, type StoredObject } from './object-store.ts'
import { AzureBlobOptions, AzureStore } from './object-store-azure.ts'
import { S3Options, S3Store } from './object-store-s3.ts'
import { NameOption, withDefaults } from './options.ts'
import { PullError, PullLoop, PullOptions } from './pull-loop.ts'
import { ResumableRead } from './resumable-read.ts'
import { UnpackError, UnpackOptions } from './unpack.ts'

export const BlobPullOptions = Type.Object({
  name: NameOption('blob-pull'),
  s3: Type.Optional(S3Options),
  azure: Type.Optional(AzureBlobOptions),
  prefix: Type.String({ description: 'Only objects whose names begin so.', default: '' }),
  suffixes: Type.Array(Type.String({ minLength: 1 }), { description: 'Only objects whose names end so. Empty: all.', default: [] }),
  source: Type.Optional(Type.String({ description: 'Source that everything pulled belongs to.', minLength: 1 })),
  ageMs: Type.Integer({ description: 'How long an object must not have changed, for writers that append to it.', default: 0, minimum: 0 }),
  after: Type.Union([Type.Literal('keep'), Type.Literal('delete')], {
    description: 'What becomes of an object that was taken.',
    default: 'keep'
  }),
  ledgerFile: Type.String({ description: 'Where it is kept which objects were taken.', minLength: 1 }),
  ledgerMaxObjects: Type.Integer({
    description: 'Objects remembered; of more that are kept there, the oldest are let go of and not looked at again.',
    default: 100_000,
    minimum: 10
  }),
  checkpointBytes: Type.Integer({
    description: 'Unpacked bytes after which the position in an object is made durable; a crash reads at most so much again.',
    default: 32 * 1024 * 1024,
    minimum: 1
  }),
  format: Type.Union([Type.Literal('auto'), Type.Literal('lines'), Type.Literal('json')], {
    description: 'Content of objects: lines, or JSON (an array, or objects); auto tells them apart by the first bytes.',
    default: 'auto'
  }),
  ...PullOptions,
  ...UnpackOptions
})
export type BlobPullOptions = Static<typeof BlobPullOptions>

export interface PullDeps extends ReceiverDeps {
  /** True while nothing should be taken; asked before each round and each object. */
  isFull?: () => boolean
}

/** Objects that fail one after the other before the round is given up: it is the store then. */
const FAILURES_IN_A_ROW_MAX = 3

export class BlobPullReceiver implements Receiver {
  readonly name: string
  readonly #options: BlobPullOptions
  readonly #log: ReceiverLog
  readonly #loop: PullLoop
  readonly #protocol: 's3' | 'azure-blob'
  #store: ObjectStore | undefined
  #ledger: ObjectLedger | undefined
  #open: OpenIntake | undefined
  #failedStart: string | undefined
  #isStarted = false
  #reading = 0
  /** Listed and not taken, at the last look. */
  #waiting = 0
  /** Everything that was there by then is taken. */
  #caughtUpMs = Date.now()
  readonly #counters = {
    objects_total: 0,
    received_bytes_total: 0,
    unpacked_bytes_total: 0,
    deleted_objects_total: 0,
    damaged_objects_total: 0,
    unsupported_objects_total: 0,
    oversized_objects_total: 0,
    changed_objects_total: 0,
    object_errors_total: 0,
    commit_failed_total: 0
  }

  /** Throws RangeError when the options name no store, or two. */
  constructor(options: Partial<BlobPullOptions> & { ledgerFile: string }, deps: PullDeps) {
    this.#options = withDefaults(BlobPullOptions, options)
    const { name, s3, azure } = this.#options
    if ((s3 === undefined) === (azure === undefined)) throw new RangeError(`Cannot use receiver "${name}": give either s3 or azure`)
    this.name = name
    this.#log = deps.log
    this.#protocol = s3 === undefined ? 'azure-blob' : 's3'
    const isFull = deps.isFull ?? (() => false)
    this.#loop = new PullLoop(this.#options, { receiver: name, log: deps.log, isFull, round: () => this.#round() })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    const { s3, azure, ledgerFile, ledgerMaxObjects, requestTimeoutMs, prefix, intervalMs, after } = this.#options
    try {
      this.#ledger = await ObjectLedger.load(ledgerFile, ledgerMaxObjects)
      this.#store = s3 === undefined ? await AzureStore.create(azure!, requestTimeoutMs) : new S3Store(s3, requestTimeoutMs)
    } catch (error) {
      this.#failedStart = (error as Error).message
      throw error
    }
    this.#isStarted = true
    this.#log.info(
      { receiver: this.name, address: this.#store.where, prefix, intervalMs, after, known: this.#ledger.size },
      'pulling objects of a store'
    )
    this.#loop.start()
  }

  /** The object being read is left at a line, and read on from there after the next start. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (!this.#isStarted) return
    this.#isStarted = false
    await this.#loop.stop(deadline)
    await this.#ledger?.close()
    await this.#store?.close()
  }

  status(): ReceiverStatus[] {
    return [
      {
        name: this.name,
        protocol: this.#protocol,
        address: this.#store?.where ?? '',
        ...this.#loop.status(this.#isStarted, this.#failedStart),
        connections: this.#reading,
        counters: { ...this.#counters, ...this.#loop.counters },
        gauges: {
          pull_failing: this.#loop.isFailing ? 1 : 0,
          pull_lag_seconds: Math.max(0, Date.now() - this.#caughtUpMs) / 1000,
          objects_waiting: this.#waiting,
          objects_known: this.#ledger?.size ?? 0
        }
      }
    ]
  }

  async #round(): Promise<'done'> {
    const ledger = this.#ledger!
    const startedMs = Date.now()
    ledger.beginListing()
    const failures = { inARow: 0, last: undefined as Error | undefined }
    let oldestLeftMs = startedMs
    let left = 0
    for await (const page of this.#store!.list(this.#options.prefix, this.#loop.soon)) {
      const waiting = page.filter(object => this.#isWaiting(object))
      this.#waiting = left + waiting.length
      for (const object of waiting) {
        this.#fallsBehind(Math.min(oldestLeftMs, object.modifiedMs))
        if (!(await this.#loop.room())) return 'done'
        if (await this.#attempt(object, failures)) {
          this.#waiting--
          continue
        }
        left++
        oldestLeftMs = Math.min(oldestLeftMs, object.modifiedMs)
      }
      await this.#removeTaken(page)
    }
    ledger.endListing()
    this.#caughtUpMs = oldestLeftMs
    if (failures.last !== undefined) throw failures.last
    return 'done'
  }

  /** While objects wait, the lag is that of the one whose turn it is. */
  #fallsBehind(modifiedMs: number): void {
    this.#caughtUpMs = Math.min(this.#caughtUpMs, modifiedMs)
  }

  #isWaiting(object: StoredObject): boolean {
    const entry = this.#ledger!.seen(object)
    if (entry !== undefined && entry.step !== 'reading') return false
    const { suffixes, ageMs } = this.#options
    // Stores show folders as objects without content.
    if (object.bytes === 0 || (suffixes.length > 0 && !suffixes.some(suffix => object.name.endsWith(suffix)))) return false
    if (entry === undefined && object.modifiedMs <= this.#ledger!.floorMs) return false
    return object.modifiedMs + ageMs <= Date.now() || ageMs === 0
  }

  /** True when the object needs no further look in this round. Rejects when nothing else can be taken either. */
  async #attempt(object: StoredObject, failures: { inARow: number; last: Error | undefined }): Promise<boolean> {
    this.#reading = 1
    try {
      await this.#take(object)
      failures.inARow = 0
      return true
    } catch (error) {
      if (error instanceof ObjectChanged) {
        this.#counters.changed_objects_total++
        return false // the next look shows what has become of it
      }
      if (this.#loop.now.aborted) throw error
      if (!(error instanceof PullError)) {
        this.#counters.commit_failed_total++
        throw error
      }
      this.#counters.object_errors_total++
      failures.last = error
      if (++failures.inARow >= FAILURES_IN_A_ROW_MAX) throw error
      this.#log.warn({ receiver: this.name, object: object.name, err: error }, 'an object cannot be read; it is tried again')
      return false
    } finally {
      this.#reading = 0
    }
  }

  async #take(object: StoredObject): Promise<void> {
    const { source, requestTimeoutMs } = this.#options
    const ledger = this.#ledger!
    const peer = { receiver: this.name, protocol: this.#protocol, address: object.name, ...(source === undefined ? {} : { source }) }
    const known = ledger.seen(object)
    const reading = new ResumableRead(known, this.#options, {
      open: framing => this.#open!(peer, framing),
      save: position => ledger.set(object, 'reading', position),
      onBytes: count => {
        this.#counters.unpacked_bytes_total += count
      },
      onWait: this.#loop.waits,
      stopping: () => this.#loop.stopping()
    })
    try {
      const chunks = download(this.#store!, object, { signal: this.#loop.now, timeoutMs: requestTimeoutMs })
      if (!(await reading.run(this.#counted(chunks)))) return
    } catch (error) {
      if (!(error instanceof UnpackError)) throw error
      await this.#reject(object, error)
      return
    }
    await ledger.set(object, 'taken')
    this.#counters.objects_total++
    this.#log.info({ receiver: this.name, object: object.name, bytes: object.bytes, source }, 'object taken')
  }

  async *#counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.#counters.received_bytes_total += chunk.length
      yield chunk
    }
  }

  /** What cannot be unpacked stays where it is, and is not tried again. */
  async #reject(object: StoredObject, error: UnpackError): Promise<void> {
    const counter = (
      { damaged: 'damaged_objects_total', unsupported: 'unsupported_objects_total', limit: 'oversized_objects_total' } as const
    )[error.kind]
    this.#counters[counter]++
    this.#log.error({ receiver: this.name, object: object.name, err: error }, 'an object cannot be unpacked; it is left where it is')
    await this.#ledger!.set(object, 'rejected')
  }

  /** Also removes what an earlier round could not. */
  async #removeTaken(page: readonly StoredObject[]): Promise<void> {
    if (this.#options.after !== 'delete') return
    for (const object of page) {
      if (this.#loop.soon.aborted) return
      if (this.#ledger!.seen(object)?.step !== 'taken') continue
      await this.#store!.remove(object, this.#loop.soon)
      this.#counters.deleted_objects_total++
    }
  }
}
