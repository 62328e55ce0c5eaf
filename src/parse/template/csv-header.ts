/** Parsers from the header row of a CSV log, by the usual names of columns. Rows may come with or without that header. */
import type { Frame, Outcome, Parser } from '../../contracts.ts'
import { matchesAt } from '../../lib/bytes.ts'
import { type RecordFields, TIME } from '../../record.ts'
import { FieldTable } from '../field-table.ts'
import { type DelimitedSyntax, scanDelimited } from '../grammar/delimited.ts'
import { malformed, skip } from '../kit.ts'
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

export function csvHeaderParser(template: string): Parser {
  if (template.length > TEMPLATE_MAX_CHARS) throw fault(`it has ${template.length} characters, more than ${TEMPLATE_MAX_CHARS}`)
  const header = template.trim().replaceAll('\\t', '\t')
  const separator = separatorOf(header)
  const columns = splitHeader(header, separator)
  const names = columns.map(plainName)
  const known = [...COLUMN_NAMES.keys()].filter(name => names.includes(name))
  demand(known, TIMES, 'time', columns)
  demand(known, CLIENTS, 'client address', columns)
  demand(known, SERVERS, 'server (URL, host or address)', columns)
  const table = new FieldTable(Object.fromEntries(known.map(name => [name, COLUMN_NAMES.get(name)!])))
  const map = table.columns(names)
  const syntax: DelimitedSyntax = { separator: separator.charCodeAt(0), quote: 0x22, runs: false, brackets: false }
  const headerBytes = Buffer.from(header)
  const setTime = timeReader(table)
  const schemes = SCHEMES.flatMap(name => table.v[name] ?? [])
  return rowParser({
    id: 'template-csv-header',
    appliance: 'CSV, by the header row of the configuration',
    read(frame, start, out): Outcome {
      const { buf, end } = frame
      if (matchesAt(buf, start, end, headerBytes)) return skip(out, 'header')
      table.begin(frame)
      if (scanDelimited(buf, start, end, map, table.values, syntax) < map.length) return malformed(out, 'short_row')
      table.apply(frame, out)
      setTime(frame, out)
      for (const scheme of schemes) setScheme(scheme, out)
      return 'parsed'
    }
  }) as Parser
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
