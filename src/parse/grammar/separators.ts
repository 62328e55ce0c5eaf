/**
 * Hot path: once per row. Where the separators and words of a row stand, found 64 bytes at a time by vector code
 * (src/lib/simd/rows.ts) where the row lies in the lane's memory.
 */
import { isVectorMemory, laneInts, reserveLaneMemory, vectorCode } from '../../lib/lane-memory.ts'
import { ABSENT_WORDS, ROOM_BYTES } from '../../lib/simd/program.ts'

const INT_BYTES = 4

/** Columns of a row beyond which none is looked for so. */
export const SEPARATORS_MAX = 512
const PLACES = SEPARATORS_MAX + ROOM_BYTES / INT_BYTES
const separatorsAt = reserveLaneMemory((1 + PLACES) * INT_BYTES) + INT_BYTES
/** Separators of the row at hand, from 1 on; 0 is free for what is before its first column. */
export const separators = laneInts(separatorsAt - INT_BYTES, 1 + PLACES)

/**
 * Finds `separators`, at most SEPARATORS_MAX of which are wanted, in a row of the lane's memory: all, or some more than wanted. Returns
 * how many, n, as -1 - n when a column begins with `quote` (0: there are no quotes), whose separators between quotes are none.
 */
export const findSeparators = (start: number, end: number, separator: number, quote: number, wanted: number): number =>
  vectorCode!.columns(start, end, separator, quote, wanted, separatorsAt)

/** Words of a row between runs of blanks and TABs. Keep one of these per kind of row. */
export class Words {
  /** Where they begin and end; those that a row lacks (eight of them) are empty and lie at its end. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly #max: number
  readonly #startsAt: number
  readonly #endsAt: number

  /** `max`: words of a row that are looked at. */
  constructor(max: number) {
    const ints = max + ROOM_BYTES / INT_BYTES
    this.#max = max
    this.#startsAt = reserveLaneMemory(ints * INT_BYTES)
    this.#endsAt = reserveLaneMemory(ints * INT_BYTES)
    this.starts = laneInts(this.#startsAt, ints)
    this.ends = laneInts(this.#endsAt, ints)
  }

  /** Finds the words in `start`…`end` and returns how many. */
  find(buf: Uint8Array, start: number, end: number): number {
    if (isVectorMemory(buf)) return vectorCode!.words(start, end, this.#max, this.#startsAt, this.#endsAt)
    const { starts, ends } = this
    let words = 0
    let at = start
    while (true) {
      while (at < end && isBlank(buf[at]!)) at++
      if (at >= end || words === this.#max) break
      starts[words] = at
      while (at < end && !isBlank(buf[at]!)) at++
      ends[words++] = at
    }
    starts.fill(end, words, words + ABSENT_WORDS)
    ends.fill(end, words, words + ABSENT_WORDS)
    return words
  }
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09
