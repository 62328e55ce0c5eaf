/**
 * The lanes and the blocks between them and the receiving thread. The receiving side appends frames; the pool fills blocks,
 * hands them to lanes, bounds how many are on the way, and answers flush rounds, after which everything appended before is in
 * the caller's hands as deflated blocks.
 * Which lane may have an intake's frames, `intake-routes.ts` says.
 */
import type { Block, Parser } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { FrameBlock } from '../lib/frame-block.ts'
import type { TapFilter, TapSample } from '../telemetry/tap.ts'
import { LaneEngine } from './engine.ts'
import { IntakeRoutes } from './intake-routes.ts'
import { startInlineLane, startThreadLane } from './lane.ts'
import { LaneSlot } from './lane-slot.ts'
import type { FromLane, IntakeSources, LaneSpec } from './messages.ts'
import { OUTSTANDING_MAX, Outstanding } from './outstanding.ts'

/**
 * Spare blocks kept for reuse: as many as may be out. Shared memory that is dropped stays until a collection finds out, which V8 does not hurry
 * for, and what is made anew is paid for by the page (a peak of 267 to 249 MB in a minute of full load).
 */
const SPARE_MAX = OUTSTANDING_MAX
const LF = 0x0a

export interface PoolEvents {
  /** Deflated blocks, in order per lane. */
  onBlocks(blocks: Block[]): void
  /** A lane ended; frames that were in it are lost and counted. */
  onLaneFailure(lane: number, error: Error, lostFrames: number): void
  /** Frames that were looked at because of `watch`. */
  onTaps?(taps: TapSample[]): void
}

type LoadParsers = () => Promise<readonly Parser[]>

export class LanePool {
  readonly #events: PoolEvents
  /** For a lane on this thread and for `check`; lane threads load their own, so most collectors have none here. */
  readonly #loadParsers: LoadParsers
  #spec: LaneSpec
  readonly #slots: LaneSlot[]
  readonly #routes: IntakeRoutes
  readonly #spare: FrameBlock[] = []
  readonly #outstanding = new Outstanding()
  /** Lanes that still work by the specification before; blocks of the others are held until there is none. */
  readonly #behind = new Set<LaneSlot>()
  #held: Block[] = []
  #filters: TapFilter[] = []
  #switched: Promise<unknown> = Promise.resolve()
  #open: FrameBlock | undefined
  #chunk: Buffer | undefined
  #lostFrames = 0

  private constructor(lanes: number, spec: LaneSpec, loadParsers: LoadParsers, events: PoolEvents) {
    this.#events = events
    this.#loadParsers = loadParsers
    this.#spec = spec
    this.#routes = new IntakeRoutes(lanes)
    this.#slots = Array.from({ length: lanes }, (_, index) => new LaneSlot(index))
  }

  /** Starts the lanes; with one, the line path runs on the calling thread. Resolves when all are warm. */
  static async start(lanes: number, spec: LaneSpec, loadParsers: LoadParsers, events: PoolEvents): Promise<LanePool> {
    const pool = new LanePool(lanes, spec, loadParsers, events)
    await Promise.all(pool.#slots.map(slot => pool.#startLane(slot, lanes === 1)))
    return pool
  }

  async #startLane(slot: LaneSlot, inline: boolean): Promise<void> {
    const spec = this.#spec
    const laneEvents = {
      onMessage: (message: FromLane) => this.#onMessage(slot, message),
      onFailure: (error: Error) => this.#onFailure(slot, error)
    }
    slot.lane = inline ? startInlineLane(spec, await this.#loadParsers(), laneEvents) : await startThreadLane(spec, laneEvents)
    // The specification was changed while the thread started, and its first message must be the new one.
    if (this.#filters.length > 0) slot.lane.post({ type: 'watch', filters: this.#filters })
    if (spec !== this.#spec) void slot.ask(id => ({ type: 'configure', id, spec: this.#spec, intakes: [] }))
  }

  get lanes(): number {
    return this.#slots.length
  }

  get outstanding(): number {
    return this.#outstanding.blocks
  }

  get framesInFlight(): number {
    let frames = this.#open?.count ?? 0
    for (const slot of this.#slots) frames += slot.framesInFlight
    return frames
  }

  /** Records of a source in blocks that came back, which `stats` does not count yet. */
  uncountedRecords(source: string): number {
    return this.#slots.reduce((sum, slot) => sum + slot.uncountedRecords(source), 0)
  }

  get lostFrames(): number {
    return this.#lostFrames
  }

  /** Latest counts of each lane, those of its earlier lives included; none before its first flush. */
  stats(): ReturnType<LaneSlot['counts']>[] {
    return this.#slots.map(slot => slot.counts())
  }

  /** True when senders that can wait should. */
  get isBusy(): boolean {
    return this.#outstanding.isFull
  }

  /**
   * Resolves when the pool is not busy, and once it was, only when there is room for so many blocks: many connections that go on for
   * each block that comes back are stopped and started for every 256 KiB.
   */
  room(blocks = 1): Promise<void> {
    return this.#outstanding.room(blocks)
  }

  /** A new intake, with the indexes of the sources that may take its frames. Returns its number. */
  openIntake(candidates: number[]): number {
    return this.#routes.open(candidates)
  }

  /** No more frames will come. The lanes hear of it after the next hand-over, when they have its last frames. */
  closeIntake(intake: number): void {
    this.#routes.close(intake)
  }

  #closeIntakes(): void {
    const closed = this.#routes.takeClosed()
    for (const { lane, index } of this.#slots) {
      const intakes = closed.filter(({ opened }) => opened[index]).map(({ intake }) => intake)
      if (intakes.length > 0) lane?.post({ type: 'close', intakes })
    }
  }

  /** Bytes of the chunk stay as they are until `endChunk`: frames that lie in it need not be copied one by one. */
  beginChunk(chunk: Buffer): void {
    this.#chunk = chunk
  }

  endChunk(): void {
    this.#chunk = undefined
    this.#open?.settle()
    for (const slot of this.#slots) slot.pinnedBlock?.settle()
  }

  /** Appends a frame of an intake. Never refuses: callers ask `isBusy` first. */
  append(intake: number, buf: Buffer, start: number, end: number): void {
    const route = this.#routes.of(intake)
    const isLine = buf === this.#chunk && buf[end] === LF
    if (route.pinned) {
      if (this.#slots[route.lane]!.lane === undefined) route.lane = this.#leastBusy()?.index ?? route.lane
      const slot = this.#slots[route.lane]!
      slot.pinnedBlock ??= this.#takeBlock()
      if (isLine) slot.pinnedBlock.appendLine(buf, start, end, intake)
      else slot.pinnedBlock.append(buf, start, end, intake)
      if (slot.pinnedBlock.isFull) this.#handOverPinned(slot)
      return
    }
    this.#open ??= this.#takeBlock()
    if (isLine) this.#open.appendLine(buf, start, end, intake)
    else this.#open.append(buf, start, end, intake)
    if (this.#open.isFull) this.#handOverOpen()
  }

  /**
   * Takes a whole block whose frames name intakes of this pool, and gives the memory of an empty one in exchange. Never refuses.
   * Only when its intakes are pinned to different lanes are the frames copied into the blocks of those.
   */
  exchange(block: FrameBlock): SharedArrayBuffer {
    const lane = this.#routes.laneOf(block)
    if (lane === 'several') {
      for (let i = 0; i < block.count; i++) this.append(block.intake(i), block.bytes, block.start(i), block.end(i))
      return block.memory
    }
    const wanted = lane === undefined ? undefined : this.#slots[lane]
    if (wanted?.pinnedBlock !== undefined) this.#handOverPinned(wanted) // frames of these intakes that came before
    this.#send(wanted, block)
    return this.#takeBlock().memory
  }

  #takeBlock(): FrameBlock {
    const block = this.#spare.pop() ?? new FrameBlock()
    block.clear()
    return block
  }

  /** Hands open blocks over, full or not. */
  handOver(): void {
    if (this.#open !== undefined) this.#handOverOpen()
    for (const slot of this.#slots) if (slot.pinnedBlock !== undefined) this.#handOverPinned(slot)
    this.#closeIntakes()
  }

  #handOverPinned(slot: LaneSlot): void {
    const block = slot.pinnedBlock!
    slot.pinnedBlock = undefined
    this.#send(slot, block)
  }

  #handOverOpen(): void {
    const block = this.#open!
    this.#open = undefined
    this.#send(this.#leastBusy(), block)
  }

  /** The lane with the fewest blocks; undefined while none lives. */
  #leastBusy(): LaneSlot | undefined {
    let least: LaneSlot | undefined
    for (const slot of this.#slots) if (slot.lane !== undefined && slot.outstanding < (least?.outstanding ?? Infinity)) least = slot
    return least
  }

  /** Hands a block to its lane, or to another one when that has ended: what state it kept is lost anyway. */
  #send(wanted: LaneSlot | undefined, block: FrameBlock): void {
    const slot = wanted?.lane === undefined ? this.#leastBusy() : wanted
    if (slot === undefined) {
      this.#lostFrames += block.count
      return
    }
    block.settle()
    this.#outstanding.handedOver()
    slot.send(block, this.#newIntakesOf(slot, block))
  }

  /** Those that the lane does not know yet. They go with the block: thousands that come at once must not be a message each. */
  #newIntakesOf(slot: LaneSlot, block: FrameBlock): IntakeSources[] {
    const opens: IntakeSources[] = []
    let last = -1
    for (let i = 0; i < block.count; i++) {
      const intake = block.intake(i)
      if (intake === last) continue
      last = intake
      const route = this.#routes.find(intake)
      if (route === undefined || route.opened[slot.index]) continue
      route.opened[slot.index] = true
      opens.push([intake, route.candidates])
    }
    return opens
  }

  /**
   * Resolves when everything appended before the call has come back as blocks (handed to `onBlocks`) and in the counts, or is
   * in `lostFrames`. A lane that owes the answer to an earlier call may still hold frames, so that one is waited for as well.
   */
  async flush(): Promise<void> {
    this.handOver()
    await Promise.all(this.#slots.map(slot => slot.flush()))
    await this.#switched
  }

  /**
   * Frames appended from now on are worked on by another specification; those before by the old one. The lanes go on with what
   * they know of the intakes: `candidates` has the sources of each that is open. `onSwitched` is called after the last block of
   * the old specification was handed to `onBlocks` and before the first of the new one. One call at a time, and only with a
   * specification that passes `check`.
   */
  async reconfigure(spec: LaneSpec, candidates: ReadonlyMap<number, number[]>, onSwitched: () => void): Promise<void> {
    this.handOver()
    this.#spec = spec
    this.#routes.rebind(candidates)
    const asked = this.#slots.filter(({ lane }) => lane !== undefined)
    for (const slot of asked) this.#behind.add(slot)
    const answers = asked.map(async slot => {
      const intakes = this.#routes.openedOn(slot.index)
      await slot.ask(id => ({ type: 'configure', id, spec, intakes }))
      this.#behind.delete(slot)
    })
    this.#switched = Promise.all(answers).then(() => {
      onSwitched()
      const held = this.#held
      this.#held = []
      if (held.length > 0) this.#events.onBlocks(held)
    })
    await this.#switched
  }

  /** Rejects with what an engine throws when the specification is no good. */
  async check(spec: LaneSpec): Promise<void> {
    new LaneEngine(spec, await this.#loadParsers())
  }

  /** Shows frames that these filters want, in `onTaps`; none: no more. */
  watch(filters: TapFilter[]): void {
    this.#filters = filters
    for (const { lane } of this.#slots) lane?.post({ type: 'watch', filters })
  }

  /** Gives back what only a load needs: spare blocks, and the garbage of the lanes. */
  rest(): void {
    this.#spare.length = 0
    for (const { lane } of this.#slots) lane?.post({ type: 'rest' })
  }

  /** Hands blocks on. Those of a lane that is ahead of others wait for them, since their rows may belong under another head of file. */
  #emit(slot: LaneSlot, blocks: Block[]): void {
    if (blocks.length === 0) return
    if (this.#behind.size > 0 && !this.#behind.has(slot)) this.#held.push(...blocks)
    else this.#events.onBlocks(blocks)
  }

  #onMessage(slot: LaneSlot, message: FromLane): void {
    switch (message.type) {
      case 'done':
        if (this.#spare.length < SPARE_MAX) this.#spare.push(new FrameBlock(message.memory))
        for (const pin of message.pins) this.#routes.pin(pin, slot.index)
        if (message.taps.length > 0) this.#events.onTaps?.(message.taps)
        slot.cameBack(message.blocks)
        this.#emit(slot, message.blocks)
        this.#outstanding.cameBack(1)
        return
      case 'flushed':
        this.#emit(slot, message.blocks)
        slot.answered(message.id, message.stats)
        return
      case 'ready':
    }
  }

  /** Restarts a lane that ended. Its counts and the blocks that came back stay; what else it held is lost and counted. */
  #onFailure(slot: LaneSlot, error: Error): void {
    const lost = slot.ended()
    this.#lostFrames += lost.frames
    this.#routes.forgetLane(slot.index)
    this.#events.onLaneFailure(slot.index, error, lost.frames)
    this.#outstanding.cameBack(lost.blocks)
    void this.#startLane(slot, false).catch((cause: unknown) => {
      this.#events.onLaneFailure(slot.index, new CollectorError('LANE_FAILED', `Cannot restart lane ${slot.index}`, { cause }), 0)
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#slots.map(slot => slot.lane?.stop()))
  }
}
