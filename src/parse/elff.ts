/**
 * The column names of proxies that write the Extended Log File Format, and the rules that their tables share. `cs` is client to
 * server and `sc` server to client at the client's side of the proxy; `s-ip` and `cs-ip` are the proxy, `r` is the server.
 * Names: ProxySG "ELFF access log formats", W3C WD-logfile.
 */
import type { Frame } from '../contracts.ts'
import { equalsIgnoreCase, findByte, needle } from '../lib/bytes.ts'
import { isPlaceholder } from '../lib/placeholder.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, DST_PORT, type RecordFields, TIME, URL, USER } from '../record.ts'
import { action, anyTime, count, raw, text } from './field.ts'
import { readRowTime, type W3cState } from './grammar/w3c.ts'
import { decodePercent, type Value } from './values/line.ts'
import { setScheme } from './values/words.ts'

/** Rows of a field table for ELFF names; a parser may add its own. */
export const ELFF_FIELDS = {
  date: raw(),
  time: raw(),
  'date-local': raw(),
  'time-local': raw(),
  gmttime: anyTime(),
  localtime: anyTime(),
  timestamp: anyTime(),
  'x-timestamp': anyTime(),
  'x-timestamp-unix': anyTime(),
  'x-timestamp-unix-utc': anyTime(),
  'c-ip': text('srcIp'),
  'x-client-address': text('srcIp'),
  'cs-username': text('user'),
  'cs-userdn': text('user'),
  'cs-user': text('user'),
  'c-auth-id': text('user'),
  'x-client-device-name': text('device'),
  'x-client-hostname': text('device'),
  'c-dns': text('device'),
  'r-ip': text('dstIp'),
  'r-supplier-ip': text('dstIp'),
  's-supplier-ip': text('dstIp'),
  'cs-uri-port': count('dstPort'),
  'r-port': count('dstPort'),
  'cs-host': text('dstHost'),
  'cs(Host)': text('dstHost'),
  'r-host': text('dstHost'),
  'x-host': text('dstHost'),
  'r-dns': text('dstHost'),
  'cs-uri': text('url'),
  'c-uri': text('url'),
  'cs-url': text('url'),
  'c-url': text('url'),
  'cs-uri-scheme': raw(),
  'cs-uri-path': raw(),
  'cs-uri-stem': raw(),
  'cs-uri-query': raw(),
  'cs-bytes': count('uploadedBytes'),
  'sc-bytes': count('downloadedBytes'),
  bytes: count('totalBytes'),
  'cs-method': raw(),
  'sc-filter-result': action({ proxied: 'allowed', observed: 'allowed' }),
  action: action(),
  's-action': raw(),
  'x-exception-id': raw()
} as const

export type ElffName = keyof typeof ELFF_FIELDS
type ElffValues = Readonly<Record<ElffName, Value>>

/** A field table that has the ELFF names, and perhaps more. */
interface ElffTable {
  readonly v: ElffValues
  apply(frame: Frame, out: RecordFields): void
}

/** Fills the record from the values of a table that has the ELFF names; times are read as the state's directives say. */
export function applyElff(table: ElffTable, frame: Frame, state: W3cState, out: RecordFields): void {
  const { v } = table
  table.apply(frame, out)
  if (v['date-local'].present) out.numbers[TIME] = readRowTime(frame, state, v['date-local'], v['time-local'], frame.zone)
  if (v.time.present) out.numbers[TIME] = readRowTime(frame, state, v.date, v.time, state.zone)
  setUrl(v, out)
  setAction(v, out)
  decodeUser(out)
}

/** Names are percent-encoded where they hold blanks. */
export function decodeUser(out: RecordFields): void {
  if (!out.has(USER) || findByte(out.buf, out.start[USER]!, out.end[USER]!, 0x25) < 0) return
  out.setText(USER, decodePercent(out.text(USER)!))
}

/** What the filter said stands; else a denial or an exception blocks, and any other cache result let it pass. */
function setAction(v: ElffValues, out: RecordFields): void {
  if (out.action === ACTION_ALLOWED || out.action === ACTION_BLOCKED) return
  const result = v['s-action']
  const exception = v['x-exception-id']
  if (result.startsWith('TCP_DENIED') || (exception.present && !isPlaceholder(out.buf, exception.start, exception.end))) {
    out.action = ACTION_BLOCKED
  } else if (result.startsWith('TCP_') || result.is('allowed')) out.action = ACTION_ALLOWED
  else if (result.is('blocked')) out.action = ACTION_BLOCKED
}

/** The whole URL when the row has one; else scheme, host, port, path and query put together. */
function setUrl(v: ElffValues, out: RecordFields): void {
  setScheme(v['cs-uri-scheme'], out)
  if (out.has(URL)) return // a path here is only as good as the host beside it
  const path = v['cs-uri-path'].present ? v['cs-uri-path'] : v['cs-uri-stem']
  composeUrl(v['cs-uri-scheme'], v['cs-host'].present ? v['cs-host'] : v['r-host'], path, v['cs-uri-query'], out)
}

const HTTP = needle('http://')
const HTTPS = needle('https://')
const FTP = needle('ftp://')
const HTTP_WORD = needle('http')
const HTTPS_WORD = needle('https')
const FTP_WORD = needle('ftp')
const DEFAULT_PORTS = new Map<Uint8Array, number>([
  [HTTP, 80],
  [HTTPS, 443],
  [FTP, 21]
])

/**
 * Writes `scheme://host[:port]path[?query]` to the scratch region and makes it the URL. Nothing without host or path, nor for
 * schemes that are no request (`ssl`, `tcp`, `im`: the path of a tunnel is made up). Hot path.
 */
export function composeUrl(scheme: Value, host: Value, path: Value, query: Value, out: RecordFields): void {
  const { buf } = out
  if (!host.present || !path.present || isPlaceholder(buf, host.start, host.end) || isPlaceholder(buf, path.start, path.end)) return
  const prefix = urlPrefix(scheme, out)
  if (prefix === undefined) return
  const hasQuery = query.present && !isPlaceholder(buf, query.start, query.end)
  const length = host.end - host.start + path.end - path.start + (hasQuery ? query.end - query.start : 0) + 20
  if (length > out.scratchEnd - out.scratch) return
  const start = out.scratch
  let at = start
  at += putBytes(buf, prefix, at)
  at += buf.copy(buf, at, host.start, host.end)
  const port = out.numbers[DST_PORT]!
  if (port > 0 && port <= 65_535 && port !== DEFAULT_PORTS.get(prefix) && findByte(buf, host.start, host.end, 0x3a) < 0)
    at += buf.write(`:${port}`, at, 'latin1')
  if (buf[path.start] !== 0x2f) buf[at++] = 0x2f
  at += buf.copy(buf, at, path.start, path.end)
  if (hasQuery) {
    if (buf[query.start] !== 0x3f) buf[at++] = 0x3f
    at += buf.copy(buf, at, query.start, query.end)
  }
  out.scratch = at
  out.set(URL, start, at)
}

function putBytes(buf: Uint8Array, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < bytes.length; i++) buf[at + i] = bytes[i]!
  return bytes.length
}

function urlPrefix(scheme: Value, out: RecordFields): Uint8Array | undefined {
  const { buf } = out
  const { start, end } = scheme
  if (!scheme.present || isPlaceholder(buf, start, end)) return out.numbers[DST_PORT] === 443 ? HTTPS : HTTP
  if (equalsIgnoreCase(buf, start, end, HTTP_WORD)) return HTTP
  if (equalsIgnoreCase(buf, start, end, HTTPS_WORD)) return HTTPS
  return equalsIgnoreCase(buf, start, end, FTP_WORD) ? FTP : undefined
}
