/** Tells when a load has ended, so that memory can be given back: hundreds of MB may be garbage or free in malloc after one. */

/** Less than this is no load, and leaves little behind. */
const LOAD_MIN_BYTES = 64e6
/** So little since the last look is calm. */
const CALM_MAX_BYTES = 1e6
/** Looks in a row that must be calm. */
const CALM_LOOKS = 2

export class CalmWatch {
  #lastBytes = 0
  #restedBytes = 0
  #calmLooks = 0

  /** Takes the bytes received so far, at regular looks. True once when it is calm after a load. */
  observe(bytes: number): boolean {
    this.#calmLooks = bytes - this.#lastBytes <= CALM_MAX_BYTES ? this.#calmLooks + 1 : 0
    this.#lastBytes = bytes
    if (this.#calmLooks < CALM_LOOKS || bytes - this.#restedBytes < LOAD_MIN_BYTES) return false
    this.#restedBytes = bytes
    return true
  }
}
