/**
 * Hot path: once per record. Which of a record's text fields are already as they should be (src/process/finalize.ts, host.ts, url.ts); the
 * plain way does the rest, and has what looks like a word for an absent value. An absent field starts at -1. What lies behind a field is
 * read with it and does not count.
 */
import { above, afterDigits, bitsBefore, digits, equalTo, notOfHost, notOfUrl, unprintable } from './classes'
import { HOST_IS_ADDRESS, HOST_IS_NAME, NOT_PLAIN, URL_HOST, URL_HOST_END, URL_PATH_END, URL_QUERY } from './program'

const VECTOR: i32 = 16
const BLANK: u8 = 0x20
const DOT: i8 = 0x2e
const SLASH: u8 = 0x2f
const QUERY: i8 = 0x3f
const HASH: u8 = 0x23
const ZERO: u8 = 0x30
const DASH: u8 = 0x2d
const COLON: u8 = 0x3a
const PARENTHESIS: u8 = 0x28
const SMALL_A: u8 = 0x61
const SMALL_N: u8 = 0x6e
const SMALL_S: u8 = 0x73
const SMALL_U: u8 = 0x75
const HTTP: u32 = 0x70747468
const SLASHES: u16 = 0x2f2f
const NAME_MAX: i32 = 256
const HOST_MAX: i32 = 253

/** Two names, two IPv4 addresses and a host: a bit each, in this order, the first one's lowest. An absent one is as it should be. */
export function plainFields(
  user: i32,
  userEnd: i32,
  device: i32,
  deviceEnd: i32,
  srcIp: i32,
  srcIpEnd: i32,
  dstIp: i32,
  dstIpEnd: i32,
  host: i32,
  hostEnd: i32
): i32 {
  return (
    <i32>(user < 0 || isName(user, userEnd)) |
    ((<i32>(device < 0 || isName(device, deviceEnd))) << 1) |
    ((<i32>(srcIp < 0 || isIpv4(srcIp, srcIpEnd))) << 2) |
    ((<i32>(dstIp < 0 || isIpv4(dstIp, dstIpEnd))) << 3) |
    ((<i32>(host < 0 || isHost(host, hostEnd))) << 4)
  )
}

/** Printable ASCII without blanks around, not too long. */
function isName(start: i32, end: i32): bool {
  if (start >= end || end - start > NAME_MAX || mayMeanNone(start, end)) return false
  if (load<u8>(start) === BLANK || load<u8>(end - 1) === BLANK) return false
  let at = start
  for (; at + VECTOR < end; at += VECTOR) if (unprintable(v128.load(at)) !== 0) return false
  return (unprintable(v128.load(at)) & bitsBefore(end - at)) === 0
}

/** True for every word of src/lib/placeholder.ts and for `anonymous`, in any case, and few others. */
function mayMeanNone(start: i32, end: i32): bool {
  const length = end - start
  if (length > 13) return false
  const first = load<u8>(start) | 0x20
  if (first === SMALL_N) return length <= 4 || length === 9 || length === 13
  if (first === SMALL_A) return length === 9
  return length <= 7 && (first === SMALL_U || first === ZERO || first === DASH || first === PARENTHESIS || first === COLON)
}

/** Four numbers from 0 to 255 without zeros in front, as `readIpv4` of src/lib/ip.ts reads them. Bits stand for bytes. */
function isIpv4(start: i32, end: i32): bool {
  const length = end - start
  if (length < 7 || length > 15 || mayMeanNone(start, end)) return false
  const bytes = v128.load(start)
  const within = bitsBefore(length)
  const dots = equalTo(bytes, DOT) & within
  const numbers = digits(bytes) & within
  const firsts = (dots << 1) | 1
  const ends = dots | (1 << length)
  if ((dots | numbers) !== within || popcnt(dots) !== 3 || (firsts & ends) !== 0) return false
  const pairs = numbers & (numbers >> 1)
  const threes = pairs & (numbers >> 2)
  const zeros = equalTo(bytes, 0x30)
  if ((threes & (numbers >> 3)) !== 0 || (firsts & zeros & pairs) !== 0) return false
  const tooLarge = above(bytes, 0x35)
  const fives = equalTo(bytes, 0x35)
  const after25 = (tooLarge >> 1) | ((fives >> 1) & (tooLarge >> 2))
  return (threes & (above(bytes, 0x32) | (equalTo(bytes, 0x32) & after25))) === 0
}

/** Host name in small letters, without port, of which a letter shows that it is no address. */
function isHost(start: i32, end: i32): bool {
  if (start >= end || end - start > HOST_MAX || mayMeanNone(start, end)) return false
  if (load<u8>(start) === <u8>DOT || load<u8>(end - 1) === <u8>DOT) return false
  let letters = 0
  let at = start
  for (; at + VECTOR < end; at += VECTOR) {
    const bytes = v128.load(at)
    if (notOfHost(bytes) !== 0) return false
    letters |= afterDigits(bytes)
  }
  const bytes = v128.load(at)
  const within = bitsBefore(end - at)
  return (notOfHost(bytes) & within) === 0 && (letters | (afterDigits(bytes) & within)) !== 0
}

/**
 * What the host of a URL is – `http://host/…` or `https://host/…`, all in small letters up to the path – and at `found` where it starts and
 * ends, where the path ends and where the query starts, which without one is there; NOT_PLAIN for other URLs.
 */
export function plainUrl(start: i32, end: i32, found: usize): i32 {
  const host = hostOfUrl(start, end)
  if (host < 0) return NOT_PLAIN
  let at = host
  let odd = notOfHost(v128.load(at))
  while (odd === 0 && at < end) odd = notOfHost(v128.load((at += VECTOR)))
  const hostEnd = at + ctz(odd)
  if (hostEnd >= end || load<u8>(hostEnd) !== SLASH) return NOT_PLAIN
  const kind = isHost(host, hostEnd) ? HOST_IS_NAME : isIpv4(host, hostEnd) ? HOST_IS_ADDRESS : NOT_PLAIN
  if (kind === NOT_PLAIN) return NOT_PLAIN
  let query = end
  let pathEnd = end
  for (at = hostEnd; at < end; at += VECTOR) {
    const bytes = v128.load(at)
    const marks = equalTo(bytes, QUERY)
    if (marks !== 0) query = min(query, at + ctz(marks))
    odd = notOfUrl(bytes)
    if (odd !== 0) {
      pathEnd = min(end, at + ctz(odd))
      break
    }
  }
  if (pathEnd < end && load<u8>(pathEnd) !== HASH) return NOT_PLAIN
  store<i32>(found, host, URL_HOST)
  store<i32>(found, hostEnd, URL_HOST_END)
  store<i32>(found, pathEnd, URL_PATH_END)
  store<i32>(found, min(query, pathEnd), URL_QUERY)
  return kind
}

/**
 * Writes scheme, host and path at `to`, where some bytes behind them must be free as well, and says what `plainUrl` says of that. What is
 * given for the host may have its path behind it already; without one a slash is put there.
 */
export function joinUrl(isSecure: i32, host: i32, hostEnd: i32, path: i32, pathEnd: i32, to: i32, found: usize): i32 {
  store<u32>(to, HTTP)
  store<u8>(to, SMALL_S, 4)
  let at = isSecure !== 0 ? to + 5 : to + 4
  store<u8>(at, COLON)
  store<u16>(at, SLASHES, 1)
  at = copy(path, pathEnd, copy(host, hostEnd, at + 3))
  const kind = plainUrl(to, at, found)
  if (kind !== NOT_PLAIN) return kind
  store<u8>(at, SLASH)
  return plainUrl(to, at + 1, found)
}

/** Returns where the copy ends; up to 15 bytes behind it are written as well. */
function copy(from: i32, end: i32, to: i32): i32 {
  for (; from < end; from += VECTOR, to += VECTOR) v128.store(to, v128.load(from))
  return to + end - from
}

/** Where the host starts after `http://` or `https://`; -1 without. */
function hostOfUrl(start: i32, end: i32): i32 {
  if (end - start < 9 || load<u32>(start) !== HTTP) return -1
  const at = load<u8>(start, 4) === SMALL_S ? start + 5 : start + 4
  return load<u8>(at) === COLON && load<u16>(at, 1) === SLASHES ? at + 3 : -1
}
