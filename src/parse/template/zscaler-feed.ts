/**
 * Parsers from Zscaler's NSS feed output format, as it stands in the portal of ZIA (Zscaler help, "NSS Feed Output Format: Web
 * Logs" and "… Firewall Logs"): literal text and fields such as `%s{login}`, `%d{reqsize}`, `%02d{hh}`; `\t` is a TAB, `\{` a
 * brace. A format that is a JSON object is read as JSON by the names it gives, any other by the text between its fields.
 */
import type { Frame, Outcome, Parser } from '../../contracts.ts'
import { findByte } from '../../lib/bytes.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, ACTION_UNKNOWN, DST_HOST, type RecordFields, TIME, URL, USER } from '../../record.ts'
import { action, count, raw, text } from '../field.ts'
import { FieldTable } from '../field-table.ts'
import { JsonLevel, scanJson } from '../grammar/json.ts'
import { salvageJson } from '../grammar/json-salvage.ts'
import { jsonStart, malformed } from '../kit.ts'
import { KeyTable } from '../values/key-table.ts'
import { decodePercent, Line, Value } from '../values/line.ts'
import { nearestYear, readEpoch, readMonth, wallTime, withOffset } from '../values/time.ts'
import { setScheme } from '../values/words.ts'
import { rowParser } from './row-parser.ts'
import { type FieldPiece, type Piece, SegmentScanner, type Shape } from './segments.ts'
import { TEMPLATE_MAX_CHARS, TemplateError } from './template.ts'
import { readWholeTime } from './whole-time.ts'

/** Zscaler's names of fields. The request is sent by the client; of the firewall's counters `in` is what the server sent. */
const ROWS = {
  epochtime: raw(),
  time: raw(),
  datetime: raw(),
  tz: raw(),
  yy: raw(),
  mth: raw(),
  mon: raw(),
  dd: raw(),
  hh: raw(),
  mm: raw(),
  ss: raw(),
  cip: text('srcIp'),
  csip: text('srcIp'),
  cintip: text('srcIp'),
  cpubip: text('srcIp'),
  login: text('user'),
  elogin: text('user'),
  devicehostname: text('device'),
  edevicehostname: text('device'),
  sip: text('dstIp'),
  sdip: text('dstIp'),
  cdip: text('dstIp'),
  cdport: count('dstPort'),
  ehost: text('dstHost'),
  host: text('dstHost'),
  ecdfqdn: text('dstHost'),
  cdfqdn: text('dstHost'),
  eurl: text('url'),
  url: text('url'),
  b64url: raw(),
  b64host: raw(),
  reqsize: count('uploadedBytes'),
  outbytes: count('uploadedBytes'),
  respsize: count('downloadedBytes'),
  inbytes: count('downloadedBytes'),
  totalsize: count('totalBytes'),
  action: action({ cautioned: 'blocked', isolated: 'allowed', conditional: 'allowed' }),
  proto: raw()
} as const

type Token = keyof typeof ROWS

const TIMES: readonly Token[] = ['epochtime', 'time', 'datetime', 'dd']
const CLIENTS: readonly Token[] = ['cip', 'csip', 'cintip', 'cpubip']
const SERVERS: readonly Token[] = ['sip', 'sdip', 'cdip', 'ehost', 'host', 'ecdfqdn', 'cdfqdn', 'eurl', 'url', 'b64url', 'b64host']
const ADDRESSES = new Set(['cip', 'csip', 'cintip', 'cpubip', 'sip', 'sdip', 'cdip', 'ssip', 'tsip'])
/** Bytes of fields that always have as many: `Mon Jun 20 15:29:11 2022`, names of weekday and month. */
const LENGTHS: Readonly<Record<string, number>> = { time: 24, mon: 3, day: 3, yy: 4 }

export function zscalerFeedParser(template: string): Parser {
  if (template.length > TEMPLATE_MAX_CHARS) throw fault(`it has ${template.length} characters, more than ${TEMPLATE_MAX_CHARS}`)
  const table = new FieldTable(ROWS)
  const line = new Line()
  const pieces = readFeed(template, table)
  const names = new Set(pieces.flatMap(piece => (typeof piece === 'string' ? [] : [piece.name.slice(piece.name.indexOf('{') + 1, -1)])))
  demand(names, TIMES, 'no time; add %s{time} or %d{epochtime}')
  demand(names, CLIENTS, 'no client address; add %s{cip}')
  demand(names, SERVERS, 'no server; add %s{eurl}, %s{ehost} or %s{sip}')
  const scan = jsonReader(pieces, line) ?? segmentReader(pieces)
  return rowParser({
    id: 'template-zscaler-feed',
    appliance: 'Zscaler, by the feed output format of the configuration',
    read(frame, start, out): Outcome {
      table.begin(frame)
      line.buf = frame.buf
      if (!scan(frame, start)) return malformed(out, 'bad_syntax')
      table.apply(frame, out)
      finish(table, frame, out)
      return 'parsed'
    }
  }) as Parser
}

const fault = (message: string): TemplateError => new TemplateError([{ path: [], message }])

function demand(names: ReadonlySet<string>, anyOf: readonly string[], message: string): void {
  if (!anyOf.some(name => names.has(name))) throw fault(`it has ${message}`)
}

const ESCAPES: Readonly<Record<string, string>> = {
  t: '\t',
  n: '\n',
  r: '\r',
  '{': '{',
  '}': '}',
  '[': '[',
  ']': ']',
  '"': '"',
  '\\': '\\'
}

/** Literals and fields of a feed output format. */
function readFeed(template: string, table: FieldTable<Token>): Piece[] {
  const pieces: Piece[] = []
  const body = template.replace(/(?:\\r|\\n|[\r\n])+$/, '')
  const part = /%%|%[-+ 0#]*(\d*)(?:\.\d+)?(?:ll|l|h)?([a-zA-Z])\{([^{}]{1,64})\}|\\(.)|[^%\\]+|[\s\S]/gy
  for (const match of body.matchAll(part)) {
    const [whole, width, , name, escaped] = match
    if (whole === '%') {
      const seen = body.slice(match.index, match.index + 12)
      throw fault(
        `${JSON.stringify(seen)} at character ${match.index + 1} is no field; a field is such as %s{login}, and %% is a percent sign`
      )
    }
    if (name !== undefined) pieces.push(fieldOf(whole, name, Number(width), table))
    else if (escaped !== undefined) pieces.push(ESCAPES[escaped] ?? whole)
    else pieces.push(whole === '%%' ? '%' : whole)
  }
  return pieces
}

function fieldOf(written: string, name: string, width: number, table: FieldTable<Token>): FieldPiece {
  const value = Object.hasOwn(ROWS, name) ? table.v[name as Token] : undefined
  const isCount = /[diu]\{/.test(written)
  const shape: Shape = isCount ? 'count' : ADDRESSES.has(name) ? 'address' : 'text'
  return { name: written, value, shape, length: LENGTHS[name] ?? (isCount && width === 2 ? 2 : 0) }
}

type Scan = (frame: Frame, start: number) => boolean

function segmentReader(pieces: readonly Piece[]): Scan {
  const scanner = new SegmentScanner(pieces, { runs: false, backslash: false })
  return (frame, start) => scanner.scan(frame.buf, start, frame.end)
}

/** Marks of fields while the format is read as JSON: they occur in no feed. */
const MARK = '\ue000'
const MARK_END = '\ue001'

/** A reader by names when the format is a JSON object, else undefined. */
function jsonReader(pieces: readonly Piece[], line: Line): Scan | undefined {
  const tree = asJson(pieces)
  if (tree === undefined) return undefined
  const wanted = new Map<string, Value>()
  const leaves = new Map<string, Value>()
  const composed: { value: Value; scanner: SegmentScanner }[] = []
  for (const [path, text] of leafTexts(tree, [])) {
    const inner = piecesOf(text, pieces)
    const fields = inner.filter(piece => typeof piece !== 'string')
    if (fields.every(({ value }) => value === undefined)) continue
    let value = fields[0]!.value!
    if (inner.length > 1) {
      value = new Value(line)
      composed.push({ value, scanner: new SegmentScanner(inner, { runs: false, backslash: false }) })
    }
    const name = path.join('.')
    if (!wanted.has(name)) wanted.set(name, value)
    if (!leaves.has(path.at(-1)!)) leaves.set(path.at(-1)!, value)
  }
  const level = new JsonLevel(wanted)
  const keys = new KeyTable([...leaves.keys()])
  const leafValues = [...leaves.values()]
  const forget = (): void => {
    for (const value of leafValues) value.start = -1
  }
  return (frame, start) => {
    const { buf, end } = frame
    for (const { value } of composed) value.start = -1
    const object = jsonStart(frame)
    if (scanJson(buf, Math.max(object, start), end, level) < 0) {
      forget() // the value before the break may have been cut short
      salvageJson(buf, object, end, keys, leafValues)
    }
    for (const { value, scanner } of composed) if (value.start >= 0) scanner.scan(buf, value.start, value.end)
    return leafValues.some(value => value.start >= 0)
  }
}

/** The format as a tree, with marks where its fields are; undefined when it is no JSON object. */
function asJson(pieces: readonly Piece[]): object | undefined {
  const head = pieces.slice(
    0,
    Math.max(
      0,
      pieces.findIndex(piece => typeof piece !== 'string')
    )
  )
  if (!head.join('').trimStart().startsWith('{')) return undefined
  let json = ''
  let isQuoted = false
  for (const [index, piece] of pieces.entries()) {
    if (typeof piece === 'string') {
      for (const char of piece) if (char === '"') isQuoted = !isQuoted
      json += piece
    } else json += isQuoted ? `${MARK}${index}${MARK_END}` : `"${MARK}${index}${MARK_END}"`
  }
  try {
    const tree: unknown = JSON.parse(json)
    return typeof tree === 'object' && tree !== null ? tree : undefined
  } catch {
    return undefined
  }
}

const DEPTH_MAX = 8

function leafTexts(tree: object, path: readonly string[]): [path: readonly string[], text: string][] {
  if (path.length > DEPTH_MAX || Array.isArray(tree)) return []
  return Object.entries(tree).flatMap(([key, item]: [string, unknown]): [readonly string[], string][] => {
    if (typeof item === 'object' && item !== null) return leafTexts(item, [...path, key])
    return typeof item === 'string' && item.includes(MARK) ? [[[...path, key], item]] : []
  })
}

/** A marked text back in pieces. */
const piecesOf = (text: string, pieces: readonly Piece[]): Piece[] =>
  text
    .split(/(\ue000\d+\ue001)/)
    .filter(part => part !== '')
    .map(part => (part.startsWith(MARK) ? pieces[Number(part.slice(1, -1))]! : part))

function finish(table: FieldTable<Token>, frame: Frame, out: RecordFields): void {
  const { v } = table
  readTime(v, frame, out)
  if (out.action === ACTION_UNKNOWN) out.action = actionByStart(v.action)
  if (v.b64url.present && !out.has(URL)) out.setText(URL, Buffer.from(v.b64url.text(), 'base64').toString('utf8'))
  if (v.b64host.present && !out.has(DST_HOST)) out.setText(DST_HOST, Buffer.from(v.b64host.text(), 'base64').toString('utf8'))
  if (out.has(USER) && findByte(out.buf, out.start[USER]!, out.end[USER]!, 0x25) >= 0) out.setText(USER, decodePercent(out.text(USER)!))
  setScheme(v.proto, out)
}

/** The firewall's words go on after the decision: `Allow due to insufficient app data`, `Block ICMP`. */
function actionByStart(value: Value): number {
  if (value.startsWith('Allow')) return ACTION_ALLOWED
  return value.startsWith('Block') || value.startsWith('Drop') || value.startsWith('Reset') ? ACTION_BLOCKED : ACTION_UNKNOWN
}

const WALL = { name: 'wall', toUtc: (wallMs: number) => wallMs }
type Values = Readonly<Record<Token, Value>>

/** The epoch is certain; a clock is the organisation's, in the zone beside it or else the source's. */
function readTime(v: Values, frame: Frame, out: RecordFields): void {
  const { buf, zone, now } = frame
  const clock = v.time.present ? v.time : v.datetime
  let time = v.epochtime.present ? readEpoch(buf, v.epochtime.start, v.epochtime.end) : Number.NaN
  if (Number.isNaN(time) && clock.present) {
    const isApart = v.tz.present && buf[clock.end - 1] !== 0x5a
    time = readWholeTime(buf, clock.start, clock.end, isApart ? WALL : zone, now)
    if (isApart) time = inZone(v, frame, time)
  }
  if (Number.isNaN(time) && v.dd.present) time = composedTime(v, frame)
  out.numbers[TIME] = time
}

const inZone = ({ tz }: Values, { buf, zone }: Frame, wall: number): number =>
  tz.present ? withOffset(buf, tz.start, tz.end, wall, zone) : zone.toUtc(wall)

function composedTime(v: Values, frame: Frame): number {
  const month = v.mth.present ? number(v.mth) : v.mon.end - v.mon.start >= 3 ? readMonth(frame.buf, v.mon.start) : -1
  const inYear = (year: number): number =>
    inZone(v, frame, wallTime(year, month, number(v.dd), number(v.hh), number(v.mm), v.ss.present ? number(v.ss) : 0))
  if (!v.yy.present) return nearestYear(frame.now, inYear)
  const year = number(v.yy)
  return inYear(year >= 0 && year < 100 ? year + 2000 : year)
}

/** A number that may be padded by blanks. */
function number(value: Value): number {
  if (!value.present) return -1
  const { buf } = value.line
  let { start } = value
  while (start < value.end - 1 && buf[start] === 0x20) start++
  const length = value.end - start
  let sum = 0
  for (let i = 0; i < length; i++) {
    const digit = buf[start + i]! - 0x30
    if (!(digit >= 0 && digit <= 9) || length > 4) return -1
    sum = sum * 10 + digit
  }
  return sum
}
