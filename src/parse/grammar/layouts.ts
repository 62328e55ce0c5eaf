/**
 * Hot path: once per frame. Lines of one kind repeat themselves: the same keys in the same order, and most values the same from line
 * to line. A layout remembers one such line as literals – keys, and the values that did not change so far – and holes for the values
 * that do. A line that fits needs no look at its keys: literals are compared eight bytes at a time, and only holes are scanned
 * (FortiGate, 50 pairs: 1.25 to 0.5 µs a line).
 *
 * This is an accelerator and nothing else. The grammar's own scan is the truth: layouts are learnt from what it traces, and a line
 * that fits no layout, or in which anything is unusual, goes to it. test/parse/fast-paths.test.ts holds that both agree.
 */
import { fastPaths } from '../../lib/fast-paths.ts'
import { firstMarked, marksBelow, marksOf } from '../../lib/marks.ts'
import { View } from '../../lib/view.ts'
import type { Step } from '../field.ts'
import { type Escape, type Line, PLAIN, type Setter, type Value } from '../values/line.ts'
import { CEF_KEY_BYTES } from './cef-key.ts'

/** What ends the value in a hole: the byte itself, or one of these. A word that ends with the frame. */
export const TO_END = 0
/** Text that ends with the frame. */
export const TEXT_TO_END = 1
/** CEF: the blank before the next key, which is known by its `=`; and the last value. */
export const TO_NEXT_KEY = 2
export const LAST_OF_CEF = 3
/** JSON: a number, which ends before the next byte that is neither digit nor point. */
export const NUMBER = 4
/** So many bytes are read at a time, also the last ones of a frame. */
const WORD_BYTES = 4
const QUOTE = 0x22
const BACKSLASH = 0x5c
const EQUALS = 0x3d
const SPACE = 0x20
const MINUS = 0x2d

const PAIRS_MAX = 128
/** Longest line that is learnt. */
const LINE_MAX_BYTES = 4096
const LAYOUTS_MAX = 8
/** Frames between two looks at whether layouts pay; how many may be learnt meanwhile, and how many must have fitted. */
const WINDOW_FRAMES = 1024
const LEARNT_MAX = 96
const FITTED_MIN = 512
/** Where they do not pay, they are left alone for so many frames. */
const SLEEP_FRAMES = 16_384

/** The values of one line as the grammar met them, in order. */
export class Trace {
  start = 0
  end = 0
  count = 0
  /** Something about the line is unusual: it makes no layout. */
  isUnusual = false
  readonly valueStarts = new Int32Array(PAIRS_MAX)
  readonly valueEnds = new Int32Array(PAIRS_MAX)
  /** Index of the wanted value that was set, -1 for none. */
  readonly indexes = new Int16Array(PAIRS_MAX)
  readonly terminators = new Uint8Array(PAIRS_MAX)
  /** How each value was written. */
  readonly escapes = new Uint8Array(PAIRS_MAX)
  /** What a backslash in a value means. */
  escape: Escape = PLAIN

  begin(start: number, end: number, escape: Escape): void {
    this.start = start
    this.end = end
    this.count = 0
    this.escape = escape
    this.isUnusual = end - start > LINE_MAX_BYTES
  }

  add(valueStart: number, valueEnd: number, index: number, terminator: number, escape: Escape): void {
    if (this.count === PAIRS_MAX) {
      this.isUnusual = true
      return
    }
    const at = this.count++
    this.valueStarts[at] = valueStart
    this.valueEnds[at] = valueEnd
    this.indexes[at] = index
    this.terminators[at] = terminator
    this.escapes[at] = escape
  }
}

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

class Layout implements Setter {
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

/** The line that a grammar traces just now. */
const traced = new Trace()

/**
 * The layouts of the lines that one field table reads by one grammar. Bounded, and out of the way where lines do not repeat
 * themselves.
 */
export class Layouts {
  readonly trace: Trace = traced
  readonly #line: Line
  readonly #layouts: Layout[] = []
  #frames = 0
  #fitted = 0
  #learnt = 0
  #sleep = 0

  /** `line`: that of the values. */
  constructor(line: Line) {
    this.#line = line
  }

  /** Sets the values of a line that is known and returns how many; -1 otherwise. All values must be absent before the call. */
  fit(buf: Uint8Array, start: number, end: number, values: readonly Value[]): number {
    if (!fastPaths.isOn) return -1
    if (this.#sleep > 0) {
      this.#sleep--
      return -1
    }
    if (++this.#frames === WINDOW_FRAMES) this.#takeStock()
    const layouts = this.#layouts
    for (let i = 0; i < layouts.length; i++) {
      const layout = layouts[i]!
      const found = layout.fit(buf, start, end, values)
      if (found >= 0) {
        this.#line.setter = layout
        this.#fitted++
        if (i > 0) {
          layouts[i] = layouts[i - 1]!
          layouts[i - 1] = layout
        }
        return found
      }
      const { wanted } = layout
      for (let w = 0; w < wanted.length; w++) values[wanted[w]!]!.start = -1
    }
    return -1
  }

  /** Lines that were learnt since stock was taken last. */
  get learnt(): number {
    return this.#learnt
  }

  /** True when the grammar should fill `trace` for this line, and call `learn` afterwards. */
  get wantsTrace(): boolean {
    return this.#sleep === 0 && this.#learnt < LEARNT_MAX && fastPaths.isOn
  }

  /** Takes the traced line as a layout, or into the one that has its keys. */
  learn(buf: Uint8Array): void {
    this.#learnt++
    const { trace } = this
    if (trace.isUnusual || trace.count === 0 || !isPrintable(buf, trace.start, trace.end)) return
    if (this.#layouts.some(layout => layout.widen(buf, trace))) return
    if (this.#layouts.length === LAYOUTS_MAX) this.#layouts.pop()
    this.#layouts.unshift(new Layout(buf, trace))
  }

  #takeStock(): void {
    if (this.#fitted < FITTED_MIN) this.#sleep = SLEEP_FRAMES
    this.#frames = 0
    this.#fitted = 0
    this.#learnt = 0
  }
}

/** Printable ASCII and TAB only. */
function isPrintable(buf: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte > 0x7e || (byte < SPACE && byte !== 0x09)) return false
  }
  return true
}
