/**
 * Hot path: once per row of a Squid log in its native format, as it is most of the time; parsers/squid-native.ts says what it means and reads
 * all others.
 *
 *   ts.ms elapsed client CODE size METHOD url user HIERARCHY/address type
 */
import { afterDigits, bitsBefore, digits, equalTo, notOfHost } from './classes'
import { isIpv4, isName, isNamed } from './fields'
import { blanks } from './marks'
import {
  HOST_AND_PORT,
  NOT_PLAIN,
  SQUID_ADDRESS,
  SQUID_CLIENT,
  SQUID_CODE,
  SQUID_FOUND,
  SQUID_METHOD,
  SQUID_PEER,
  SQUID_SIZE,
  SQUID_TARGET,
  SQUID_TIME,
  SQUID_URL,
  SQUID_USER,
  URL_HOST,
  URL_HOST_END,
  URL_PATH_END
} from './program'
import { urlFrom } from './url'
import { blankFrom, countOf, eightDigits, knownWord } from './values'

const VECTOR: i32 = 16
const BLANK: u8 = 0x20
const DASH: u8 = 0x2d
const DOT: u8 = 0x2e
const SLASH: i8 = 0x2f
const ZERO: u8 = 0x30
const NINE: u8 = 0x39
const COLON: u8 = 0x3a
const PERCENT: i8 = 0x25
/** `1767604530.250 `: where its digits stand. */
const TIME_BYTES: i32 = 14
const TIME_DOT: i32 = 10
const TIME_DIGITS: i32 = 0x3bff
/** The shortest row, and the longest URL that stays as it is. */
const ROW_MIN: i32 = 48
const URL_MAX: i32 = 2048
const PORT_DIGITS_MAX: i32 = 5

/**
 * Reads the row `start`…`end` with the tables of the codes, methods and hierarchies that are known, and writes what it found. False when it
 * has anything else in it, or texts that are not as they should be in a record.
 */
export function squidRow(start: i32, end: i32, codes: i32, methods: i32, peers: i32, found: usize): bool {
  if (end - start < ROW_MIN) return false
  if ((digits(v128.load(start)) & TIME_DIGITS) !== TIME_DIGITS || load<u8>(start, TIME_DOT) !== DOT) return false
  const client = elapsedEnd(start + TIME_BYTES) + 1
  if (client === 0) return false
  const clientEnd = blankFrom(client, end)
  const code = clientEnd + 1
  const codeEnd = blankFrom(code, end)
  const size = codeEnd + 1
  const sizeEnd = blankFrom(size, end)
  const method = sizeEnd + 1
  const methodEnd = blankFrom(method, end)
  const url = methodEnd + 1
  if (url >= end || !isIpv4(client, clientEnd)) return false
  const codeMeans = knownWord(codes, code, codeEnd)
  const methodMeans = knownWord(methods, method, methodEnd)
  const bytes = countOf(size, sizeEnd)
  if (codeMeans < 0 || methodMeans < 0 || bytes < 0) return false
  const target = readTarget(url, end, found + SQUID_FOUND)
  const urlEnd = load<i32>(found + SQUID_FOUND, URL_PATH_END)
  if (target === NOT_PLAIN || load<u8>(urlEnd) !== BLANK || urlEnd - url > URL_MAX) return false
  const user = urlEnd + 1
  const userEnd = blankFrom(user, end)
  const peer = userEnd + 1
  if (peer >= end) return false
  const hasUser = userEnd - user !== 1 || load<u8>(user) !== DASH
  if (hasUser && !(isName(user, userEnd) && !holds(user, userEnd, PERCENT))) return false
  const peerEnd = blankFrom(peer, end)
  const type = peerEnd + 1
  if (type >= end || isDigit(type) || !isWord(type, end)) return false
  const slash = slashIn(peer, peerEnd)
  const peerMeans = slash < 0 ? -1 : knownWord(peers, peer, slash)
  if (peerMeans < 0) return false
  const address = slash + 1
  const hasAddress = peerEnd - address !== 1 || load<u8>(address) !== DASH
  if (hasAddress && !isIpv4(address, peerEnd)) return false
  store<f64>(found, timeAt(start), SQUID_TIME)
  store<f64>(found, bytes, SQUID_SIZE)
  store<i32>(found, codeMeans, SQUID_CODE)
  store<i32>(found, methodMeans, SQUID_METHOD)
  store<i32>(found, peerMeans, SQUID_PEER)
  store<i32>(found, target, SQUID_TARGET)
  place(found + SQUID_CLIENT, client, clientEnd)
  place(found + SQUID_USER, hasUser ? user : -1, userEnd)
  place(found + SQUID_ADDRESS, hasAddress ? address : -1, peerEnd)
  store<i32>(found, url, SQUID_URL)
  return true
}

/** Milliseconds of a time whose digits are there. */
function timeAt(start: i32): f64 {
  const rest = load<u64>(start + 8) // `30.250 `, a byte each
  const two = eightDigits((rest & 0xffff) << 48)
  const three = eightDigits(((rest >> 24) & 0xff_ffff) << 40)
  return (<f64>eightDigits(load<u64>(start)) * 100 + <f64>two) * 1000 + <f64>three
}

/** Blanks, and digits to the blank where this ends; -1 for anything else. */
function elapsedEnd(start: i32): i32 {
  const bytes = v128.load(start)
  const first = ctz(~equalTo(bytes, BLANK))
  const last = first + ctz(~(digits(bytes) >>> first))
  if (first === 0 || last === first || last >= VECTOR || load<u8>(start + last) !== BLANK) return -1
  return start + last
}

/** A URL, or the `host:port` of a CONNECT, whose host is no address. What it found has its end in the place of a path's. */
function readTarget(start: i32, end: i32, found: usize): i32 {
  const kind = urlFrom(start, end, found)
  if (kind !== NOT_PLAIN) return kind
  let letters = 0
  for (let at = start; at < end; at += VECTOR) {
    const bytes = v128.load(at)
    const odd = notOfHost(bytes)
    if (odd === 0) {
      letters |= afterDigits(bytes)
      continue
    }
    const hostEnd = at + ctz(odd)
    letters |= afterDigits(bytes) & bitsBefore(ctz(odd))
    if (letters === 0 || load<u8>(hostEnd) !== COLON || isDigit(hostEnd - 1) || !isNamed(start, hostEnd)) return NOT_PLAIN
    const portEnd = blankFrom(hostEnd, min(end, hostEnd + PORT_DIGITS_MAX + 2))
    const port = portEnd - hostEnd - 1 > PORT_DIGITS_MAX ? -1 : countOf(hostEnd + 1, portEnd)
    if (port < 0) return NOT_PLAIN
    store<i32>(found, <i32>port, URL_HOST)
    store<i32>(found, hostEnd, URL_HOST_END)
    store<i32>(found, portEnd, URL_PATH_END)
    return HOST_AND_PORT
  }
  return NOT_PLAIN
}

function isDigit(at: i32): bool {
  const byte = load<u8>(at)
  return byte >= ZERO && byte <= NINE
}

function holds(start: i32, end: i32, byte: i8): bool {
  for (let at = start; at < end; at += VECTOR) {
    const marks = equalTo(v128.load(at), byte)
    if (marks !== 0) return at + ctz(marks) < end
  }
  return false
}

/** No blank and no control character. */
function isWord(start: i32, end: i32): bool {
  for (let at = start; at < end; at += VECTOR) {
    const marks = blanks(at)
    if (marks !== 0) return at + ctz(marks) >= end
  }
  return true
}

/** Where the slash stands in a word whose name has up to 32 bytes; -1 without one. */
function slashIn(start: i32, end: i32): i32 {
  const marks = equalTo(v128.load(start), SLASH) | (equalTo(v128.load(start + VECTOR), SLASH) << VECTOR)
  const slash = start + ctz(marks)
  return marks !== 0 && slash < end ? slash : -1
}

function place(to: usize, start: i32, end: i32): void {
  store<i32>(to, start)
  store<i32>(to, end, 4)
}
