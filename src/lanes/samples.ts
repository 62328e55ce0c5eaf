/** Frames of a lane that gave no record: some of them are kept, to be looked at. */
import type { FrameBlock } from '../lib/frame-block.ts'
import type { Sample } from './messages.ts'

/** Kept per lane, and how much of each. */
const SAMPLES_MAX = 50
const SAMPLE_BYTES = 1024

export class Samples {
  readonly #samples: Sample[] = []

  /**
   * True when one more is to be kept, of the frame whose number since the lane started is `frame`. Keeps some of the newest without paying
   * for every bad line: past the bound one frame in 64 replaces the oldest.
   */
  wants(frame: number): boolean {
    return this.#samples.length < SAMPLES_MAX || (frame & 63) === 0
  }

  /** Keeps frame `index` of the block, of which `about` says what became. */
  keep(block: FrameBlock, index: number, about: Omit<Sample, 'atMs' | 'text'>): void {
    if (this.#samples.length >= SAMPLES_MAX) this.#samples.shift()
    this.#samples.push({ atMs: Date.now(), ...about, text: block.text(index, SAMPLE_BYTES) })
  }

  all(): Sample[] {
    return [...this.#samples]
  }
}
