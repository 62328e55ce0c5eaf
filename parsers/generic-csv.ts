/**
 * Delimited files with a header row whose column names say what the columns are: our own CSV, exports of consoles, collectors.
 * The separator (comma, semicolon, TAB or pipe) is that of the header row; quotes as in RFC 4180. Clocks without offset are in the
 * source's zone. Without a header row nothing is guessed.
 */
import {
  applyCommon,
  COMMON_FIELDS,
  type ColumnMap,
  cefStart,
  commonName,
  type DelimitedSyntax,
  FieldTable,
  type Frame,
  findByte,
  isTransaction,
  leefStart,
  malformed,
  meaningOf,
  type Parser,
  scanDelimited,
  skip
} from '../src/parse/kit.ts'

const table = new FieldTable(COMMON_FIELDS)

const SEPARATORS = [0x2c, 0x3b, 0x09, 0x7c]
const QUOTE = 0x22
/** Header rows longer than this, or with more columns, are not read. */
const HEADER_MAX_BYTES = 8192
const COLUMNS_MAX = 200

/** What the header row said; per intake. */
interface State {
  map: ColumnMap | undefined
  syntax: DelimitedSyntax
  /** Fewest columns of a whole row. */
  columns: number
  /** The header row came without syslog header, so rows do; their first value may look like one. */
  bare: boolean
}

interface Header {
  separator: number
  /** Names of the meanings by column; empty for the others. */
  names: string[]
}

const parser: Parser<State> = {
  id: 'generic-csv',
  appliance: 'Any CSV with a header row',
  generic: true,
  newState: () => ({ map: undefined, syntax: { separator: 0x2c, quote: QUOTE, runs: false, brackets: false }, columns: 0, bare: true }),
  signature: () => 0, // rows are told by their header, which no other parser of this intake has
  recognizes: (frame, state) => (state?.map !== undefined && looksLikeRow(frame, state)) || readHeaderRow(frame) !== undefined,
  parse(frame, out, state) {
    const header = readHeaderRow(frame)
    if (header !== undefined) {
      state.map = table.columns(header.names)
      state.syntax = { ...state.syntax, separator: header.separator }
      state.columns = header.names.length
      state.bare = frame.body === frame.start
      return skip(out, 'header')
    }
    if (state.map === undefined) return malformed(out, 'no_header')
    table.begin(frame)
    const start = state.bare ? frame.start : frame.body
    const read = scanDelimited(frame.buf, start, frame.end, state.map, table.values, state.syntax)
    // a row that ends with the last wanted column, though the header has more, was cut
    if (read < state.map.length || isCut(frame, state, read)) return malformed(out, 'short_row')
    return applyCommon(table, frame, out) ? 'parsed' : skip(out, 'not_tcp_udp')
  }
}

/** True when the row ends within or right after the last wanted column while the header names more. */
function isCut(frame: Frame, state: State, read: number): boolean {
  if (read >= state.columns) return false
  let last = 0
  for (const value of table.values) if (value.start >= 0 && value.end > last) last = value.end
  return findByte(frame.buf, last, frame.end, state.syntax.separator) < 0
}

/** Rows have the separator near their start and none of the marks that begin other formats. */
function looksLikeRow(frame: Frame, state: State): boolean {
  const { buf, end } = frame
  const start = state.bare ? frame.start : frame.body
  const first = buf[start]
  if (first === 0x7b || first === 0x3c || first === 0x23 || cefStart(frame) >= 0 || leefStart(frame) >= 0) return false
  return findByte(buf, start, Math.min(end, start + 300), state.syntax.separator) >= 0
}

/** The header row that the frame is; undefined when its words do not name a client, a server and a time. */
function readHeaderRow(frame: Frame): Header | undefined {
  const { buf, body, end } = frame
  const first = buf[body]!
  const letter = (first | 0x20) >= 0x61 && (first | 0x20) <= 0x7a
  if ((!letter && first !== QUOTE && first !== 0x40) || end - body > HEADER_MAX_BYTES) return undefined
  const separator = firstSeparator(frame)
  if (separator < 0) return undefined
  const names: string[] = []
  for (let at = body; at <= end; ) {
    if (names.length > COLUMNS_MAX) return undefined
    let stop = at
    while (stop < end && buf[stop] !== separator) stop++
    const meaning = meaningOf(buf, unquotedStart(buf, at, stop), unquotedEnd(buf, at, stop))
    names.push(meaning < 0 ? '' : commonName(meaning))
    at = stop + 1
  }
  return isTransaction(name => names.includes(name)) ? { separator, names } : undefined
}

/** The first byte that can be the separator, when it comes soon; -1 when a byte comes first that no name holds. */
function firstSeparator(frame: Frame): number {
  const { buf, body } = frame
  const last = Math.min(frame.end, body + 64)
  for (let at = body; at < last; at++) {
    const byte = buf[at]!
    if (SEPARATORS.includes(byte)) return byte
    if (byte === 0x3d || byte === 0x3a || byte === 0x7b || byte === 0x5b) return -1
  }
  return -1
}

function unquotedStart(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (buf[at] === 0x20 || buf[at] === QUOTE)) at++
  return at
}

function unquotedEnd(buf: Buffer, start: number, end: number): number {
  let at = end
  while (at > start && (buf[at - 1] === 0x20 || buf[at - 1] === QUOTE || buf[at - 1] === 0x0d)) at--
  return at
}

export default parser
