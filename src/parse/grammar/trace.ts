/** Hot path while layouts are learnt: what a grammar met in one line, value by value. */
import { type Escape, PLAIN } from '../values/line.ts'

/** Values of a line that are kept; one with more makes no layout. */
export const PAIRS_MAX = 128
/** Longest line that is learnt; a multiple of sixteen. */
export const LINE_MAX_BYTES = 4096

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
