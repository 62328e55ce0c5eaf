/**
 * One lane as the pool keeps account of it: what was handed to it, what came back, what it counted, and what is lost when it ends. The lane is
 * started again then; the account stays.
 */
import type { Block } from '../contracts.ts'
import type { FrameBlock } from '../lib/frame-block.ts'
import { mergeLags } from './event-lag.ts'
import type { Lane } from './lane.ts'
import type { IntakeSources, LaneStats, ToLane } from './messages.ts'

export class LaneSlot {
  readonly index: number
  /** Undefined while it is started. */
  lane: Lane | undefined
  /** Open block of the intakes that are pinned to this lane. */
  pinnedBlock: FrameBlock | undefined
  #outstanding = 0
  /** Frames handed over and not yet in `#stats`. */
  #framesInFlight = 0
  /** Frames were handed over since the lane was asked last. */
  #isDirty = false
  #nextId = 0
  /** Resolves with the last question to the lane. */
  #answered: Promise<void> = Promise.resolve()
  /** Ends the wait for an answer, by the id of the question. */
  readonly #answers = new Map<number, () => void>()
  /** Records in blocks that came back after the last counts, by source; all that is known of them should the lane end. */
  readonly #uncounted = new Map<string, number>()
  #stats: LaneStats | undefined
  /** Last counts of the lane's earlier lives. */
  readonly #past: LaneStats[] = []
  #restarts = 0

  constructor(index: number) {
    this.index = index
  }

  /** Blocks that the lane has. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** Frames in the open block, and handed over and not yet counted by the lane. */
  get framesInFlight(): number {
    return this.#framesInFlight + (this.pinnedBlock?.count ?? 0)
  }

  /** Records of a source in blocks that came back, which `counts` does not have yet. */
  uncountedRecords(source: string): number {
    return this.#uncounted.get(source) ?? 0
  }

  /** Latest counts, those of earlier lives included; none before the first answer. */
  counts(): { index: number; stats: LaneStats[]; alive: boolean; restarts: number } {
    const stats = this.#stats === undefined ? this.#past : [...this.#past, this.#stats]
    return { index: this.index, stats, alive: this.lane !== undefined, restarts: this.#restarts }
  }

  /** Hands a block to the lane, which must be there, with the intakes that it meets in it first. */
  send({ memory, count, used }: FrameBlock, opens: IntakeSources[]): void {
    this.#outstanding++
    this.#framesInFlight += count
    this.#isDirty = true
    this.lane!.post({ type: 'block', memory, count, used, opens })
  }

  /** A block is back, and this was made of it. */
  cameBack(blocks: readonly Block[]): void {
    this.#outstanding--
    for (const { source, recordCount, forArchive } of blocks)
      if (forArchive !== true) this.#uncounted.set(source, this.uncountedRecords(source) + recordCount)
  }

  /** Resolves when the lane has answered for all that was handed to it, or has ended. */
  flush(): Promise<void> {
    return this.#isDirty && this.lane !== undefined ? this.ask(id => ({ type: 'flush', id })) : this.#answered
  }

  /** Resolves when the lane, which must be there, has answered, or has ended. */
  ask(message: (id: number) => ToLane): Promise<void> {
    this.#isDirty = false
    const id = this.#nextId++
    this.#answered = new Promise(resolve => {
      this.#answers.set(id, resolve)
      this.lane!.post(message(id))
    })
    return this.#answered
  }

  /** The lane has answered, with its counts. */
  answered(id: number, stats: LaneStats): void {
    this.#framesInFlight -= stats.frames - (this.#stats?.frames ?? 0)
    this.#stats = stats
    this.#uncounted.clear()
    this.#answers.get(id)?.()
    this.#answers.delete(id)
  }

  /** The lane has ended. Its counts and the blocks that came back stay; returns what it held else, which is lost. */
  ended(): { blocks: number; frames: number } {
    this.lane = undefined
    this.#restarts++
    if (this.#stats !== undefined) this.#past.push(this.#stats)
    this.#stats = undefined
    const saved = countsOfBlocks(this.#uncounted)
    if (saved.frames > 0) this.#past.push(saved)
    this.#uncounted.clear()
    const lost = { blocks: this.#outstanding, frames: this.#framesInFlight - saved.frames }
    this.#outstanding = 0
    this.#framesInFlight = 0
    this.#isDirty = false
    for (const answer of this.#answers.values()) answer()
    this.#answers.clear()
    return lost
  }
}

/** Counts of records whose blocks came back although their lane never counted them: their parser is not known any more. */
function countsOfBlocks(records: ReadonlyMap<string, number>): LaneStats {
  const sources = [...records].map(([source, count]) => ({
    source,
    frames: count,
    bytes: 0,
    parsed: count,
    unidentified: 0,
    written: count,
    writtenBytes: 0,
    attributes: [],
    dropped: [],
    corrections: [],
    lag: mergeLags([]),
    outcomes: [['parsed', '', '', count] satisfies LaneStats['sources'][number]['outcomes'][number]],
    lastEventMs: 0,
    lastSeenMs: 0
  }))
  const frames = sources.reduce((sum, source) => sum + source.frames, 0)
  return { frames, bytes: 0, busyMs: 0, sources, samples: [] }
}
