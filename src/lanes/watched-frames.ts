/** Frames of a lane for those who watch (`sluice tap`): some of each block, so that a watched collector is as fast as any other. */
import { type TapFilter, type TapOutcome, type TapSample, tapWants } from '../telemetry/tap.ts'

/** Frames of a block that are shown at most. */
const SHOWN_PER_BLOCK = 20
/** How much of each. */
export const SHOWN_BYTES = 8 * 1024

export class WatchedFrames {
  /** Frames of the block at hand that may still be shown; 0 while nobody watches. */
  left = 0
  #filters: readonly TapFilter[] = []
  #shown: TapSample[] = []

  /** Frames that these filters want are shown from the next block on. */
  watch(filters: readonly TapFilter[]): void {
    this.#filters = filters
  }

  /** Another block is at hand. */
  begin(): void {
    this.left = this.#filters.length === 0 ? 0 : SHOWN_PER_BLOCK
  }

  wants(source: string, outcome: TapOutcome): boolean {
    return tapWants(this.#filters, source, outcome)
  }

  show(frame: TapSample): void {
    this.left--
    this.#shown.push(frame)
  }

  /** What was shown since the last call. */
  take(): TapSample[] {
    const shown = this.#shown
    if (shown.length > 0) this.#shown = []
    return shown
  }
}
