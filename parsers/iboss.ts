/**
 * iboss Zero Trust SSE: log forwarding by syslog, as JSON or as delimited `KEY=value` text.
 * Format: iboss "Log forwarding". `ipAddress` is the server; `logTime` and `time` are UTC, unlike the syslog header.
 */
import {
  action,
  count,
  epoch,
  FieldTable,
  type Frame,
  find,
  findByte,
  headerTime,
  headHas,
  headHasAny,
  isDigit,
  jsonStart,
  malformed,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCount,
  readRowTime,
  salvageJson,
  scanJson,
  setScheme,
  skip,
  text,
  time,
  W3cState
} from '../src/parse/kit.ts'
import { ACTION_BLOCKED, ACTION_UNKNOWN, type RecordFields, TIME } from '../src/record.ts'

const ACTIONS = action({ redirected: 'blocked', 'soft blocked': 'blocked', logged: 'allowed' })

const table = new FieldTable({
  logTime: raw(),
  time: raw(),
  proxyTransactionStartTime: raw(),
  logType: raw(),
  directionName: raw(),
  sourceIpAddress: text('srcIp'),
  privateIp: text('srcIp'),
  username: text('user'),
  computerName: text('device'),
  ipAddress: text('dstIp'),
  destinationPort: count('dstPort'),
  host: text('dstHost'),
  url: text('url'),
  scheme: raw(),
  upstreamByteUsage: count('uploadedBytes'),
  downstreamByteUsage: count('downloadedBytes'),
  totalByteCount: count('totalBytes'),
  sAction: ACTIONS,
  action: ACTIONS
})
const level = table.json()
const { v } = table

/** The delimited form; it gives one count for both directions. */
const delimited = new FieldTable({
  TIME: epoch(),
  URL: text('url'),
  ACTION: ACTIONS,
  SRC_IPADDR: text('srcIp'),
  DEST_IPADDR: text('dstIp'),
  COMP_NAME: text('device'),
  USER: text('user'),
  BYTES: count('totalBytes')
})

const NO_DIRECTIVES = new W3cState()
const UTC = { name: 'UTC', toUtc: (wallMs: number) => wallMs }
const OWN_KEYS = ['"urlLogId"', '"policyLayers"', '"totalByteUsage"', '"ztPolicyName"', '"proxyTransactionStartTime"'].map(needle)
const URL_ENTRY = needle('URL_LOG_ENTRY')
const COMMA = 0x2c

const parser: Parser = {
  id: 'iboss',
  appliance: 'iboss Zero Trust SSE',
  recognizes: frame => (frame.buf[frame.body] === 0x7b ? headHasAny(frame, OWN_KEYS) : headHas(frame, URL_ENTRY)),
  parse: (frame, out) => (frame.buf[frame.body] === 0x7b ? readObject(frame, out) : readText(frame, out))
}

function readObject(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  table.begin(frame)
  const start = jsonStart(frame)
  if (scanJson(buf, start, end, level) < 0) {
    table.begin(frame) // the value before the break may have been cut short
    if (salvageJson(buf, start, end, table.keys, table.values) === 0) return malformed(out, 'bad_syntax')
  }
  if (v.logType.present && !v.logType.is('WEB_LOG') && !v.logType.is('DLP')) return skip(out, 'not_traffic')
  if (v.directionName.is('inbound') || v.directionName.is('Inbound')) return skip(out, 'inbound')
  table.apply(frame, out)
  setScheme(v.scheme, out)
  out.numbers[TIME] = objectTime(frame)
  return 'parsed'
}

function objectTime(frame: Frame): number {
  const { buf } = frame
  const written = readRowTime(frame, NO_DIRECTIVES, v.logTime, v.time, UTC)
  if (!Number.isNaN(written)) return written
  const start = v.proxyTransactionStartTime
  const started = start.present ? time.readEpoch(buf, start.start, start.end) : Number.NaN
  return Number.isNaN(started) ? headerTime(frame) : started
}

/** `…,URL_LOG_ENTRY,KEY=value,KEY=value`: values hold commas, so one ends where `,KEY=` begins. */
function readText(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  delimited.begin(frame)
  const entry = find(buf, frame.start, end, URL_ENTRY)
  if (entry < 0) return malformed(out, 'bad_syntax')
  let at = entry + URL_ENTRY.length
  let found = 0
  while (at < end) {
    const keyStart = buf[at] === COMMA ? at + 1 : at
    const assign = keyEnd(buf, keyStart, end)
    if (assign < 0) {
      at = commaAfter(buf, keyStart, end)
      continue
    }
    const valueEnd = valueEndAt(buf, assign + 1, end)
    const index = delimited.keys.indexOf(buf, keyStart, assign)
    if (index >= 0 && !delimited.values[index]!.seen) {
      delimited.values[index]!.set(assign + 1, valueEnd, 0)
      found++
    }
    at = valueEnd
  }
  if (found === 0) return malformed(out, 'bad_syntax')
  delimited.apply(frame, out)
  if (out.action === ACTION_UNKNOWN && delimited.v.ACTION.startsWith('Soft')) out.action = ACTION_BLOCKED
  const written = textTime(frame)
  if (!Number.isNaN(written)) out.numbers[TIME] = written
  else if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

/** Offset of the `=` when capitals and underscores stand before it, else -1. */
function keyEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && at - start < 40 && ((buf[at]! >= 0x41 && buf[at]! <= 0x5a) || buf[at] === 0x5f)) at++
  return at > start && at < end && buf[at] === 0x3d ? at : -1
}

function commaAfter(buf: Buffer, start: number, end: number): number {
  const comma = findByte(buf, start, end, COMMA)
  return comma < 0 ? end : comma
}

function valueEndAt(buf: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) if (buf[at] === COMMA && keyEnd(buf, at + 1, end) > 0) return at
  return end
}

/** `MM/dd/yy hh:mm:ss AM` somewhere before the pairs, by the appliance's clock; NaN without. */
function textTime(frame: Frame): number {
  const { buf, start, zone } = frame
  const last = Math.min(frame.end, start + 300) - 19
  for (let at = start; at < last; at++) {
    if (buf[at + 2] !== 0x2f || buf[at + 5] !== 0x2f || buf[at + 11] !== 0x3a || !isDigit(buf[at]) || !isDigit(buf[at + 6])) continue
    const half = buf[at + 18]! | 0x20
    if (half !== 0x61 && half !== 0x70) continue
    const wall = time.readClock(
      buf,
      at + 9,
      at + 17,
      2000 + readCount(buf, at + 6, at + 8),
      readCount(buf, at, at + 2),
      readCount(buf, at + 3, at + 5),
      UTC
    )
    const hour = readCount(buf, at + 9, at + 11)
    const shift = half === 0x70 && hour < 12 ? 12 : half === 0x61 && hour === 12 ? -12 : 0
    return zone.toUtc(wall + shift * 3_600_000)
  }
  return Number.NaN
}

export default parser
