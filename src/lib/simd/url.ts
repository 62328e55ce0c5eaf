/**
 * Hot path: once per record with a URL. URLs that are as they should be, and the usual ones that want a scheme in front
 * (src/process/url-vectors.ts).
 */
import { afterDigits, bitsBefore, equalTo, notOfHost, notOfUrl } from './classes'
import { isIpv4, isNamed } from './fields'
import { HOST_IS_ADDRESS, HOST_IS_NAME, NOT_PLAIN, URL_HOST, URL_HOST_END, URL_PATH_END, URL_QUERY } from './program'

const VECTOR: i32 = 16
const HASH: u8 = 0x23
const SLASH: u8 = 0x2f
const COLON: u8 = 0x3a
const QUERY: i8 = 0x3f
const SMALL_S: u8 = 0x73
const HTTP: u32 = 0x70747468
const SLASHES: u16 = 0x2f2f

/**
 * What the host of a URL is – `http://host/…` or `https://host/…`, all in small letters up to the path – and at `found` where it starts and
 * ends, where the path ends and where the query starts, which without one is there; NOT_PLAIN for other URLs.
 */
export function plainUrl(start: i32, end: i32, found: usize): i32 {
  const kind = urlFrom(start, end, found)
  if (kind === NOT_PLAIN) return NOT_PLAIN
  const pathEnd = load<i32>(found, URL_PATH_END)
  return pathEnd === end || load<u8>(pathEnd) === HASH ? kind : NOT_PLAIN
}

/** The same of a URL that may end before `end`, with the first byte that none can hold. */
export function urlFrom(start: i32, end: i32, found: usize): i32 {
  const host = hostOfUrl(start, end)
  if (host < 0) return NOT_PLAIN
  let at = host
  let bytes = v128.load(at)
  let odd = notOfHost(bytes)
  let letters = 0
  while (odd === 0 && at < end) {
    letters |= afterDigits(bytes)
    bytes = v128.load((at += VECTOR))
    odd = notOfHost(bytes)
  }
  const last = ctz(odd)
  const hostEnd = at + last
  if (hostEnd >= end || load<u8>(hostEnd) !== SLASH) return NOT_PLAIN
  letters |= afterDigits(bytes) & bitsBefore(last)
  const kind = letters === 0 ? (isIpv4(host, hostEnd) ? HOST_IS_ADDRESS : NOT_PLAIN) : isNamed(host, hostEnd) ? HOST_IS_NAME : NOT_PLAIN
  if (kind === NOT_PLAIN) return NOT_PLAIN
  let query = end
  let pathEnd = end
  for (at = hostEnd; at < end; at += VECTOR) {
    bytes = v128.load(at)
    const marks = equalTo(bytes, QUERY)
    if (marks !== 0) query = min(query, at + ctz(marks))
    odd = notOfUrl(bytes)
    if (odd !== 0) {
      pathEnd = min(end, at + ctz(odd))
      break
    }
  }
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
