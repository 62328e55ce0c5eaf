/**
 * WatchGuard Fireware (Firebox, XTM): syslog text and IBM LEEF. Format: Fireware Log Catalog.
 *
 * A policy has two switches, "send log message" (3000-0148, the decision about the first packet) and "send a log message for
 * reports" (3000-0151, the end with bytes). A permitted 3000-0148 is the start of its connection.
 */
import {
  action,
  anyTime,
  count,
  FieldTable,
  type Frame,
  findByte,
  headerOrArrivalTime,
  headFind,
  headHas,
  isDigit,
  isOtherTransport,
  KEY_VALUE_SYNTAX,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCount,
  readLeefHeader,
  scanKeyValue,
  scanLeef,
  skip,
  skipBlanks,
  text,
  time,
  tokenEnd,
  type Value
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, DST_IP, DST_PORT, PHASE_END, PHASE_START, type RecordFields, SRC_IP, TIME } from '../src/record.ts'

const pairs = new FieldTable({
  src_user: text('user'),
  sni: text('dstHost'),
  dstname: text('dstHost'),
  arg: text('url'),
  sent_bytes: count('uploadedBytes'),
  rcvd_bytes: count('downloadedBytes')
})

const leef = new FieldTable({
  devTime: anyTime(),
  disp: action(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dstPort: count('dstPort'),
  proto: raw(),
  src_user: text('user'),
  sni: text('dstHost'),
  dstname: text('dstHost'),
  arg: text('url'),
  sent_bytes: count('uploadedBytes'),
  rcvd_bytes: count('downloadedBytes')
})
const leefHeader = new LeefHeader()

const MSG_ID = needle('msg_id="')
const BARE_LEEF = needle('1.0|WatchGuard|')
const SPELLED_TAB = needle('#011')
const LEEF_MARK_BYTES = 5
const TCP = needle('tcp')
const UDP = needle('udp')

const FIREWALL = 0x3000
const HTTP_PROXY = 0x1aff
const HTTPS_PROXY = 0x2cff

const parser: Parser = {
  id: 'watchguard',
  appliance: 'WatchGuard Fireware',
  recognizes(frame) {
    if (leefIs(frame, 'WatchGuard') || matchesAt(frame.buf, frame.body, frame.end, BARE_LEEF)) return true
    const id = headFind(frame, MSG_ID)
    return id >= 0 && frame.buf[id + MSG_ID.length + 4] === 0x2d && hex(frame.buf, id + MSG_ID.length, frame.end, 4) >= 0
  },
  parse(frame, out) {
    const bare = matchesAt(frame.buf, frame.body, frame.end, BARE_LEEF)
    if (bare) return parseLeef(frame, frame.body - LEEF_MARK_BYTES, out)
    if (leefStart(frame) >= 0) return parseLeef(frame, leefStart(frame), out)
    return parseText(frame, out)
  }
}

/** Why this message is no transaction, or undefined when it is one, with its phase; `named` says that a proxy line names a server. */
function refuse(family: number, number: number, allowed: boolean, named: boolean, out: RecordFields): Outcome | undefined {
  if (family === HTTP_PROXY) return named && number !== 0x18 ? undefined : skip(out, 'not_traffic')
  if (family === HTTPS_PROXY) return named && number !== 0x09 ? undefined : skip(out, 'not_traffic')
  if (family !== FIREWALL || number === 0x149) return skip(out, 'not_traffic')
  if (number === 0x151) {
    out.phase = PHASE_END
    return undefined
  }
  if (!allowed) return undefined
  if (number !== 0x148) return skip(out, 'not_traffic')
  out.phase = PHASE_START
  return undefined
}

function parseText(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const id = headFind(frame, MSG_ID)
  if (id < 0) return malformed(out, 'bad_syntax')
  const family = hex(buf, id + MSG_ID.length, end, 4)
  const number = hex(buf, id + MSG_ID.length + 5, end, 4)
  if (family !== FIREWALL && family !== HTTP_PROXY && family !== HTTPS_PROXY) return skip(out, 'not_traffic')
  pairs.begin(frame)
  scanKeyValue(buf, id, end, pairs.keys, pairs.values, KEY_VALUE_SYNTAX)
  const word = readDisposition(buf, tokenEnd(buf, id, end), end, out)
  if (word < 0) return skip(out, 'not_traffic')
  const { v } = pairs
  const refused = refuse(family, number, out.action === ACTION_ALLOWED, v.dstname.present || v.sni.present, out)
  if (refused !== undefined) return refused
  const transport = readAddresses(buf, word, end, out)
  if (transport < 0) return malformed(out, 'bad_syntax')
  if (!matchesAt(buf, transport, end, TCP) && !matchesAt(buf, transport, end, UDP)) return skip(out, 'not_tcp_udp')
  pairs.apply(frame, out)
  readTime(frame, id, out)
  return 'parsed'
}

/** Finds `Allow` or `Deny` after the pairs that may stand before it; returns the offset after the word, -1 without one. */
function readDisposition(buf: Buffer, start: number, end: number, out: RecordFields): number {
  let at = skipBlanks(buf, start, end)
  while (at < end) {
    const wordEnd = tokenEnd(buf, at, end)
    const assign = findByte(buf, at, wordEnd, 0x3d)
    if (assign < 0) {
      out.action = decisionOf(buf, at, wordEnd)
      return out.action === 0 ? -1 : wordEnd
    }
    // a quoted value may hold blanks
    at = buf[assign + 1] === 0x22 ? findByte(buf, assign + 2, end, 0x22) + 1 : wordEnd
    if (at === 0) return -1
    at = skipBlanks(buf, at, end)
  }
  return -1
}

const ALLOW = needle('Allow')
const DENY = needle('Deny')

function decisionOf(buf: Buffer, start: number, end: number): number {
  if (end - start === ALLOW.length && matchesAt(buf, start, end, ALLOW)) return ACTION_ALLOWED
  return end - start === DENY.length && matchesAt(buf, start, end, DENY) ? ACTION_BLOCKED : 0
}

/**
 * `in-if out-if [length] proto [header ttl] src dst [sport dport]`. Interface names hold blanks and digits, so the addresses are
 * found by their shape: the first two words in a row that are addresses. Returns the offset of the protocol word, -1 without.
 */
function readAddresses(buf: Buffer, start: number, end: number, out: RecordFields): number {
  let first = -1
  let second = -1
  let third = -1
  for (let at = skipBlanks(buf, start, end); at < end; ) {
    const wordEnd = tokenEnd(buf, at, end)
    if (findByte(buf, at, wordEnd, 0x3d) >= 0) return -1
    const next = skipBlanks(buf, wordEnd, end)
    if (isAddress(buf, at, wordEnd) && isAddress(buf, next, tokenEnd(buf, next, end))) {
      out.set(SRC_IP, at, wordEnd)
      const targetEnd = tokenEnd(buf, next, end)
      out.set(DST_IP, next, targetEnd)
      const sourcePort = skipBlanks(buf, targetEnd, end)
      const port = skipBlanks(buf, tokenEnd(buf, sourcePort, end), end)
      if (isDigit(buf[sourcePort])) out.numbers[DST_PORT] = readCount(buf, port, tokenEnd(buf, port, end))
      return isDigit(buf[first]) && first >= 0 ? third : first
    }
    third = second
    second = first
    first = at
    at = next
  }
  return -1
}

/** IPv4 with three dots, or IPv6 with two colons at least; nothing but their bytes. */
function isAddress(buf: Buffer, start: number, end: number): boolean {
  if (end - start < 3 || end - start > 45) return false
  let dots = 0
  let colons = 0
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x2e) dots++
    else if (byte === 0x3a) colons++
    else if (!isDigit(byte) && !((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)) return false
  }
  return (dots === 3 && colons === 0) || colons >= 2
}

/** `(2026-02-10T12:21:33)` before the message, the box's local time. */
function readTime(frame: Frame, id: number, out: RecordFields): void {
  const { buf } = frame
  const open = findByte(buf, frame.body, id, 0x28)
  const at = open < 0 ? Number.NaN : time.readIsoTime(buf, open + 1, id, frame.zone)
  out.numbers[TIME] = Number.isNaN(at) ? headerOrArrivalTime(frame) : at
}

function parseLeef(frame: Frame, mark: number, out: RecordFields): Outcome {
  const { buf } = frame
  let from = mark
  let end = frame.end
  if (headHas(frame, SPELLED_TAB)) {
    // a relay spelled the tabs out
    const start = out.write(buf.toString('utf8', mark + LEEF_MARK_BYTES, end).replaceAll('#011', '\t'))
    if (start < 0) return malformed(out, 'bad_syntax')
    from = start - LEEF_MARK_BYTES
    end = out.scratch
  }
  if (!readLeefHeader(buf, from, end, leefHeader)) return malformed(out, 'bad_syntax')
  const event = leefHeader.starts[4]!
  leef.begin(frame)
  scanLeef(buf, leefHeader.pairs, end, leefHeader.delimiter, leef.keys, leef.values)
  const { v } = leef
  const named = v.dstname.present || v.sni.present
  const refused = refuse(hex(buf, event, end, 4), hex(buf, event + 4, end, 4), v.disp.is('Allow'), named, out)
  if (refused !== undefined) return refused
  if (!hasEndpoints(v.src, v.dst)) return skip(out, 'not_traffic')
  if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  leef.apply(frame, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerOrArrivalTime(frame)
  return 'parsed'
}

const hasEndpoints = (src: Value, dst: Value): boolean => src.present && dst.present

/** So many hexadecimal digits before `end` as a number, -1 when one of them is none. */
function hex(buf: Buffer, start: number, end: number, length: number): number {
  if (start + length > end) return -1
  let value = 0
  for (let at = start; at < start + length; at++) {
    const byte = buf[at] ?? 0
    const letter = byte | 0x20
    if (isDigit(byte)) value = value * 16 + byte - 0x30
    else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57
    else return -1
  }
  return value
}

export default parser
