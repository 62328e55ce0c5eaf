/** Parsers from the header row of a CSV log, by the usual names of columns. Rows may come with or without that header. */
import type { Frame, Outcome, Parser } from '../../contracts.ts'
import { findByte, matchesAt } from '../../lib/bytes.ts'
import { type RecordFields, TIME } from '../../record.ts'
import { FieldTable } from '../field-table.ts'
import { type ColumnMap, type DelimitedSyntax, scanDelimited } from '../grammar/delimited.ts'
import { malformed, skip } from '../kit.ts'
import type { Value } from '../values/line.ts'
import { setScheme } from '../values/words.ts'
import { CLOCKS, COLUMN_NAMES, DATES, plainName, SCHEMES } from './column-names.ts'
import { separatorOf, splitHeader } from './header-row.ts'
import { JoinedTime } from './joined-time.ts'
import { rowParser } from './row-parser.ts'
import { TEMPLATE_MAX_CHARS, TemplateError } from './template.ts'
import { readWholeTime } from './whole-time.ts'

/** One name per record property, to tell whether a header has it. */
const property = (wanted: string): Set<string> => {
  const field = COLUMN_NAMES.get(wanted)
  return new Set([...COLUMN_NAMES].flatMap(([name, of]) => (of === field ? [name] : [])))
}
const TIMES = new Set([...property('timestamp'), ...DATES, ...CLOCKS])
const CLIENTS = property('srcip')
const SERVERS = new Set([...property('dstip'), ...property('dsthost'), ...property('url')])

/** How rows are read below one header row. */
interface Columns {
  /** The header row, to know it again. */
  header: Buffer
  table: FieldTable<string>
  map: ColumnMap
  setTime: (frame: Frame, out: RecordFields) => void
  schemes: readonly Value[]
}

/** The columns now in force; a header row in the log replaces those of the configuration. */
interface State {
  columns: Columns
}

export function csvHeaderParser(template: string): Parser {
  if (template.length > TEMPLATE_MAX_CHARS) throw fault(`it has ${template.length} characters, more than ${TEMPLATE_MAX_CHARS}`)
  const header = template.trim().replaceAll('\\t', '\t')
  const separator = separatorOf(header)
  const given = columnsOf(header, separator)
  const syntax: DelimitedSyntax = { separator: separator.charCodeAt(0), quote: 0x22, runs: false, brackets: false }
  return rowParser<State>({
    id: 'template-csv-header',
    appliance: 'CSV, by the header row of the configuration',
    newState: () => ({ columns: given }),
    read(frame, start, out, state): Outcome {
      const { buf, end } = frame
      const { columns } = state
      const { header, table, map } = columns
      if (matchesAt(buf, start, end, header)) return skip(out, 'header')
      table.begin(frame)
      const isWhole = scanDelimited(buf, start, end, map, table.values, syntax) >= map.length
      if (isWhole) {
        table.apply(frame, out)
        columns.setTime(frame, out)
        for (const scheme of columns.schemes) setScheme(scheme, out)
      }
      // only what is no row can be a header row: its words are no time
      if ((!isWhole || Number.isNaN(out.numbers[TIME])) && takeHeader(buf, start, end, separator, state)) return skip(out, 'header')
      return isWhole ? 'parsed' : malformed(out, 'short_row')
    }
  }) as Parser
}

/** Takes a row that names time, client and server as the header of the rows to come; false when it is none. */
function takeHeader(buf: Buffer, start: number, end: number, separator: string, state: State): boolean {
  if (end - start > TEMPLATE_MAX_CHARS || findByte(buf, start, end, separator.charCodeAt(0)) < 0) return false
  try {
    state.columns = columnsOf(buf.toString('utf8', start, end).trim(), separator)
    return true
  } catch {
    return false
  }
}

/** @throws TemplateError when the row does not name a time, a client and a server. */
function columnsOf(header: string, separator: string): Columns {
  const columns = splitHeader(header, separator)
  const names = columns.map(plainName)
  const known = [...COLUMN_NAMES.keys()].filter(name => names.includes(name))
  demand(known, TIMES, 'time', columns)
  demand(known, CLIENTS, 'client address', columns)
  demand(known, SERVERS, 'server (URL, host or address)', columns)
  const table = new FieldTable(Object.fromEntries(known.map(name => [name, COLUMN_NAMES.get(name)!])))
  return {
    header: Buffer.from(header),
    table,
    map: table.columns(names),
    setTime: timeReader(table),
    schemes: SCHEMES.flatMap(name => table.v[name] ?? [])
  }
}

const fault = (message: string): TemplateError => new TemplateError([{ path: [], message }])

function demand(known: readonly string[], wanted: ReadonlySet<string>, what: string, columns: readonly string[]): void {
  if (known.some(name => wanted.has(name))) return
  throw fault(`none of its columns is known as ${what}; use template.mapping, or rename one of ${columns.slice(0, 40).join(', ')}`)
}

/** Date and clock together when there are both, else the one column that holds both. */
function timeReader(table: FieldTable<string>): (frame: Frame, out: RecordFields) => void {
  const first = (names: readonly string[]) => names.map(name => table.v[name]).find(value => value !== undefined)
  const date = first(DATES)
  const clock = first(CLOCKS)
  const joined = new JoinedTime()
  return (frame, out) => {
    if (!Number.isNaN(out.numbers[TIME])) return
    const { zone, now } = frame
    if (date !== undefined && clock !== undefined) {
      if (joined.join(date, clock)) out.numbers[TIME] = readWholeTime(joined.buf, 0, joined.end, zone, now)
      return
    }
    const single = date ?? clock
    if (single?.present === true) out.numbers[TIME] = readWholeTime(frame.buf, single.start, single.end, zone, now)
  }
}
