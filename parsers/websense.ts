/**
 * Websense Web Security, Forcepoint's name until 2016: SIEM integration as key=value and CEF, and the investigative report as CSV.
 *
 * Formats: Websense TRITON "SIEM integration" strings, 7.7; `bytes_out` and `out` are what the client sent, `bytes_in` and `in` what came
 * back. Values of the key=value form hold blanks, so every key of the format is in the table. The CSV report (V7.5) is read by its
 * header row; its dates are local, month first as the product delivers them.
 */
import {
  action,
  anyTime,
  CefHeader,
  type ColumnMap,
  CSV,
  cefIs,
  cefStart,
  count,
  FieldTable,
  type Frame,
  find,
  findByte,
  findLastByte,
  headerTime,
  KEY_VALUE_SYNTAX,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  oncePerFrame,
  type Parser,
  raw,
  readCefHeader,
  readCount,
  scanCefExtension,
  scanDelimited,
  scanKnownKeys,
  setText,
  skip,
  skipBlanks,
  text,
  time,
  UTC
} from '../src/parse/kit.ts'
import { type RecordFields, TIME, URL, USER } from '../src/record.ts'

const PAIRS = needle('vendor=Websense')
const PRODUCT = needle(' product=')
const HOSTNAME_COLUMN = needle('URL Hostname')
const RECEIVED_COLUMN = needle('Bytes Received')
const BACKSLASH = 1
const LOGIN = ' loginID='
const LDAP_LENGTH = 'LDAP://'.length

interface State {
  /** Columns of the CSV report, once its header row was seen. */
  columns: ColumnMap | undefined
  /** Number of columns of a whole row. */
  width: number
}

const pairsTable = new FieldTable({
  action: action(),
  user: raw(),
  src_host: text('srcIp'),
  dst_host: text('dstHost'),
  dst_ip: text('dstIp'),
  dst_port: count('dstPort'),
  bytes_out: count('uploadedBytes'),
  bytes_in: count('downloadedBytes'),
  url: raw(),
  // the rest only ends the values before it
  ...Object.fromEntries(
    (
      'vendor product product_version severity category src_port http_response http_method http_content_type http_user_agent ' +
      'http_proxy_status_code reason disposition policy role duration'
    )
      .split(' ')
      .map(name => [name, raw()])
  )
})
const pairs = pairsTable.v as Readonly<Record<'user' | 'url', (typeof pairsTable.values)[number]>>

const cefTable = new FieldTable({
  rt: anyTime(),
  act: action(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dhost: text('dstHost'),
  dpt: count('dstPort'),
  in: count('downloadedBytes'),
  out: count('uploadedBytes'),
  loginID: text('user'),
  suser: raw(),
  request: raw()
})

const reportTable = new FieldTable({
  'date/time': raw(),
  user: raw(),
  'source ip': text('srcIp'),
  'source ip address': text('srcIp'),
  'destination ip': text('dstIp'),
  'destination ip address': text('dstIp'),
  port: count('dstPort'),
  'url hostname': text('dstHost'),
  'full url': text('url'),
  'bytes sent': count('uploadedBytes'),
  'bytes received': count('downloadedBytes'),
  action: action()
})

type PathValue = typeof cefTable.v.suser

const cefHeader = new CefHeader()

const isPairs = oncePerFrame(
  frame =>
    matchesAt(frame.buf, frame.body, frame.end, PAIRS) && find(frame.buf, frame.body, Math.min(frame.end, frame.body + 80), PRODUCT) > 0
)

const isCef = oncePerFrame(frame => cefIs(frame, 'Websense', 'Security') || cefIs(frame, 'Websense', 'Web Security'))

const isReportHeader = oncePerFrame(hasReportColumns)

function hasReportColumns(frame: Frame): boolean {
  const { buf, body } = frame
  const end = Math.min(frame.end, body + 1024)
  const first = buf[body]! | 0x20 // column names begin with a letter or a quote
  if ((first < 0x61 || first > 0x7a) && buf[body] !== 0x22) return false
  return find(buf, body, end, HOSTNAME_COLUMN) >= 0 && find(buf, body, end, RECEIVED_COLUMN) >= 0
}

/** A row of the report: it has no mark, so after the header any line with a comma that begins like a value is one. */
function isReportRow(frame: Frame, state: State | undefined): boolean {
  if (state?.columns === undefined || frame.pri >= 0 || frame.timeStart >= 0) return false
  const { buf, body, end } = frame
  let commas = 0
  for (let at = body; at < end && commas < state.width - 1; at++) if (buf[at] === 0x2c) commas++
  return commas >= state.width - 1 && buf[body] !== 0x7b && buf[body] !== 0x5b
}

const parser: Parser<State> = {
  id: 'websense',
  appliance: 'Websense Web Security',
  newState: () => ({ columns: undefined, width: 0 }),
  recognizes: (frame, state) => isPairs(frame) || isCef(frame) || isReportHeader(frame) || isReportRow(frame, state),
  parse(frame, out, state): Outcome {
    if (isPairs(frame)) return parsePairs(frame, out)
    if (isCef(frame)) return parseCef(frame, out)
    if (isReportHeader(frame)) {
      const names = frame.buf
        .toString('latin1', frame.body, frame.end)
        .split(',', 128)
        .map(name => name.replaceAll('"', '').trim().toLowerCase())
      state.columns = reportTable.columns(names)
      state.width = names.length
      return skip(out, 'header')
    }
    return state.columns === undefined ? malformed(out, 'no_header') : parseReport(frame, out, state.columns)
  }
}

function parsePairs(frame: Frame, out: RecordFields): Outcome {
  pairsTable.begin(frame)
  if (scanKnownKeys(frame.buf, frame.body, frame.end, pairsTable.keys, pairsTable.values, KEY_VALUE_SYNTAX) < 6)
    return malformed(out, 'bad_syntax')
  pairsTable.apply(frame, out)
  out.numbers[TIME] = headerTime(frame)
  setUserOfPath(pairs.user, undefined, out)
  setUrl(pairs.url, out)
  return 'parsed'
}

function parseCef(frame: Frame, out: RecordFields): Outcome {
  const extension = readCefHeader(frame.buf, cefStart(frame), frame.end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  cefTable.begin(frame)
  scanCefExtension(frame.buf, extension, frame.end, cefTable.keys, cefTable.values)
  cefTable.apply(frame, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  setUserOfPath(cefTable.v.suser, cefTable.v.loginID, out)
  setUrl(cefTable.v.request, out)
  return 'parsed'
}

function parseReport(frame: Frame, out: RecordFields, columns: ColumnMap): Outcome {
  reportTable.begin(frame)
  if (scanDelimited(frame.buf, frame.body, frame.end, columns, reportTable.values, CSV) < columns.length) return malformed(out, 'short_row')
  reportTable.apply(frame, out)
  const { v } = reportTable
  setUserOfPath(v.user, undefined, out)
  const date = v['date/time']
  if (date.present) out.numbers[TIME] = readReportTime(frame, date.start, date.end)
  return 'parsed'
}

/** `m/d/yyyy h:mm:ss [AM|PM]`, or ISO; the other order when the first number can be no month. */
function readReportTime(frame: Frame, start: number, end: number): number {
  const { buf, zone, now } = frame
  const first = findByte(buf, start, Math.min(end, start + 3), 0x2f)
  if (first < 0) return time.readAnyTime(buf, start, end, zone, now)
  const second = findByte(buf, first + 1, Math.min(end, first + 4), 0x2f)
  if (second < 0) return Number.NaN
  let month = readCount(buf, start, first)
  let day = readCount(buf, first + 1, second)
  if (month > 12) [month, day] = [day, month]
  const year = readCount(buf, second + 1, second + 5)
  const clock = skipBlanks(buf, second + 5, end)
  const suffix = (buf[end - 1]! | 0x20) === 0x6d ? buf[end - 2]! | 0x20 : 0 // AM or PM
  const clockEnd = suffix === 0 ? end : end - 2
  const wall = time.readClock(buf, clock, clockEnd, year, month, day, UTC)
  const isTwelve = buf[clock] === 0x31 && buf[clock + 1] === 0x32
  const shift = suffix === 0x70 && !isTwelve ? 12 : suffix === 0x61 && isTwelve ? -12 : 0
  return zone.toUtc(wall + shift * 3_600_000)
}

/**
 * `LDAP://host OU\=…,DC\=…/Name`: the name; anything else as it stands. Where the path's equals signs are not escaped the grammar
 * ends the value at the first blank; the user's login follows the path in every template, so the path reaches to there.
 */
function setUserOfPath(value: PathValue, next: PathValue | undefined, out: RecordFields): void {
  if (out.has(USER) || !value.present) return
  if (value.startsWith('LDAP://')) {
    const { start } = value
    if (next?.seen && next.start > value.end) value.end = next.start - LOGIN.length
    value.start = findLastByte(out.buf, start + LDAP_LENGTH, value.end, 0x2f) + 1
    if (value.start === 0) return // the path was cut before the name
    value.escape = findByte(out.buf, value.start, value.end, 0x5c) < 0 ? 0 : BACKSLASH
  }
  setText(value, USER, out)
}

/** A URL ends at the first blank or control character. */
function setUrl(value: PathValue, out: RecordFields): void {
  if (!value.present) return
  let at = value.start
  while (at < value.end && out.buf[at]! > 0x20) at++
  value.end = at
  setText(value, URL, out)
}

export default parser
