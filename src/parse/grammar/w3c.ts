/**
 * W3C Extended Log Format (W3C Working Draft "Extended Log File Format", WD-logfile-960323), and the dialects proxies write.
 *
 *   file      = { directive | row }
 *   directive = "#" name ":" text           #Fields names the columns, may come again, #GMT-Offset and #Date hold until then
 *   row       = value { separator value }   separator: TAB when #Fields has one between names, else a run of blanks
 *   value     = quote { any | quote quote } quote | "[" time "]" | { byte that is no separator }
 *
 * A quote closes a value only before a separator or the end, since agents hold unescaped quotes; one that never closes belongs
 * to the value. The state is per intake: column names of one sender say nothing about another's rows.
 */
import type { Frame, Zone } from '../../contracts.ts'
import { isDigit, readDigits } from '../../lib/bytes.ts'
import type { FieldTable } from '../field-table.ts'
import { DOUBLED, PLAIN, type Value } from '../values/line.ts'
import { readClock, readIsoTime } from '../values/time.ts'
import { UTC } from '../values/zone.ts'
import type { ColumnMap } from './delimited.ts'

/** Column names past these are not read: no log has as many, and a line of 64 KiB could. */
const NAMES_MAX = 1024
const HASH = 0x23
const QUOTE = 0x22
const TAB = 0x09
const BLANK = 0x20

/** What a first column looks like, so that a row is told from other lines without reading it. */
export type FirstColumn = 'date' | 'address' | 'any'

/** What the directives of an intake said so far. */
export class W3cState {
  /** Column map of the parser's table; undefined before `#Fields`. */
  map: ColumnMap | undefined = undefined
  names: readonly string[] = []
  tabs = false
  first: FirstColumn = 'any'
  /** Column of `date` when it is one of the first few, else -1. */
  dateColumn = -1
  /** Zone of `date` and `time`: UTC unless `#GMT-Offset` says otherwise. */
  zone: Zone = UTC
  /** `#Date` or `#Start-Date`, for rows that have a clock only. */
  year = -1
  month = -1
  day = -1

  has(name: string): boolean {
    return this.names.includes(name)
  }
}

/** True when the body begins with `#Word:`. */
export function isDirective(frame: Frame): boolean {
  const { buf, body, end } = frame
  if (buf[body] !== HASH) return false
  let at = body + 1
  while (at < end && at - body < 24 && (isLetter(buf[at]!) || (at > body + 1 && buf[at] === 0x2d))) at++
  return at > body + 2 && buf[at] === 0x3a && at < end
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a

const SOFTWARE: readonly (readonly [RegExp, string])[] = [
  [/\bSGOS\b/, 'bluecoat-proxysg'],
  [/Internet Security and Acceleration|Threat Management Gateway|Forefront TMG/i, 'microsoft-isa'],
  [/Netskope/i, 'netskope'],
  [/AsyncOS/i, 'cisco-wsa']
]
const FIELDS: readonly (readonly [RegExp, string])[] = [
  [/\bx-bluecoat-request-tenant-id\b/, 'symantec-wss'],
  [/\bx-(?:cs|c)-(?:traffic-type|country|app-cci)\b/, 'netskope'],
  [/\bx-ss-(?:category|last-rule-name|last-rule-action|block-type|external-ip)\b/, 'cisco-cloud-web-security'],
  [/\bx-acltag\b|\bx-resultcode-httpstatus\b/, 'cisco-wsa'],
  [/\bsc-filter-result\b|\bs-supplier-(?:name|ip)\b|\bx-exception-id\b/, 'bluecoat-proxysg'],
  [/\bcs-Network\b|\boriginal client IP\b|\bs-svcname\b|\bsource-ip\tdestination-ip\tprotocol\tparam#1\b/, 'microsoft-isa']
]

/**
 * Id of the parser whose product wrote a directive, by the name in `#Software` or column names that only it has; `other` for the
 * software of somebody else; empty when the directive does not tell.
 */
export function directiveOwner(frame: Frame): string {
  const text = frame.buf.toString('latin1', frame.body, Math.min(frame.end, frame.body + 8192))
  if (text.startsWith('#Software:')) return SOFTWARE.find(([word]) => word.test(text))?.[1] ?? 'other'
  if (text.startsWith('#Fields:')) return FIELDS.find(([word]) => word.test(text))?.[1] ?? ''
  return ''
}

/** True when a directive belongs to the parser `id`: its product wrote it, or it does not tell and the parser is at work here. */
export function ownsDirective(frame: Frame, id: string, state: W3cState | undefined): boolean {
  const owner = directiveOwner(frame)
  return owner === id || (owner === '' && state !== undefined)
}

/** Takes a directive into the state. */
export function readDirective(frame: Frame, state: W3cState, table: FieldTable): void {
  const text = frame.buf.toString('utf8', frame.body, frame.end)
  const colon = text.indexOf(':')
  const value = text.slice(colon + 1)
  switch (text.slice(1, colon)) {
    case 'Fields':
      setNames(state, value, table)
      return
    case 'GMT-Offset':
      state.zone = fixedZone(value)
      return
    case 'Software':
      state.zone = UTC
      return
    case 'Date':
    case 'Start-Date': {
      const date = /^\s*(\d{4})-(\d\d)-(\d\d)/.exec(value)
      if (date !== null) [state.year, state.month, state.day] = [Number(date[1]), Number(date[2]), Number(date[3])]
    }
  }
}

/** Sets the columns as if a `#Fields` directive had said so. */
export function setNames(state: W3cState, fields: string, table: FieldTable): void {
  const trimmed = fields.trim()
  state.tabs = trimmed.includes('\t')
  state.names = (state.tabs ? trimmed.split(/ *\t */) : trimmed.split(/ +/)).slice(0, NAMES_MAX)
  state.map = table.columns(state.names)
  const first = state.names[0] ?? ''
  state.dateColumn = state.names.slice(0, 8).indexOf('date')
  state.first = first === 'date' ? 'date' : first === 'c-ip' ? 'address' : 'any'
}

function fixedZone(value: string): Zone {
  const offset = /^\s*([+-])(\d\d):?(\d\d)/.exec(value)
  if (offset === null) return UTC
  const ms = (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000
  return { name: value.trim(), toUtc: wallMs => wallMs - ms }
}

/**
 * Where the row begins: the body, or the time of a syslog header when that was really the row's date (after a PRI alone, the two
 * look the same).
 */
export function rowStart(frame: Frame, first: FirstColumn): number {
  const { buf, body, end, timeStart, timeEnd, hostStart } = frame
  if (first !== 'date' || timeStart < 0 || isDate(buf, body, end)) return body
  return isDate(buf, timeStart, end) && buf[timeStart + 10] === BLANK && (hostStart < 0 || hostStart === timeEnd + 1) ? timeStart : body
}

/** True when the frame can be a row under the state's columns, by the look of its first value. */
export function looksLikeRow(frame: Frame, state: W3cState): boolean {
  if (state.map === undefined) return false
  const { buf, end } = frame
  let at = rowStart(frame, state.first)
  if (buf[at] === QUOTE) at++
  if (buf[at] === HASH || at >= end) return false
  if (state.first === 'date') return isDate(buf, at, end)
  if (state.first === 'address') return isAddress(buf, at, end) || (buf[at] === 0x2d && isSeparator(buf[at + 1]!, state.tabs))
  if (state.tabs) return buf.indexOf(TAB, at) < end && buf.indexOf(TAB, at) > 0
  if (buf[at] === 0x7b || buf[at] === 0x3c) return false
  for (let column = 0; column < state.dateColumn; column++) {
    while (at < end && !isSeparator(buf[at]!, false)) if (buf[at++] === QUOTE) return true // blanks may be within values
    while (at < end && isSeparator(buf[at]!, false)) at++
  }
  return state.dateColumn < 0 || isDate(buf, at, end)
}

/** True for `YYYY-MM-DD` at `at`, and not beyond `end`: what lies behind a frame is of other lines. */
export function isDate(buf: Uint8Array, at: number, end: number): boolean {
  return (
    at + 10 <= end &&
    buf[at + 4] === 0x2d &&
    buf[at + 7] === 0x2d &&
    isDigit(buf[at]) &&
    isDigit(buf[at + 3]) &&
    isDigit(buf[at + 5]) &&
    isDigit(buf[at + 9])
  )
}

/** True when an IP address seems to stand at `at`: hexadecimal digits with dots or colons, up to a separator. */
export function isAddress(buf: Uint8Array, at: number, end: number): boolean {
  let marks = 0
  let p = at
  for (; p < end && p - at < 40; p++) {
    const byte = buf[p]!
    if (byte === 0x2e || byte === 0x3a) marks++
    else if (!isDigit(byte) && !((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)) break
  }
  return marks >= 2 && (p >= end || buf[p] === BLANK || buf[p] === TAB || buf[p] === 0x2c || buf[p] === QUOTE)
}

/**
 * Splits the row at `start` by the state's columns and sets the wanted values. False when the row has fewer columns than
 * `#Fields`, up to the last wanted one and the separator after it; and when stray quotes leave doubt where values end and the
 * row has not exactly as many columns.
 */
export function scanRow(frame: Frame, start: number, state: W3cState, values: readonly Value[]): boolean {
  const { buf, end } = frame
  const map = state.map
  if (map === undefined) return false
  const { tabs } = state
  const total = state.names.length
  let columns = map.length
  let quotes = true
  let at = start
  if (!tabs) while (at < end && buf[at] === BLANK) at++
  for (let column = 0; column < columns; column++) {
    if (at >= end && !(tabs && column > 0 && buf[at - 1] === TAB)) return false
    let valueStart = at
    let valueEnd = -1
    let escape: typeof PLAIN | typeof DOUBLED = PLAIN
    const first = at < end ? buf[at] : -1
    if (quotes && first === QUOTE) {
      valueEnd = closingQuote(buf, at + 1, end, tabs)
      if (valueEnd < 0) quotes = false
      else {
        valueStart = at + 1
        at = valueEnd + 1
        if (innerQuotes) escape = DOUBLED
      }
      if (valueEnd < 0 || strayQuotes) columns = NAMES_MAX + 1 // read on, to count
    } else if (first === 0x5b && !tabs) {
      valueEnd = closingBracket(buf, at, end)
      if (valueEnd > 0) at = valueEnd
    }
    if (valueEnd < 0) {
      while (at < end && !isSeparator(buf[at]!, tabs)) at++
      valueEnd = at
    }
    const index = column < map.length ? map.indexes[column]! : -1
    if (index >= 0) values[index]!.set(valueStart, valueEnd, escape)
    if (at >= end) return column + 1 === total
    at++
    if (!tabs) while (at < end && isSeparator(buf[at]!, false)) at++
    if (at >= end && !tabs) return column + 1 === total
  }
  return columns === map.length
}

/** Without TABs in `#Fields`, rows are separated by blanks or by TABs all the same. */
const isSeparator = (byte: number, tabs: boolean): boolean => byte === TAB || (!tabs && byte === BLANK)

/** What `closingQuote` met on its way: any quote, and quotes that were not doubled. */
let innerQuotes = false
let strayQuotes = false

/** Offset of the quote that closes a value, or -1. A quoted word inside (`"UA (a "b" c)"`) opens and closes within it. */
function closingQuote(buf: Uint8Array, start: number, end: number, tabs: boolean): number {
  innerQuotes = false
  strayQuotes = false
  let open = false
  for (let at = start; at < end; at++) {
    if (buf[at] !== QUOTE) continue
    const last = at + 1 >= end || isSeparator(buf[at + 1]!, tabs)
    if (last && !open) return at
    innerQuotes = true
    if (last) open = false
    else if (buf[at + 1] === QUOTE) at++
    else {
      strayQuotes = true
      open = buf[at - 1] === BLANK
    }
  }
  return -1
}

/** Offset after the bracket that closes a time such as `[05/Jan/2026:09:15:30 +0100]`, or -1. */
function closingBracket(buf: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + 40)
  for (let at = start; at < last; at++) if (buf[at] === 0x5d && (at + 1 >= end || isSeparator(buf[at + 1]!, false))) return at + 1
  return -1
}

/** Time of a `date` and a `time` value in the zone given; with the date of the directives when there is no `date`. NaN without. */
export function readRowTime(frame: Frame, state: W3cState, date: Value, clock: Value, zone: Zone): number {
  const { buf } = frame
  if (!clock.present) return Number.NaN
  if (!date.present) return state.year < 0 ? Number.NaN : readClock(buf, clock.start, clock.end, state.year, state.month, state.day, zone)
  if (clock.start === date.end + 1) return readIsoTime(buf, date.start, clock.end, zone)
  if (!isDate(buf, date.start, date.end)) return Number.NaN
  return readClock(
    buf,
    clock.start,
    clock.end,
    readDigits(buf, date.start, 4),
    readDigits(buf, date.start + 5, 2),
    readDigits(buf, date.start + 8, 2),
    zone
  )
}
