/** Equal pieces of the lane's memory for what comes and goes: the oldest owner loses its piece to who comes when all are taken. */
import { reserveLaneMemory } from './lane-memory.ts'

export class LaneSlots {
  readonly #start: number
  readonly #slotBytes: number
  readonly #owners: (object | undefined)[]
  #next = 0

  /** `slotBytes` must be a multiple of 16. */
  constructor(slots: number, slotBytes: number) {
    this.#start = reserveLaneMemory(slots * slotBytes)
    this.#slotBytes = slotBytes
    this.#owners = new Array<undefined>(slots).fill(undefined)
  }

  /** A slot for this owner: its number. */
  take(owner: object): number {
    const slot = this.#next
    this.#next = (slot + 1) % this.#owners.length
    this.#owners[slot] = owner
    return slot
  }

  /** True while nobody else has taken the slot. */
  has(slot: number, owner: object): boolean {
    return this.#owners[slot] === owner
  }

  address(slot: number): number {
    return this.#start + slot * this.#slotBytes
  }
}
