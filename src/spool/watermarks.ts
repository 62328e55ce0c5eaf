/** When the spool is full, and when it no longer is. */

export interface WatermarkOptions {
  maxBytes: number
  highWater: number
  lowWater: number
  diskReserveBytes: number
}

/**
 * What may still come when all senders that can wait were stopped, deflated: 16 MiB of frames that lanes have or wait for, and the
 * outputs of two of them. Shares of a small spool leave less, and what then finds no room is shed.
 */
const ON_ITS_WAY_BYTES = 4 * 1024 * 1024

/**
 * The capacity is what the spool may hold: `maxBytes`, or less when the disk has less to give beyond the reserve. Full from
 * `highWater` of it on, until below `lowWater`; the gap keeps receivers from flapping. Of a spool below some 40 MiB, room for what is
 * on its way is left instead, up to half of it.
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

  /** Where the high-water mark is, by the last measurement. */
  get highWaterBytes(): number {
    return this.#highBytes(this.#capacityBytes)
  }

  /** Bytes above the high-water mark; 0 or less when below. */
  excess(usedBytes: number, freeBytes: number): number {
    return usedBytes - this.#highBytes(this.#capacity(usedBytes, freeBytes))
  }

  /** Takes a new measurement: bytes of the spool, and bytes that the disk has free. */
  update(usedBytes: number, freeBytes: number): void {
    const { highWater, lowWater, diskReserveBytes } = this.#options
    this.#capacityBytes = this.#capacity(usedBytes, freeBytes)
    const highBytes = this.#highBytes(this.#capacityBytes)
    const hasRoom = usedBytes <= (lowWater / highWater) * highBytes && freeBytes > diskReserveBytes * 1.1
    this.#isFull = this.#isFull ? !hasRoom : usedBytes >= highBytes
  }

  #highBytes(capacityBytes: number): number {
    return Math.min(this.#options.highWater * capacityBytes, Math.max(capacityBytes / 2, capacityBytes - ON_ITS_WAY_BYTES))
  }

  #capacity(usedBytes: number, freeBytes: number): number {
    const { maxBytes, diskReserveBytes } = this.#options
    return Math.max(0, Math.min(maxBytes, usedBytes + freeBytes - diskReserveBytes))
  }
}
