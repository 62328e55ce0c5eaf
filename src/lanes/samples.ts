/** Frames of a lane that gave no record: some of them are kept, to be looked at. */
import type { FrameBlock } from '../lib/frame-block.ts'
import type { Sample } from './messages.ts'

/** Kept per lane, and how much of each. */
const SAMPLES_MAX = 50
const SAMPLE_BYTES = 1024
/** Between one that takes the place of the oldest and the next. */
const PAUSE_MS = 1000

export class Samples {
  readonly #samples: Sample[] = []

  /** True when one more is to be kept: the first of a lane, then one a second, so that a flood of bad lines costs little and the newest are new. */
  wants(nowMs: number): boolean {
    return this.#samples.length < SAMPLES_MAX || nowMs - this.#samples.at(-1)!.atMs >= PAUSE_MS
  }

  /** Keeps frame `index` of the block, of which `about` says what became. */
  keep(block: FrameBlock, index: number, about: Omit<Sample, 'text'>): void {
    if (this.#samples.length >= SAMPLES_MAX) this.#samples.shift()
    this.#samples.push({ ...about, text: block.text(index, SAMPLE_BYTES) })
  }

  all(): Sample[] {
    return [...this.#samples]
  }
}
