/**
 * Hot path: once per row. Words that were met lately and what they mean, for vector code (src/lib/simd/values.ts): the word that came last
 * takes the place of an earlier one. Of the thread, as the memory is.
 */
import { isVectorMemory, laneBytes, laneInts, reserveLaneMemory, vectorCode } from '../../lib/lane-memory.ts'
import { KNOWN_BYTES, KNOWN_LENGTH_MAX, KNOWN_MEANING, KNOWN_SLOTS, KNOWN_TEXT } from '../../lib/simd/program.ts'

const INT_BYTES = 4

export class KnownWords {
  readonly address = reserveLaneMemory(KNOWN_SLOTS * KNOWN_BYTES)
  readonly #ints = laneInts(this.address, (KNOWN_SLOTS * KNOWN_BYTES) / INT_BYTES)

  /** Keeps what the word at `start`…`end` means, 0 or more; not a long one, and none that lies elsewhere than in the lane's memory. */
  keep(buf: Uint8Array, start: number, end: number, meaning: number): void {
    const length = end - start
    if (!isVectorMemory(buf) || length < 1 || length > KNOWN_LENGTH_MAX) return
    const slot = vectorCode!.placeOf(start, end) * KNOWN_BYTES
    this.#ints[slot / INT_BYTES] = length
    this.#ints[(slot + KNOWN_MEANING) / INT_BYTES] = meaning
    laneBytes.copyWithin(this.address + slot + KNOWN_TEXT, start, end)
  }
}
