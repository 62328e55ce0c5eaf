/**
 * Hot path: once per field. Words of a field that has few, such as an action or a protocol, in any case. Which word the last ones were is
 * remembered by their bytes.
 */
import { fastPaths } from '../../lib/fast-paths.ts'
import { View } from '../../lib/view.ts'
import { KeyTable } from './key-table.ts'

const FOUR_BYTES = 4
/** Each is its length, its first four bytes, its last four and its index: all of a word of four to eight bytes. */
const RECENT_BITS = 4
const RECENT_INTS = 4

const views = new View()

export class WordTable {
  readonly #table: KeyTable
  readonly #recent = new Int32Array(RECENT_INTS << RECENT_BITS)

  /** The words are given in lower case. */
  constructor(words: readonly string[]) {
    this.#table = new KeyTable(words, { ignoreCase: true })
  }

  /** Index of the word that the range spells, or -1. */
  indexOf(buf: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length < FOUR_BYTES || length > 2 * FOUR_BYTES || !fastPaths.isOn) return this.#table.indexOf(buf, start, end)
    const view = views.of(buf)
    const first = view.getInt32(start, true)
    const last = view.getInt32(end - FOUR_BYTES, true)
    const recent = this.#recent
    const at = (Math.imul(first + last, 0x9e3779b1) >>> (32 - RECENT_BITS)) * RECENT_INTS
    if (recent[at] === length && recent[at + 1] === first && recent[at + 2] === last) return recent[at + 3]!
    const index = this.#table.indexOf(buf, start, end)
    recent[at] = length
    recent[at + 1] = first
    recent[at + 2] = last
    recent[at + 3] = index
    return index
  }
}
