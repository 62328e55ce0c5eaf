/** Hot path while layouts are learnt: what a grammar met in one line, value by value. */
import { type Escape, PLAIN } from '../values/line.ts'

/** What ends the value in a hole: the byte itself, or one of these. A word that ends with the frame. */
export const TO_END = 0
/** Text that ends with the frame. */
export const TEXT_TO_END = 1
/** CEF: the blank before the next key, which is known by its `=`; and the last value. */
export const TO_NEXT_KEY = 2
export const LAST_OF_CEF = 3
/** JSON: a number, which ends before the next byte that is neither digit nor point. */
export const NUMBER = 4

/** Values of a line that are kept; one with more makes no layout. */
export const PAIRS_MAX = 128
/** Longest line that is learnt. */
const LINE_MAX_BYTES = 4096

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
