/**
 * Hot path: once per field. Writing bytes, numbers and times into an output buffer; each function returns the new end offset.
 * Short ranges are copied by a loop: a call into native code costs more than the copy.
 */

import { View } from '../lib/view.ts'

/** Outputs and the buffers of records; a lane has one output open per source at a time, so views change seldom. */
const outputs = new View()
const inputs = new View()

/**
 * Text that every line has, written eight bytes at a time: up to seven bytes after it are overwritten, where the next field goes
 * anyway (all of a CEF line's literals: 100 to 30 ns).
 */
export class Literal {
  readonly length: number
  readonly #words: Float64Array
  /** UTF-8 of a few of 2^64 words is no number that keeps its bits; such text is copied byte by byte. */
  readonly #bytes: Uint8Array | null

  constructor(text: string) {
    const bytes = Buffer.from(text, 'utf8')
    this.length = bytes.length
    const padded = new Uint8Array((bytes.length + 7) & ~7)
    padded.set(bytes)
    this.#words = new Float64Array(padded.buffer)
    this.#bytes = /^[\x20-\x7e\t]*$/.test(text) ? null : bytes
  }

  /** Returns the end offset; an empty literal writes nothing. */
  write(out: Uint8Array, at: number): number {
    if (this.#bytes !== null) return writeBytes(this.#bytes, out, at)
    const words = this.#words
    const view = outputs.of(out)
    for (let i = 0; i < words.length; i++) view.setFloat64(at + i * 8, words[i]!, true)
    return at + this.length
  }
}

/**
 * Copies `start`…`end` four bytes at a time up to the first byte that is below a blank, a backslash or `=`, and returns how many
 * it copied: formats escape nothing else. Copying a field and looking at each byte costs twice as much; the last four bytes are
 * copied as one word too, over some that were copied already, since a loop over up to three bytes is mispredicted (a line: 15 ns).
 */
export function copyUntilSpecial(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  const input = inputs.of(from)
  const output = outputs.of(out)
  const shift = at - start
  const last = end - 4
  let p = start
  for (; p < last; p += 4) {
    const word = input.getInt32(p, true)
    if (hasSpecial(word)) break
    output.setInt32(p + shift, word, true)
  }
  if (last >= start && p >= last) {
    const word = input.getInt32(last, true)
    if (!hasSpecial(word)) {
      output.setInt32(last + shift, word, true)
      return end - start
    }
  }
  for (; p < end; p++) {
    const byte = from[p]!
    if (byte < 0x20 || byte === 0x5c || byte === 0x3d) break
    out[p + shift] = byte
  }
  return p - start
}

/** True when one of the four bytes is below 0x20, a backslash or `=` (Bit Twiddling Hacks, "haszero" and "hasless"). */
function hasSpecial(word: number): boolean {
  const backslash = word ^ 0x5c5c5c5c
  const equals = word ^ 0x3d3d3d3d
  return ((((word - 0x20202020) & ~word) | ((backslash - 0x01010101) & ~backslash) | ((equals - 0x01010101) & ~equals)) & 0x80808080) !== 0
}

/** Copies a range; long ones natively. */
export function writeRange(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let p = start; p < end; p++) out[at++] = from[p]!
  return at
}

export function writeBytes(bytes: Uint8Array, out: Uint8Array, at: number): number {
  for (let p = 0; p < bytes.length; p++) out[at + p] = bytes[p]!
  return at + bytes.length
}

/** Decimal digits of a non-negative integer up to 2^53-1. */
export function writeNumber(value: number, out: Uint8Array, at: number): number {
  if (value < 10) {
    out[at] = 0x30 + value
    return at + 1
  }
  let digits = 1
  for (let limit = 10; limit <= value; limit *= 10) digits++
  let rest = value
  let p = at + digits
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10)
    out[--p] = 0x30 + (rest - quotient * 10)
    rest = quotient
  }
  let small = rest | 0
  while (p > at) {
    const quotient = (small / 10) | 0
    out[--p] = 0x30 + (small - quotient * 10)
    small = quotient
  }
  return at + digits
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY_MS = 86_400_000

/** `yyyy-MM-dd`, UTC. */
export const isoDate = (date: Date): string => date.toISOString().slice(0, 10)
/** `MMM dd yyyy`, UTC, English month names. */
export const monthDate = (date: Date): string =>
  `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2, '0')} ${date.getUTCFullYear()}`

/** Date and clock, `<date> HH:mm:ss` in UTC. The date is formatted when the day changes, the clock digit by digit. */
export class DateAndClock {
  readonly #format: (date: Date) => string
  #day = Number.NaN
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(format: (date: Date) => string) {
    this.#format = format
  }

  write(ms: number, out: Uint8Array, start: number): number {
    const day = Math.floor(ms / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#bytes = Buffer.from(`${this.#format(new Date(day * DAY_MS))} `)
    }
    const second = ((ms - day * DAY_MS) / 1000) | 0
    const minute = (second / 60) | 0
    const hour = (minute / 60) | 0
    let at = writeBytes(this.#bytes, out, start)
    at = writeTwo(hour, out, at)
    out[at++] = 0x3a
    at = writeTwo(minute - hour * 60, out, at)
    out[at++] = 0x3a
    return writeTwo(second - minute * 60, out, at)
  }
}

function writeTwo(value: number, out: Uint8Array, at: number): number {
  const tens = (value / 10) | 0
  out[at] = 0x30 + tens
  out[at + 1] = 0x30 + value - tens * 10
  return at + 2
}
