/**
 * Skyhigh Secure Web Gateway, before that McAfee and Trellix Web Gateway, on premises and in the cloud.
 *
 * Wire forms, told apart by their first bytes:
 *   [05/Jan/2026:09:15:30 +0000] "user" ip status "GET url HTTP/1.1" …   access.log; a header line `#time_stamp …` may name its columns
 *   mwg: status="403/80" srcip="…"                                       syslog; status/block id, bytes client→, →server, server→, →client
 *   date="2026-01-05T09:15:30.250Z" hostname="…"                         log handler
 *   LEEF:1.0|McAfee|Web Gateway|…  CEF:0|McAfee|Web Gateway|…            SIEM; LEEF pairs are separated by pipes
 *   user_id=… username=… source_ip=… http_action=…                       cloud, values without quotes
 *   "user_id","username","source_ip","http_action",…                     cloud, API export with a header row
 *
 * Formats: McAfee Web Gateway product guide (log handler), Skyhigh SSE log API; byte directions by name where the name says them.
 */
import {
  ACCESS_LOG,
  action,
  afterTag,
  anyTime,
  CefHeader,
  type ColumnMap,
  CSV,
  cefIs,
  cefStart,
  clfTime,
  count,
  epoch,
  FieldTable,
  type Frame,
  find,
  findByte,
  findLastByte,
  headerTime,
  isDigit,
  isoTime,
  KEY_VALUE_SYNTAX,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCefHeader,
  readCount,
  readLeefHeader,
  scanCefExtension,
  scanDelimited,
  scanKeyValue,
  scanKnownKeys,
  scanLeef,
  skip,
  skipBlanks,
  text,
  time,
  tokenEnd,
  type Zone
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SCHEME_HTTP,
  SCHEME_HTTPS,
  SRC_IP,
  TIME,
  UPLOADED,
  URL
} from '../src/record.ts'

const VENDORS = ['McAfee', 'Skyhigh', 'Skyhigh Security', 'Trellix']
const PRODUCTS = ['Web Gateway', 'Secure Web Gateway']

const ACCESS_HEADER = needle('#time_stamp ')
const AFTER_CLOCK = needle('] "')
const SYSLOG = needle('status="')
const SYSLOG_SECOND = needle('" srcip="')
const HANDLER = needle('date="')
const HANDLER_SECOND = needle('" hostname="')
const HANDLER_MARK = needle('http_request_first_line=')
const CLOUD = needle('user_id=')
const CLOUD_CUT = needle('id=')
const CLOUD_USER = needle(' username=')
const CLOUD_ACTION = needle(' http_action=')
const HEADER_NAMES = ['username', 'source_ip', 'http_action'].map(needle)
const CONNECT = needle('CONNECT ')
const UTC: Zone = { name: 'UTC', toUtc: wallMs => wallMs }

const FORM_NONE = 0
const FORM_ACCESS = 1
const FORM_ACCESS_HEADER = 2
const FORM_SYSLOG = 3
const FORM_HANDLER = 4
const FORM_LEEF = 5
const FORM_CEF = 6
const FORM_CLOUD = 7
const FORM_CLOUD_HEADER = 8
const FORM_CLOUD_ROW = 9

interface State {
  /** Columns of the access log, by its header line or as delivered. */
  access: ColumnMap
  /** Columns of the cloud export, once its header row was seen. */
  cloud: ColumnMap | undefined
  /** The export begins with the user's number, by which rows are told from other CSV. */
  numbered: boolean
}

const accessTable = new FieldTable({
  time_stamp: clfTime(),
  auth_user: text('user'),
  src_ip: text('srcIp'),
  status_code: raw(),
  req_line: raw(),
  bytes_to_client: count('downloadedBytes'),
  bytes_from_client: count('uploadedBytes'),
  block_res: raw()
})
const ACCESS_COLUMNS = 'time_stamp auth_user src_ip status_code req_line categories rep_level media_type bytes_to_client'.split(' ')
const ACCESS_DEFAULT = accessTable.columns([...ACCESS_COLUMNS, 'user_agent', 'virus_name', 'block_res'])
const ACCESS_BOTH = accessTable.columns([...ACCESS_COLUMNS, 'bytes_from_client', 'user_agent', 'virus_name', 'block_res'])

const syslogTable = new FieldTable({
  status: raw(),
  srcip: text('srcIp'),
  user: text('user'),
  destip: text('dstIp'),
  dhost: text('dstHost'),
  urlp: count('dstPort'),
  bytes: raw(),
  url: text('url')
})

const handlerTable = new FieldTable({
  date: isoTime(),
  username: text('user'),
  source_ip: text('srcIp'),
  destination_ip: raw(),
  destination_host: text('dstHost'),
  http_status_code: raw(),
  source_bytes: count('uploadedBytes'),
  destination_bytes: count('downloadedBytes'),
  http_request_first_line: raw(),
  block_id: raw()
})

const leefTable = new FieldTable({
  devTime: anyTime(),
  usrName: text('user'),
  src: text('srcIp'),
  dst: text('dstIp'),
  dstPort: count('dstPort'),
  srcBytes: count('uploadedBytes'),
  dstBytes: count('downloadedBytes'),
  totalBytes: count('totalBytes'),
  url: text('url'),
  httpStatus: raw(),
  blockReason: raw()
})

const cefTable = new FieldTable({
  rt: anyTime(),
  suser: text('user'),
  src: text('srcIp'),
  shost: text('device'),
  dst: text('dstIp'),
  dhost: text('dstHost'),
  dpt: count('dstPort'),
  out: count('uploadedBytes'),
  in: count('downloadedBytes'),
  request: text('url'),
  act: action({ '0': 'allowed' })
})

const cloudTable = new FieldTable({
  request_timestamp_epoch: epoch(),
  request_timestamp: raw(),
  username: text('user'),
  client_ip: text('srcIp'),
  source_ip: text('srcIp'),
  client_system_name: text('device'),
  destination_ip: text('dstIp'),
  destination_port: count('dstPort'),
  requested_host: text('dstHost'),
  requested_path: text('url'),
  uri_scheme: raw(),
  client_to_server_bytes: count('uploadedBytes'),
  server_to_client_bytes: count('downloadedBytes'),
  result: action(),
  // the rest only ends the values before it
  ...Object.fromEntries(
    (
      'user_id http_action virus category media_type application_type reputation last_rule http_status_code location block_reason ' +
      'user_agent_product user_agent_version user_agent_comment process_name pop_country_code referer ssl_scanned av_scanned_up ' +
      'av_scanned_down rbi dlp filename pop_egress_ip pop_ingress_ip proxy_port'
    )
      .split(' ')
      .map(name => [name, raw()])
  )
})
const cloud = cloudTable.v as Readonly<Record<'request_timestamp' | 'uri_scheme', (typeof cloudTable.values)[number]>>

const cefHeader = new CefHeader()
const leefHeader = new LeefHeader()

/** Where the log line begins, after a syslog tag such as `mwg:`. */
const lineStart = (frame: Frame): number => (frame.pri >= 0 || frame.timeStart >= 0 ? afterTag(frame) : frame.body)

function formOf(frame: Frame, start: number, state: State): number {
  const { buf } = frame
  const end = Math.min(frame.end, start + 400)
  switch (buf[start]) {
    case 0x5b: // [dd/Mmm/yyyy:
      return buf[start + 3] === 0x2f &&
        buf[start + 7] === 0x2f &&
        isDigit(buf[start + 1]) &&
        (isAccessRow(buf, start, end) || state.access !== ACCESS_DEFAULT) // a header row may have put other columns first
        ? FORM_ACCESS
        : FORM_NONE
    case 0x23:
      return matchesAt(buf, start, end, ACCESS_HEADER) ? FORM_ACCESS_HEADER : FORM_NONE
    case 0x73: // status="403/80" srcip=
      return matchesAt(buf, start, end, SYSLOG) && find(buf, start + SYSLOG.length, Math.min(end, start + 40), SYSLOG_SECOND) > 0
        ? FORM_SYSLOG
        : FORM_NONE
    case 0x64: // date="2026-01-05T09:15:30.250Z" hostname=
      return matchesAt(buf, start, end, HANDLER) && buf[start + 16] === 0x54 && isHandlerRow(buf, start, frame.end)
        ? FORM_HANDLER
        : FORM_NONE
    case 0x69:
      return matchesAt(buf, start, end, CLOUD_CUT) && isCloudRow(buf, start, end) ? FORM_CLOUD : FORM_NONE
    case 0x75:
      if (matchesAt(buf, start, end, CLOUD)) return isCloudRow(buf, start, end) ? FORM_CLOUD : FORM_NONE
      return isCloudHeader(buf, start, end) ? FORM_CLOUD_HEADER : FORM_NONE
    case 0x22:
      // a header row may come again, with other columns: nothing but a number at the start tells a row from it
      if (state.cloud !== undefined && state.numbered && isCloudExportRow(buf, start, end, true)) return FORM_CLOUD_ROW
      if (isCloudHeader(buf, start, end)) return FORM_CLOUD_HEADER
      return state.cloud !== undefined && isCloudExportRow(buf, start, end, state.numbered) ? FORM_CLOUD_ROW : FORM_NONE
    case 0x4c:
    case 0x43:
      return siemForm(frame)
    default:
      return FORM_NONE
  }
}

/** A quoted user, then an address: Clavister and web servers begin with a bracket as well. */
function isAccessRow(buf: Buffer, start: number, end: number): boolean {
  const clock = find(buf, start + 12, Math.min(end, start + 40), AFTER_CLOCK)
  if (clock < 0) return false
  const quote = findByte(buf, clock + 3, end, 0x22)
  return quote > 0 && buf[quote + 1] === 0x20 && (isDigit(buf[quote + 2]) || findByte(buf, quote + 2, Math.min(end, quote + 8), 0x3a) > 0)
}

function isHandlerRow(buf: Buffer, start: number, end: number): boolean {
  return (
    find(buf, start + 20, Math.min(end, start + 48), HANDLER_SECOND) > 0 && find(buf, start, Math.min(end, start + 1024), HANDLER_MARK) > 0
  )
}

const isCloudRow = (buf: Buffer, start: number, end: number): boolean =>
  find(buf, start, Math.min(end, start + 40), CLOUD_USER) > 0 && find(buf, start, end, CLOUD_ACTION) > 0

/** The three names within the head, and commas. */
function isCloudHeader(buf: Buffer, start: number, end: number): boolean {
  if (findByte(buf, start, end, 0x2c) < 0 || findByte(buf, start, end, 0x3d) > 0) return false
  for (const name of HEADER_NAMES) if (find(buf, start, end, name) < 0) return false
  return true
}

/** `"-1","` or `"4711","` when the first column is the user's number. */
function isCloudExportRow(buf: Buffer, start: number, end: number, numbered: boolean): boolean {
  let at = start + 1
  if (buf[at] === 0x2d) at++
  while (at < end && isDigit(buf[at])) at++
  const isNumber = buf[at] === 0x22 && buf[at + 1] === 0x2c
  return numbered ? isNumber && buf[at + 2] === 0x22 : findByte(buf, start, end, 0x2c) > 0 && !isNumber
}

function siemForm(frame: Frame): number {
  for (const vendor of VENDORS) {
    for (const product of PRODUCTS) {
      if (leefIs(frame, vendor, product)) return FORM_LEEF
      if (cefIs(frame, vendor, product)) return FORM_CEF
    }
  }
  return FORM_NONE
}

const parser: Parser<State> = {
  id: 'skyhigh-swg',
  appliance: 'Skyhigh Secure Web Gateway (McAfee, Trellix Web Gateway)',
  newState: () => ({ access: ACCESS_DEFAULT, cloud: undefined, numbered: false }),
  recognizes(frame, state) {
    return formOf(frame, lineStart(frame), state ?? { access: ACCESS_DEFAULT, cloud: undefined, numbered: false }) !== FORM_NONE
  },
  parse(frame, out, state): Outcome {
    const start = lineStart(frame)
    switch (formOf(frame, start, state)) {
      case FORM_ACCESS:
        return parseAccess(frame, out, start, state.access)
      case FORM_ACCESS_HEADER:
        state.access = accessTable.columns(
          frame.buf
            .toString('latin1', start + 1, frame.end)
            .replaceAll('"', '')
            .split(/ +/, 64)
        )
        return skip(out, 'header')
      case FORM_SYSLOG:
        return parseSyslog(frame, out, start)
      case FORM_HANDLER:
        return parseHandler(frame, out, start)
      case FORM_LEEF:
        return parseLeef(frame, out)
      case FORM_CEF:
        return parseCef(frame, out)
      case FORM_CLOUD:
        cloudTable.begin(frame)
        if (scanKnownKeys(frame.buf, start, frame.end, cloudTable.keys, cloudTable.values, KEY_VALUE_SYNTAX) < 4)
          return malformed(out, 'bad_syntax')
        return completeCloud(frame, out)
      case FORM_CLOUD_HEADER:
        readCloudHeader(frame, start, state)
        return skip(out, 'header')
      case FORM_CLOUD_ROW:
        cloudTable.begin(frame)
        if (scanDelimited(frame.buf, start, frame.end, state.cloud!, cloudTable.values, CSV) < state.cloud!.length)
          return malformed(out, 'short_row')
        return completeCloud(frame, out)
      default:
        return malformed(out, 'bad_syntax')
    }
  }
}

function readCloudHeader(frame: Frame, start: number, state: State): void {
  const names = frame.buf
    .toString('latin1', start, frame.end)
    .split(',', 128)
    .map(name => name.trim().replaceAll('"', ''))
  state.cloud = cloudTable.columns(names)
  state.numbered = names[0] === 'user_id'
}

/** Status and block id: what the gateway blocked has an id; errors without one may be the server's. */
function decide(out: RecordFields, status: number, isBlocked: boolean, isKnown: boolean): void {
  if (isBlocked || status === 407) out.action = ACTION_BLOCKED
  else if (isKnown || (status >= 200 && status < 400)) out.action = ACTION_ALLOWED
}

/** `GET url HTTP/1.1`, or `CONNECT host:port HTTP/1.1`; false when there is no server in it. */
function setRequest(buf: Buffer, start: number, end: number, out: RecordFields): boolean {
  const url = skipBlanks(buf, tokenEnd(buf, start, end), end)
  const urlEnd = tokenEnd(buf, url, end)
  if (url >= urlEnd) return false
  if (!matchesAt(buf, start, end, CONNECT)) {
    out.set(URL, url, urlEnd)
    return true
  }
  const colon = findLastByte(buf, url, urlEnd, 0x3a)
  const hostEnd = colon >= url ? colon : urlEnd
  if (colon >= url) out.numbers[DST_PORT] = readCount(buf, colon + 1, urlEnd)
  if (!out.has(DST_HOST)) out.set(isDigit(buf[hostEnd - 1]) || buf[url] === 0x5b ? DST_IP : DST_HOST, url, hostEnd)
  return hostEnd > url
}

function parseAccess(frame: Frame, out: RecordFields, start: number, columns: ColumnMap): Outcome {
  const { buf, end } = frame
  accessTable.begin(frame)
  let wanted = columns
  if (columns === ACCESS_DEFAULT) {
    // newer versions write a second size without saying so
    scanDelimited(buf, start, end, ACCESS_BOTH, accessTable.values, ACCESS_LOG)
    if (accessTable.v.bytes_from_client.count() >= 0) wanted = ACCESS_BOTH
    accessTable.begin(frame)
  }
  scanDelimited(buf, start, end, wanted, accessTable.values, ACCESS_LOG)
  const { v } = accessTable
  if (!v.req_line.present || v.req_line.end >= end) return malformed(out, 'short_row')
  accessTable.apply(frame, out)
  if (!setRequest(buf, v.req_line.start, v.req_line.end, out)) return skip(out, 'not_traffic')
  const block = v.block_res.count()
  decide(out, v.status_code.count(), block > 0, block === 0)
  return 'parsed'
}

function parseSyslog(frame: Frame, out: RecordFields, start: number): Outcome {
  const { buf, end } = frame
  syslogTable.begin(frame)
  scanKeyValue(buf, start, end, syslogTable.keys, syslogTable.values, KEY_VALUE_SYNTAX)
  const { v } = syslogTable
  if (!v.srcip.seen) return malformed(out, 'bad_syntax')
  syslogTable.apply(frame, out)
  out.numbers[TIME] = headerTime(frame)
  if (v.bytes.present) {
    // client → gateway / gateway → server / server → gateway / gateway → client
    const first = findByte(buf, v.bytes.start, v.bytes.end, 0x2f)
    const last = findLastByte(buf, v.bytes.start, v.bytes.end, 0x2f)
    out.numbers[UPLOADED] = readCount(buf, v.bytes.start, first)
    out.numbers[DOWNLOADED] = readCount(buf, last + 1, v.bytes.end)
  }
  const slash = findByte(buf, v.status.start, v.status.end, 0x2f)
  const block = slash < 0 ? -1 : readCount(buf, slash + 1, v.status.end)
  decide(out, readCount(buf, v.status.start, slash < 0 ? v.status.end : slash), block > 0, block === 0)
  return 'parsed'
}

function parseHandler(frame: Frame, out: RecordFields, start: number): Outcome {
  handlerTable.begin(frame)
  scanKeyValue(frame.buf, start, frame.end, handlerTable.keys, handlerTable.values, KEY_VALUE_SYNTAX)
  const { v } = handlerTable
  if (!v.http_request_first_line.seen) return malformed(out, 'bad_syntax')
  handlerTable.apply(frame, out)
  // 255.255.255.255 stands for a server that was never looked up
  if (v.destination_ip.present && !v.destination_ip.is('255.255.255.255')) out.set(DST_IP, v.destination_ip.start, v.destination_ip.end)
  const line = v.http_request_first_line
  if (!setRequest(frame.buf, line.start, line.end, out) && !out.has(DST_HOST) && !out.has(DST_IP)) return skip(out, 'not_traffic')
  const block = v.block_id.count()
  decide(out, v.http_status_code.count(), block > 0, block === 0)
  return 'parsed'
}

function parseLeef(frame: Frame, out: RecordFields): Outcome {
  const mark = leefStart(frame)
  leefTable.begin(frame)
  if (!readLeefHeader(frame.buf, mark, frame.end, leefHeader)) return malformed(out, 'bad_syntax')
  scanLeef(frame.buf, leefHeader.pairs, frame.end, leefHeader.delimiter, leefTable.keys, leefTable.values)
  leefTable.apply(frame, out)
  const { v } = leefTable
  if (!out.has(SRC_IP)) return malformed(out, 'no_source')
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  decide(out, v.httpStatus.count(), v.blockReason.present && !v.blockReason.is('-') && !v.blockReason.is('0'), false)
  return 'parsed'
}

function parseCef(frame: Frame, out: RecordFields): Outcome {
  const extension = readCefHeader(frame.buf, cefStart(frame), frame.end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  cefTable.begin(frame)
  scanCefExtension(frame.buf, extension, frame.end, cefTable.keys, cefTable.values)
  cefTable.apply(frame, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

function completeCloud(frame: Frame, out: RecordFields): Outcome {
  cloudTable.apply(frame, out)
  const { request_timestamp, uri_scheme } = cloud
  if (Number.isNaN(out.numbers[TIME]) && request_timestamp.present)
    out.numbers[TIME] = time.readIsoTime(frame.buf, request_timestamp.start, request_timestamp.end, UTC)
  if (uri_scheme.is('https')) out.scheme = SCHEME_HTTPS
  else if (uri_scheme.is('http')) out.scheme = SCHEME_HTTP
  if (!out.has(DST_HOST)) out.clear(URL) // a path alone names no server
  return 'parsed'
}

export default parser
