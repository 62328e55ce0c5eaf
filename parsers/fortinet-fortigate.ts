/**
 * Fortinet FortiGate, FortiOS 5 and later: traffic and UTM logs as key=value pairs, in CSV mode (commas between the pairs), and
 * as CEF, sent by the firewall or forwarded by FortiAnalyzer. Format: FortiOS Log Message Reference.
 *
 * `sent` (CEF `out`) is client to server. Long sessions report running totals every few minutes (logid 0000000020) together with
 * deltas; the deltas are what is new, so they win where they are. Relays take `date=…` or `CEF:` for a tag and drop it.
 */
import {
  action,
  anyTime,
  CefHeader,
  cefIs,
  cefStart,
  count,
  epoch,
  FieldTable,
  type Frame,
  headerOrArrivalTime,
  headerTime,
  isDigit,
  isOtherTransport,
  KEY_VALUE_SYNTAX,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCefHeader,
  readDigits,
  scanCefExtension,
  scanKeyValue,
  setScheme,
  skip,
  text,
  time,
  UTC,
  type Value
} from '../src/parse/kit.ts'
import { DEVICE, PHASE_END, PHASE_INTERIM, PHASE_START, PHASE_WHOLE, type RecordFields, SRC_IP, TIME } from '../src/record.ts'
import { hasTellingKeys } from './fortinet-fortigate/telling-keys.ts'

/** What is left of a CEF header whose `CEF:` a relay took for a tag. */
const CUT_CEF = needle('0|Fortinet|Forti')

/** How a session ended, as the policy's decision: all but `deny` were let through. */
const ACTIONS = {
  close: 'allowed',
  timeout: 'allowed',
  'client-rst': 'allowed',
  'server-rst': 'allowed',
  'ip-conn': 'allowed',
  dns: 'allowed',
  start: 'allowed',
  exempt: 'allowed',
  log: 'allowed'
} as const

const pairs = new FieldTable({
  eventtime: epoch(),
  date: raw(),
  time: raw(),
  tz: raw(),
  type: raw(),
  subtype: raw(),
  logid: raw(),
  srcip: text('srcIp'),
  srcname: text('device'),
  user: text('user'),
  unauthuser: text('user'),
  dstip: text('dstIp'),
  dstport: count('dstPort'),
  proto: raw(),
  service: raw(),
  hostname: text('dstHost'),
  url: text('url'),
  sentdelta: count('uploadedBytes'),
  rcvddelta: count('downloadedBytes'),
  sentbyte: count('uploadedBytes'),
  rcvdbyte: count('downloadedBytes'),
  action: action(ACTIONS)
})

/** Keys without a CEF name have a prefix: of the firewall, of its older releases, of FortiAnalyzer. */
const cef = new FieldTable({
  FTNTFGTeventtime: epoch(),
  FortinetFortiGateeventtime: epoch(),
  'ad.eventtime': epoch(),
  rt: anyTime(),
  start: anyTime(),
  cat: raw(),
  FTNTFGTsubtype: raw(),
  FortinetFortiGatesubtype: raw(),
  'ad.subtype': raw(),
  FTNTFGTlogid: raw(),
  FortinetFortiGatelogid: raw(),
  'ad.logid': raw(),
  src: text('srcIp'),
  shost: text('device'),
  suser: text('user'),
  duser: text('user'),
  FTNTFGTunauthuser: text('user'),
  FortinetFortiGateunauthuser: text('user'),
  'ad.unauthuser': text('user'),
  dst: text('dstIp'),
  dpt: count('dstPort'),
  proto: raw(),
  app: raw(),
  dhost: text('dstHost'),
  request: text('url'),
  FTNTFGTsentdelta: count('uploadedBytes'),
  FTNTFGTrcvddelta: count('downloadedBytes'),
  FortinetFortiGatesentdelta: count('uploadedBytes'),
  FortinetFortiGatercvddelta: count('downloadedBytes'),
  'ad.sentdelta': count('uploadedBytes'),
  'ad.rcvddelta': count('downloadedBytes'),
  out: count('uploadedBytes'),
  in: count('downloadedBytes'),
  act: action(ACTIONS),
  FTNTFGTaction: action(ACTIONS),
  FortinetFortiGateaction: action(ACTIONS),
  'ad.action': action(ACTIONS)
})

const BLANKS = KEY_VALUE_SYNTAX
const COMMAS = { ...KEY_VALUE_SYNTAX, separator: 0x2c }
const header = new CefHeader()

const parser: Parser = {
  id: 'fortinet-fortigate',
  appliance: 'Fortinet FortiGate',
  recognizes(frame) {
    const { buf, body, end } = frame
    if (buf[body]! < 0x61) {
      // upper case or a digit: CEF, whole or cut, for the keys of the other form are in lower case
      if (cefStart(frame) >= 0) return isCef(frame)
      if (matchesAt(buf, body, end, CUT_CEF)) return true
    }
    return hasTellingKeys(buf, body, Math.min(end, frame.start + HEAD_BYTES))
  },
  parse(frame, out) {
    if (frame.buf[frame.body]! < 0x61) {
      const mark = cefMark(frame)
      if (mark !== NO_CEF) return parseCef(frame, mark, out)
    }
    return parsePairs(frame, out)
  }
}

const NO_CEF = -100
/** The keys that tell stand this near to the start. */
const HEAD_BYTES = 300
const isCef = (frame: Frame): boolean => cefIs(frame, 'Fortinet', 'Fortigate') || cefIs(frame, 'Fortinet', 'FortiGate')

/** Where `CEF:` stands, or would stand had no relay dropped it. */
function cefMark(frame: Frame): number {
  if (cefStart(frame) >= 0) return cefStart(frame)
  return matchesAt(frame.buf, frame.body, frame.end, CUT_CEF) ? frame.body - 'CEF:'.length : NO_CEF
}

function parsePairs(frame: Frame, out: RecordFields): Outcome {
  pairs.begin(frame)
  const { buf, body, end } = frame
  const wanted = scanKeyValue(
    buf,
    body,
    end,
    pairs.keys,
    pairs.values,
    separatedByCommas(buf, body, end) ? COMMAS : BLANKS,
    pairs.layouts.pairs
  )
  const { v } = pairs
  if (wanted === 0) return malformed(out, 'bad_syntax')
  const isTraffic = v.type.is('traffic')
  if (isTraffic) {
    if (v.subtype.is('local')) return skip(out, 'appliance_itself')
  } else if (!v.type.is('utm') || !(v.subtype.is('webfilter') || v.subtype.is('app-ctrl') || v.subtype.is('ssl')))
    return skip(out, 'not_traffic')
  if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  pairs.apply(frame, out)
  if (isTraffic) out.phase = phaseOf(v.action, v.logid.is('0000000020'), v.sentdelta.seen || !v.sentbyte.seen)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = localTime(frame)
  setScheme(v.service, out)
  return 'parsed'
}

/** In CSV mode the byte after the first value is a comma. */
function separatedByCommas(buf: Buffer, start: number, end: number): boolean {
  const last = Math.min(end, start + 64)
  for (let at = start; at < last; at++) {
    if (buf[at] === 0x2c) return true
    if (buf[at] === 0x20 || buf[at] === 0x22) return false
  }
  return false
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** `date` and `time` are the firewall's own clock; `tz` says its offset when it is there. Releases before 6.0 have no `eventtime`. */
function localTime(frame: Frame): number {
  const { date, time: clock, tz } = pairs.v
  if (!clock.present) return headerTime(frame)
  const { buf, zone } = frame
  if (date.end - date.start !== 10) return timeWithoutDate(frame)
  const year = readDigits(buf, date.start, 4)
  const month = readDigits(buf, date.start + 5, 2)
  const day = readDigits(buf, date.start + 8, 2)
  const wall = time.readClock(buf, clock.start, clock.end, year, month, day, UTC)
  const offset = offsetMinutes(buf, tz)
  return Number.isNaN(offset) ? zone.toUtc(wall) : wall - offset * 60_000
}

/** A relay ate `date=`: its own time, else the last day on which the clock showed this, an hour of lead allowed. */
function timeWithoutDate(frame: Frame): number {
  if (frame.timeStart >= 0) return headerTime(frame)
  const { time: clock, tz } = pairs.v
  const { buf, now, zone } = frame
  const wall = time.readClock(buf, clock.start, clock.end, 1970, 1, 1, UTC) + Math.floor(now / DAY_MS) * DAY_MS
  const offset = offsetMinutes(buf, tz)
  const today = Number.isNaN(offset) ? zone.toUtc(wall) : wall - offset * 60_000
  return today - Math.ceil((today - now - HOUR_MS) / DAY_MS) * DAY_MS
}

/** `-0500`, `+05:30` or `UTC-5:00`; NaN when absent or other. */
function offsetMinutes(buf: Buffer, tz: Value): number {
  if (!tz.present) return Number.NaN
  const at = tz.startsWith('UTC') ? tz.start + 3 : tz.start
  const sign = buf[at] === 0x2d ? -1 : buf[at] === 0x2b ? 1 : 0
  const hourLength = isDigit(buf[at + 2]) ? 2 : 1
  const hours = readDigits(buf, at + 1, hourLength)
  const minuteStart = at + 1 + hourLength + (buf[at + 1 + hourLength] === 0x3a ? 1 : 0)
  const minutes = minuteStart < tz.end ? readDigits(buf, minuteStart, 2) : 0
  return sign === 0 || hours < 0 || hours > 14 || minutes < 0 ? Number.NaN : sign * (hours * 60 + minutes)
}

function parseCef(frame: Frame, mark: number, out: RecordFields): Outcome {
  cef.begin(frame)
  const { buf, end } = frame
  const extension = readCefHeader(buf, mark, end, header)
  if (extension < 0) return malformed(out, 'bad_syntax')
  scanCefExtension(buf, extension, end, cef.keys, cef.values, cef.layouts.cef)
  const { v } = cef
  if (!v.cat.present) v.cat.set(header.starts[5]!, header.ends[5]!, 0) // `traffic:forward close` is the name as well
  const subtype = v.FTNTFGTsubtype.seen ? v.FTNTFGTsubtype : v.FortinetFortiGatesubtype.seen ? v.FortinetFortiGatesubtype : v['ad.subtype']
  if (v.cat.startsWith('traffic')) {
    if (subtype.is('local') || v.cat.is('traffic:local')) return skip(out, 'appliance_itself')
  } else if (!v.cat.startsWith('utm') || !isWebSubtype(v.cat, subtype)) return skip(out, 'not_traffic')
  if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  const done = v.act.seen ? v.act : v.FTNTFGTaction.seen ? v.FTNTFGTaction : v.FortinetFortiGateaction
  cef.apply(frame, out)
  if (v.cat.startsWith('traffic')) out.phase = phaseOf(done.seen ? done : v['ad.action'], isPeriodic(), hasDelta() || !v.out.seen)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerOrArrivalTime(frame)
  dropDeviceThatIsAddress(out)
  setScheme(v.app, out)
  return 'parsed'
}

/** A periodic line counts when it says what is new since the last one; a denial has no other line. */
function phaseOf(done: Value, periodic: boolean, isDelta: boolean): number {
  if (done.is('start')) return PHASE_START
  if (periodic) return isDelta ? PHASE_WHOLE : PHASE_INTERIM
  return !done.seen || done.is('deny') || done.is('blocked') ? PHASE_WHOLE : PHASE_END
}

const isWebSubtype = (cat: Value, subtype: Value): boolean =>
  subtype.is('webfilter') ||
  subtype.is('app-ctrl') ||
  subtype.is('ssl') ||
  cat.startsWith('utm:webfilter') ||
  cat.startsWith('utm:app-ctrl') ||
  cat.startsWith('utm:ssl')

const isPeriodic = (): boolean =>
  cef.v.FTNTFGTlogid.is('0000000020') || cef.v.FortinetFortiGatelogid.is('0000000020') || cef.v['ad.logid'].is('0000000020')

const hasDelta = (): boolean => cef.v.FTNTFGTsentdelta.seen || cef.v.FortinetFortiGatesentdelta.seen || cef.v['ad.sentdelta'].seen

/** `shost` repeats the address where the firewall knows no name. */
function dropDeviceThatIsAddress(out: RecordFields): void {
  const device = out.start[DEVICE]!
  const ip = out.start[SRC_IP]!
  if (device < 0 || ip < 0) return
  const { buf } = out
  if (buf.compare(buf, ip, out.end[SRC_IP], device, out.end[DEVICE]) === 0) out.clear(DEVICE)
}

export default parser
