/**
 * Hot path: once per frame. A sender's headers are alike from line to line but for the digits of their clock: what was read of one holds
 * for the next whose bytes are the same, four compared at a time. For headers of PRI, a time and a host or a tag; what is unusual is left
 * to the reader of headers, which is the truth (test/identify/header-shapes.test.ts).
 */
import type { Frame } from '../contracts.ts'
import { fourBytes, isDigit } from '../lib/bytes.ts'
import { fastPaths } from '../lib/fast-paths.ts'
import { View } from '../lib/view.ts'

const SPACE = 0x20
const COLON = 0x3a
const WORD_BYTES = 4
const BYTES_MAX = 128
/** Longest word after the time that is looked at. */
const TAG_MAX_BYTES = 64
/** By the first four bytes: `<134`, `<14>`, `Jan `. */
const SHAPES_BITS = 4
/** Where headers do not repeat themselves, one of so many is learnt. */
const MISSES_PER_SHAPE = 8

/** Of each word: its bytes, with `0` for any digit; what makes more than nine of a digit overflow; the bits that must then be zero. */
const WORD = 3

const views = new View()

/** One header; offsets from its first byte on, -1 where the part is absent. */
class Shape {
  readonly words = new Int32Array((BYTES_MAX / WORD_BYTES) * WORD)
  length = 0
  pri = -1
  timeStart = -1
  timeEnd = -1
  hostStart = -1
  hostEnd = -1
  body = 0

  /** True when the bytes at `at` are this header's, whatever the digits of its clock. */
  standsAt(buf: Uint8Array, at: number): boolean {
    const { words } = this
    const view = views.of(buf)
    const last = at + this.length - WORD_BYTES
    let i = 0
    for (let p = at; ; p += WORD_BYTES, i += WORD) {
      if (p > last) p = last
      const rest = view.getInt32(p, true) ^ words[i]!
      if (((rest | (rest + words[i + 1]!)) & words[i + 2]!) !== 0) return false
      if (p === last) return true
    }
  }

  keep(buf: Uint8Array, start: number, length: number, frame: Frame): void {
    this.length = length
    this.pri = frame.pri
    this.timeStart = frame.timeStart - start
    this.timeEnd = frame.timeEnd - start
    this.hostStart = frame.hostStart < 0 ? -1 : frame.hostStart - start
    this.hostEnd = frame.hostEnd - start
    this.body = frame.body - start
    let i = 0
    for (let at = 0; ; at += WORD_BYTES, i += WORD) {
      if (at > length - WORD_BYTES) at = length - WORD_BYTES
      this.words[i] = this.words[i + 1] = this.words[i + 2] = 0
      for (let byte = 0; byte < WORD_BYTES; byte++) {
        const changes = isOfClock(buf, start + at + byte, frame)
        this.words[i]! |= (changes ? 0x30 : buf[start + at + byte]!) << (8 * byte)
        this.words[i + 1]! |= (changes ? 0x06 : 0) << (8 * byte)
        this.words[i + 2]! |= (changes ? 0xf0 : 0xff) << (8 * byte)
      }
      if (at === length - WORD_BYTES) return
    }
  }
}

/** True for a digit of the time that may be any other; not of a year, whose first digit tells it from other numbers. */
function isOfClock(buf: Uint8Array, at: number, { timeStart, timeEnd }: Frame): boolean {
  if (at < timeStart || at >= timeEnd || !isDigit(buf[at])) return false
  let first = at
  while (first > timeStart && isDigit(buf[first - 1])) first--
  let end = at + 1
  while (end < timeEnd && isDigit(buf[end])) end++
  return end - first !== 4
}

export class HeaderShapes {
  readonly #shapes = Array.from({ length: 1 << SHAPES_BITS }, () => new Shape())
  #misses = 0

  /** Fills in what a header that is known says and returns true; false for all others, of which the frame then knows nothing. */
  fit(frame: Frame, buf: Uint8Array, start: number, end: number): boolean {
    if (end - start < WORD_BYTES) return false
    const shape = this.#shapes[fourBytes(buf, start, SHAPES_BITS)]!
    if (shape.length === 0 || start + shape.length >= end || !fastPaths.isOn || !shape.standsAt(buf, start)) return false
    const body = start + shape.body
    if (buf[body] === SPACE || buf[body] === COLON) return false // the header may go on
    frame.pri = shape.pri
    frame.timeStart = start + shape.timeStart
    frame.timeEnd = start + shape.timeEnd
    if (shape.hostStart >= 0) {
      frame.hostStart = start + shape.hostStart
      frame.hostEnd = start + shape.hostEnd
    }
    frame.body = body
    return true
  }

  /**
   * Keeps what the one header of the frame says; `afterPri` is where its PRI ends. What its reader looked at must be among the bytes
   * that are kept: with a host all before the message, else its first word too, which might have been one.
   */
  learn(frame: Frame, buf: Uint8Array, start: number, afterPri: number): void {
    if (frame.timeStart !== afterPri || frame.rfc5424 || ++this.#misses % MISSES_PER_SHAPE !== 0) return
    let end = frame.body
    if (frame.hostStart < 0) {
      const last = Math.min(frame.end, end + TAG_MAX_BYTES)
      while (end < last && buf[end] !== SPACE) end++
      if (end++ === last) return
    }
    if (end >= frame.end || end - start > BYTES_MAX) return
    this.#shapes[fourBytes(buf, start, SHAPES_BITS)]!.keep(buf, start, end - start, frame)
  }
}
