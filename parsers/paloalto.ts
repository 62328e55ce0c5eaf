/**
 * Palo Alto Networks PAN-OS firewalls and Panorama: TRAFFIC logs and the url subtype of THREAT logs, as syslog CSV (PAN-OS 6 to
 * 11: columns were added at the right end only), as CEF of the firewall and of the logging service, and as LEEF with pipes.
 *
 * Formats: PAN-OS Administrator's Guide, "Syslog Field Descriptions"; vendor templates for CEF and LEEF. The two CEF dialects mean
 * opposite things by `in` and `out`: the firewall's `in` is what the client sent, the logging service's what it received.
 * THREAT lines other than url repeat a session that TRAFFIC has.
 */
import {
  action,
  CefHeader,
  CSV,
  cefIs,
  cefStart,
  count,
  equals,
  FieldTable,
  type Frame,
  findLastByteFar,
  headerTime,
  isDigit,
  isOtherTransport,
  KeyTable,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  needle,
  type Outcome,
  type Parser,
  Repeated,
  raw,
  readCefHeader,
  readLeefHeader,
  scanCefExtension,
  scanDelimited,
  scanLeef,
  setScheme,
  setText,
  skip,
  text,
  time,
  UTC,
  type Value
} from '../src/parse/kit.ts'
import { DOWNLOADED, PHASE_END, PHASE_START, type RecordFields, TIME, TOTAL, UPLOADED, URL, USER } from '../src/record.ts'

const ACTIONS = {
  override: 'allowed',
  sinkhole: 'blocked',
  'block-ip': 'blocked',
  'override-lockout': 'blocked',
  'drop icmp': 'blocked',
  'reset both': 'blocked',
  'reset client': 'blocked',
  'reset server': 'blocked'
} as const

/** Log types, of which the first two are read. */
const TYPES = new KeyTable(
  (
    'TRAFFIC THREAT SYSTEM CONFIG USERID USER-ID HIPMATCH HIP-MATCH GLOBALPROTECT AUTHENTICATION AUTH DECRYPTION CORRELATION TUNNEL ' +
    'IPTAG GTP SCTP URL DATA WILDFIRE AUDIT'
  ).split(' ')
)

/** Columns by position, the reserved first one is 0. What stands at 31 depends on the type: bytes of the session, or the URL. */
const csv = new FieldTable({
  type: raw(),
  subtype: raw(),
  config: raw(),
  generated: raw(),
  source: text('srcIp'),
  destination: text('dstIp'),
  user: raw(),
  app: raw(),
  port: count('dstPort'),
  transport: raw(),
  action: action(ACTIONS),
  misc: raw(),
  sent: raw(),
  received: raw()
})
const csvColumns = csv.columns(
  '- - - type subtype config generated source destination - - - user - app - - - - - - - - - - port - - - transport action misc sent received'.split(
    ' '
  )
)
/** A row that ends before this column lacks the decision: it was cut. */
const LEAST_COLUMNS = 31

const cef = new FieldTable({
  dtz: raw(),
  start: raw(),
  rt: raw(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dpt: count('dstPort'),
  suser0: raw(),
  suser: raw(),
  PanOSSourceDeviceHost: text('device'),
  app: raw(),
  proto: raw(),
  act: action(ACTIONS),
  request: raw(),
  in: raw(),
  out: raw(),
  PanOSBytes: count('totalBytes'),
  flexNumber1: raw(),
  flexNumber1Label: raw()
})

const leef = new FieldTable({
  cat: raw(),
  Type: raw(),
  Subtype: raw(),
  subtype: raw(),
  devTime: raw(),
  ReceiveTime: raw(),
  src: text('srcIp'),
  dst: text('dstIp'),
  usrName: raw(),
  SourceUser: raw(),
  Application: raw(),
  dstPort: count('dstPort'),
  proto: raw(),
  action: action(ACTIONS),
  Miscellaneous: raw(),
  srcBytes: count('uploadedBytes'),
  dstBytes: count('downloadedBytes'),
  totalBytes: count('totalBytes')
})

const cefHeader = new CefHeader()
const leefHeader = new LeefHeader()
const TRAFFIC = needle('TRAFFIC')
const THREAT = needle('THREAT')
const COMMA = 0x2c
const SLASH = 0x2f
/** `2026/01/05 09:15:30` */
const DATE_BYTES = 19

const parser: Parser = {
  id: 'paloalto',
  appliance: 'Palo Alto Networks PAN-OS',
  recognizes: frame => typeStart(frame) > 0 || isCef(frame) || leefIs(frame, 'Palo Alto Networks', 'PAN-OS'),
  parse(frame, out) {
    if (isDigit(frame.buf[frame.body]) || frame.buf[frame.body] === COMMA) return parseCsv(frame, out)
    if (cefStart(frame) >= 0) return parseCef(frame, out)
    if (leefStart(frame) >= 0) return parseLeef(frame, out)
    return malformed(out, 'bad_syntax')
  }
}

const isCef = (frame: Frame): boolean => cefIs(frame, 'Palo Alto Networks', 'PAN-OS') || cefIs(frame, 'Palo Alto Networks', 'LF')

/** `,013201012345,TRAFFIC,` of the last line: the next one mostly has it too (recognition 113 to 70 ns a line). */
const serialAndType = new Repeated()
let typeAfterDate = 0

/** Offset of the log type in `1,2026/01/05 09:15:30,<serial>,TRAFFIC,`; 0 when the body does not begin like that. */
function typeStart(frame: Frame): number {
  const { buf, body, end } = frame
  let at = body
  while (at - body < 4 && isDigit(buf[at])) at++
  if (buf[at] !== COMMA || !isDigit(buf[at + 1]) || at + 20 > end) return 0
  const dateEnd = endOfDate(buf, at + 1, end)
  if (dateEnd < 0) return 0
  if (serialAndType.standsAt(buf, dateEnd, end)) return dateEnd + typeAfterDate
  const serialEnd = commaAfter(buf, dateEnd + 1, Math.min(end, dateEnd + 32))
  if (serialEnd < 0) return 0
  const type = serialEnd + 1
  const typeEnd = commaAfter(buf, type, Math.min(end, serialEnd + 18))
  if (typeEnd < 0 || TYPES.indexOf(buf, type, typeEnd) < 0) return 0
  serialAndType.keep(buf, dateEnd, typeEnd + 1)
  typeAfterDate = type - dateEnd
  return type
}

/** Offset of the comma after a date with slashes, year first, or as a spreadsheet leaves it; -1 for anything else. */
function endOfDate(buf: Uint8Array, start: number, end: number): number {
  if (time.isSlashTime(buf, start, end) && buf[start + DATE_BYTES] === COMMA) return start + DATE_BYTES
  if (buf[start + 4] !== SLASH && buf[start + 1] !== SLASH && buf[start + 2] !== SLASH) return -1
  return commaAfter(buf, start, Math.min(end, start + 23))
}

function commaAfter(buf: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) if (buf[at] === COMMA) return at
  return -1
}

function parseCsv(frame: Frame, out: RecordFields): Outcome {
  csv.begin(frame)
  const columns = scanDelimited(frame.buf, frame.body, frame.end, csvColumns, csv.values, CSV)
  const { v } = csv
  const isTraffic = v.type.is('TRAFFIC')
  if (!isTraffic && !(v.type.is('THREAT') && v.subtype.is('url'))) return skip(out, v.type.is('THREAT') ? 'repeats_session' : 'not_traffic')
  if (columns < LEAST_COLUMNS) return malformed(out, 'short_row')
  if (isOtherTransport(v.transport)) return skip(out, 'not_tcp_udp')
  csv.apply(frame, out)
  setUser(v.user, out)
  out.numbers[TIME] = generatedTime(frame)
  if (isTraffic) {
    if (v.subtype.is('end')) out.phase = PHASE_END
    else if (v.subtype.is('start')) out.phase = PHASE_START
    out.numbers[TOTAL] = v.misc.count()
    out.numbers[UPLOADED] = v.sent.count()
    out.numbers[DOWNLOADED] = v.received.count()
  } else {
    setText(v.misc, URL, out)
    setScheme(v.app, out)
  }
  return 'parsed'
}

/** PAN-OS writes the address of a forwarded-for header where no user is known; that is none. */
function setUser(value: Value, out: RecordFields): void {
  if (!value.startsWith('x-fwd-for:')) setText(value, USER, out)
}

/** Configuration version of PAN-OS 10.0, as it stands in the sixth column: 0x0A00. */
const HIGH_RES_SINCE = 2560
const HIGH_RES_BYTES = 29
/** Columns after `high_res_timestamp` hold a few words; 10.0 and later have it this near to the end. */
const HIGH_RES_DISTANCE = 512
const MINUTE_MS = 60_000

/**
 * The generated time is the firewall's own clock. From 10.0 on the same instant stands near the end with its offset, which spares
 * the configuration of a zone; it counts when both clocks agree, so that nothing else of that form is taken for it.
 */
function generatedTime(frame: Frame): number {
  const { buf, end, zone } = frame
  const { generated, config } = csv.v
  const at = config.count() < HIGH_RES_SINCE ? -1 : highResStart(buf, Math.max(generated.end, end - HIGH_RES_DISTANCE), end)
  if (at >= 0) {
    const wall = time.readIsoTime(buf, at, at + 23, UTC)
    const shown = time.readIsoTime(buf, generated.start, generated.end, UTC)
    if (Math.abs(wall - shown) <= MINUTE_MS) return time.readIsoTime(buf, at, at + HIGH_RES_BYTES, zone)
  }
  const local = time.readIsoTime(buf, generated.start, generated.end, zone)
  return Number.isNaN(local) ? headerTime(frame) : local // a spreadsheet wrote it
}

/** Offset of `2026-01-05T09:15:30.250+01:00` as a whole column, looked for from the end; -1 without one. */
function highResStart(buf: Buffer, start: number, end: number): number {
  let last = end - HIGH_RES_BYTES
  while (last > start) {
    const at = findLastByteFar(buf, start + 11, last + 11, 0x54) - 10
    if (at < 0) return -1
    if (buf[at - 1] === 0x2c && buf[at + 4] === 0x2d && buf[at + 13] === 0x3a && buf[at + 19] === 0x2e && buf[at + 26] === 0x3a)
      if (at + HIGH_RES_BYTES === end || buf[at + HIGH_RES_BYTES] === 0x2c) return at
    last = at - 1
  }
  return -1
}

function parseCef(frame: Frame, out: RecordFields): Outcome {
  cef.begin(frame)
  const { buf, end } = frame
  const extension = readCefHeader(buf, cefStart(frame), end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  const { starts, ends } = cefHeader
  // the firewall writes subtype and type, the logging service type and subtype
  const typeField = equals(buf, starts[4]!, ends[4]!, TRAFFIC) || equals(buf, starts[4]!, ends[4]!, THREAT) ? 4 : 5
  const subtypeField = 9 - typeField
  const subtype = cefSubtype(buf, starts[subtypeField]!, ends[subtypeField]!)
  if (equals(buf, starts[typeField]!, ends[typeField]!, THREAT)) {
    if (subtype !== 'url') return skip(out, 'repeats_session')
  } else if (!equals(buf, starts[typeField]!, ends[typeField]!, TRAFFIC)) return skip(out, 'not_traffic')
  scanCefExtension(buf, extension, end, cef.keys, cef.values, cef.layouts.cef)
  const { v } = cef
  if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  cef.apply(frame, out)
  if (v.suser0.present) setUser(v.suser0, out)
  else setUser(v.suser, out)
  if (subtype === 'end') out.phase = PHASE_END
  else if (subtype === 'start') out.phase = PHASE_START
  const when = v.start.present ? v.start : v.rt
  out.numbers[TIME] = when.present
    ? time.readAnyTime(buf, when.start, when.end, v.dtz.is('UTC') ? UTC : frame.zone, frame.now)
    : headerTime(frame)
  setUrl(v.request, out)
  setScheme(v.app, out)
  const logging = buf[starts[2]!] === 0x4c // LF
  out.numbers[UPLOADED] = logging ? v.out.count() : v.in.count()
  out.numbers[DOWNLOADED] = logging ? v.in.count() : v.out.count()
  if (v.flexNumber1Label.is('Total bytes')) out.numbers[TOTAL] = v.flexNumber1.count()
  return 'parsed'
}

const SUBTYPES = new KeyTable(['url', 'start', 'end'])

function cefSubtype(buf: Uint8Array, start: number, end: number): 'url' | 'start' | 'end' | 'other' {
  const index = SUBTYPES.indexOf(buf, start, end)
  return index === 0 ? 'url' : index === 1 ? 'start' : index === 2 ? 'end' : 'other'
}

/** The URL without the quotes that the firewall puts around it. */
function setUrl(value: Value, out: RecordFields): void {
  setText(value, URL, out)
  const start = out.start[URL]!
  const end = out.end[URL]!
  if (start >= 0 && end - start >= 2 && out.buf[start] === 0x22 && out.buf[end - 1] === 0x22) out.set(URL, start + 1, end - 1)
}

function parseLeef(frame: Frame, out: RecordFields): Outcome {
  leef.begin(frame)
  const { buf, end } = frame
  if (!readLeefHeader(buf, leefStart(frame), end, leefHeader)) return malformed(out, 'bad_syntax')
  scanLeef(buf, leefHeader.pairs, end, leefHeader.delimiter, leef.keys, leef.values, leef.layouts.leef)
  const { v } = leef
  const type = v.Type.present ? v.Type : v.cat
  const subtype = v.Subtype.present ? v.Subtype : v.subtype
  if (type.is('THREAT')) {
    if (!subtype.is('url')) return skip(out, 'repeats_session')
  } else if (!type.is('TRAFFIC')) return skip(out, 'not_traffic')
  if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  leef.apply(frame, out)
  if (v.usrName.present) setUser(v.usrName, out)
  else setUser(v.SourceUser, out)
  if (subtype.is('end')) out.phase = PHASE_END
  else if (subtype.is('start')) out.phase = PHASE_START
  setUrl(v.Miscellaneous, out)
  setScheme(v.Application, out)
  // devTime says its zone, ReceiveTime is the firewall's own clock
  const when = v.devTime.present ? v.devTime : v.ReceiveTime
  out.numbers[TIME] = when.present ? time.readAnyTime(buf, when.start, when.end, frame.zone, frame.now) : headerTime(frame)
  return 'parsed'
}

export default parser
