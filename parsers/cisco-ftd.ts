/**
 * Cisco Firepower: connection events of Threat Defense and NGIPS devices (430002 begin, 430003 end), the same as the management
 * center sends them (`SFIMS`), and the ASA messages of the engine below. Format: Cisco "Threat Defense Syslog Messages".
 *
 *   event = key ": " value { ", " key ": " value }     values hold commas: one ends only where a key and its colon follow
 *
 * A connection that is denied at once has a begin event only; all others are read at their end. Initiator is the client.
 */
import {
  AsaDirections,
  type AsaRule,
  action,
  asaTextStart,
  count,
  FieldTable,
  type Frame,
  find,
  headerOrArrivalTime,
  isOtherTransport,
  type KeyTable,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readAsaId,
  readAsaMessage,
  readCount,
  setText,
  skip,
  skipBlanks,
  text,
  time,
  type Value
} from '../src/parse/kit.ts'
import { ACTION_BLOCKED, PHASE_END, PHASE_START, type RecordFields, TIME, USER } from '../src/record.ts'

const table = new FieldTable({
  FirstPacketSecond: raw(),
  ConnectionDuration: raw(),
  ConnectType: raw(),
  Protocol: raw(),
  SrcIP: text('srcIp'),
  DstIP: text('dstIp'),
  DstPort: count('dstPort'),
  User: raw(),
  InitiatorBytes: count('uploadedBytes'),
  ResponderBytes: count('downloadedBytes'),
  URL: text('url'),
  ReferencedHost: text('dstHost'),
  SSLServerName: text('dstHost'),
  AccessControlRuleAction: action({
    trust: 'allowed',
    fastpath: 'allowed',
    'block with reset': 'blocked',
    'interactive block': 'blocked',
    'interactive block with reset': 'blocked'
  })
})

const FTD = needle('%FTD-')
const NGIPS = needle('%NGIPS-')
const SFIMS = needle('SFIMS')
const LINE_BREAK = '<br/>'
const HEAD_BYTES = 120
const EVENT_BEGIN = 430_002
const EVENT_END = 430_003
/** Events of the management center have no number, and other things come from it too. */
const CENTER = 0
const EVENTS_FIRST = 430_000
const EVENTS_LAST = 430_999

const parser: Parser<AsaRule> = {
  id: 'cisco-ftd',
  appliance: 'Cisco Firepower Threat Defense',
  newState: () => ({ directions: new AsaDirections(), initiatorFirst: false }),
  recognizes: frame => mark(frame) >= 0,
  parse(frame, out, state) {
    const { buf, end } = frame
    const at = mark(frame)
    if (at < 0) return malformed(out, 'bad_syntax')
    if (buf[at] === SFIMS[0]) return connectionEvent(frame, afterTagWord(buf, at + SFIMS.length, end), CENTER, out)
    const id = readAsaId(buf, at + (buf[at + 1] === NGIPS[1] ? NGIPS.length : FTD.length), end)
    if (id < EVENTS_FIRST || id > EVENTS_LAST) {
      out.numbers[TIME] = headerOrArrivalTime(frame)
      return readAsaMessage(frame, id, asaTextStart, out, state)
    }
    if (id !== EVENT_BEGIN && id !== EVENT_END) return skip(out, 'repeats_session')
    return connectionEvent(frame, asaTextStart, id, out)
  }
}

/** Offset of `%FTD-`, `%NGIPS-` or `SFIMS`, or -1. */
function mark(frame: Frame): number {
  const { buf, body, start, end } = frame
  if (matchesAt(buf, body, end, FTD)) return body
  const head = Math.min(end, start + HEAD_BYTES)
  let at = find(buf, start, head, FTD)
  if (at < 0) at = find(buf, start, head, NGIPS)
  return at < 0 ? find(buf, start, head, SFIMS) : at
}

/** Past the colon and the blanks of `SFIMS: `. */
const afterTagWord = (buf: Uint8Array, at: number, end: number): number => skipBlanks(buf, buf[at] === COLON ? at + 1 : at, end)

function connectionEvent(frame: Frame, at: number, id: number, out: RecordFields): Outcome {
  table.begin(frame)
  const { v } = table
  scanPairs(frame.buf, at, frame.end, table.keys, table.values)
  if (!v.SrcIP.present || !v.AccessControlRuleAction.present || !v.Protocol.present)
    return id === CENTER ? skip(out, 'not_traffic') : malformed(out, 'bad_syntax')
  if (isOtherTransport(v.Protocol)) return skip(out, 'not_tcp_udp')
  if (v.AccessControlRuleAction.startsWith(LINE_BREAK)) v.AccessControlRuleAction.start += LINE_BREAK.length
  table.apply(frame, out)
  // a blocked connection has no end
  if (out.action !== ACTION_BLOCKED) out.phase = id === EVENT_BEGIN || v.ConnectType.is('Start') ? PHASE_START : PHASE_END
  setUser(v.User, out)
  out.numbers[TIME] = eventTime(frame)
  return 'parsed'
}

/** Realm and name; words for nobody may stand behind a realm of their own. */
function setUser(user: Value, out: RecordFields): void {
  if (!user.endsWith('No Authentication Required') && !user.endsWith('Failed Authentication') && !user.endsWith('\\Unknown'))
    setText(user, USER, out)
}

/** The first packet and the seconds since; older releases have neither. */
function eventTime(frame: Frame): number {
  const { FirstPacketSecond: first, ConnectionDuration: duration } = table.v
  const began = first.present ? time.readAnyTime(frame.buf, first.start, first.end, frame.zone, frame.now) : Number.NaN
  if (Number.isNaN(began)) return headerOrArrivalTime(frame)
  const seconds = readCount(frame.buf, duration.start, duration.end)
  return seconds > 0 ? began + seconds * 1000 : began
}

/** A key is not longer than this. */
const KEY_MAX_BYTES = 40
const COMMA = 0x2c
const COLON = 0x3a
const SPACE = 0x20

/** Sets the wanted values; of repeated keys the first is kept. */
function scanPairs(buf: Uint8Array, start: number, end: number, keys: KeyTable, values: readonly Value[]): void {
  let open: Value | undefined
  let at = start
  let colon = keyColon(buf, at, end)
  while (at < end) {
    if (colon >= 0) {
      if (open !== undefined) open.set(open.start, at - 2, 0)
      const index = keys.indexOf(buf, at, colon)
      const value = index < 0 ? undefined : values[index]
      open = value === undefined || value.start >= 0 ? undefined : value
      at = Math.min(end, colon + 2)
      if (open !== undefined) open.set(at, end, 0)
    }
    while (at < end && (buf[at] !== COMMA || buf[at + 1] !== SPACE)) at++
    at += 2
    colon = keyColon(buf, at, end)
  }
}

/** Offset of the colon after a key that starts at `at`, or -1 when no key stands there. */
function keyColon(buf: Uint8Array, at: number, end: number): number {
  const last = Math.min(end, at + KEY_MAX_BYTES)
  let p = at
  while (p < last && isKeyByte(buf[p]!)) p++
  return p > at && p + 1 < end && buf[p] === COLON && buf[p + 1] === SPACE ? p : -1
}

const isKeyByte = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === SPACE

export default parser
