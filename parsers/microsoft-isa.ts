/**
 * Microsoft ISA Server and Forefront Threat Management Gateway: web proxy and firewall logs in W3C files (TAB separated, UTC), of
 * ISA 2000 too, and web proxy rows in the native format (`a, b, c`, local time).
 * Format: "ISA Server log fields", "Forefront TMG log fields". On a denial the server columns hold the proxy itself.
 */
import {
  CSV,
  count,
  type DelimitedSyntax,
  FieldTable,
  type Frame,
  find,
  findByte,
  findLastByte,
  isAddress,
  isDirective,
  isOtherTransport,
  looksLikeRow,
  malformed,
  needle,
  type Outcome,
  ownsDirective,
  type Parser,
  raw,
  readCount,
  readDirective,
  readRowTime,
  rowStart,
  scanDelimited,
  scanRow,
  setScheme,
  setText,
  skip,
  text,
  time,
  tokenEnd,
  type Value,
  W3cState
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DST_IP,
  DST_PORT,
  PHASE_END,
  PHASE_INTERIM,
  PHASE_START,
  PHASE_WHOLE,
  type RecordFields,
  SRC_IP,
  TIME,
  USER
} from '../src/record.ts'

const ID = 'microsoft-isa'
const table = new FieldTable({
  date: raw(),
  time: raw(),
  's-svcname': raw(),
  'c-ip': text('srcIp'),
  'cs-username': text('user'),
  username: text('user'),
  'r-host': text('dstHost'),
  'r-ip': text('dstIp'),
  'r-port': count('dstPort'),
  'cs-uri': text('url'),
  'cs-bytes': count('uploadedBytes'),
  'sc-bytes': count('downloadedBytes'),
  'cs-protocol': raw(),
  'sc-status': raw(),
  'cs-Network': raw(),
  source: raw(),
  destination: raw(),
  'IP protocol': raw(),
  'source network': raw(),
  'destination network': raw(),
  'application protocol': raw(),
  'bytes sent': count('uploadedBytes'),
  'bytes received': count('downloadedBytes'),
  'source name': text('device'),
  'destination name': text('dstHost'),
  action: raw(),
  'filter-rule': raw()
})
const { v } = table

/** Order of the native format, web proxy service. */
const NATIVE = table.columns(
  'c-ip cs-username c-agent sc-authenticated date time s-svcname s-computername cs-referred r-host r-ip r-port time-taken cs-bytes sc-bytes cs-protocol cs-transport s-operation cs-uri cs-mime-type s-object-source sc-status'.split(
    ' '
  )
)
const NATIVE_SYNTAX: DelimitedSyntax = { ...CSV, quote: 0 }
const WEB_SERVICE = needle(', w3proxy, ')
const FIREWALL_SERVICE = needle(', fwsrv, ')

const parser: Parser<W3cState> = {
  id: ID,
  appliance: 'Microsoft ISA Server, Forefront Threat Management Gateway',
  newState: () => new W3cState(),
  recognizes(frame, state) {
    if (isDirective(frame)) return ownsDirective(frame, ID, state)
    return (state !== undefined && looksLikeRow(frame, state) && hasTab(frame)) || isNative(frame)
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, table)
      return skip(out, 'header')
    }
    table.begin(frame)
    if (isNative(frame)) return readNative(frame, out)
    if (state.map === undefined) return malformed(out, 'no_header')
    if (!scanRow(frame, rowStart(frame, state.first), state, table.values)) return malformed(out, 'short_row')
    out.numbers[TIME] = readRowTime(frame, state, v.date, v.time, state.zone)
    if (state.has('source')) return finishFirewall(frame, out)
    return state.has('c-ip') ? finishWeb(frame, out) : skip(out, 'not_traffic') // the packet filter's log
  }
}

/** Its files are separated by TABs, whatever the first column. */
const hasTab = (frame: Frame): boolean => findByte(frame.buf, frame.body, Math.min(frame.end, frame.body + 300), 0x09) >= 0

function isNative(frame: Frame): boolean {
  const { buf, body, end } = frame
  const comma = tokenEnd(buf, body, Math.min(end, body + 48))
  if (buf[comma - 1] !== 0x2c || !isAddress(buf, body, end)) return false
  const head = Math.min(end, body + 600)
  return find(buf, comma, head, WEB_SERVICE) >= 0 || find(buf, comma, head, FIREWALL_SERVICE) >= 0
}

function readNative(frame: Frame, out: RecordFields): Outcome {
  const { buf, body, end } = frame
  if (scanDelimited(buf, body, end, NATIVE, table.values, NATIVE_SYNTAX) < NATIVE.length) return malformed(out, 'short_row')
  for (const value of table.values) if (value.present && buf[value.start] === 0x20) value.start++
  if (v['s-svcname'].is('fwsrv')) return skip(out, 'not_traffic') // mail and publishing rules; the web proxy has its own rows
  out.numbers[TIME] = nativeTime(frame)
  return finishWeb(frame, out)
}

/** `m/d/yyyy` and `h:mm:ss` of the server's clock. */
function nativeTime(frame: Frame): number {
  const { buf, zone } = frame
  const { date, time: clock } = v
  const first = findByte(buf, date.start, date.end, 0x2f)
  const second = first < 0 ? -1 : findByte(buf, first + 1, date.end, 0x2f)
  if (second < 0 || !clock.present) return Number.NaN
  const month = readCount(buf, date.start, first)
  return time.readClock(buf, clock.start, clock.end, readCount(buf, second + 1, date.end), month, readCount(buf, first + 1, second), zone)
}

function finishWeb(frame: Frame, out: RecordFields): Outcome {
  if (v['cs-Network'].is('External') || v['s-svcname'].is('fwsrv')) return skip(out, 'inbound')
  table.apply(frame, out)
  setScheme(v['cs-protocol'], out)
  trimUser(out)
  out.action = webAction()
  if (out.action === ACTION_BLOCKED) {
    out.clear(DST_IP)
    out.numbers[DST_PORT] = -1
  }
  return 'parsed'
}

/** `Allowed`, `Denied`, or by the status where there is no such column: 407 asks for a name, 12xxx are errors of the proxy. */
function webAction(): number {
  const { action } = v
  if (action.present) return action.startsWith('Allow') ? ACTION_ALLOWED : action.startsWith('Den') ? ACTION_BLOCKED : 0
  const status = v['sc-status'].count()
  if (status === 407 || (status >= 12_000 && status < 13_000)) return ACTION_BLOCKED
  return status >= 200 && status < 400 ? ACTION_ALLOWED : 0
}

/** `DOMAIN\user (?)` and `DOMAIN\user?` are names that the firewall client told and nobody verified. */
function trimUser(out: RecordFields): void {
  if (!out.has(USER)) return
  const { buf } = out
  let end = out.end[USER]!
  const start = out.start[USER]!
  while (end > start && (buf[end - 1] === 0x3f || buf[end - 1] === 0x28 || buf[end - 1] === 0x29 || buf[end - 1] === 0x20)) end--
  if (findByte(buf, end, out.end[USER]!, 0x3f) >= 0) out.set(USER, start, end)
}

/** `PHASE_WHOLE` for the words that are not about an allowed connection. */
function phaseOf(action: Value): number {
  if (action.startsWith('Terminat') || action.startsWith('Clos')) return PHASE_END
  if (action.startsWith('Establish') || action.startsWith('Initiat')) return PHASE_START
  return action.startsWith('Intermediate') ? PHASE_INTERIM : PHASE_WHOLE
}

function finishFirewall(frame: Frame, out: RecordFields): Outcome {
  const { action } = v
  if (isOtherTransport(v['IP protocol'])) return skip(out, 'not_tcp_udp')
  if (v['source network'].is('External')) return skip(out, 'inbound')
  if (v['source network'].is('Local Host') || v['destination network'].is('Local Host')) return skip(out, 'appliance_itself')
  table.apply(frame, out)
  trimUser(out)
  setEndpoint(v.source, SRC_IP, out)
  out.numbers[DST_PORT] = setEndpoint(v.destination, DST_IP, out)
  setScheme(v['application protocol'], out)
  if (action.startsWith('Den')) out.action = ACTION_BLOCKED
  else out.phase = phaseOf(action)
  if (out.phase !== PHASE_WHOLE) out.action = ACTION_ALLOWED
  return 'parsed'
}

/** `ip:port`, the port absent for what has none; returns the port or -1. */
function setEndpoint(value: Value, field: typeof SRC_IP | typeof DST_IP, out: RecordFields): number {
  if (!value.present) return -1
  const { buf } = out
  const colon = findLastByte(buf, value.start, value.end, 0x3a)
  const bracketed = buf[value.start] === 0x5b
  const hasPort = colon > 0 && (bracketed ? buf[colon - 1] === 0x5d : findByte(buf, value.start, colon, 0x3a) < 0)
  if (!hasPort) {
    setText(value, field, out)
    return -1
  }
  out.set(field, bracketed ? value.start + 1 : value.start, bracketed ? colon - 1 : colon)
  return readCount(buf, colon + 1, value.end)
}

export default parser
