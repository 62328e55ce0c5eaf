/** Hot path: once per frame. The fields of a CEF or LEEF header, which one product mostly writes alike. */
import { Repeated } from './repeated.ts'

export class RepeatedHeader {
  /** Where each field starts and ends. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Where the header ends that was found to stand again. */
  end = 0
  readonly #bytes = new Repeated()
  #start = 0

  constructor(fields: number) {
    this.starts = new Int32Array(fields)
    this.ends = new Int32Array(fields)
  }

  /** True when the header that is kept stands at `at` as well; its fields are then those of this one. */
  standsAt(buf: Uint8Array, at: number, end: number): boolean {
    if (!this.#bytes.standsAt(buf, at, end)) return false
    const moved = at - this.#start
    this.#start = at
    this.end += moved
    const { starts, ends } = this
    for (let i = 0; i < starts.length; i++) {
      starts[i]! += moved
      ends[i]! += moved
    }
    return true
  }

  /** Keeps the header `start`…`end`, whose fields are set and follow from these bytes alone. */
  keep(buf: Uint8Array, start: number, end: number): void {
    this.#bytes.keep(buf, start, end)
    this.#start = start
    this.end = end
  }

  /** What is kept does not hold any more: fields are about to be set. */
  forget(): void {
    this.#bytes.forget()
  }
}
