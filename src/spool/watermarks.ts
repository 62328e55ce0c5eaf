/** When the spool is full, and when it no longer is. */

export interface WatermarkOptions {
  maxBytes: number
  highWater: number
  lowWater: number
  diskReserveBytes: number
}

/**
 * The capacity is what the spool may hold: `maxBytes`, or less when the disk has less to give beyond the reserve. Full from
 * `highWater` of it on, until below `lowWater`; the gap keeps receivers from flapping.
 */
export class Watermarks {
  readonly #options: WatermarkOptions
  #isFull = false
  #capacityBytes: number

  constructor(options: WatermarkOptions) {
    this.#options = options
    this.#capacityBytes = options.maxBytes
  }

  get isFull(): boolean {
    return this.#isFull
  }

  get capacityBytes(): number {
    return this.#capacityBytes
  }

  /** Bytes above the high-water mark; 0 or less when below. */
  excess(usedBytes: number, freeBytes: number): number {
    return usedBytes - this.#options.highWater * this.#capacity(usedBytes, freeBytes)
  }

  /** Takes a new measurement: bytes of the spool, and bytes that the disk has free. */
  update(usedBytes: number, freeBytes: number): void {
    const { highWater, lowWater, diskReserveBytes } = this.#options
    this.#capacityBytes = this.#capacity(usedBytes, freeBytes)
    const hasRoom = usedBytes <= lowWater * this.#capacityBytes && freeBytes > diskReserveBytes * 1.1
    this.#isFull = this.#isFull ? !hasRoom : usedBytes >= highWater * this.#capacityBytes
  }

  #capacity(usedBytes: number, freeBytes: number): number {
    const { maxBytes, diskReserveBytes } = this.#options
    return Math.max(0, Math.min(maxBytes, usedBytes + freeBytes - diskReserveBytes))
  }
}
