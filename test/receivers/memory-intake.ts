/**
 * An in-memory OpenIntake for receiver tests: runs the right framer and keeps the frames, with faults to switch on.
 */
import type { Framer, Framing, Intake, OpenIntake, Peer, TakeBlock } from '../../src/contracts.ts'
import { CollectorError } from '../../src/errors.ts'
import { createFramer } from '../../src/framing/framer.ts'
import { BLOCK_BYTES, FrameBlock } from '../../src/lib/frame-block.ts'
import { TokenBucket } from '../../src/lib/token-bucket.ts'
import type { ReceiverLog } from '../../src/receivers/listen.ts'

export interface IntakeFaults {
  /** Each accept returns a promise that resolves after so long. */
  acceptDelayMs?: number
  /** Each accept returns a promise that resolves with this one. */
  room?: Promise<void>
  commitDelayMs?: number
  /** Each commit and end waits for this one. */
  commits?: Promise<void>
  /** Asked at each commit and end: true makes it fail. */
  failCommit?: () => boolean
}

export class MemoryIntakes {
  readonly frames: string[] = []
  /** Frames that a commit or end has confirmed. */
  readonly committed: string[] = []
  readonly peers: Peer[] = []
  readonly faults: IntakeFaults
  opened = 0
  ended = 0
  aborted = 0
  failedCommits = 0
  /** Calls that broke the contract: chunks after end or while a promise was pending. */
  readonly violations: string[] = []

  constructor(faults: IntakeFaults = {}) {
    this.faults = faults
  }

  readonly open: OpenIntake = (peer, framing) => {
    this.opened++
    this.peers.push(peer)
    return new MemoryIntake(this, peer, framing)
  }

  readonly take: TakeBlock = async ({ memory, count, used }, intakes) => {
    if (this.faults.acceptDelayMs !== undefined) await delay(this.faults.acceptDelayMs)
    const block = new FrameBlock(memory)
    block.count = count
    block.used = used
    for (let i = 0; i < count; i++) {
      const intake = intakes.get(block.intake(i))
      if (intake instanceof MemoryIntake) intake.takeFrame(block.bytes, block.start(i), block.end(i))
      else this.violations.push('a frame of no intake')
    }
    return new SharedArrayBuffer(BLOCK_BYTES)
  }

  /** Resolves when the condition holds; rejects, saying what there is, when it does not for two minutes. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const started = Date.now()
    while (!condition()) {
      if (Date.now() - started > 120_000) {
        throw new Error(
          `${what}: not within two minutes; ${this.frames.length} frames, ${this.opened} opened, ${this.ended} ended, ${this.aborted} aborted`
        )
      }
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
}

class MemoryIntake implements Intake {
  readonly #owner: MemoryIntakes
  readonly #framer: Framer
  readonly #uncommitted: string[] = []
  readonly #canWait: boolean
  readonly #overdraws: boolean
  readonly #bucket: TokenBucket | undefined
  #isWaiting = false
  #isOver = false

  constructor(owner: MemoryIntakes, peer: Peer, framing: Framing) {
    this.#owner = owner
    this.#canWait = peer.protocol !== 'syslog-udp'
    this.#overdraws = peer.overdraws === true
    this.#bucket = peer.rate && new TokenBucket(peer.rate, Date.now())
    this.#framer = createFramer(framing)
  }

  accept(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#isOver) this.#owner.violations.push('accept after the end')
    if (this.#isWaiting && this.#canWait) this.#owner.violations.push('accept while there was no room')
    const before = this.#uncommitted.length
    this.#framer.feed(Buffer.from(chunk), this.#onFrame)
    this.#bucket?.take(this.#uncommitted.length - before, chunk.length, Date.now())
    const { acceptDelayMs = -1, room } = this.#owner.faults
    const waitMs = Math.max(acceptDelayMs, this.#overdraws ? -1 : this.debtMs() || -1)
    if (waitMs < 0 && room === undefined) return undefined
    this.#isWaiting = true
    return Promise.all([delay(Math.max(0, waitMs)), room]).then(() => {
      this.#isWaiting = false
    })
  }

  /** A frame that the receiver cut itself. */
  takeFrame(buf: Buffer, start: number, end: number): void {
    if (this.#isOver) this.#owner.violations.push('a frame after the end')
    this.#onFrame(buf, start, end)
  }

  debtMs(): number {
    return this.#bucket?.debtMs(Date.now()) ?? 0
  }

  async commit(): Promise<void> {
    const covered = this.#uncommitted.splice(0)
    await delay(this.#owner.faults.commitDelayMs ?? 0)
    await this.#owner.faults.commits
    if (this.#owner.faults.failCommit?.()) {
      this.#owner.failedCommits++
      throw new CollectorError('SPOOL_IO', 'Cannot commit: the test says so', { retryable: true })
    }
    for (const one of covered) this.#owner.committed.push(one)
  }

  end(): Promise<void> {
    if (this.#isOver) this.#owner.violations.push('end after the end')
    this.#isOver = true
    this.#framer.end(this.#onFrame)
    this.#owner.ended++
    return this.commit()
  }

  abort(): void {
    if (this.#isOver) this.#owner.violations.push('abort after the end')
    this.#isOver = true
    this.#owner.aborted++
  }

  readonly #onFrame = (buf: Buffer, start: number, end: number): void => {
    const text = buf.toString('latin1', start, end)
    this.#owner.frames.push(text)
    this.#uncommitted.push(text)
  }
}

export const delay = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export interface LogEntry {
  level: 'debug' | 'info' | 'warn' | 'error'
  facts: object
  message: string
}

/** A log that keeps its entries. */
export function memoryLog(): ReceiverLog & { entries: LogEntry[] } {
  const entries: LogEntry[] = []
  const at = (level: LogEntry['level']) => (facts: object, message: string) => {
    entries.push({ level, facts, message })
  }
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Port that a receiver was given for `127.0.0.1:0`. */
export function portOf(receiver: { status(): { address: string }[] }, index = 0): number {
  return Number(/:(\d+)$/.exec(receiver.status()[index]!.address)?.[1])
}
