/**
 * Check Point: Log Exporter (syslog, generic, CEF, LEEF), `fw log` text, SmartView exports, `fwm logexport` rows and XML rows.
 * Formats: Log Exporter guide (sk122323), Logging and Monitoring guide.
 *
 * Bytes exist only with accounting on. `client_inbound_bytes` is what the gateway took in from the client, so it is the
 * upload; `server_outbound_bytes` repeats it on the other leg and is never added.
 */
import {
  action,
  anyTime,
  BACKSLASH,
  CefHeader,
  type ColumnMap,
  CSV,
  cefIs,
  cefStart,
  columnMap,
  count,
  type DelimitedSyntax,
  FieldTable,
  type Frame,
  find,
  headerTime,
  headHas,
  isDigit,
  KEY_VALUE_SYNTAX,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  QUOTE_BACKSLASH,
  raw,
  readCefHeader,
  readDigits,
  readLeefHeader,
  scanCefExtension,
  scanDelimited,
  scanKeyValue,
  scanLeef,
  skip,
  skipBlanks,
  text,
  time,
  tokenEnd,
  type Value
} from '../src/parse/kit.ts'
import { type RecordFields, TIME, URL } from '../src/record.ts'

const ACTIONS = {
  inspect: 'allowed',
  encrypt: 'allowed',
  decrypt: 'allowed',
  detect: 'allowed',
  inform: 'allowed',
  'inform user': 'allowed',
  prevent: 'blocked',
  'block user': 'blocked',
  // to a portal, a block page or a proxy: decides nothing by itself
  redirect: null,
  ask: null,
  'ask user': null
} as const

const native = new FieldTable({
  date: raw(),
  time: raw(),
  product: raw(),
  proto: raw(),
  action: action(ACTIONS),
  src: text('srcIp'),
  dst: text('dstIp'),
  dst_port: count('dstPort'),
  service: count('dstPort'),
  src_user_name: text('user'),
  user: text('user'),
  src_machine_name: text('device'),
  resource: text('url'),
  tls_server_host_name: text('dstHost'),
  http_host: text('dstHost'),
  client_inbound_bytes: count('uploadedBytes'),
  client_outbound_bytes: count('downloadedBytes'),
  sent_bytes: count('uploadedBytes'),
  received_bytes: count('downloadedBytes'),
  bytes: count('totalBytes')
})

const cef = new FieldTable({
  rt: anyTime(),
  product: raw(),
  proto: raw(),
  act: action(ACTIONS),
  src: text('srcIp'),
  dst: text('dstIp'),
  dpt: count('dstPort'),
  service: count('dstPort'),
  suser: text('user'),
  src_user_name: text('user'),
  shost: text('device'),
  request: text('url'),
  resource: text('url'),
  client_inbound_bytes: count('uploadedBytes'),
  client_outbound_bytes: count('downloadedBytes'),
  out: count('uploadedBytes'),
  in: count('downloadedBytes'),
  bytes: count('totalBytes')
})
const cefHeader = new CefHeader()

const leef = new FieldTable({
  devTime: anyTime(),
  cat: raw(),
  product: raw(),
  proto: raw(),
  action: action(ACTIONS),
  src: text('srcIp'),
  dst: text('dstIp'),
  dstPort: count('dstPort'),
  service: count('dstPort'),
  usrName: text('user'),
  src_user_name: text('user'),
  identHostName: text('device'),
  src_machine_name: text('device'),
  url: text('url'),
  resource: text('url'),
  client_inbound_bytes: count('uploadedBytes'),
  client_outbound_bytes: count('downloadedBytes'),
  srcBytes: count('uploadedBytes'),
  dstBytes: count('downloadedBytes'),
  sent_bytes: count('uploadedBytes'),
  received_bytes: count('downloadedBytes'),
  bytes: count('totalBytes')
})
const leefHeader = new LeefHeader()

const APP = needle('CheckPoint')
const TAG = needle('Checkpoint:')
const BARE_CEF = needle('0|Check Point|')
const ACTION_KEY = needle('[action:"')
const FLAGS_KEY = needle('[flags:"')
const GENERIC_TIME = needle('time=')
const GENERIC_LOGUID = needle('|loguid={')
const NUMBER_COLUMN = needle('num;date;time;orig;')
const XML_SRC = needle('<src>')
const XML_ATTRIBUTE = needle(' src="')
const XML_MARKS = ['orig', 'loguid', 'i/f_name', 'product'].map(needle)

/** A header row is read no further. */
const HEADER_MAX_BYTES = 8192

/** A header row's order of columns, kept for the intake. */
interface Export {
  columns: ColumnMap | undefined
  syntax: DelimitedSyntax
}

const BLANKS: DelimitedSyntax = { separator: 0x20, quote: 0x22, runs: true, brackets: false }
const SEMICOLONS: DelimitedSyntax = { separator: 0x3b, quote: 0x22, runs: false, brackets: false }
const PIPES = { ...KEY_VALUE_SYNTAX, separator: 0x7c, quote: 0 }

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
const TRACKER = native.columns(TRACKER_ORDER)

const parser: Parser<Export> = {
  id: 'checkpoint',
  appliance: 'Check Point',
  newState: () => ({ columns: undefined, syntax: BLANKS }),
  recognizes(frame, state) {
    const { buf, body, end } = frame
    if (frame.appStart >= 0 && matchesAt(buf, frame.appStart, frame.appEnd, APP)) return true
    const first = buf[body]
    if (first === 0x5b || first === 0x73) return headHas(frame, ACTION_KEY) || matchesAt(buf, body, end, FLAGS_KEY)
    if (cefIs(frame, 'Check Point') || cefIs(frame, '', 'VPN-1 & FireWall-1') || leefIs(frame, 'Check Point')) return true
    if (first === 0x43 && matchesAt(buf, body, end, TAG)) return true
    if (first === 0x30 && matchesAt(buf, body, end, BARE_CEF)) return true
    if (first === 0x74 && matchesAt(buf, body, end, GENERIC_TIME)) return headHas(frame, GENERIC_LOGUID)
    if (isDigit(first) && isFwLog(frame)) return true
    if (frame.pri >= 0 || frame.timeStart >= 0) return false
    if (isHeaderRow(frame) || isTrackerRow(buf, body, end)) return true
    if (first === 0x3c) return isXmlRow(frame)
    return state?.columns !== undefined && hasSeparators(frame, state.syntax.separator)
  },
  parse(frame, out, state) {
    const { buf, body, end } = frame
    const first = buf[body]
    if (cefStart(frame) >= 0) return parseCef(frame, cefStart(frame), out)
    if (leefStart(frame) >= 0) return parseLeef(frame, out)
    if (first === 0x30 && matchesAt(buf, body, end, BARE_CEF)) return parseCef(frame, body - CEF_MARK_BYTES, out)
    const log = matchesAt(buf, body, end, TAG) ? skipBlanks(buf, body + TAG.length, end) : body
    native.begin(frame)
    let exported = false
    if (first === 0x5b || (first === 0x73 && buf[body + 6] === 0x5b)) {
      const open = first === 0x5b ? body : body + 6
      if (scanColonPairs(buf, open + 1, end) === 0) return malformed(out, 'bad_syntax')
    } else if (first === 0x74 && matchesAt(buf, body, end, GENERIC_TIME)) {
      scanKeyValue(buf, body, end, native.keys, native.values, PIPES)
      native.v.resource.escape = BACKSLASH // the exporter puts a backslash before "=" and "|"
    } else if (first === 0x3c) {
      exported = true
      scanXml(buf, body, end)
    } else if (isHeaderRow(frame)) {
      readHeaderRow(frame, state)
      return skip(out, 'header')
    } else if (log > body || (isDigit(first) && isFwLog(frame))) {
      if (!readFwLog(frame, log)) return malformed(out, 'bad_syntax')
    } else if (state.columns !== undefined || first === 0x22) {
      exported = true
      const columns = state.columns ?? TRACKER
      if (scanDelimited(buf, body, end, columns, native.values, state.syntax) < Math.min(columns.length, 12))
        return malformed(out, 'short_row')
    } else return malformed(out, 'bad_syntax')
    const { v } = native
    if (exported ? !isExportedTraffic(v.product, v.action) : !isTraffic(v.product, v.service, v.action)) return skip(out, 'not_traffic')
    native.apply(frame, out)
    readNativeTime(frame, out)
    if (first === 0x3c) undoEntities(out)
    return finish(v.proto, v.src, v.dst, frame, out)
  }
}

const CEF_MARK_BYTES = 4
const ARROW = needle(' >')

function parseCef(frame: Frame, mark: number, out: RecordFields): Outcome {
  cef.begin(frame)
  const extension = readCefHeader(frame.buf, mark, frame.end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  scanCefExtension(frame.buf, extension, frame.end, cef.keys, cef.values)
  const { v } = cef
  if (!v.product.present) v.product.set(cefHeader.starts[2]!, cefHeader.ends[2]!, 0)
  if (!isTraffic(v.product, v.dpt, v.act)) return skip(out, 'not_traffic')
  cef.apply(frame, out)
  return finish(v.proto, v.src, v.dst, frame, out)
}

function parseLeef(frame: Frame, out: RecordFields): Outcome {
  leef.begin(frame)
  if (!readLeefHeader(frame.buf, leefStart(frame), frame.end, leefHeader)) return malformed(out, 'bad_syntax')
  scanLeef(frame.buf, leefHeader.pairs, frame.end, leefHeader.delimiter, leef.keys, leef.values)
  const { v } = leef
  if (!v.product.present) v.product.set(leefHeader.starts[2]!, leefHeader.ends[2]!, 0)
  if (!isTraffic(v.product, v.service, v.action)) return skip(out, 'not_traffic')
  leef.apply(frame, out)
  return finish(v.proto, v.src, v.dst, frame, out)
}

function finish(proto: Value, src: Value, dst: Value, frame: Frame, out: RecordFields): Outcome {
  if (!src.present || !dst.present) return skip(out, 'not_traffic')
  if (proto.present && !proto.is('6') && !proto.is('17') && !proto.is('tcp') && !proto.is('udp') && !proto.is('TCP') && !proto.is('UDP'))
    return skip(out, 'not_tcp_udp')
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

/** The firewall blade's words for an exchange of VPN keys. */
const isKeyInstall = (done: Value): boolean => done.is('Key Install') || done.is('keyinst')

/** The blades that log sessions. A line that lost its product (cut by UDP) counts when it names a service. */
function isTraffic(product: Value, service: Value, done: Value): boolean {
  if (isKeyInstall(done)) return false
  if (!product.present) return service.present
  return (
    product.endsWith('FireWall-1') || product.is('URL Filtering') || product.is('Application Control') || product.is('HTTPS Inspection')
  )
}

const OTHER_BLADES = [
  'Smart',
  'Identity',
  'System',
  'Endpoint',
  'Mobile',
  'WEB_API',
  'Log Update',
  'IPS',
  'Anti',
  'Threat',
  'New Anti',
  'DLP'
]

/** Exports merge blades (`Multi-product`), so there the blades that repeat sessions, or log none, are named instead. */
function isExportedTraffic(product: Value, done: Value): boolean {
  if (isKeyInstall(done)) return false
  for (const blade of OTHER_BLADES) if (product.startsWith(blade)) return false
  return true
}

/**
 * `key:"value"; key:"value"]`, and with bare values `key: value; key: value;`. Some keys carry two colons (`ike::"…"`), a
 * backslash protects a quote inside quotes. Keys repeat once per policy layer; the first is the connection's.
 */
function scanColonPairs(buf: Buffer, start: number, end: number): number {
  const { keys, values } = native
  let found = 0
  let at = start
  while (at < end) {
    while (at < end && (buf[at] === 0x20 || buf[at] === 0x3b || buf[at] === 0x5d)) at++
    const keyStart = at
    while (at < end && buf[at] !== 0x3a && buf[at] !== 0x3b) at++
    if (at >= end) return found
    if (buf[at] !== 0x3a) continue
    const keyEnd = at
    while (at < end && (buf[at] === 0x3a || buf[at] === 0x20)) at++
    let valueStart = at
    let escaped = false
    if (buf[at] === 0x22 && at < end) {
      valueStart = ++at
      while (at < end && buf[at] !== 0x22) {
        if (buf[at] === 0x5c) {
          escaped = true
          at++
        }
        at++
      }
    } else while (at < end && buf[at] !== 0x3b) at++
    if (at > end) at = end
    const index = keys.indexOf(buf, keyStart, keyEnd)
    if (index >= 0 && values[index]!.start < 0) {
      values[index]!.set(valueStart, at, escaped ? QUOTE_BACKSLASH : 0)
      found++
    }
    at++
  }
  return found
}

const isFwLog = ({ buf, body, end }: Frame): boolean => dayEnd(buf, body, end) > 0 && find(buf, body, Math.min(end, body + 100), ARROW) > 0

/** `3Sep2007 15:10:28 drop   192.0.2.7 >eth8 rule: 113; …; src: a; dst: b; …`; an alert has no action word. */
function readFwLog(frame: Frame, start: number): boolean {
  const { buf, end } = frame
  const dateEnd = dayEnd(buf, start, end)
  if (dateEnd === 0) return false
  const { v } = native
  v.date.set(start, dateEnd, 0)
  const clock = skipBlanks(buf, dateEnd, end)
  v.time.set(clock, tokenEnd(buf, clock, end), 0)
  const word = skipBlanks(buf, v.time.end, end)
  const wordEnd = tokenEnd(buf, word, end)
  if (!isDigit(buf[word])) v.action.set(word, wordEnd, 0)
  const arrow = find(buf, word, Math.min(end, word + 300), ARROW)
  if (arrow < 0) return false
  scanColonPairs(buf, tokenEnd(buf, arrow + 1, end), end)
  return true
}

/** Offset after `3Sep2007` or `21Aug2007`, 0 when the bytes are no such date. */
function dayEnd(buf: Buffer, start: number, end: number): number {
  const month = isDigit(buf[start + 1]) ? start + 2 : start + 1
  return month + 7 <= end && isDigit(buf[start]) && time.readMonth(buf, month) > 0 && readDigits(buf, month + 3, 4) > 0 ? month + 7 : 0
}

/** Epoch (seconds or, in some releases, milliseconds) in `time`; exports have a date and a clock, in two columns or one. */
function readNativeTime(frame: Frame, out: RecordFields): void {
  const { date, time: clock } = native.v
  if (!clock.present) return
  const { buf } = frame
  clock.start = skipBlanks(buf, clock.start, clock.end) // logexport pads the hour
  if (!date.present) out.numbers[TIME] = time.readAnyTime(buf, clock.start, clock.end, frame.zone, frame.now)
  else if (dayEnd(buf, date.start, date.end) === date.end) {
    const month = date.end - 7
    const day = readDigits(buf, date.start, month - date.start)
    const year = readDigits(buf, date.end - 4, 4)
    out.numbers[TIME] = time.readClock(buf, clock.start, clock.end, year, time.readMonth(buf, month), day, frame.zone)
  } else if (date.end - date.start === 10) {
    const year = readDigits(buf, date.start, 4)
    const month = readDigits(buf, date.start + 5, 2)
    out.numbers[TIME] = time.readClock(buf, clock.start, clock.end, year, month, readDigits(buf, date.start + 8, 2), frame.zone)
  }
}

/** `"22" "10Dec2019" "23:44:49" …` */
function isTrackerRow(buf: Buffer, start: number, end: number): boolean {
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
function isHeaderRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  const first = buf[body]
  if (first === 0x6e) return matchesAt(buf, body, end, NUMBER_COLUMN)
  if (first !== 0x22 && first !== 0x54) return false
  return TRACKER_HEADS.some(head => matchesAt(buf, body, end, head)) || VIEW_HEADS.some(head => matchesAt(buf, body, end, head))
}

/** Keeps the columns of a header row by their titles. Cold: once per file. */
function readHeaderRow(frame: Frame, state: Export): void {
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
function hasSeparators(frame: Frame, separator: number): boolean {
  if (separator === 0x20 && frame.buf[frame.body] !== 0x22) return false
  const last = Math.min(frame.end, frame.body + 200)
  let seen = 0
  for (let at = frame.body; at < last && seen < 3; at++) if (frame.buf[at] === separator) seen++
  return seen === 3
}

/** One XML element a line, with the log's fields as attributes or as children. */
function isXmlRow(frame: Frame): boolean {
  if (!headHas(frame, XML_SRC) && !headHas(frame, XML_ATTRIBUTE)) return false
  return XML_MARKS.some(mark => headHas(frame, mark))
}

/** Sets values from `name="value"` and `<name>value</name>`. */
function scanXml(buf: Buffer, start: number, end: number): void {
  const { keys, values } = native
  let word = start
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x3c || byte === 0x20 || byte === 0x22 || byte === 0x2f) word = at + 1
    else if (byte === 0x3e || (byte === 0x3d && buf[at + 1] === 0x22)) {
      const valueStart = byte === 0x3e ? at + 1 : at + 2
      const closing = byte === 0x3e ? 0x3c : 0x22
      let valueEnd = valueStart
      while (valueEnd < end && buf[valueEnd] !== closing) valueEnd++
      const index = keys.indexOf(buf, word, at)
      if (index >= 0 && values[index]!.start < 0) values[index]!.set(valueStart, valueEnd, 0)
      at = valueEnd - (byte === 0x3e ? 1 : 0)
      word = valueEnd + 1
    }
  }
}

/** XML writes `&` of a query as `&amp;`. */
function undoEntities(out: RecordFields): void {
  const url = out.text(URL)
  if (url?.includes('&amp;')) out.setText(URL, url.replaceAll('&amp;', '&'))
}

export default parser
