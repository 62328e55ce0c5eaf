/** Who watches single frames, and what each of them wants to see. */
import { type TapFilter, type TapSample, tapWants } from '../telemetry/tap.ts'

/** More at a time are refused: each is work for the lanes. */
export const WATCHERS_MAX = 16

export class Taps {
  readonly #watchers = new Map<symbol, { filter: TapFilter; onSample: (sample: TapSample) => void }>()
  readonly #onChange: (filters: TapFilter[]) => void

  /** `onChange`: all that somebody wants to see. */
  constructor(onChange: (filters: TapFilter[]) => void) {
    this.#onChange = onChange
  }

  /** Calls `onSample` with what fits, until the function that is returned is called. Undefined when there are too many already. */
  watch(filter: TapFilter, onSample: (sample: TapSample) => void): (() => void) | undefined {
    if (this.#watchers.size >= WATCHERS_MAX) return undefined
    const key = Symbol()
    this.#watchers.set(key, { filter, onSample })
    this.#tell()
    return () => {
      if (this.#watchers.delete(key)) this.#tell()
    }
  }

  hand(samples: readonly TapSample[]): void {
    for (const sample of samples)
      for (const { filter, onSample } of [...this.#watchers.values()])
        if (tapWants([filter], sample.source, sample.outcome)) onSample(sample)
  }

  #tell(): void {
    this.#onChange([...this.#watchers.values()].map(({ filter }) => filter))
  }
}
