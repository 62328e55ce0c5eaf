/**
 * Cisco Umbrella secure web gateway: the proxy log as it lies in the storage bucket, CSV without header row. Columns were added at
 * the right end by version; the first are stable. Format: Umbrella documentation, "Proxy Log Formats". Times are UTC. The DNS
 * and IP logs of the same bucket are no web requests.
 *
 *   row = [blank] value { "," [blank] value }      value in quotes, a quote inside doubled
 */
import {
  action,
  count,
  FieldTable,
  type Frame,
  isDigit,
  malformed,
  type Outcome,
  oncePerFrame,
  type Parser,
  raw,
  setText,
  skip,
  text,
  time,
  UTC,
  type Value
} from '../src/parse/kit.ts'
import { DEVICE, type RecordFields, TIME, USER } from '../src/record.ts'

const table = new FieldTable({
  timestamp: raw(),
  identity: raw(),
  internalIp: text('srcIp'),
  externalIp: text('srcIp'),
  destinationIp: text('dstIp'),
  contentType: raw(),
  verdict: action(),
  url: text('url'),
  requestBytes: count('uploadedBytes'),
  responseBytes: count('downloadedBytes'),
  identityType: raw()
})
const columns = table.columns(
  (
    'timestamp identity internalIp externalIp destinationIp contentType verdict url referrer agent status requestBytes responseBytes ' +
    '- - - - - - - - identityType'
  ).split(' ')
)
/** A row with fewer columns was cut before the URL ended. */
const LEAST_COLUMNS = 9

const COMMA = 0x2c
const QUOTE = 0x22
const BLANK = 0x20
const PLAIN = 0
const DOUBLED = 2

/** Types of identity that are one machine, in the dashboard's words and the older ones. */
const DEVICE_TYPES = ['Roaming Computer', 'Anyconnect Roaming', 'AD Computer']

const KIND_PROXY = 1
const KIND_OTHER = 2

const parser: Parser = {
  id: 'cisco-umbrella-proxy',
  appliance: 'Cisco Umbrella secure web gateway',
  recognizes(frame) {
    if (!startsWithTime(frame)) return false
    scan(frame)
    return kindOf() !== 0
  },
  parse(frame, out) {
    const read = startsWithTime(frame) ? scan(frame) : 0
    if (read === 0) return malformed(out, 'bad_syntax')
    if (kindOf() === KIND_OTHER) return skip(out, 'not_traffic')
    return read < LEAST_COLUMNS ? malformed(out, 'short_row') : parseRow(frame, out)
  }
}

/** `"2026-01-05 09:15:30","`. */
function startsWithTime(frame: Frame): boolean {
  const { buf, body: at, end } = frame
  return (
    buf[at] === QUOTE &&
    at + 23 < end &&
    buf[at + 5] === 0x2d &&
    buf[at + 8] === 0x2d &&
    buf[at + 11] === BLANK &&
    buf[at + 14] === 0x3a &&
    buf[at + 20] === QUOTE &&
    buf[at + 21] === COMMA &&
    isDigit(buf[at + 1]) &&
    isDigit(buf[at + 19])
  )
}

/** A proxy row by its verdict; a DNS row has the record type there (`1 (A)`), an IP row a port as fourth and as sixth value. */
function kindOf(): number {
  const { verdict, externalIp, contentType } = table.v
  if (verdict.is('ALLOWED') || verdict.is('BLOCKED')) return KIND_PROXY
  const { buf } = verdict.line
  if (verdict.present && isDigit(buf[verdict.start]) && buf[verdict.end - 1] === 0x29) return KIND_OTHER
  return externalIp.count() >= 0 && contentType.count() >= 0 ? KIND_OTHER : 0
}

/** Splits the row and sets the wanted values; returns how many columns it met, up to the last wanted one. */
const scan = oncePerFrame(splitRow)

function splitRow(frame: Frame): number {
  table.begin(frame)
  const { buf, end } = frame
  let at = frame.body
  for (let column = 0; column < columns.length; column++) {
    while (at < end && buf[at] === BLANK) at++
    const index = columns.indexes[column]!
    at = readColumn(buf, at, end, index < 0 ? undefined : table.values[index])
    if (at >= end) return column + 1
    at++
  }
  return columns.length
}

/** Reads one value; returns the offset of the comma after it, or the end. */
function readColumn(buf: Uint8Array, start: number, end: number, value: Value | undefined): number {
  let at = start
  if (buf[at] !== QUOTE) {
    while (at < end && buf[at] !== COMMA) at++
    value?.set(start, at, PLAIN)
    return at
  }
  let doubled = false
  at++
  while (at < end) {
    if (buf[at] === QUOTE) {
      if (buf[at + 1] !== QUOTE || at + 1 >= end) break
      doubled = true
      at++
    }
    at++
  }
  value?.set(start + 1, Math.min(at, end), doubled ? DOUBLED : PLAIN)
  while (at < end && buf[at] !== COMMA) at++
  return at
}

function parseRow(frame: Frame, out: RecordFields): Outcome {
  const { timestamp, identity, identityType } = table.v
  table.apply(frame, out)
  out.numbers[TIME] = time.readIsoTime(frame.buf, timestamp.start, timestamp.end, UTC)
  // the most granular identity is a user, a computer, or the name of a network, site or tunnel, which is neither
  if (identityType.endsWith('Users') || identityType.endsWith('User')) setText(identity, USER, out)
  else if (DEVICE_TYPES.some(type => identityType.startsWith(type))) setText(identity, DEVICE, out)
  return 'parsed'
}

export default parser
