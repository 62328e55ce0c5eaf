/**
 * Hot path: once per datagram, where rates are limited. Token buckets of datagrams and of bytes for numbered entries, in tables of
 * numbers: taking makes no object. A bucket holds what may come in a second.
 */

export class UdpRates {
  readonly #datagramsPerMs: number
  readonly #bytesPerMs: number
  readonly #datagrams: Float64Array
  readonly #bytes: Float64Array
  readonly #atMs: Float64Array

  /** Limits a second; 0 is none. */
  constructor(entries: number, datagramsPerSecond: number, bytesPerSecond: number) {
    this.#datagramsPerMs = datagramsPerSecond === 0 ? Number.POSITIVE_INFINITY : datagramsPerSecond / 1000
    this.#bytesPerMs = bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000
    this.#datagrams = new Float64Array(entries)
    this.#bytes = new Float64Array(entries)
    this.#atMs = new Float64Array(entries)
  }

  /** The entry belongs to a new sender. */
  reset(entry: number, nowMs: number): void {
    this.#datagrams[entry] = this.#datagramsPerMs * 1000
    this.#bytes[entry] = this.#bytesPerMs * 1000
    this.#atMs[entry] = nowMs
  }

  /** Takes a datagram, or nothing and false when there is not enough. A datagram that is larger than a second's bytes never passes. */
  take(entry: number, bytes: number, nowMs: number): boolean {
    const passedMs = nowMs - this.#atMs[entry]!
    this.#atMs[entry] = nowMs
    const datagramsLeft = filled(this.#datagrams[entry]!, this.#datagramsPerMs, passedMs)
    const bytesLeft = filled(this.#bytes[entry]!, this.#bytesPerMs, passedMs)
    const passes = datagramsLeft >= 1 && bytesLeft >= bytes
    this.#datagrams[entry] = passes ? datagramsLeft - 1 : datagramsLeft
    this.#bytes[entry] = passes ? bytesLeft - bytes : bytesLeft
    return passes
  }
}

/** An infinite rate is never short, also when no time has passed. */
const filled = (tokens: number, perMs: number, passedMs: number): number =>
  passedMs > 0 ? Math.min(perMs * 1000, tokens + perMs * passedMs) : tokens
