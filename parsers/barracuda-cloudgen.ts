/**
 * Barracuda CloudGen Firewall (NextGen, F-Series): firewall activity log, by position and as key=value, and the JSON of its
 * streaming (connections and web). Format: Barracuda Campus, "Firewall Activity Log". Sent is client to server.
 *
 * A session is logged when it begins (`Allow`), when its application is known (`Detect`) and, when that is switched on, when it
 * ends (`Remove`).
 */
import {
  action,
  count,
  epoch,
  FieldTable,
  type Frame,
  findByte,
  headerOrArrivalTime,
  headHas,
  isDigit,
  isOtherTransport,
  KEY_VALUE_SYNTAX,
  malformed,
  matchesAt,
  type Needle,
  needle,
  type Outcome,
  type Parser,
  raw,
  scanDelimited,
  scanJson,
  scanKeyValue,
  skip,
  text,
  type Value
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  PHASE_END,
  PHASE_INTERIM,
  PHASE_START,
  PHASE_WHOLE,
  type RecordFields,
  SRC_IP,
  TIME,
  USER
} from '../src/record.ts'

const activity = new FieldTable({
  type: raw(),
  proto: raw(),
  srcIP: text('srcIp'),
  dstIP: text('dstIp'),
  dstPort: count('dstPort'),
  receivedBytes: count('downloadedBytes'),
  sentBytes: count('uploadedBytes'),
  user: text('user')
})
const BY_POSITION = activity.columns(
  'type proto srcIF srcIP srcPort srcMAC dstIP dstPort dstService dstIF rule info srcNAT dstNAT duration count receivedBytes sentBytes receivedPackets sentPackets user'.split(
    ' '
  )
)
const PIPES = { separator: 0x7c, quote: 0, runs: false, brackets: false }
const PIPE_PAIRS = { ...KEY_VALUE_SYNTAX, separator: 0x7c, quote: 0 }
/** Columns of a row that has its addresses. */
const COLUMNS_MIN = 8

const streaming = new FieldTable({
  timestamp: epoch(),
  component: raw(),
  action: action({ begin: 'allowed', start: 'allowed', update: 'allowed', end: 'allowed' }),
  traffic_type: raw(),
  ip_proto: raw(),
  src_ip: text('srcIp'),
  source_ip: text('srcIp'),
  dst_ip: text('dstIp'),
  destination_ip: text('dstIp'),
  dst_port: count('dstPort'),
  destination_port: count('dstPort'),
  fwd_bytes: count('uploadedBytes'),
  rev_bytes: count('downloadedBytes'),
  user: text('user'),
  name: text('url'),
  domain: text('dstHost')
})
const streamingLevel = streaming.json()

const ACTIVITY = needle('_Firewall_Activity:')
const THREAT = needle('_Firewall_threat:')
const LISTS = [': FWD|', ': IFWD|', ': LIN|', ': LOUT|', ': type='].map(needle)
const LEVELS = ['Info ', 'Security ', 'Notice ', 'Warning '].map(needle)
const WEB_JSON = ['"traffic_type":', '"source_ip":'].map(needle)
const CONNECTION_JSON = ['"src_iface":', '"src_ip":'].map(needle)
const THREAT_JSON = ['"component":"firewall"', '"severity":'].map(needle)
const TYPE_KEY = needle('type=')

const REMOVE = needle('Remove')
const ALLOW = needle('Allow')
const DETECT = needle('Detect')
const FAIL = needle('Fail')
const LOCAL = needle('Local')
const REFUSALS = ['Block', 'Drop', 'Deny', 'Reject'].map(needle)

const parser: Parser = {
  id: 'barracuda-cloudgen',
  appliance: 'Barracuda CloudGen Firewall',
  recognizes(frame) {
    const { buf, body, end } = frame
    if (buf[body] === 0x7b) return hasAll(frame, WEB_JSON) || hasAll(frame, CONNECTION_JSON) || hasAll(frame, THREAT_JSON)
    if (headHas(frame, ACTIVITY) || headHas(frame, THREAT)) return true
    return LEVELS.some(level => matchesAt(buf, body, end, level)) && LISTS.some(list => headHas(frame, list))
  },
  parse(frame, out) {
    return frame.buf[frame.body] === 0x7b ? parseStreaming(frame, out) : parseActivity(frame, out)
  }
}

const hasAll = (frame: Frame, marks: readonly Needle[]): boolean => marks.every(mark => headHas(frame, mark))

/** `T100/box_Firewall_Activity:  Info     T100 Remove: FWD|TCP|…` */
function parseActivity(frame: Frame, out: RecordFields): Outcome {
  const { buf, body, end } = frame
  if (headHas(frame, THREAT)) return skip(out, 'not_traffic')
  const pipe = findByte(buf, body, Math.min(end, body + 400), 0x7c)
  if (pipe < 0) return skip(out, 'not_traffic')
  let list = pipe
  while (list > body && buf[list - 1] !== 0x20) list--
  let word = list
  while (word > body && buf[word - 1] === 0x20) word--
  const wordEnd = word
  while (word > body && buf[word - 1] !== 0x20) word--
  if (wordEnd === body || buf[wordEnd - 1] !== 0x3a) return skip(out, 'not_traffic')
  activity.begin(frame)
  if (matchesAt(buf, list, end, TYPE_KEY)) scanKeyValue(buf, list, end, activity.keys, activity.values, PIPE_PAIRS)
  else if (scanDelimited(buf, list, end, BY_POSITION, activity.values, PIPES) < COLUMNS_MIN) return malformed(out, 'short_row')
  const refused = refuse(buf, word, wordEnd, out)
  if (refused !== undefined) return refused
  activity.apply(frame, out)
  out.numbers[TIME] = headerOrArrivalTime(frame)
  return 'parsed'
}

/** Why this event is no transaction, or undefined when it is one; sets the action and the phase. */
function refuse(buf: Buffer, word: number, end: number, out: RecordFields): Outcome | undefined {
  const { type, proto } = activity.v
  if (matchesAt(buf, word, end, LOCAL) || type.is('LIN') || type.is('LOUT') || type.startsWith('Local'))
    return skip(out, 'appliance_itself')
  if (!type.is('FWD') && !type.is('IFWD')) return skip(out, 'not_traffic')
  if (proto.present && !proto.is('TCP') && !proto.is('UDP')) return skip(out, 'not_tcp_udp')
  const phase = phaseOf(buf, word, end)
  if (phase !== PHASE_WHOLE) {
    out.action = ACTION_ALLOWED
    out.phase = phase
    return undefined
  }
  if (REFUSALS.some(refusal => matchesAt(buf, word, end, refusal))) {
    out.action = ACTION_BLOCKED
    return undefined
  }
  // a session that was allowed and got no answer: the decision is not in the line
  return matchesAt(buf, word, end, FAIL) ? undefined : skip(out, 'not_traffic')
}

/** `PHASE_WHOLE` for the events that are not about an allowed session. */
function phaseOf(buf: Buffer, word: number, end: number): number {
  if (matchesAt(buf, word, end, REMOVE)) return PHASE_END
  if (matchesAt(buf, word, end, ALLOW)) return PHASE_START
  return matchesAt(buf, word, end, DETECT) ? PHASE_INTERIM : PHASE_WHOLE
}

function parseStreaming(frame: Frame, out: RecordFields): Outcome {
  streaming.begin(frame)
  if (scanJson(frame.buf, frame.body, frame.end, streamingLevel) < 0) return malformed(out, 'bad_syntax')
  const { v } = streaming
  if (v.component.present) return skip(out, 'not_traffic')
  if (isOtherTransport(v.ip_proto)) return skip(out, 'not_tcp_udp')
  if (v.action.is('Begin') || v.action.is('Start')) out.phase = PHASE_START
  else if (v.action.is('Update')) out.phase = PHASE_INTERIM
  else if (v.action.is('End')) out.phase = PHASE_END
  streaming.apply(frame, out)
  // web events say their decision by an undocumented number
  if (v.action.present && isDigit(frame.buf[v.action.start])) out.action = 0
  if (sameBytes(v.user, out, SRC_IP)) out.clear(USER)
  return 'parsed'
}

/** The user is the client's address when nobody is logged in. */
function sameBytes(value: Value, out: RecordFields, field: typeof SRC_IP): boolean {
  const start = out.start[field]!
  if (!value.present || start < 0 || out.end[field]! - start !== value.end - value.start) return false
  return matchesAt(out.buf, value.start, value.end, out.buf.subarray(start, out.end[field]))
}

export default parser
