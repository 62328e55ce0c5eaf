/**
 * JSON log records as gateways push them: an array of objects, objects one after another, or one object a line. One frame is
 * one top-level object; what lies between objects (`[`, `]`, `,`, blanks) is no frame, anything else there is thrown away and
 * counted.
 *
 * Feeds with a wrong escape setting break quotes (`"ua":"a"b"` or `"path":"C:\"`), after which inside and outside of strings
 * are swapped. Three sights cannot be in whole JSON and so end the broken object, which is still delivered: a raw line feed
 * inside a string; `},{"` inside a string followed by a letter; a `{` on a new line where no value may begin. Only the broken
 * object suffers, its neighbors are whole.
 */
import type { Framer, FramerStats, OnFrame } from '../contracts.ts'
import { FRAME_MAX_BYTES } from '../contracts.ts'
import { Carry } from './carry.ts'
import { newFramerStats } from './stats.ts'

/** Objects nested deeper are thrown away, so that no parser behind this one must fear depth. */
export const JSON_DEPTH_MAX = 64

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** End of one object and start of the next, as far as it lies inside a (wrongly opened) string; then a quote closes that. */
const SEAM = [CLOSE_BRACE, COMMA, OPEN_BRACE]
/** The bytes of a seam that belong to the next object. */
const SEAM_HEAD = Buffer.from('{"')
/** The bytes of a seam after the end of the broken object: `,{"`. */
const SEAM_TAIL_LENGTH = 3

const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === LF || byte === CR || byte === TAB
const isSeparator = (byte: number): boolean => byte === COMMA || byte === OPEN_BRACKET || byte === CLOSE_BRACKET || isBlank(byte)
const isBomPart = (byte: number): boolean => byte === 0xef || byte === 0xbb || byte === 0xbf
const isLetter = (byte: number): boolean => (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f

export class JsonFramer implements Framer {
  readonly stats: FramerStats = newFramerStats()
  readonly #carry = new Carry()
  /** Open braces and brackets of the object at hand; 0 between objects. */
  #depth = 0
  /** Bytes of the object at hand that earlier chunks brought, those past the cap included. */
  #size = 0
  #inString = false
  #isEscaped = false
  /** Bytes of SEAM seen. */
  #seam = 0
  /** The last byte was a quote that closed a string ending in SEAM. */
  #afterSeam = false
  #isTooDeep = false
  /** What the bytes that earlier chunks brought end in: the last that is no blank, whether a line ended since, and how much is to be trimmed. */
  #lastByte = 0
  #crossedLine = false
  #trailing = 0
  /** In a run of bytes that are neither object nor separator; a run is counted once. */
  #inGarbage = false

  feed(chunk: Buffer, onFrame: OnFrame): void {
    let at = 0
    while (at < chunk.length) at = this.#depth > 0 ? this.#inside(chunk, at, onFrame) : this.#between(chunk, at)
  }

  end(onFrame: OnFrame): void {
    if (this.#depth > 0) {
      // Broken quotes hide the last brace of a body; an object that was cut short has none.
      const { buf, length } = this.#carry
      const end = trimmed(buf, 0, length)
      this.stats.resynchronised++
      if (this.#inString && length === this.#size && buf[end - 1] === CLOSE_BRACE) this.#deliver(buf, 0, end, end, onFrame)
      else this.stats.discardedBytes += this.#size
    }
    this.#reset()
    this.#inGarbage = false
  }

  /** Looks for the next object; returns the offset of its brace, or the chunk's length. */
  #between(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte === OPEN_BRACE) {
        this.#depth = 1
        this.#inGarbage = false
        return at
      }
      if (isSeparator(byte)) {
        if (byte === LF) this.#inGarbage = false
      } else if (!isBomPart(byte) || this.#inGarbage) {
        if (!this.#inGarbage) this.stats.resynchronised++
        this.#inGarbage = true
        this.stats.discardedBytes++
      }
    }
    return chunk.length
  }

  /** Goes through the object at hand, whose bytes in this chunk begin at `start`; returns the offset behind what it took. */
  #inside(chunk: Buffer, start: number, onFrame: OnFrame): number {
    for (let at = this.#size === 0 ? start + 1 : start; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (this.#inString) {
        if (byte === LF) return this.#endBroken(chunk, start, at, at + 1, onFrame)
        this.#stringByte(byte)
        continue
      }
      if (this.#afterSeam) {
        this.#afterSeam = false
        if (isLetter(byte)) return this.#splitSeam(chunk, start, at, onFrame)
      }
      if (byte === QUOTE) {
        this.#inString = true
        this.#seam = 0
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (byte === OPEN_BRACE && this.#isStrayBrace(chunk, start, at)) return this.#endBroken(chunk, start, at, at, onFrame)
        if (++this.#depth > JSON_DEPTH_MAX) this.#isTooDeep = true
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (--this.#depth === 0) {
          this.#finish(chunk, start, at + 1, onFrame)
          return at + 1
        }
      }
    }
    this.#take(chunk, start, chunk.length)
    return chunk.length
  }

  #stringByte(byte: number): void {
    if (this.#isEscaped) {
      this.#isEscaped = false
      this.#seam = 0
    } else if (byte === BACKSLASH) {
      this.#isEscaped = true
      this.#seam = 0
    } else if (byte === QUOTE) {
      this.#inString = false
      this.#afterSeam = this.#seam === SEAM.length
    } else if (byte === SEAM[this.#seam]) this.#seam++
    else this.#seam = byte === CLOSE_BRACE ? 1 : 0
  }

  /** True for a brace on a new line that follows neither `:` nor `,` nor `[`: the object before it never ended. */
  #isStrayBrace(chunk: Buffer, start: number, at: number): boolean {
    let crossedLine = false
    let i = at - 1
    while (i >= start && isBlank(chunk[i])) if (chunk[i--] === LF) crossedLine = true
    const before = i >= start ? chunk[i] : this.#lastByte
    if (i < start && this.#crossedLine) crossedLine = true
    return crossedLine && before !== COLON && before !== COMMA && before !== OPEN_BRACKET
  }

  // ── ends of an object ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The object ends at `end`; delivers it from the chunk, or from the carry when an earlier chunk holds its start. */
  #finish(chunk: Buffer, start: number, end: number, onFrame: OnFrame): void {
    if (this.#size === 0) this.#deliver(chunk, start, end, end - start, onFrame)
    else {
      this.#take(chunk, start, end)
      this.#deliver(this.#carry.buf, 0, this.#carry.length, this.#size, onFrame)
    }
    this.#reset()
  }

  /** The object is broken and ends before `end`; the search for the next one goes on at `next`. */
  #endBroken(chunk: Buffer, start: number, end: number, next: number, onFrame: OnFrame): number {
    this.stats.resynchronised++
    if (this.#size === 0) this.#finish(chunk, start, trimmed(chunk, start, end), onFrame)
    else {
      this.#take(chunk, start, end)
      const size = this.#size - this.#trailing
      this.#deliver(this.#carry.buf, 0, Math.min(size, this.#carry.length), size, onFrame)
      this.#reset()
    }
    return next
  }

  /** The byte at `at` is the first of a key whose object `{"` began inside a string of the object at hand. */
  #splitSeam(chunk: Buffer, start: number, at: number, onFrame: OnFrame): number {
    this.stats.resynchronised++
    if (this.#size === 0) this.#deliver(chunk, start, at - SEAM_TAIL_LENGTH, at - SEAM_TAIL_LENGTH - start, onFrame)
    else {
      this.#take(chunk, start, at)
      const length = this.#size - SEAM_TAIL_LENGTH
      this.#deliver(this.#carry.buf, 0, Math.min(length, this.#carry.length), length, onFrame)
    }
    this.#reset()
    this.#depth = 1
    if (at - SEAM_HEAD.length >= start) return at - SEAM_HEAD.length
    this.#take(SEAM_HEAD, 0, SEAM_HEAD.length)
    this.#inString = true
    return at
  }

  #deliver(buf: Buffer, start: number, end: number, size: number, onFrame: OnFrame): void {
    if (this.#isTooDeep) {
      this.stats.resynchronised++
      this.stats.discardedBytes += size
      return
    }
    this.stats.newline++
    if (size <= FRAME_MAX_BYTES) onFrame(buf, start, end)
    else {
      this.stats.truncated++
      this.stats.discardedBytes += size - FRAME_MAX_BYTES
      onFrame(buf, start, start + FRAME_MAX_BYTES)
    }
  }

  #take(chunk: Buffer, start: number, end: number): void {
    const room = FRAME_MAX_BYTES - this.#carry.length
    if (room > 0) this.#carry.append(chunk, start, Math.min(end, start + room))
    this.#size += end - start
    this.#noteEnd(chunk, start, end)
  }

  /** The carry holds no byte past the cap, but what an object ends in must not depend on where a chunk did. */
  #noteEnd(chunk: Buffer, start: number, end: number): void {
    let i = end
    let crossedLine = false
    while (i > start && isBlank(chunk[i - 1])) if (chunk[--i] === LF) crossedLine = true
    if (i > start) this.#lastByte = chunk[i - 1]!
    this.#crossedLine = crossedLine || (i === start && this.#crossedLine)
    const last = trimmed(chunk, start, i)
    this.#trailing = end - last + (last === start ? this.#trailing : 0)
  }

  #reset(): void {
    this.#carry.clear()
    this.#depth = 0
    this.#size = 0
    this.#inString = false
    this.#isEscaped = false
    this.#seam = 0
    this.#afterSeam = false
    this.#isTooDeep = false
    this.#lastByte = 0
    this.#crossedLine = false
    this.#trailing = 0
  }
}

/** The end of `buf[start…end]` without blanks, commas and closing brackets at its end. */
function trimmed(buf: Buffer, start: number, end: number): number {
  let i = end
  while (i > start && (isBlank(buf[i - 1]) || buf[i - 1] === COMMA || buf[i - 1] === CLOSE_BRACKET)) i--
  return i
}
