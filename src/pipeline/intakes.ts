/**
 * Intakes: what receivers hold while bytes come in. Chunks are framed here and the frames appended to the blocks of the lanes, whose
 * blocks leave by the outlet (outlet.ts); `commit` and `end` answer when the disk has everything (commit-rounds.ts).
 */
import type { FilledBlock, Framer, Framing, Intake, OnFrame, Peer } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { createFramer } from '../framing/framer.ts'
import type { LaneSpec } from '../lanes/messages.ts'
import type { LanePool } from '../lanes/pool.ts'
import { FrameBlock } from '../lib/frame-block.ts'
import type { TokenBucket } from '../lib/token-bucket.ts'
import { NO_SOURCE } from '../telemetry/status.ts'
import { CommitRounds } from './commit-rounds.ts'
import { ListenerCounts } from './listener-counts.ts'
import type { Outlet } from './outlet.ts'
import type { PeerCounts } from './peers.ts'
import type { SourceBinding } from './source-binding.ts'

/**
 * Within a commit interval, blocks that are not full are handed over so often, so that the lanes have little left to do at its end,
 * when they deflate what they have and the spool syncs it.
 */
const HAND_OVERS_PER_COMMIT = 2
/** Senders that can wait go on when there is room for so many blocks: 4 MiB, while the lanes have three times as much to do. */
const ROOM_BLOCKS = 16
/** While the spool is full, senders that wait are let through this often to see whether it still is. */
const FULL_POLL_MS = 250

export interface IntakesDeps {
  pool: LanePool
  outlet: Outlet
  /** Sources by peer. */
  binding: SourceBinding
  /** What is accepted becomes durable this often, also when nobody asks for a receipt. */
  commitIntervalMs: number
}

/** Frames by what happened before the lanes; monotonic. */
export interface IntakeCounts {
  frames: number
  bytes: number
  /** Partial frames of senders that vanished. */
  aborted: number
}

interface LiveIntake {
  peer: Peer
  number: number
  listener: ListenerCounts
  sender: PeerCounts
  /** Where its frames count that are shed. */
  shed: ShedCount
  /** What had been lost, in any intake, at its last receipt. */
  losses: { frames: number; records: number }
}

/** Frames of a source, or of none, that were shed. */
interface ShedCount {
  frames: number
}

export class Intakes {
  readonly #pool: LanePool
  readonly #outlet: Outlet
  /** By the number that the pool gave them. */
  readonly #live = new Map<number, LiveIntake>()
  /** By what receivers hold of them, while they are open: for blocks that receivers fill themselves. */
  readonly #byHandle = new WeakMap<Intake, LiveIntake>()
  readonly counts: IntakeCounts = { frames: 0, bytes: 0, aborted: 0 }
  /** By source. Nobody has read what is shed: whose it is, the peer tells, or it counts for NO_SOURCE. */
  readonly #shed = new Map<string, ShedCount>()
  /** By receiver and protocol. */
  readonly #listeners = new Map<string, ListenerCounts>()
  readonly #rounds: CommitRounds
  #binding: SourceBinding
  #timer: NodeJS.Timeout
  #ticks = 0
  /** Near enough for when a sender was last heard, and free on the hot path. */
  #nowMs = Date.now()
  #flushing = false
  #lastPause: 'spool_full' | 'lanes_busy' = 'lanes_busy'

  constructor({ pool, outlet, binding, commitIntervalMs }: IntakesDeps) {
    this.#pool = pool
    this.#outlet = outlet
    this.#binding = binding
    this.#rounds = new CommitRounds(() => this.#commit())
    this.#timer = setInterval(() => this.#tick(), commitIntervalMs / HAND_OVERS_PER_COMMIT)
  }

  open(peer: Peer, framing: Framing): Intake {
    const framer = createFramer(framing)
    const listener = this.#listenerOf(peer)
    listener.began(framer)
    const sender = listener.peers.open(peer.address, this.#nowMs)
    const number = this.#pool.openIntake(this.#binding.candidates(peer))
    const intake: LiveIntake = { peer, number, listener, sender, shed: this.#shedOf(this.#binding.foretold(peer)), losses: this.#losses }
    this.#live.set(number, intake)
    const canWait = peer.protocol !== 'syslog-udp'
    const bucket = peer.rate && listener.peers.bucketOf(sender, peer.rate, Date.now())
    const onFrame: OnFrame = (buf, start, end) => {
      this.#count(intake, end - start)
      if (!canWait && this.#pool.isBusy) intake.shed.frames++
      else this.#pool.append(number, buf, start, end)
    }
    const close = (): void => {
      listener.peers.close(sender)
      this.#live.delete(number)
      this.#byHandle.delete(handle)
      listener.ended(framer)
      this.#pool.closeIntake(number)
    }
    const handle: Intake = {
      accept: chunk => {
        sender.bytes += chunk.length
        sender.lastSeenMs = this.#nowMs
        const before = sender.frames
        this.#feed(framer, asBuffer(chunk), onFrame)
        if (!canWait) return undefined
        const debtMs = bucket === undefined ? 0 : spend(bucket, sender.frames - before, chunk.length)
        if (peer.overdraws) return this.#mustWait ? this.#room(0) : undefined
        if (debtMs > 0) listener.rateLimited++
        return debtMs > 0 || this.#mustWait ? this.#room(debtMs) : undefined
      },
      debtMs: () => bucket?.debtMs(Date.now()) ?? 0,
      commit: () => this.#receipt(intake),
      end: () => {
        framer.end(onFrame)
        close()
        return this.#receipt(intake)
      },
      abort: () => {
        this.counts.aborted++
        close()
      }
    }
    this.#byHandle.set(handle, intake)
    return handle
  }

  /** Whole blocks of receivers that cut frames in a thread of their own (`TakeBlock`): nothing is copied. */
  async takeBlock(filled: FilledBlock, intakes: ReadonlyMap<number, Intake>): Promise<SharedArrayBuffer> {
    while (this.#pool.isBusy) await this.#pool.room()
    const block = new FrameBlock(filled.memory)
    block.count = filled.count
    block.used = filled.used
    if (!this.#knowsAll(block, intakes)) return this.#shedBlock(block)
    let last = -1
    let intake: LiveIntake | undefined
    for (let i = 0; i < block.count; i++) {
      const key = block.intake(i)
      if (key !== last) {
        last = key
        intake = this.#byHandle.get(intakes.get(key)!)!
        intake.sender.lastSeenMs = this.#nowMs
      }
      const { sender, number } = intake!
      const bytes = block.end(i) - block.start(i)
      this.#count(intake!, bytes)
      sender.bytes += bytes
      block.setIntake(i, number)
    }
    intake?.listener.cutElsewhere(filled.count, filled.truncated)
    return this.#pool.exchange(block)
  }

  /** False when the receiver has given up on a sender of the block. */
  #knowsAll(block: FrameBlock, intakes: ReadonlyMap<number, Intake>): boolean {
    let last = -1
    for (let i = 0; i < block.count; i++) {
      const key = block.intake(i)
      if (key !== last && !this.#byHandle.has(intakes.get(key)!)) return false
      last = key
    }
    return true
  }

  #shedBlock({ count, used, memory }: FrameBlock): SharedArrayBuffer {
    this.counts.frames += count
    this.counts.bytes += used - count // a line feed behind each frame
    this.#shedOf().frames += count
    return memory
  }

  #feed(framer: Framer, chunk: Buffer, onFrame: OnFrame): void {
    const pool = this.#pool
    pool.beginChunk(chunk)
    try {
      framer.feed(chunk, onFrame)
    } finally {
      pool.endChunk()
    }
  }

  /** Frames that were in a lane when it ended. */
  get lostFrames(): number {
    return this.#pool.lostFrames
  }

  /** What was lost so far, whoever sent it. */
  get #losses(): LiveIntake['losses'] {
    return { frames: this.lostFrames, records: this.#outlet.shedRecords }
  }

  /** Everything that was accepted is through the lanes and durable. */
  async #commit(): Promise<void> {
    await this.#pool.flush()
    await this.#outlet.commit()
  }

  /** Everything that was accepted is durable. Whose frames or records were lost is not known, so nobody gets a receipt for them. */
  async #receipt(intake: LiveIntake): Promise<void> {
    await this.#rounds.commit()
    const before = intake.losses
    intake.losses = this.#losses
    if (intake.losses.frames > before.frames)
      throw new CollectorError('LANE_FAILED', 'Cannot confirm what was sent: a lane ended and lines that it had are lost; send it again', {
        retryable: true
      })
    if (intake.losses.records > before.records)
      throw new CollectorError(
        'SPOOL_FULL',
        'Cannot confirm what was sent: the spool had no room, so records were shed; free some of its disk or raise spool.max_bytes, then send it again',
        {
          retryable: true
        }
      )
  }

  /** Both ways in count here: frames cut on this thread, and those that a receiver's thread cut. */
  #count(intake: LiveIntake, bytes: number): void {
    this.counts.frames++
    this.counts.bytes += bytes
    intake.sender.frames++
  }

  #shedOf(source: string = NO_SOURCE): ShedCount {
    const count = this.#shed.get(source) ?? { frames: 0 }
    this.#shed.set(source, count)
    return count
  }

  /** Frames that were shed, by source; those that a lane had when it ended are nobody's. */
  shedFrames(): Map<string, number> {
    const shed = new Map([...this.#shed].map(([source, { frames }]) => [source, frames]))
    return shed.set(NO_SOURCE, (shed.get(NO_SOURCE) ?? 0) + this.lostFrames)
  }

  get #mustWait(): boolean {
    return this.#pool.isBusy || this.#outlet.full
  }

  async #room(debtMs: number): Promise<void> {
    if (debtMs > 0) await new Promise(resolve => setTimeout(resolve, debtMs).unref())
    while (this.#mustWait) {
      this.#lastPause = this.pause ?? this.#lastPause
      await this.#pool.room(ROOM_BLOCKS)
      if (this.#outlet.full) await new Promise(resolve => setTimeout(resolve, FULL_POLL_MS).unref())
    }
  }

  /** Why senders that can wait were stopped last. */
  get lastPause(): 'spool_full' | 'lanes_busy' {
    return this.#lastPause
  }

  /** Why senders that can wait are stopped just now, if they are. */
  get pause(): 'spool_full' | 'lanes_busy' | undefined {
    if (this.#outlet.full) return 'spool_full'
    return this.#pool.isBusy ? 'lanes_busy' : undefined
  }

  #listenerOf({ receiver, protocol }: Peer): ListenerCounts {
    const known = this.listener(receiver, protocol)
    if (known !== undefined) return known
    const listener = new ListenerCounts()
    this.#listeners.set(`${receiver} ${protocol}`, listener)
    return listener
  }

  /** What came in by a listener; undefined before its first intake. */
  listener(receiver: string, protocol: string): ListenerCounts | undefined {
    return this.#listeners.get(`${receiver} ${protocol}`)
  }

  #tick(): void {
    this.#nowMs = Date.now()
    this.#pool.handOver()
    if (++this.#ticks % HAND_OVERS_PER_COMMIT !== 0 || this.#flushing) return
    this.#flushing = true
    void this.#pool.flush().finally(() => {
      this.#flushing = false
      this.#outlet.hurry() // or a line would wait for this interval and then for that of the spool
    })
  }

  /**
   * Frames that come from now on belong to other sources and are worked on by another specification. Intakes go on, each with what
   * its lane knows of it. `onSwitched`: as the pool says.
   */
  reconfigure(spec: LaneSpec, binding: SourceBinding, onSwitched: () => void): Promise<void> {
    this.#binding = binding
    for (const intake of this.#live.values()) intake.shed = this.#shedOf(binding.foretold(intake.peer))
    return this.#pool.reconfigure(
      spec,
      new Map([...this.#live].map(([number, { peer }]) => [number, binding.candidates(peer)])),
      onSwitched
    )
  }

  /** Everything that was accepted is durable; no further hand-overs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#commit()
  }
}

const asBuffer = (chunk: Uint8Array): Buffer =>
  Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)

/** Takes what came and says how long its sender should wait. */
function spend(bucket: TokenBucket, frames: number, bytes: number): number {
  const nowMs = Date.now()
  bucket.take(frames, bytes, nowMs)
  return bucket.debtMs(nowMs)
}
