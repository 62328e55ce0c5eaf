/**
 * Parsers from a user's mapping: CSV columns or keys, and the record property of each. The local counterpart of the custom parser
 * of the portal: same facts, same kind of time pattern, same expression for "blocked".
 */
import type { Frame, Outcome, Parser } from '../../contracts.ts'
import { find, needle } from '../../lib/bytes.ts'
import { isPlaceholder } from '../../lib/placeholder.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, ACTION_UNKNOWN, type RecordFields, TIME } from '../../record.ts'
import { count, type Field, raw, text } from '../field.ts'
import { FieldTable } from '../field-table.ts'
import { type ColumnMap, type DelimitedSyntax, scanDelimited } from '../grammar/delimited.ts'
import { KEY_VALUE_SYNTAX, scanKeyValue } from '../grammar/key-value.ts'
import { malformed, skip } from '../kit.ts'
import type { Value } from '../values/line.ts'
import { ActionPattern, VALUE_MAX_CHARS } from './action-pattern.ts'
import { DatePattern } from './date-pattern.ts'
import { splitHeader } from './header-row.ts'
import { JoinedTime } from './joined-time.ts'
import { rowParser } from './row-parser.ts'
import { type Mapping, type MappingFields, TemplateError, type TemplateFault } from './template.ts'
import { readWholeTime } from './whole-time.ts'

const PROPERTIES = {
  srcIp: text('srcIp'),
  user: text('user'),
  device: text('device'),
  dstIp: text('dstIp'),
  dstPort: count('dstPort'),
  dstHost: text('dstHost'),
  url: text('url'),
  uploadedBytes: count('uploadedBytes'),
  downloadedBytes: count('downloadedBytes'),
  totalBytes: count('totalBytes')
} as const

type Property = keyof typeof PROPERTIES

/** Judged values that are kept, so that the words of a log are judged once. */
const JUDGED_MAX = 256

/** What the columns of an intake are; undefined before its header row. */
interface Columns {
  map: ColumnMap | undefined
}

export function mappingParser(mapping: Mapping): Parser {
  const faults: TemplateFault[] = []
  const rule = compile(mapping, faults)
  if (faults.length > 0) throw new TemplateError(faults)
  return mapping.kind === 'csv' ? csvParser(mapping, rule) : keyValueParser(mapping, rule)
}

interface Rule {
  table: FieldTable<string>
  complete(frame: Frame, out: RecordFields): void
}

/** Checks the mapping; what is wrong goes to `faults`. */
function compile({ kind, delimiter, assign, columns, header, fields }: Mapping, faults: TemplateFault[]): Rule {
  const fault = (path: (string | number)[], message: string): void => void faults.push({ path: ['mapping', ...path], message })
  const word = kind === 'csv' ? 'column' : 'key'
  const other = kind === 'csv' ? 'key' : 'column'
  const { time, action } = fields
  for (const [name, entry] of [
    ['time', time],
    ['action', action]
  ] as const) {
    if (entry === undefined) continue
    if (entry[other] !== undefined) fault(['fields', name, other], `belongs to kind ${kind === 'csv' ? 'key-value' : 'csv'}; give ${word}`)
    else if (entry[word] === undefined) fault(['fields', name], `the key ${JSON.stringify(word)} is missing`)
  }
  for (const [name, text] of [
    ['delimiter', delimiter],
    ['assign', assign]
  ] as const)
    if (text !== undefined && byteOf(text) < 0) fault([name], `${JSON.stringify(text)} must be one ASCII character, or \\t`)
  if (kind === 'key-value') {
    if (columns !== undefined) fault(['columns'], 'has no meaning with kind key-value')
    if (header !== undefined) fault(['header'], 'has no meaning with kind key-value')
  } else {
    if (assign !== undefined) fault(['assign'], 'has no meaning with kind csv')
    if (columns === undefined && header === false) fault([], 'the key "columns" is missing; without a header row only it can name them')
    if (columns !== undefined) checkColumns(fields, columns, fault)
  }
  if (fields.url === undefined && fields.dstHost === undefined && fields.dstIp === undefined)
    fault(['fields'], 'there is no server; give url, dstHost or dstIp')

  const rows = new Map<string, Field[]>()
  const want = (name: string, field: Field): void => void rows.set(name, [...(rows.get(name) ?? []), field])
  const timeName = time[word] ?? ''
  const actionName = action?.[word]
  for (const property of Object.keys(PROPERTIES) as Property[])
    if (fields[property] !== undefined) want(fields[property], PROPERTIES[property])
  for (const name of [timeName, time.clock, actionName]) if (name !== undefined && name !== '') want(name, raw())
  const table = new FieldTable<string>(Object.fromEntries(rows))
  const readTime = timeReader(
    table,
    timeName,
    time.clock,
    tryPattern(() => time.format && new DatePattern(time.format), ['fields', 'time', 'format'], fault)
  )
  const judge = (text: string | undefined, key: string): ActionPattern | undefined =>
    tryPattern(() => text && new ActionPattern(text), ['fields', 'action', key], fault)
  const blocked = judge(action?.blocked, 'blocked')
  const allowed = judge(action?.allowed, 'allowed')
  const readAction = blocked === undefined || actionName === undefined ? undefined : actionReader(table.v[actionName]!, blocked, allowed)
  return {
    table,
    complete(frame, out) {
      table.apply(frame, out)
      out.numbers[TIME] = readTime(frame)
      if (readAction !== undefined) out.action = readAction()
    }
  }
}

type OnFault = (path: (string | number)[], message: string) => void

function tryPattern<Pattern>(make: () => Pattern | '' | undefined, path: string[], fault: OnFault): Pattern | undefined {
  try {
    return make() || undefined
  } catch (error) {
    fault(path, `can not be used: ${(error as Error).message}`)
    return undefined
  }
}

function checkColumns(fields: MappingFields, columns: readonly string[], fault: OnFault): void {
  const named: [path: string[], name: string | undefined][] = [
    [['time', 'column'], fields.time.column],
    [['time', 'clock'], fields.time.clock],
    [['action', 'column'], fields.action?.column],
    ...(Object.keys(PROPERTIES) as Property[]).map((name): [string[], string | undefined] => [[name], fields[name]])
  ]
  for (const [path, name] of named)
    if (name !== undefined && !columns.includes(name))
      fault(['fields', ...path], `there is no column ${JSON.stringify(name)}; columns has ${columns.slice(0, 40).join(', ')}`)
}

/** Code of a delimiter that the configuration gives, or -1. */
function byteOf(text: string): number {
  if (text === '\\t') return 0x09
  return text.length === 1 && text.charCodeAt(0) < 0x80 && text !== '"' && text !== '\n' ? text.charCodeAt(0) : -1
}

function timeReader(
  table: FieldTable<string>,
  name: string,
  clockName: string | undefined,
  pattern: DatePattern | undefined
): (frame: Frame) => number {
  const date = table.v[name]
  const clock = clockName === undefined ? undefined : table.v[clockName]
  const joined = new JoinedTime()
  const read = (buf: Buffer, start: number, end: number, { zone, now }: Frame): number =>
    pattern === undefined ? readWholeTime(buf, start, end, zone, now) : pattern.read(buf, start, end, zone, now)
  return frame => {
    if (date === undefined || !date.present) return Number.NaN
    if (clock === undefined) return read(frame.buf, date.start, date.end, frame)
    return joined.join(date, clock) ? read(joined.buf, 0, joined.end, frame) : Number.NaN
  }
}

/** The decision of a value: blocked or allowed by the expressions; an absent value decides nothing. */
function actionReader(value: Value, blocked: ActionPattern, allowed: ActionPattern | undefined): () => number {
  const judged = new Map<string, number>()
  return () => {
    const { start } = value
    if (start < 0 || isPlaceholder(value.line.buf, start, value.end)) return 0
    // bounded before it becomes a string; a character has at most four bytes
    const word = value.line.buf.toString('utf8', start, Math.min(value.end, start + VALUE_MAX_CHARS * 4))
    const known = judged.get(word)
    if (known !== undefined) return known
    const code = blocked.test(word) ? ACTION_BLOCKED : allowed === undefined || allowed.test(word) ? ACTION_ALLOWED : ACTION_UNKNOWN
    if (judged.size >= JUDGED_MAX) judged.clear()
    judged.set(word, code)
    return code
  }
}

const ID = 'template-mapping'

function keyValueParser({ delimiter = ' ', assign = '=' }: Mapping, { table, complete }: Rule): Parser {
  const syntax = { ...KEY_VALUE_SYNTAX, separator: byteOf(delimiter), assign: byteOf(assign) }
  return rowParser({
    id: ID,
    appliance: 'key=value, by the mapping of the configuration',
    read(frame, start, out): Outcome {
      table.begin(frame)
      if (scanKeyValue(frame.buf, start, frame.end, table.keys, table.values, syntax) === 0) return malformed(out, 'bad_syntax')
      complete(frame, out)
      return 'parsed'
    }
  }) as Parser
}

function csvParser({ delimiter = ',', header, columns, fields }: Mapping, { table, complete }: Rule): Parser {
  const separator = byteOf(delimiter)
  const syntax: DelimitedSyntax = { separator, quote: 0x22, runs: separator === 0x20, brackets: false }
  const hasHeader = header ?? columns === undefined
  const marks = [fields.time.column ?? '', fields.srcIp]
  const firstMark = needle(marks[0]!)
  const given = columns === undefined ? undefined : table.columns(columns)
  const newState = (): Columns => ({ map: given })
  const fixed = newState()

  /** Takes a row that names the columns; false when it is none. */
  const takeHeader = (frame: Frame, start: number, state: Columns): boolean => {
    if (!hasHeader || find(frame.buf, start, frame.end, firstMark) < 0) return false
    const names = splitHeader(frame.buf.toString('utf8', start, frame.end), String.fromCharCode(separator))
    if (!marks.every(mark => names.includes(mark))) return false
    state.map = table.columns(names)
    return true
  }

  return rowParser<Columns>({
    id: ID,
    appliance: 'CSV, by the mapping of the configuration',
    ...(hasHeader ? { newState } : {}),
    read(frame, start, out, state = fixed): Outcome {
      table.begin(frame)
      const { map } = state
      const isWhole = map !== undefined && scanDelimited(frame.buf, start, frame.end, map, table.values, syntax) >= map.length
      if (isWhole) {
        complete(frame, out)
        if (!Number.isNaN(out.numbers[TIME])) return 'parsed'
      }
      if (takeHeader(frame, start, state)) return skip(out, 'header')
      if (map === undefined) return malformed(out, 'no_header')
      return malformed(out, isWhole ? 'bad_time' : 'short_row')
    }
  }) as Parser
}
