/** Hot path: once per frame. One line as literals and holes (layouts.ts), and how another is read by it. */
import { firstMarked, marksBelow, marksOf } from '../../lib/marks.ts'
import { View } from '../../lib/view.ts'
import type { Step } from '../field.ts'
import { type Escape, PLAIN, type Setter, type Value } from '../values/line.ts'
import { CEF_KEY_BYTES } from './cef-key.ts'
import { LAST_OF_CEF, NUMBER, PAIRS_MAX, TEXT_TO_END, TO_END, TO_NEXT_KEY, Trace } from './trace.ts'

/** So many bytes are read at a time, also the last ones of a frame. */
const WORD_BYTES = 4
const QUOTE = 0x22
const BACKSLASH = 0x5c
const EQUALS = 0x3d
const SPACE = 0x20
const MINUS = 0x2d

const lines = new View()

/** What ends or interrupts quoted text. */
const marksOfQuoted = (word: number): number => marksBelow(word, SPACE) | marksOf(word, QUOTE) | marksOf(word, BACKSLASH)
const marksOfCef = (word: number): number => marksBelow(word, SPACE) | marksOf(word, EQUALS) | marksOf(word, BACKSLASH)

/** Where a word ends: at the next byte that is no more than a blank. A line feed lies behind each frame. */
function wordEnd(bytes: DataView, start: number): number {
  let at = start
  let marks = marksBelow(bytes.getInt32(at, true), SPACE + 1)
  while (marks === 0) marks = marksBelow(bytes.getInt32((at += 4), true), SPACE + 1)
  return at + firstMarked(marks)
}

/** Where text ends: at the next control character. */
function textEnd(bytes: DataView, start: number): number {
  let at = start
  let marks = marksBelow(bytes.getInt32(at, true), SPACE)
  while (marks === 0) marks = marksBelow(bytes.getInt32((at += 4), true), SPACE)
  return at + firstMarked(marks)
}

/** Where a JSON number of digits and a point ends; -1 when there is none. */
function numberEnd(buf: Uint8Array, start: number): number {
  let at = start
  let byte = buf[at]!
  if (byte !== MINUS && (byte < 0x30 || byte > 0x39)) return -1
  do byte = buf[++at]!
  while ((byte >= 0x30 && byte <= 0x39) || byte === 0x2e)
  return at
}

/** A part of a layout: where its literal starts and ends in the line learnt, and so on. */
const LITERAL_END = 1
/** Where the wanted values in this literal end in the list of those. */
const FIXED_END = 2
/** Offset of the first `=` in the literal, for `TO_NEXT_KEY`. */
const FIRST_EQUALS = 3
/** Of the hole after the literal: what ends it, and which wanted value it is, -1 for none. */
const TERMINATOR = 4
const HOLE_INDEX = 5
const PART = 6

/** A wanted value in a literal: its index, where it lies from the literal's start on, and how it was written. */
const FIXED_START = 1
const FIXED_STOP = 2
const FIXED_ESCAPE = 3
const FIXED = 4

export class Layout implements Setter {
  readonly wanted: readonly number[]
  steps: readonly Step[] | null = null
  readonly #line: Buffer
  readonly #view: DataView
  readonly #trace = new Trace()
  readonly #isHole = new Uint8Array(PAIRS_MAX)
  /**
   * Literals and the holes after them, `PART` numbers each; the last one has no hole. One array, which all parts share: an array for each
   * kind of number costs 55 ns of a FortiGate line.
   */
  readonly #parts = new Int32Array((PAIRS_MAX + 1) * PART)
  /** Wanted values that lie in literals, `FIXED` numbers each, in order. */
  readonly #fixed = new Int32Array(PAIRS_MAX * FIXED)
  /** A backslash was met in the value scanned last. */
  #sawEscape = false
  #lastPart = 0
  #found = 0

  constructor(buf: Uint8Array, trace: Trace) {
    this.#line = Buffer.alloc(trace.end - trace.start)
    this.#line.set(buf.subarray(trace.start, trace.end))
    this.#view = new DataView(this.#line.buffer, this.#line.byteOffset, this.#line.length)
    const own = this.#trace
    own.begin(0, this.#line.length, trace.escape)
    for (let i = 0; i < trace.count; i++) {
      const escape = trace.escapes[i] as Escape
      own.add(trace.valueStarts[i]! - trace.start, trace.valueEnds[i]! - trace.start, trace.indexes[i]!, trace.terminators[i]!, escape)
    }
    this.wanted = [...trace.indexes.subarray(0, trace.count)].filter(index => index >= 0)
    this.#compile()
  }

  /** Sets the values and returns how many, or -1 when the line does not fit; values may have been set then. */
  fit(buf: Uint8Array, start: number, end: number, values: readonly Value[]): number {
    const bytes = lines.of(buf)
    if (end + WORD_BYTES > bytes.byteLength) return -1
    const known = this.#view
    const parts = this.#parts
    const fixed = this.#fixed
    const { escape } = this.#trace
    const lastPart = this.#lastPart
    let fixedAt = 0
    let at = start
    for (let part = 0; ; part += PART) {
      let from = parts[part]!
      const to = parts[part + LITERAL_END]!
      const literalAt = at
      const literalEnd = at + to - from
      if (literalEnd > end) return -1
      // no line with a zero byte or with other than ASCII is learnt: equal numbers are then equal bytes
      if (to - from >= 8) {
        for (; to - from > 8; from += 8, at += 8) if (bytes.getFloat64(at, true) !== known.getFloat64(from, true)) return -1
        // the last eight overlap those before them: no rest to look at byte by byte (75 ns of a FortiGate line)
        if (bytes.getFloat64(literalEnd - 8, true) !== known.getFloat64(to - 8, true)) return -1
      } else if (to - from >= 4) {
        if (bytes.getInt32(at, true) !== known.getInt32(from, true)) return -1
        if (bytes.getInt32(literalEnd - 4, true) !== known.getInt32(to - 4, true)) return -1
      } else while (from < to) if (buf[at++] !== known.getUint8(from++)) return -1
      at = literalEnd
      for (const fixedEnd = parts[part + FIXED_END]!; fixedAt < fixedEnd; fixedAt += FIXED)
        values[fixed[fixedAt]!]!.place(
          literalAt + fixed[fixedAt + FIXED_START]!,
          literalAt + fixed[fixedAt + FIXED_STOP]!,
          fixed[fixedAt + FIXED_ESCAPE] as Escape
        )
      if (part === lastPart) return at === end ? this.#found : -1
      const valueStart = at
      const terminator = parts[part + TERMINATOR]!
      let written: Escape = PLAIN
      if (terminator === QUOTE) {
        for (;;) {
          let marks = marksOfQuoted(bytes.getInt32(at, true))
          while (marks === 0) marks = marksOfQuoted(bytes.getInt32((at += 4), true))
          at += firstMarked(marks)
          if (buf[at] === QUOTE) break
          if (buf[at] !== BACKSLASH || at + 2 > end) return -1
          written = escape
          at += 2
        }
      } else if (terminator === SPACE) {
        if (buf[at] === QUOTE) return -1
        at = wordEnd(bytes, at)
      } else if (terminator === TO_END) {
        if (buf[at] === QUOTE) return -1
        at = wordEnd(bytes, at)
        if (at !== end) return -1
      } else if (terminator === TO_NEXT_KEY) {
        at = this.#nextKey(buf, bytes, at, end, part + PART)
        if (at < 0) return -1
        if (this.#sawEscape) written = escape
      } else if (terminator === LAST_OF_CEF) {
        at = this.#cefEnd(buf, bytes, at, end)
        if (at < 0) return -1
        if (this.#sawEscape) written = escape
      } else if (terminator === NUMBER) {
        at = numberEnd(buf, at)
        if (at < 0) return -1
      } else {
        at = textEnd(bytes, at)
        if (terminator === TEXT_TO_END ? at !== end : buf[at] !== terminator) return -1
      }
      const index = parts[part + HOLE_INDEX]!
      if (index >= 0) values[index]!.place(valueStart, at, written)
    }
  }

  /** End of the value at `start`, after which the next literal stands; -1 when there is another key, or none. */
  #nextKey(buf: Uint8Array, bytes: DataView, start: number, end: number, nextPart: number): number {
    const keyLength = this.#parts[nextPart + FIRST_EQUALS]!
    const key = this.#parts[nextPart]!
    this.#sawEscape = false
    let escapedTo = start
    for (let at = start; ; at++) {
      let marks = marksOfCef(bytes.getInt32(at, true))
      while (marks === 0) marks = marksOfCef(bytes.getInt32((at += 4), true))
      at += firstMarked(marks)
      const byte = buf[at]!
      if (byte === EQUALS) {
        const valueEnd = at - keyLength
        if (this.#isLiteral(key, keyLength, buf, valueEnd))
          return valueEnd > start && valueEnd >= escapedTo && buf[valueEnd - 1] !== SPACE ? valueEnd : -1
        let word = at - 1
        while (CEF_KEY_BYTES[buf[word]!] === 1) word--
        if (buf[word] === SPACE) return -1
      } else if (byte === BACKSLASH) {
        this.#sawEscape = true
        escapedTo = ++at + 1
        if (at >= end) return -1
      } else if (byte < SPACE) return -1
    }
  }

  /** True when the bytes of a literal from `from` on, up to its `=`, stand at `at`. */
  #isLiteral(from: number, length: number, buf: Uint8Array, at: number): boolean {
    for (let i = length - 1; i >= 0; i--) if (buf[at + i] !== this.#line[from + i]) return false
    return true
  }

  #cefEnd(buf: Uint8Array, bytes: DataView, start: number, end: number): number {
    this.#sawEscape = false
    let at = start
    for (;;) {
      let marks = marksOfCef(bytes.getInt32(at, true))
      while (marks === 0) marks = marksOfCef(bytes.getInt32((at += 4), true))
      at += firstMarked(marks)
      if (buf[at] !== BACKSLASH) break
      this.#sawEscape = true
      at += 2
      if (at > end) return -1
    }
    return at === end && end > start && buf[end - 1] !== SPACE ? end : -1
  }

  /** The line has the same keys: what differs from this one becomes a hole. False when it has other ones. */
  widen(buf: Uint8Array, trace: Trace): boolean {
    const own = this.#trace
    if (trace.count !== own.count) return false
    let at = 0
    let theirs = trace.start
    for (let i = 0; i <= own.count; i++) {
      const end = i < own.count ? own.valueStarts[i]! : own.end
      const theirEnd = i < own.count ? trace.valueStarts[i]! : trace.end
      if (end - at !== theirEnd - theirs || !this.#same(at, end, buf, theirs)) return false
      if (i === own.count) break
      if (own.indexes[i] !== trace.indexes[i] || own.terminators[i] !== trace.terminators[i]) return false
      at = own.valueEnds[i]!
      theirs = trace.valueEnds[i]!
    }
    for (let i = 0; i < own.count; i++) {
      const length = own.valueEnds[i]! - own.valueStarts[i]!
      const equal =
        length === trace.valueEnds[i]! - trace.valueStarts[i]! &&
        this.#same(own.valueStarts[i]!, own.valueEnds[i]!, buf, trace.valueStarts[i]!)
      if (!equal) this.#isHole[i] = 1
    }
    this.#compile()
    return true
  }

  #same(start: number, end: number, buf: Uint8Array, at: number): boolean {
    for (let i = start; i < end; i++) if (this.#line[i] !== buf[at + i - start]) return false
    return true
  }

  #compile(): void {
    const trace = this.#trace
    let part = 0
    let fixed = 0
    let literalStart = 0
    this.#found = 0
    for (let i = 0; i < trace.count; i++) {
      const index = trace.indexes[i]!
      if (index >= 0) this.#found++
      if (this.#isHole[i] === 1) {
        this.#setLiteral(part, literalStart, trace.valueStarts[i]!, fixed)
        this.#parts[part + TERMINATOR] = trace.terminators[i]!
        this.#parts[part + HOLE_INDEX] = index
        part += PART
        literalStart = trace.valueEnds[i]!
      } else if (index >= 0) {
        this.#fixed[fixed] = index
        this.#fixed[fixed + FIXED_START] = trace.valueStarts[i]! - literalStart
        this.#fixed[fixed + FIXED_STOP] = trace.valueEnds[i]! - literalStart
        this.#fixed[fixed + FIXED_ESCAPE] = trace.escapes[i]!
        fixed += FIXED
      }
    }
    this.#setLiteral(part, literalStart, trace.end, fixed)
    this.#lastPart = part
  }

  #setLiteral(part: number, start: number, end: number, fixedEnd: number): void {
    this.#parts[part] = start
    this.#parts[part + LITERAL_END] = end
    this.#parts[part + FIXED_END] = fixedEnd
    this.#parts[part + FIRST_EQUALS] = this.#line.subarray(start, end).indexOf(EQUALS)
  }
}
