/**
 * Hot path: once per pair. Finds which wanted word a byte range spells, without making a string of it.
 *
 * A perfect hash over the wanted words: the multiplier is searched at construction so that no two of them share a place.
 * The grammar computes `hash = imul(hash, multiplier) + byte` while it scans a key, so a look-up costs one table read and,
 * on a hit, one comparison of bytes (which makes hostile collisions harmless).
 */
import { matchesAt } from '../../lib/bytes.ts'

const TRIES = 20_000

export class KeyTable {
  readonly words: readonly string[]
  readonly multiplier: number
  readonly #mask: number
  readonly #places: Int16Array
  readonly #bytes: readonly Uint8Array[]
  readonly #ignoreCase: boolean

  /** With `ignoreCase`, ASCII letters of either case match; the words are then given in lower case. */
  constructor(words: readonly string[], options: { ignoreCase?: boolean } = {}) {
    this.words = words
    this.#ignoreCase = options.ignoreCase ?? false
    this.#bytes = words.map(word => Buffer.from(word, 'utf8'))
    let size = 64
    while (size < words.length * 4) size *= 2
    for (; ; size *= 2) {
      const multiplier = this.#findMultiplier(size)
      if (multiplier === 0) continue
      this.multiplier = multiplier
      this.#mask = size - 1
      this.#places = new Int16Array(size).fill(-1)
      this.#bytes.forEach((bytes, index) => {
        this.#places[place(hashOf(bytes, multiplier), size - 1)] = index
      })
      return
    }
  }

  #findMultiplier(size: number): number {
    const taken = new Int32Array(size).fill(-1)
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const multiplier = 31 + attempt * 2
      if (this.#bytes.every(bytes => claim(taken, place(hashOf(bytes, multiplier), size - 1), attempt))) return multiplier
    }
    return 0
  }

  /** Index of the word with this hash if the bytes are that word, else -1. */
  find(hash: number, buf: Uint8Array, start: number, end: number): number {
    const index = this.#places[(hash ^ (hash >>> 15)) & this.#mask]!
    if (index < 0) return -1
    const bytes = this.#bytes[index]!
    return bytes.length === end - start && matchesAt(buf, start, end, bytes) ? index : -1
  }

  /** Index of the word that the range spells, or -1. */
  indexOf(buf: Uint8Array, start: number, end: number): number {
    const multiplier = this.multiplier
    let hash = 0
    if (!this.#ignoreCase) {
      for (let at = start; at < end; at++) hash = (Math.imul(hash, multiplier) + buf[at]!) | 0
      return this.find(hash, buf, start, end)
    }
    for (let at = start; at < end; at++) {
      const byte = buf[at]!
      hash = (Math.imul(hash, multiplier) + (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)) | 0
    }
    const index = this.#places[(hash ^ (hash >>> 15)) & this.#mask]!
    if (index < 0) return -1
    const bytes = this.#bytes[index]!
    if (bytes.length !== end - start) return -1
    for (let i = 0; i < bytes.length; i++) {
      const byte = buf[start + i]!
      if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== bytes[i]) return -1
    }
    return index
  }
}

function hashOf(bytes: Uint8Array, multiplier: number): number {
  let hash = 0
  for (const byte of bytes) hash = (Math.imul(hash, multiplier) + byte) | 0
  return hash
}

function place(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask
}

function claim(taken: Int32Array, at: number, attempt: number): boolean {
  if (taken[at] === attempt) return false
  taken[at] = attempt
  return true
}
