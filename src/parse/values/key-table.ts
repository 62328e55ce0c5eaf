/**
 * Hot path: once per pair. Finds which wanted word a byte range spells, without making a string of it.
 *
 * The place of a word in the table comes from its length and three of its bytes (first, middle, last), so that a scanner need
 * not hash while it looks for the end of a key: most keys of a line are not wanted, and are turned away by one table read.
 * The multiplier is searched at construction for the fewest words that share a place; those are chained. A hit is compared byte
 * by byte, which makes hostile collisions harmless.
 */
const TRIES = 2000

export class KeyTable {
  readonly words: readonly string[]
  readonly #multiplier: number
  readonly #mask: number
  /** Index of the first word at a place, or -1; `#next` has the others. */
  readonly #places: Int16Array
  readonly #next: Int16Array
  readonly #bytes: readonly Uint8Array[]
  readonly #ignoreCase: boolean

  /** With `ignoreCase`, ASCII letters of either case match; the words are then given in lower case. */
  constructor(words: readonly string[], options: { ignoreCase?: boolean } = {}) {
    this.words = words
    this.#ignoreCase = options.ignoreCase ?? false
    this.#bytes = words.map(word => Buffer.from(word, 'utf8'))
    let size = 64
    while (size < words.length * 4) size *= 2
    this.#mask = size - 1
    this.#multiplier = this.#findMultiplier()
    this.#places = new Int16Array(size).fill(-1)
    this.#next = new Int16Array(words.length).fill(-1)
    for (let index = words.length - 1; index >= 0; index--) {
      const bytes = this.#bytes[index]!
      const place = this.#place(bytes, 0, bytes.length, this.#multiplier)
      this.#next[index] = this.#places[place]!
      this.#places[place] = index
    }
  }

  #findMultiplier(): number {
    let best = 31
    let fewest = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < TRIES && fewest > 0; attempt++) {
      const multiplier = (31 + attempt * 2) | 0
      const taken = new Set(this.#bytes.map(bytes => this.#place(bytes, 0, bytes.length, multiplier)))
      const shared = this.#bytes.length - taken.size
      if (shared < fewest) {
        fewest = shared
        best = multiplier
      }
    }
    return best
  }

  #place(buf: Uint8Array, start: number, end: number, multiplier: number): number {
    let first = buf[start]!
    let middle = buf[(start + end) >> 1]!
    let last = buf[end - 1]!
    if (this.#ignoreCase) {
      first |= 0x20
      middle |= 0x20
      last |= 0x20
    }
    const hash = Math.imul(Math.imul(Math.imul(first, multiplier) + middle, multiplier) + last, multiplier) + (end - start)
    return (hash ^ (hash >>> 11)) & this.#mask
  }

  /** Index of the word that the range spells, or -1. */
  indexOf(buf: Uint8Array, start: number, end: number): number {
    if (start >= end) return -1
    let index = this.#places[this.#place(buf, start, end, this.#multiplier)]!
    while (index >= 0) {
      const bytes = this.#bytes[index]!
      if (bytes.length === end - start && (this.#ignoreCase ? equalFolded(bytes, buf, start) : equal(bytes, buf, start))) return index
      index = this.#next[index]!
    }
    return -1
  }
}

function equal(word: Uint8Array, buf: Uint8Array, start: number): boolean {
  for (let i = 0; i < word.length; i++) if (buf[start + i] !== word[i]) return false
  return true
}

function equalFolded(word: Uint8Array, buf: Uint8Array, start: number): boolean {
  for (let i = 0; i < word.length; i++) {
    const byte = buf[start + i]!
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== word[i]) return false
  }
  return true
}
