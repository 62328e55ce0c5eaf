/** Rows of SmartView Tracker, SmartView log views and `fwm logexport`: which there are, and what a header row says. */
import { type ColumnMap, CSV, columnMap, type DelimitedSyntax, type Frame, isDigit, matchesAt, needle } from '../../src/parse/kit.ts'
import { native } from './fields.ts'
import { dayEnd } from './text-log.ts'

const NUMBER_COLUMN = needle('num;date;time;orig;')
/** A header row is read no further. */
const HEADER_MAX_BYTES = 8192

/** A header row's order of columns, kept for the intake. */
export interface Export {
  columns: ColumnMap | undefined
  syntax: DelimitedSyntax
}

export const BLANKS: DelimitedSyntax = { separator: 0x20, quote: 0x22, runs: true, brackets: false }
const SEMICOLONS: DelimitedSyntax = { separator: 0x3b, quote: 0x22, runs: false, brackets: false }
/** Column titles of exports that are not the log field's own name. */
const TITLES: Record<string, keyof typeof native.v> = {
  source: 'src',
  'source address': 'src',
  'source ip': 'src',
  destination: 'dst',
  'destination address': 'dst',
  'destination ip': 'dst',
  protocol: 'proto',
  'ip protocol': 'proto',
  'destination port': 'dst_port',
  blade: 'product',
  'product family': 'product',
  'source user name': 'src_user_name',
  'source machine name': 'src_machine_name',
  url: 'resource',
  'client inbound bytes': 'client_inbound_bytes',
  'client outbound bytes': 'client_outbound_bytes',
  'sent bytes': 'sent_bytes',
  'received bytes': 'received_bytes',
  'total bytes': 'bytes'
}

/** SmartView Tracker's order when no header row came. The service (destination port) stands before the source port. */
const TRACKER_ORDER = 'number date time interface origin type action service s_port src dst proto rule rule_name current_rule user'.split(
  ' '
)
export const TRACKER = native.columns(TRACKER_ORDER)

/** `"22" "10Dec2019" "23:44:49" …` */
export function isTrackerRow(buf: Buffer, start: number, end: number): boolean {
  if (buf[start] !== 0x22) return false
  let at = start + 1
  while (at < end && at - start < 12 && isDigit(buf[at])) at++
  return at > start + 1 && buf[at] === 0x22 && buf[at + 1] === 0x20 && buf[at + 2] === 0x22 && dayEnd(buf, at + 3, end) > 0
}

const TRACKER_HEADS = ['"Number" "Date" "Time"', '"No." "Date" "Time"'].map(needle)
const VIEW_HEADS = [
  'Time,Blade,Action',
  '"Time","Blade","Action"',
  'Time,Action,',
  '"Time","Action",',
  'Time,Origin,',
  '"Time","Origin",'
].map(needle)

/** A header row of `fwm logexport`, SmartView Tracker (blanks) or a SmartView log view (commas). */
export function isHeaderRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  const first = buf[body]
  if (first === 0x6e) return matchesAt(buf, body, end, NUMBER_COLUMN)
  if (first !== 0x22 && first !== 0x54) return false
  return TRACKER_HEADS.some(head => matchesAt(buf, body, end, head)) || VIEW_HEADS.some(head => matchesAt(buf, body, end, head))
}

/** Keeps the columns of a header row by their titles. Cold: once per file. */
export function readHeaderRow(frame: Frame, state: Export): void {
  const row = frame.buf.toString('utf8', frame.body, Math.min(frame.end, frame.body + HEADER_MAX_BYTES))
  const syntax = frame.buf[frame.body] === 0x6e ? SEMICOLONS : row.includes('" "') ? BLANKS : CSV
  const titles = row.split(syntax === BLANKS ? '" "' : String.fromCharCode(syntax.separator))
  const wanted = new Map<number, number>()
  titles.forEach((title, column) => {
    const plain = title.replaceAll('"', '').trim().toLowerCase()
    const index = native.names.indexOf(TITLES[plain] ?? (plain as keyof typeof native.v))
    if (index >= 0 && ![...wanted.values()].includes(index)) wanted.set(column, index)
  })
  state.columns = columnMap(wanted)
  state.syntax = syntax
}

/** Three separators near the start: a row of the export whose header this intake has shown. */
export function hasSeparators(frame: Frame, separator: number): boolean {
  if (separator === 0x20 && frame.buf[frame.body] !== 0x22) return false
  const last = Math.min(frame.end, frame.body + 200)
  let seen = 0
  for (let at = frame.body; at < last && seen < 3; at++) if (frame.buf[at] === separator) seen++
  return seen === 3
}
