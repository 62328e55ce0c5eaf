/**
 * Hot path: once per byte. Columns between separators, optionally quoted (CSV, TSV, blank-separated access logs, W3C rows).
 *
 *   row    = column { separator column }
 *   column = quote { any | quote quote } quote | { byte that is no separator }
 *
 * Nothing past the last wanted column is read. A quote that never closes ends at the end of the frame, so a damaged line costs
 * itself and nothing else. With `runs`, several separators in a row count as one (padding blanks).
 */
import { isVectorMemory } from '../../lib/lane-memory.ts'
import { DOUBLED, PLAIN, type Value } from '../values/line.ts'
import { findSeparators, SEPARATORS_MAX, separators } from './separators.ts'

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

/** Which value each column fills. */
export interface ColumnMap {
  /** The last wanted column + 1. */
  readonly length: number
  /** By column the index of its value, or -1. */
  readonly indexes: Int16Array
  /** The wanted columns in their order. */
  readonly wanted: Int32Array
  /** And the index of the value of each. */
  readonly targets: Int32Array
}

/** Makes a column map from column → value index. */
export function columnMap(given: ReadonlyMap<number, number>): ColumnMap {
  const wanted = Int32Array.from(given.keys()).sort()
  const length = (wanted.at(-1) ?? -1) + 1
  const indexes = new Int16Array(length).fill(-1)
  for (const [column, index] of given) indexes[column] = index
  return { length, indexes, wanted, targets: wanted.map(column => indexes[column]!) }
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
  const columns = map.length
  if (!runs && !brackets && columns <= SEPARATORS_MAX && isVectorMemory(buf)) return scanByVectors(buf, start, end, map, values, syntax)
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
    const index = map.indexes[column]!
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

/** The same for a row in the lane's memory whose separators count one by one. */
function scanByVectors(
  buf: Uint8Array,
  start: number,
  end: number,
  map: ColumnMap,
  values: readonly Value[],
  { separator, quote }: DelimitedSyntax
): number {
  const { length, wanted, targets } = map
  const found = findSeparators(start, end, separator, quote, length)
  const count = found < 0 ? -1 - found : found
  separators[0] = start - 1
  separators[count + 1] = end
  if (targets.length > 0) values[targets[0]!]!.line.setter = null // once, not with each value
  for (let i = 0; i < wanted.length; i++) {
    const column = wanted[i]!
    if (column > count) break
    const value = values[targets[i]!]!
    const from = separators[column]! + 1
    if (found < 0 && from < end && buf[from] === quote) setQuoted(buf, from + 1, end, quote, value)
    else value.place(from, separators[column + 1]!, PLAIN)
  }
  return count < length ? count + 1 : length
}

/** Sets the value that begins behind its quote. */
function setQuoted(buf: Uint8Array, start: number, end: number, quote: number, value: Value): void {
  let escape: typeof PLAIN | typeof DOUBLED = PLAIN
  let at = start
  for (; at < end; at++) {
    if (buf[at] !== quote) continue
    if (buf[at + 1] !== quote || at + 1 >= end) break
    escape = DOUBLED
    at++
  }
  value.set(start, at, escape)
}
