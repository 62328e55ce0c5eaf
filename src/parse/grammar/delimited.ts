/**
 * Hot path: once per byte. Columns between separators, optionally quoted (CSV, TSV, blank-separated access logs, W3C rows).
 *
 *   row    = column { separator column }
 *   column = quote { any | quote quote } quote | { byte that is no separator }
 *
 * Nothing past the last wanted column is read. A quote that never closes ends at the end of the frame, so a damaged line costs
 * itself and nothing else. With `runs`, several separators in a row count as one (padding blanks).
 */
import { DOUBLED, PLAIN, type Value } from '../values/line.ts'
import { findSeparators, STEP_BYTES } from './separators.ts'

export interface DelimitedSyntax {
  separator: number
  /** 0 = no quoting. @default 0x22 */
  quote: number
  /** Runs of separators count as one. @default false */
  runs: boolean
  /** `[…]` keeps separators together, as in `[10/Oct/2000:13:55:36 -0700]`. @default false */
  brackets: boolean
}

export const CSV: DelimitedSyntax = { separator: 0x2c, quote: 0x22, runs: false, brackets: false }
export const TSV: DelimitedSyntax = { separator: 0x09, quote: 0, runs: false, brackets: false }
export const BLANK_SEPARATED: DelimitedSyntax = { separator: 0x20, quote: 0x22, runs: true, brackets: false }
export const ACCESS_LOG: DelimitedSyntax = { separator: 0x20, quote: 0x22, runs: true, brackets: true }

/** Which value each column fills: `map[column]` is an index into the values, or -1. Its length is the last wanted column + 1. */
export type ColumnMap = Int16Array

/** Makes a column map from column → value index. */
export function columnMap(wanted: ReadonlyMap<number, number>): ColumnMap {
  let last = -1
  for (const column of wanted.keys()) last = Math.max(last, column)
  const map = new Int16Array(last + 1).fill(-1)
  for (const [column, index] of wanted) map[column] = index
  return map
}

/**
 * Splits the range and sets the values of wanted columns. Returns the number of columns read: fewer than `map.length` means
 * the row is short.
 */
export function scanDelimited(
  buf: Uint8Array,
  start: number,
  end: number,
  map: ColumnMap,
  values: readonly Value[],
  syntax: DelimitedSyntax
): number {
  const { separator, quote, runs, brackets } = syntax
  if (!runs && !brackets) {
    const read = scanUnquoted(buf, start, end, map, values, syntax)
    if (read >= 0) return read
  }
  const columns = map.length
  let column = 0
  let at = start
  if (runs) while (at < end && buf[at] === separator) at++
  while (column < columns) {
    let valueStart = at
    let valueEnd: number
    let escape: typeof PLAIN | typeof DOUBLED = PLAIN
    const byte = at < end ? buf[at] : -1
    if (quote !== 0 && byte === quote) {
      valueStart = ++at
      while (at < end) {
        if (buf[at] === quote) {
          if (buf[at + 1] !== quote || at + 1 >= end) break
          escape = DOUBLED
          at++
        }
        at++
      }
      valueEnd = at
      while (at < end && buf[at] !== separator) at++ // bytes after the closing quote belong to nothing
    } else if (brackets && byte === 0x5b) {
      while (at < end && buf[at] !== 0x5d) at++
      if (at < end) at++
      valueEnd = at
      while (at < end && buf[at] !== separator) at++
    } else {
      while (at < end && buf[at] !== separator) at++
      valueEnd = at
    }
    const index = map[column]!
    if (index >= 0) values[index]!.set(valueStart, valueEnd, escape)
    column++
    if (at >= end) return column
    at++
    if (runs) {
      while (at < end && buf[at] === separator) at++
      if (at >= end) return column
    }
  }
  return column
}

/** Columns of a row beyond which none is looked for in steps. */
const FOUND_MAX = 512
const found = new Int32Array(FOUND_MAX + STEP_BYTES)

/** The same for rows without a quoted column; -1 when it is left to the bytes. */
function scanUnquoted(
  buf: Uint8Array,
  start: number,
  end: number,
  map: ColumnMap,
  values: readonly Value[],
  syntax: DelimitedSyntax
): number {
  const wanted = map.length
  if (wanted > FOUND_MAX) return -1
  const separators = findSeparators(buf, start, end, syntax.separator, syntax.quote, wanted, found)
  if (separators < 0) return -1
  found[separators] = end
  const columns = separators < wanted ? separators + 1 : wanted
  let from = start
  for (let column = 0; column < columns; column++) {
    const to = found[column]!
    const index = map[column]!
    if (index >= 0) values[index]!.set(from, to, PLAIN)
    from = to + 1
  }
  return columns
}
