/**
 * Hot path: once per record with a URL. Makes the URL absolute ASCII without credentials, fragment and default port, at most
 * 2048 bytes, and takes the host (and address, and port) from it.
 *
 * A URL that is already so is not copied. Logs write URLs in many ways (`host/path`, `host:443`, `/path`, `tunnel://host:443/`),
 * so the rest is put together in the scratch region.
 */
import { canonicalIp, isCanonicalIpv4 } from '../lib/ip.ts'
import { isPlaceholder } from '../lib/placeholder.ts'
import { NOT_PLAIN } from '../lib/simd/program.ts'
import { DST_HOST, DST_IP, DST_PORT, type RecordFields, URL } from '../record.ts'
import type { Corrections } from './corrections.ts'
import { canonicalHost, writeLowerCase } from './host.ts'
import { schemeOf, setServer } from './url-server.ts'
import { canTakeVectors, normalizeByVectors } from './url-vectors.ts'

export const URL_MAX_BYTES = 2048
/** Longer than this a logged URL is not worth reading. */
const LOGGED_URL_MAX_BYTES = 16 * 1024

const SLASH = 0x2f
const DOT = 0x2e
const COLON = 0x3a

/** Bytes that a URL may hold as they are: printable ASCII but blank and `#` (which begins a fragment). */
const URL_BYTES = new Uint8Array(256).fill(1, 0x21, 0x7f)
URL_BYTES[0x23] = 0
/** Bytes of a host in a URL that is already as it should be. */
const PLAIN_HOST_BYTES = new Uint8Array(256)
for (const char of 'abcdefghijklmnopqrstuvwxyz0123456789-_.') PLAIN_HOST_BYTES[char.charCodeAt(0)] = 1
/** The same and capitals. */
const HOST_BYTES = PLAIN_HOST_BYTES.slice().fill(1, 0x41, 0x5b)
const HASH = 0x23

/** `kind`: what vector code found the URL to be, NOT_PLAIN when it did not look. */
export function normalizeUrl(out: RecordFields, corrections: Corrections, kind: number = NOT_PLAIN): void {
  if (!(canTakeVectors(out) ? normalizeByVectors(out, kind) : isPlainUrl(out)) && !composeUrl(out)) rebuildUrl(out, corrections)
  if (out.start[URL]! >= 0 && out.end[URL]! - out.start[URL]! > URL_MAX_BYTES) shortenUrl(out, corrections)
}

/** True when the URL needs no change; the record's host is then the URL's. */
function isPlainUrl(out: RecordFields): boolean {
  const { buf } = out
  const start = out.start[URL]!
  const end = out.end[URL]!
  const authority = plainScheme(buf, start, end)
  if (authority < 0) return false
  let at = authority
  let letters = false
  while (at < end && PLAIN_HOST_BYTES[buf[at]!] === 1) {
    if (buf[at]! > 0x39) letters = true
    at++
  }
  const hostEnd = at
  if (hostEnd >= end || buf[hostEnd] !== SLASH || !isServer(buf, authority, hostEnd, letters)) return false
  const pathEnd = endOfPath(buf, at, end)
  if (pathEnd < 0) return false
  setServer(out, authority, hostEnd, letters)
  out.set(URL, start, pathEnd)
  return true
}

/** True for a host name, or for an IPv4 address as it should be. `letters`: it holds more than digits and dots. */
function isServer(buf: Buffer, start: number, end: number, letters: boolean): boolean {
  if (!letters) return isCanonicalIpv4(buf, start, end) && !isPlaceholder(buf, start, end)
  return end - start <= 253 && buf[start] !== DOT && buf[end - 1] !== DOT && !isPlaceholder(buf, start, end)
}

/** Where a path of plain bytes ends, before its fragment; -1 when it holds others. */
function endOfPath(buf: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) if (URL_BYTES[buf[at]!] === 0) return buf[at] === HASH ? at : -1
  return end
}

/** Offset after `http://` or `https://` in lower case, or -1. */
function plainScheme(buf: Buffer, start: number, end: number): number {
  if (end - start < 9 || buf[start] !== 0x68 || buf[start + 1] !== 0x74 || buf[start + 2] !== 0x74 || buf[start + 3] !== 0x70) return -1
  const at = buf[start + 4] === 0x73 ? start + 5 : start + 4
  return buf[at] === 0x3a && buf[at + 1] === 0x2f && buf[at + 2] === 0x2f ? at + 3 : -1
}

const HTTP = Buffer.from('http://')
const HTTPS = Buffer.from('https://')

/**
 * The usual ways in which logs shorten a URL – `host/path`, `host:443`, `http://host`, `/path` beside a host – put together
 * byte by byte; five times as fast as by strings. False when there is anything unusual about it.
 */
function composeUrl(out: RecordFields): boolean {
  const { buf } = out
  const start = out.start[URL]!
  const end = out.end[URL]!
  if (out.scratchEnd - out.scratch < end - start + 300) return false
  if (buf[start] === SLASH) return composePath(out, start, end)
  let at = plainScheme(buf, start, end)
  const isBare = at < 0
  if (isBare) at = start
  const host = at
  let letters = false
  while (at < end && HOST_BYTES[buf[at]!] === 1) {
    if (buf[at]! > 0x39) letters = true
    at++
  }
  const hostEnd = at
  if (!isServer(buf, host, hostEnd, letters)) return false
  let port = 0
  if (at < end && buf[at] === COLON) {
    while (++at < end && buf[at]! >= 0x30 && buf[at]! <= 0x39 && port <= 65_535) port = port * 10 + buf[at]! - 0x30
    if (port < 1 || port > 65_535) return false
  }
  const path = at
  if (path < end && buf[path] !== SLASH) return false
  const pathEnd = endOfPath(buf, path, end)
  if (pathEnd < 0) return false
  const scheme = isBare ? schemeOf(out, port) : buf[start + 4] === 0x73 ? 'https' : 'http'
  if (scheme === 'ftp') return false
  if (port > 0 && out.numbers[DST_PORT]! < 0) out.numbers[DST_PORT] = port
  const secure = scheme === 'https'
  const isDefault = port === 0 || port === (secure ? 443 : 80)
  const shown = writeUrl(out, secure, host, isDefault ? hostEnd : path, path, pathEnd)
  setServer(out, shown, shown + hostEnd - host, letters)
  return true
}

/** `/path` beside a host that is known. */
function composePath(out: RecordFields, start: number, end: number): boolean {
  const host = out.start[DST_HOST]!
  if (host < 0 || out.buf[start + 1] === SLASH) return false
  const port = out.numbers[DST_PORT]!
  const scheme = schemeOf(out, 0)
  if (scheme === 'ftp' || !(port < 0 || port === (scheme === 'https' ? 443 : 80))) return false
  const pathEnd = endOfPath(out.buf, start, end)
  if (pathEnd < 0) return false
  writeUrl(out, scheme === 'https', host, out.end[DST_HOST]!, start, pathEnd)
  return true
}

/**
 * Writes scheme, host (and port) in small letters and path to the scratch region, and returns where the host stands there. An empty
 * path becomes a slash.
 */
function writeUrl(out: RecordFields, secure: boolean, host: number, hostEnd: number, path: number, pathEnd: number): number {
  const { buf } = out
  const to = out.scratch
  const scheme = secure ? HTTPS : HTTP
  let at = to
  for (let i = 0; i < scheme.length; i++) buf[at++] = scheme[i]!
  const shown = at
  at = writeLowerCase(buf, host, hostEnd, at)
  if (path === pathEnd) buf[at++] = SLASH
  for (let p = path; p < pathEnd; p++) buf[at++] = buf[p]!
  out.scratch = at
  out.set(URL, to, at)
  return shown
}

function rebuildUrl(out: RecordFields, corrections: Corrections): void {
  const start = out.start[URL]!
  const end = Math.min(out.end[URL]!, start + LOGGED_URL_MAX_BYTES)
  const logged = out.buf.toString('utf8', start, end).trim()
  out.clear(URL)
  const parts = splitUrl(logged, out)
  if (parts === undefined) {
    corrections.url_dropped++
    return
  }
  const { scheme, host, port, path } = parts
  const ip = canonicalIp(host)
  if (ip === undefined) out.setText(DST_HOST, host)
  else if (out.start[DST_IP]! < 0) out.setText(DST_IP, ip)
  if (port !== '' && out.numbers[DST_PORT]! < 0) out.numbers[DST_PORT] = Number(port)
  const shown = ip?.includes(':') ? `[${ip}]` : host
  const portShown = port === '' || Number(port) === DEFAULT_PORTS[scheme] ? '' : `:${port}`
  out.setText(URL, `${scheme}://${shown}${portShown}${asciiPath(path)}`)
}

const DEFAULT_PORTS: Record<string, number> = { http: 80, https: 443, ftp: 21 }
/** Schemes that proxies invent for tunnels. */
const SCHEMES: Record<string, string> = {
  http: 'http',
  https: 'https',
  ftp: 'ftp',
  ftps: 'ftp',
  ws: 'http',
  wss: 'https',
  tunnel: 'https',
  ssl: 'https',
  tls: 'https',
  connect: 'https',
  tcp: 'https',
  quic: 'https'
}

interface UrlParts {
  scheme: string
  host: string
  port: string
  path: string
}

function splitUrl(logged: string, out: RecordFields): UrlParts | undefined {
  if (logged === '' || logged === '-') return undefined
  const withScheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(logged)
  const declared = withScheme === null ? undefined : SCHEMES[withScheme[1]!.toLowerCase()]
  if (withScheme !== null && declared === undefined) return undefined
  let rest = withScheme === null ? logged : withScheme[2]!
  if (rest.startsWith('//')) rest = rest.slice(2)
  const known = out.text(DST_HOST) ?? out.text(DST_IP)
  if (rest.startsWith('/') || rest.startsWith('?')) {
    if (known === undefined) return undefined
    const port = out.numbers[DST_PORT]!
    return {
      scheme: declared ?? schemeOf(out, 0),
      host: known,
      port: port > 0 ? String(port) : '',
      path: rest.startsWith('?') ? `/${rest}` : rest
    }
  }
  const cut = rest.search(/[/?#]/)
  let authority = cut < 0 ? rest : rest.slice(0, cut)
  const path = cut < 0 ? '/' : rest[cut] === '/' ? rest.slice(cut) : `/${rest.slice(cut)}`
  authority = authority.slice(authority.lastIndexOf('@') + 1)
  const port = /:(\d{1,5})$/.exec(authority)?.[1] ?? ''
  const host = canonicalHost(canonicalIp(authority) === undefined ? authority.replace(/:\d*$/, '') : authority)
  if (host === undefined || host === '') return undefined
  if (port !== '' && (Number(port) < 1 || Number(port) > 65_535)) return undefined
  return { scheme: declared ?? schemeOf(out, Number(port)), host, port, path }
}

/** Without fragment; blanks, controls and other than ASCII percent-encoded. */
function asciiPath(path: string): string {
  const hash = path.indexOf('#')
  const kept = hash < 0 ? path : path.slice(0, hash)
  if (/^[\u0021-\u007e]*$/.test(kept)) return kept
  return kept.toWellFormed().replace(/[^\u0021-\u007e]+/gu, run => encodeURIComponent(run))
}

/** Too long: the query goes first, then all but the host. */
function shortenUrl(out: RecordFields, corrections: Corrections): void {
  corrections.url_cut++
  const { buf } = out
  const start = out.start[URL]!
  const query = buf.subarray(start, out.end[URL]!).indexOf(0x3f)
  if (query >= 0 && query <= URL_MAX_BYTES) {
    out.set(URL, start, start + query)
    return
  }
  const path = buf.indexOf(0x2f, buf.indexOf(0x3a, start) + '://'.length)
  out.set(URL, start, path + 1)
}
