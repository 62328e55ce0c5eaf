/**
 * Juniper SRX and other Junos firewalls: flow, AppTrack and web filter events, as structured data (sd-syslog), as text
 * (syslog) and as WELF. Format: Junos OS System Log Explorer.
 *
 * A session shows its create event, which has no bytes, AppTrack's updates with running totals, and its close. With AppTrack
 * on, it closes twice, once as `RT_FLOW_SESSION_CLOSE` and once as `APPTRACK_SESSION_CLOSE`; whichever comes first counts.
 */
import {
  action,
  anyTime,
  count,
  FieldTable,
  type Frame,
  find,
  findByte,
  headerOrArrivalTime,
  headFind,
  headHas,
  isDigit,
  KEY_VALUE_SYNTAX,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCount,
  scanKeyValue,
  skip,
  skipBlanks,
  text,
  tokenEnd,
  type Value
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DOWNLOADED,
  DST_IP,
  DST_PORT,
  PHASE_END,
  PHASE_INTERIM,
  PHASE_START,
  PHASE_WHOLE,
  type RecordFields,
  SRC_IP,
  TIME,
  UPLOADED,
  USER
} from '../src/record.ts'

const structured = new FieldTable({
  'source-address': text('srcIp'),
  'source-port': raw(),
  'destination-address': text('dstIp'),
  'destination-port': count('dstPort'),
  'protocol-id': raw(),
  'bytes-from-client': count('uploadedBytes'),
  'bytes-from-server': count('downloadedBytes'),
  username: text('user'),
  // the web filter's `url` is the host, `obj` the path
  url: text('dstHost'),
  obj: text('url')
})

const filterText = new FieldTable({ URL: text('dstHost'), OBJ: text('url'), USERNAME: text('user') })

const welf = new FieldTable({
  time: anyTime(),
  msg: raw(),
  proto: raw(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dst_port: count('dstPort'),
  dstport: count('dstPort'),
  dstname: text('dstHost'),
  arg: text('url'),
  user: text('user'),
  sent: count('uploadedBytes'),
  rcvd: count('downloadedBytes'),
  action: action({ close: 'allowed', create: 'allowed' })
})

const JUNOS = needle('[junos@')
const RT = needle('RT_')
const WEBFILTER = needle('WEBFILTER_URL_')
const FLOW_CLOSE = needle('RT_FLOW_SESSION_CLOSE')
const FLOW_CREATE = needle('RT_FLOW_SESSION_CREATE')
const FLOW_DENY = needle('RT_FLOW_SESSION_DENY')
const APPTRACK = needle('APPTRACK_SESSION_')
const APPTRACK_CLOSE = needle('APPTRACK_SESSION_CLOSE')
const APPTRACK_CREATE = needle('APPTRACK_SESSION_CREATE')
const APPTRACK_VOLUME = needle('APPTRACK_SESSION_VOL_UPDATE')
const APPTRACK_ROUTE = needle('APPTRACK_SESSION_ROUTE_UPDATE')
const CLOSED = needle('session closed ')
const CREATED = needle('session created ')
const DENIED = needle('session denied ')
const UPDATED = needle('AppTrack volume update: ')
const ROUTED = needle('AppTrack route update: ')
const APPTRACK_TEXT = needle('AppTrack')
const BLOCKED = needle('BLOCKED')
const PERMITTED = needle('PERMITTED')
const ARROW = needle('->')
const WELF = needle('id=firewall time="')
const WELF_RULE = needle(' rule=')
const WELF_MARKS = [' tz=', ' startime=', ' sn='].map(needle)

/** Sessions that closed lately, so that the second line about one session is known. */
class ClosedSessions {
  readonly #keys = new Int32Array(8192)
  readonly #kinds = new Uint8Array(8192)
  readonly #times = new Float64Array(8192)

  /** True when the other kind of close was seen for this session within two minutes; remembers it otherwise. */
  repeats(hash: number, appTrack: boolean, timeMs: number): boolean {
    const slot = (hash ^ (hash >>> 13)) & 8191
    const kind = appTrack ? 2 : 1
    if (this.#keys[slot] === hash && this.#kinds[slot] === 3 - kind && Math.abs(this.#times[slot]! - timeMs) < 120_000) {
      this.#kinds[slot] = 0
      return true
    }
    this.#keys[slot] = hash
    this.#kinds[slot] = kind
    this.#times[slot] = timeMs
    return false
  }
}

const parser: Parser<ClosedSessions> = {
  id: 'juniper-srx',
  appliance: 'Juniper SRX',
  newState: () => new ClosedSessions(),
  recognizes(frame) {
    const { buf, body, end } = frame
    if (frame.sdStart >= 0) return matchesAt(buf, frame.sdStart, frame.sdEnd, JUNOS)
    if (frame.appStart >= 0 && matchesAt(buf, frame.appStart, frame.appEnd, RT)) return true
    if (matchesAt(buf, body, end, RT)) return true
    if (matchesAt(buf, body, end, WELF)) return headHas(frame, WELF_RULE) && !WELF_MARKS.some(mark => headHas(frame, mark))
    return headHas(frame, JUNOS)
  },
  parse(frame, out, state) {
    const { buf, body, end } = frame
    const sd = frame.sdStart >= 0 ? frame.sdStart : headFind(frame, JUNOS)
    if (sd >= 0 && matchesAt(buf, sd, end, JUNOS)) return parseStructured(frame, sd, out, state)
    if (matchesAt(buf, body, end, WELF)) return parseWelf(frame, out)
    return parseText(frame, out, state)
  }
}

function parseStructured(frame: Frame, sd: number, out: RecordFields, state: ClosedSessions): Outcome {
  const { buf } = frame
  let event = frame.msgIdStart
  if (event < 0) {
    let last = sd
    while (last > frame.start && buf[last - 1] === 0x20) last--
    event = last
    while (event > frame.start && buf[event - 1] !== 0x20) event--
  }
  const filter = matchesAt(buf, event, sd, WEBFILTER)
  const denied = matchesAt(buf, event, sd, FLOW_DENY)
  const phase = phaseOf(buf, event, sd)
  if (!filter && !denied && phase === PHASE_WHOLE) return skip(out, 'not_traffic')
  structured.begin(frame)
  const from = tokenEnd(buf, sd, frame.end)
  if (scanKeyValue(buf, from, frame.end, structured.keys, structured.values, KEY_VALUE_SYNTAX) === 0) return malformed(out, 'bad_syntax')
  const { v } = structured
  const protocol = v['protocol-id']
  if (protocol.present && !protocol.is('6') && !protocol.is('17')) return skip(out, 'not_tcp_udp')
  structured.apply(frame, out)
  if (v.username.is('unauthenticated-user') || v.username.is('unknown-user')) out.clear(USER)
  out.numbers[TIME] = headerOrArrivalTime(frame)
  if (filter) return decideFilter(buf, event + WEBFILTER.length, frame.end, out)
  out.action = denied ? ACTION_BLOCKED : ACTION_ALLOWED
  out.phase = phase
  const appTrack = matchesAt(buf, event, sd, APPTRACK)
  if (phase === PHASE_END && state.repeats(sessionHash(v), appTrack, out.numbers[TIME])) return skip(out, 'repeats_session')
  return 'parsed'
}

/** `PHASE_WHOLE` for the events that are not about an allowed session. */
function phaseOf(buf: Buffer, event: number, end: number): number {
  if (matchesAt(buf, event, end, FLOW_CLOSE) || matchesAt(buf, event, end, APPTRACK_CLOSE)) return PHASE_END
  if (matchesAt(buf, event, end, FLOW_CREATE) || matchesAt(buf, event, end, APPTRACK_CREATE)) return PHASE_START
  return matchesAt(buf, event, end, APPTRACK_VOLUME) || matchesAt(buf, event, end, APPTRACK_ROUTE) ? PHASE_INTERIM : PHASE_WHOLE
}

function decideFilter(buf: Buffer, verdict: number, end: number, out: RecordFields): Outcome {
  if (matchesAt(buf, verdict, end, BLOCKED)) out.action = ACTION_BLOCKED
  else if (matchesAt(buf, verdict, end, PERMITTED)) out.action = ACTION_ALLOWED
  return 'parsed'
}

function sessionHash(v: typeof structured.v): number {
  let hash = hashOf(0, v['source-address'])
  hash = hashOf(hash, v['source-port'])
  hash = hashOf(hash, v['destination-address'])
  return hashOf(hash, v['destination-port'])
}

const hashOf = (hash: number, value: Value): number => (value.start < 0 ? hash : hashBytes(hash, value.line.buf, value.start, value.end))

function hashBytes(seed: number, buf: Buffer, start: number, end: number): number {
  let hash = Math.imul(seed, 31) + 47
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + buf[at]!) | 0
  return hash
}

/**
 * By position, told by shape: `reason words: a/p->b/p … a/p->b/p … proto policy zone zone session 6(337) 4(535) 1 app nested
 * user(roles) …`; in a denial the protocol is `6(0)`. NAT rule types hold blanks, so only what stands next to a shape is read.
 */
function parseText(frame: Frame, out: RecordFields, state: ClosedSessions): Outcome {
  const { buf, end } = frame
  const from = findEvent(frame, out)
  if (from < 0) {
    const event = headFind(frame, WEBFILTER)
    return event >= 0 ? parseFilterText(frame, event, out) : skip(out, 'not_traffic')
  }
  const { phase } = out
  const arrow = find(buf, from, Math.min(end, from + 300), ARROW)
  if (arrow < 0) return malformed(out, 'bad_syntax')
  let source = arrow
  while (source > from && buf[source - 1] !== 0x20) source--
  const target = arrow + ARROW.length
  const targetEnd = tokenEnd(buf, target, end)
  setEndpoint(buf, source, arrow, SRC_IP, out)
  setEndpoint(buf, target, targetEnd, DST_IP, out)
  out.numbers[TIME] = headerOrArrivalTime(frame)
  out.action = phase === PHASE_WHOLE ? ACTION_BLOCKED : ACTION_ALLOWED
  const isTransport =
    phase === PHASE_START ? readCreated(buf, targetEnd, end, out) : readTail(buf, targetEnd, end, phase === PHASE_WHOLE, out)
  if (!isTransport) return skip(out, 'not_tcp_udp')
  const appTrack = headHas(frame, APPTRACK_TEXT)
  if (phase === PHASE_END && state.repeats(hashBytes(0, buf, source, targetEnd), appTrack, out.numbers[TIME]))
    return skip(out, 'repeats_session')
  return 'parsed'
}

/** Offset of the words before the addresses, -1 when there are none; sets the phase, `PHASE_WHOLE` for a denial. */
function findEvent(frame: Frame, out: RecordFields): number {
  let at = headFind(frame, CLOSED)
  out.phase = PHASE_END
  if (at >= 0) return at
  out.phase = PHASE_WHOLE
  at = headFind(frame, DENIED)
  if (at >= 0) return at
  at = headFind(frame, CREATED)
  if (at >= 0) out.phase = PHASE_START
  else {
    at = headFind(frame, UPDATED)
    if (at < 0) at = headFind(frame, ROUTED)
    if (at >= 0) out.phase = PHASE_INTERIM
  }
  return at
}

/** `192.0.2.1/443` */
function setEndpoint(buf: Buffer, start: number, end: number, field: typeof SRC_IP | typeof DST_IP, out: RecordFields): void {
  let slash = end
  while (slash > start && buf[slash] !== 0x2f) slash--
  if (slash === start) return
  out.set(field, start, slash)
  if (field === DST_IP) out.numbers[DST_PORT] = readCount(buf, slash + 1, end)
}

const before = new Int32Array(5)

/** Reads what follows the addresses; false when the protocol is neither TCP nor UDP. */
function readTail(buf: Buffer, start: number, end: number, denied: boolean, out: RecordFields): boolean {
  before.fill(-1)
  let pairs = 0
  let words = 0
  for (let at = skipBlanks(buf, start, end); at < end; ) {
    const wordEnd = tokenEnd(buf, at, end)
    const open = isDigit(buf[at]) ? counted(buf, at, wordEnd) : -1
    if (open > 0 && denied) return isTcpUdp(buf, at, open)
    if (open > 0 && pairs < 2) {
      if (pairs === 0 && before[words % 5]! >= 0 && !isTcpUdp(buf, before[words % 5]!, tokenEnd(buf, before[words % 5]!, end))) return false
      out.numbers[pairs === 0 ? UPLOADED : DOWNLOADED] = readCount(buf, open + 1, wordEnd - 1)
      pairs++
    } else if (pairs === 2 && buf[wordEnd - 1] === 0x29) {
      let paren = at
      while (paren < wordEnd && buf[paren] !== 0x28) paren++
      out.set(USER, at, paren)
      return true
    }
    before[words++ % 5] = at
    at = skipBlanks(buf, wordEnd, end)
  }
  return true
}

/** Reads `… proto policy zone zone session user(roles) …` of a create event; false when the protocol is neither TCP nor UDP. */
function readCreated(buf: Buffer, start: number, end: number, out: RecordFields): boolean {
  before.fill(-1)
  let words = 0
  for (let at = skipBlanks(buf, start, end); at < end; ) {
    const wordEnd = tokenEnd(buf, at, end)
    if (buf[wordEnd - 1] === 0x29) {
      out.set(USER, at, Math.max(at, findByte(buf, at, wordEnd, 0x28)))
      break
    }
    before[words++ % 5] = at
    at = skipBlanks(buf, wordEnd, end)
  }
  const protocol = before[words % 5]!
  return protocol < 0 || isTcpUdp(buf, protocol, tokenEnd(buf, protocol, end))
}

/** Offset of `(` in `6(337)`, -1 when the word is not of that shape. */
function counted(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && isDigit(buf[at])) at++
  return at > start && buf[at] === 0x28 && buf[end - 1] === 0x29 && isDigit(buf[at + 1]) ? at : -1
}

function isTcpUdp(buf: Buffer, start: number, end: number): boolean {
  const number = readCount(buf, start, end)
  return number === 6 || number === 17 || number < 0
}

/** `WEBFILTER_URL_BLOCKED: WebFilter: ACTION="URL Blocked" a(p)->b(p) CATEGORY="…" … URL=host OBJ=/path USERNAME=u ROLES=r` */
function parseFilterText(frame: Frame, event: number, out: RecordFields): Outcome {
  const { buf, end } = frame
  const arrow = find(buf, event, Math.min(end, event + 300), ARROW)
  if (arrow < 0) return malformed(out, 'bad_syntax')
  filterText.begin(frame)
  scanKeyValue(buf, event, end, filterText.keys, filterText.values, KEY_VALUE_SYNTAX)
  filterText.apply(frame, out)
  let source = arrow
  while (source > event && buf[source - 1] !== 0x20) source--
  setParenthesized(buf, source, arrow, SRC_IP, out)
  setParenthesized(buf, arrow + ARROW.length, tokenEnd(buf, arrow, end), DST_IP, out)
  out.numbers[TIME] = headerOrArrivalTime(frame)
  return decideFilter(buf, event + WEBFILTER.length, end, out)
}

/** `192.0.2.1(443)` */
function setParenthesized(buf: Buffer, start: number, end: number, field: typeof SRC_IP | typeof DST_IP, out: RecordFields): void {
  let open = start
  while (open < end && buf[open] !== 0x28) open++
  out.set(field, start, open)
  if (field === DST_IP && open < end) out.numbers[DST_PORT] = readCount(buf, open + 1, end - 1)
}

function parseWelf(frame: Frame, out: RecordFields): Outcome {
  welf.begin(frame)
  scanKeyValue(frame.buf, frame.body, frame.end, welf.keys, welf.values, KEY_VALUE_SYNTAX)
  const { v } = welf
  if (!v.src.present || !v.dst.present) return skip(out, 'not_traffic')
  if (v.proto.is('1') || v.proto.is('icmp') || v.proto.is('58')) return skip(out, 'not_tcp_udp')
  welf.apply(frame, out)
  if (v.msg.startsWith('session denied') || v.msg.startsWith('RT_FLOW_SESSION_DENY')) out.action = ACTION_BLOCKED
  else if (v.msg.startsWith('session created') || v.msg.startsWith('RT_FLOW_SESSION_CREATE')) out.phase = PHASE_START
  else if (v.msg.startsWith('session closed') || v.msg.startsWith('RT_FLOW_SESSION_CLOSE')) out.phase = PHASE_END
  return 'parsed'
}

export default parser
