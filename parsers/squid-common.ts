/**
 * Squid and proxies built on it (Olfeo) in the common and combined log formats.
 *
 *   client ident user [time] "METHOD url HTTP/version" status sizeToClient ["referer" "agent"] [RESULT:HIERARCHY] …
 *
 * Format: squid.conf documentation, `logformat common` and `combined`. Web servers write the same line about inbound requests,
 * with a path where a proxy has a whole URL; those are not recognised. The time is `05/Jan/2026:09:15:30 +0100`, or numeric
 * `05/01/2026 09:15:30` without zone, which is read day first: one family of senders writes it so, and no sender is known that
 * certainly does not; a month above 12 makes the line malformed rather than swapped.
 */
import {
  afterTag,
  decodePercent,
  type Frame,
  find,
  findByte,
  findLastByte,
  isDigit,
  isPlaceholder,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  oncePerFrame,
  type Parser,
  readCount,
  skip,
  skipBlanks,
  time,
  tokenEnd
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SRC_IP,
  TIME,
  URL,
  USER
} from '../src/record.ts'

const QUOTE = 0x22
const SLASH = 0x2f
const OPENING = needle(' [')
const CLOSING = needle('] "')
const MARK = needle('://')
const CONNECT = needle('CONNECT ')
const ERROR = needle('error:')
const HTTP = needle(' HTTP/')
const DENIED = needle('DENIED')
const ABORTED = needle('ABORTED')
const NONE = needle('NONE')
/** The client, ident and user, and the time, must end within this many bytes. */
const HEAD_BYTES = 600

/** Offsets of the row at hand; one object serves all lines. */
const row = { client: 0, clientEnd: 0, user: 0, userEnd: 0, time: 0, timeEnd: 0, method: 0, url: 0, urlEnd: 0, rest: 0 }

/** Reads the row up to its request line into `row`; false when the bytes are something else. */
const readRow = oncePerFrame(readRowOf)

function readRowOf(frame: Frame): boolean {
  const { buf } = frame
  const start = afterTag(frame)
  const end = Math.min(frame.end, start + HEAD_BYTES)
  row.client = start
  row.clientEnd = tokenEnd(buf, start, end)
  if (row.clientEnd - start < 3 || row.clientEnd - start > 64) return false
  if (findByte(buf, start, row.clientEnd, SLASH) > 0) return false // i-FILTER's version stands there
  const ident = skipBlanks(buf, row.clientEnd, end)
  const opening = find(buf, ident, end, OPENING)
  if (opening < 0) return false
  row.user = skipBlanks(buf, tokenEnd(buf, ident, opening), opening)
  row.userEnd = opening
  row.time = opening + 2
  if (!isDigit(buf[row.time]) || (buf[row.time + 2] !== SLASH && buf[row.time + 1] !== SLASH)) return false
  const closing = find(buf, row.time, Math.min(end, row.time + 40), CLOSING)
  if (closing < 0) return false
  row.timeEnd = closing
  return readRequest(buf, closing + CLOSING.length, frame.end)
}

/** `METHOD url HTTP/version"`: a whole URL, or `host:port` after CONNECT, as a proxy logs it. */
function readRequest(buf: Buffer, start: number, end: number): boolean {
  row.method = start
  row.url = skipBlanks(buf, tokenEnd(buf, start, end), end)
  const quote = findByte(buf, row.url, end, QUOTE)
  const requestEnd = quote < 0 ? end : quote
  row.rest = requestEnd
  // a URL may hold blanks where the proxy did not encode them: it ends before the protocol, or with the quotes
  const plainEnd = tokenEnd(buf, row.url, requestEnd)
  row.urlEnd = plainEnd === requestEnd || matchesAt(buf, plainEnd, requestEnd, HTTP) ? plainEnd : findHttp(buf, plainEnd, requestEnd)
  if (row.url >= row.urlEnd) return false
  return matchesAt(buf, start, end, CONNECT) || matchesAt(buf, row.url, row.urlEnd, ERROR) || find(buf, row.url, row.urlEnd, MARK) > 0
}

function findHttp(buf: Buffer, start: number, end: number): number {
  const at = find(buf, start, end, HTTP)
  return at < 0 ? end : at
}

/** The clock in brackets; a numeric month is the second number. */
function readTime(frame: Frame): number {
  const { buf, zone } = frame
  const monthAt = (buf[row.time + 1] === SLASH ? row.time + 1 : row.time + 2) + 1
  if (!isDigit(buf[monthAt])) return time.readClfTime(buf, row.time, row.timeEnd, zone)
  const dayEnd = monthAt - 1
  const monthEnd = findByte(buf, monthAt, Math.min(monthAt + 3, row.timeEnd), SLASH)
  if (monthEnd < 0) return Number.NaN
  const yearEnd = monthEnd + 5
  return time.readClock(
    buf,
    skipBlanks(buf, yearEnd, row.timeEnd),
    row.timeEnd,
    readCount(buf, monthEnd + 1, yearEnd),
    readCount(buf, monthAt, monthEnd),
    readCount(buf, row.time, dayEnd),
    zone
  )
}

/** What the result code says, else the status: a login challenge blocks, other errors may be the server's. */
function actionOf(buf: Buffer, status: number, start: number, end: number): number {
  let at = end
  while (at > start && (buf[at - 1] === 0x20 || buf[at - 1] === 0x09)) at--
  let code = at
  while (code > start && buf[code - 1] !== 0x20) code--
  const colon = findByte(buf, code, at, 0x3a)
  const isResult = colon > code && buf[code]! >= 0x41 && buf[code]! <= 0x5a && findByte(buf, code, at, QUOTE) < 0
  if (isResult && find(buf, code, colon, DENIED) >= 0) return ACTION_BLOCKED
  if (isResult && (matchesAt(buf, code, colon, NONE) || find(buf, code, colon, ABORTED) >= 0)) return 0
  if (status === 407) return ACTION_BLOCKED
  if (isResult) return status === 0 ? 0 : ACTION_ALLOWED
  return status >= 200 && status < 400 ? ACTION_ALLOWED : 0
}

function setDestination(buf: Buffer, out: RecordFields): void {
  if (!matchesAt(buf, row.method, row.url, CONNECT) || find(buf, row.url, row.urlEnd, MARK) >= 0) {
    out.set(URL, row.url, row.urlEnd)
    return
  }
  const colon = findLastByte(buf, row.url, row.urlEnd, 0x3a)
  const hostEnd = colon > row.url ? colon : row.urlEnd
  out.set(isDigit(buf[hostEnd - 1]) || buf[row.url] === 0x5b ? DST_IP : DST_HOST, row.url, hostEnd)
  if (colon > row.url) out.numbers[DST_PORT] = readCount(buf, colon + 1, row.urlEnd)
}

/** Squid percent-encodes user names. */
function setUser(buf: Buffer, out: RecordFields): void {
  if (isPlaceholder(buf, row.user, row.userEnd)) return
  if (findByte(buf, row.user, row.userEnd, 0x25) < 0) out.set(USER, row.user, row.userEnd)
  else out.setText(USER, decodePercent(buf.toString('utf8', row.user, row.userEnd)))
}

const parser: Parser = {
  id: 'squid-common',
  appliance: 'Squid (common and combined log formats), Olfeo',
  recognizes: readRow,
  parse(frame, out): Outcome {
    if (!readRow(frame)) return malformed(out, 'bad_syntax')
    const { buf, end } = frame
    if (matchesAt(buf, row.url, row.urlEnd, ERROR)) return skip(out, 'not_traffic') // there was no request
    if (row.rest >= end) return malformed(out, 'short_row')
    out.numbers[TIME] = readTime(frame)
    out.set(SRC_IP, row.client, row.clientEnd)
    setUser(buf, out)
    setDestination(buf, out)
    const statusStart = skipBlanks(buf, row.rest + 1, end)
    const statusEnd = tokenEnd(buf, statusStart, end)
    const size = skipBlanks(buf, statusEnd, end)
    const sizeEnd = tokenEnd(buf, size, end)
    out.numbers[DOWNLOADED] = readCount(buf, size, sizeEnd)
    out.action = actionOf(buf, readCount(buf, statusStart, statusEnd), sizeEnd, end)
    return 'parsed'
  }
}

export default parser
