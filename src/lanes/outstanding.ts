/** How many blocks lanes have, and who waits until they are fewer. */

/** Blocks handed to lanes and not back yet, at most; beyond that senders wait. */
export const OUTSTANDING_MAX = 64

export class Outstanding {
  #blocks = 0
  /** From how many blocks on they have room. */
  #waiting: { blocksMax: number; resolve: () => void }[] = []

  get blocks(): number {
    return this.#blocks
  }

  /** True when senders that can wait should. */
  get isFull(): boolean {
    return this.#blocks >= OUTSTANDING_MAX
  }

  /** Resolves at once unless it is full; when it was, not before there is room for so many blocks. */
  room(blocks: number): Promise<void> {
    const blocksMax = OUTSTANDING_MAX - blocks
    return this.isFull ? new Promise(resolve => this.#waiting.push({ blocksMax, resolve })) : Promise.resolve()
  }

  /** One more is on its way. Never refuses. */
  handedOver(): void {
    this.#blocks++
  }

  /** So many are back, or lost. */
  cameBack(blocks: number): void {
    this.#blocks -= blocks
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const waiter of waiting) {
      if (this.#blocks <= waiter.blocksMax) waiter.resolve()
      else this.#waiting.push(waiter)
    }
  }
}
