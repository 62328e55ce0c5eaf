/**
 * SonicWall SonicOS: syslog (Default, Enhanced, WebTrends) and ArcSight CEF, by message number `m`.
 * Format: SonicOS Log Events Reference Guide. `sent`/`out` is client to server, `rcvd`/`in` the other way; an absent count is
 * unknown, not zero. A closed connection and the web site hits on it are separate messages and both are transactions.
 */
import {
  anyTime,
  CefHeader,
  cefIs,
  cefStart,
  count,
  FieldTable,
  type Frame,
  find,
  findByte,
  headerOrArrivalTime,
  isDigit,
  isOtherTransport,
  isoTime,
  KEY_VALUE_SYNTAX,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  QUOTE_BACKSLASH,
  raw,
  readCefHeader,
  readCount,
  scanCefExtension,
  scanKeyValue,
  setScheme,
  setText,
  skip,
  skipBlanks,
  text,
  type Value
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DEVICE,
  DST_HOST,
  DST_IP,
  DST_PORT,
  PHASE_END,
  PHASE_START,
  PHASE_WHOLE,
  type RecordFields,
  SRC_IP,
  TIME,
  USER
} from '../src/record.ts'

const syslog = new FieldTable({
  time: isoTime(),
  m: raw(),
  src: raw(),
  dst: raw(),
  srcV6: text('srcIp'),
  dstV6: text('dstIp'),
  proto: raw(),
  usr: raw(),
  user: raw(),
  sent: count('uploadedBytes'),
  rcvd: count('downloadedBytes'),
  dstname: text('dstHost'),
  arg: text('url'),
  fw_action: raw()
})

const cef = new FieldTable({
  rt: anyTime(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dpt: raw(),
  proto: raw(),
  susr: raw(),
  suser: raw(),
  out: count('uploadedBytes'),
  in: count('downloadedBytes'),
  dhost: text('dstHost'),
  dstname: text('dstHost'),
  arg: text('url'),
  request: text('url'),
  fw_action: raw()
})
const cefHeader = new CefHeader()

const ID = needle('id=')
const SERIAL = needle(' sn=')
const TIME_KEY = needle(' time="')
const FW = needle(' fw=')

const EVENT_OTHER = 0
const EVENT_END = 1
const EVENT_START = 2
const EVENT_ALLOWED = 3
const EVENT_BLOCKED = 4
const EVENT_HIT = 5

/** What a message number means; the numbers of the log events reference that are about one connection of a client. */
function eventOf(message: number): number {
  switch (message) {
    case 537:
      return EVENT_END
    case 98:
      return EVENT_START
    case 97:
      return EVENT_HIT
    case 16:
      return EVENT_ALLOWED
    case 14: // web site denied
    case 36: // TCP, UDP packet dropped
    case 37:
    case 173: // TCP, UDP packet from LAN dropped
    case 174:
      return EVENT_BLOCKED
    default:
      return EVENT_OTHER
  }
}

const parser: Parser = {
  id: 'sonicwall',
  appliance: 'SonicWall',
  recognizes(frame) {
    if (cefIs(frame, 'SonicWall')) return true
    const at = syslogStart(frame)
    if (at < 0) return false
    const head = Math.min(frame.end, at + 300)
    const serial = find(frame.buf, at, head, SERIAL)
    return serial >= 0 && find(frame.buf, serial, head, TIME_KEY) >= 0 && find(frame.buf, serial, head, FW) >= 0
  },
  parse(frame, out) {
    return cefStart(frame) >= 0 ? parseCef(frame, out) : parseSyslog(frame, out)
  }
}

/** Offset of `id=` at the body, or after an address that a relay put before it; -1 when there is none. */
function syslogStart(frame: Frame): number {
  const { buf, body, end } = frame
  if (matchesAt(buf, body, end, ID)) return body
  if (!isDigit(buf[body])) return -1
  const at = find(buf, body, Math.min(end, body + 64), ID)
  return at > body && buf[at - 1] === 0x20 ? at : -1
}

function parseSyslog(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  syslog.begin(frame)
  const from = Math.max(syslogStart(frame), frame.body)
  if (scanKeyValue(buf, from, end, syslog.keys, syslog.values, KEY_VALUE_SYNTAX, syslog.layouts.pairs) === 0)
    return malformed(out, 'bad_syntax')
  const { v } = syslog
  const event = eventOf(v.m.count())
  if (event === EVENT_OTHER) return skip(out, 'not_traffic')
  const slash = v.proto.present ? findByte(buf, v.proto.start, v.proto.end, 0x2f) : -1
  if (isOther(v.proto, slash)) return skip(out, 'not_tcp_udp')
  syslog.apply(frame, out)
  readEndpoint(v.src, buf, SRC_IP, out)
  readEndpoint(v.dst, buf, DST_IP, out)
  return finish(event, v.proto, slash, v.usr.present ? v.usr : v.user, v.fw_action, out)
}

function parseCef(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  cef.begin(frame)
  const extension = readCefHeader(buf, cefStart(frame), end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  const event = eventOf(readCount(buf, cefHeader.starts[4]!, cefHeader.ends[4]!))
  if (event === EVENT_OTHER) return skip(out, 'not_traffic')
  scanCefExtension(buf, extension, end, cef.keys, cef.values, cef.layouts.cef)
  const { v } = cef
  const slash = v.proto.present ? findByte(buf, v.proto.start, v.proto.end, 0x2f) : -1
  if (isOther(v.proto, slash)) return skip(out, 'not_tcp_udp')
  cef.apply(frame, out)
  // some releases write a blank after "dpt="
  if (v.dpt.present) out.numbers[DST_PORT] = readCount(buf, skipBlanks(buf, v.dpt.start, v.dpt.end), v.dpt.end)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerOrArrivalTime(frame)
  trimQuotes(v.susr, buf)
  return finish(event, v.proto, slash, v.susr.present ? v.susr : v.suser, v.fw_action, out)
}

const UNKNOWN_USERS = ['Unknown (SSO bypassed)', 'Unknown (external IP)']

function finish(event: number, proto: Value, slash: number, user: Value, firewall: Value, out: RecordFields): Outcome {
  const dropped = firewall.is('drop') || firewall.is('"drop"')
  out.action = event === EVENT_BLOCKED || dropped ? ACTION_BLOCKED : ACTION_ALLOWED
  if (event === EVENT_START) out.phase = dropped ? PHASE_WHOLE : PHASE_START
  else if (event === EVENT_END) out.phase = PHASE_END
  if (slash >= 0) {
    proto.start = slash + 1
    setScheme(proto, out)
  }
  if (user.present && !UNKNOWN_USERS.some(word => user.is(word))) setText(user, USER, out)
  return 'parsed'
}

/** `tcp/https`, `udp/53`, `icmp` */
function isOther(proto: Value, slash: number): boolean {
  if (slash < 0) return isOtherTransport(proto)
  const { end } = proto
  proto.end = slash
  const other = isOtherTransport(proto)
  proto.end = end
  return other
}

/** `address:port:interface[:name]`; the address is empty when it stands in `srcV6` or `dstV6`. */
function readEndpoint(value: Value, buf: Buffer, field: typeof SRC_IP | typeof DST_IP, out: RecordFields): void {
  if (!value.present) return
  const { start, end } = value
  const colon = findByte(buf, start, end, 0x3a)
  if (colon < 0) {
    out.set(field, start, end)
    return
  }
  if (colon > start) out.set(field, start, colon)
  const second = findByte(buf, colon + 1, end, 0x3a)
  if (field === DST_IP) out.numbers[DST_PORT] = readCount(buf, colon + 1, second < 0 ? end : second)
  const third = second < 0 ? -1 : findByte(buf, second + 1, end, 0x3a)
  if (third < 0) return
  if (field === SRC_IP) out.set(DEVICE, third + 1, end)
  else if (!out.has(DST_HOST) && findByte(buf, third + 1, end, 0x2e) > 0) out.set(DST_HOST, third + 1, end)
}

/** CEF values of SonicOS keep their quotes, and backslashes in them are not doubled. */
function trimQuotes(value: Value, buf: Buffer): void {
  if (!value.present) return
  value.escape = QUOTE_BACKSLASH
  if (buf[value.start] !== 0x22 || buf[value.end - 1] !== 0x22 || value.end - value.start < 2) return
  value.start++
  value.end--
}

export default parser
