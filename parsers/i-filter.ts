/**
 * Digital Arts i-FILTER and D-SPA: access log of version 10 (35 columns), the older access log (29 columns), and the block log (17).
 *
 *   v10    Mmm dd hh:mm:ss pid n/n/ upstream server[:port] peer client computer user [clf time] status up down action … "METHOD url HTTP/v" …
 *   older  Mmm dd hh:mm:ss pid n/n/ upstream client computer user [clf time] "METHOD url HTTP/v""referer"agent status up down action …
 *   block  pid client user group n dd/Mmm/yyyy:hh:mm:ss ±hhmm url action …
 *
 * Format: the vendor's FAQ 4301, 2196 and 2800. The two sizes are taken as request and response, as a SIEM's parser has it; the FAQ does
 * not say. Names are percent-encoded UTF-8. The format can be changed by the administrator: only the delivered orders are read.
 */
import {
  action,
  afterTag,
  count,
  decodePercent,
  FieldTable,
  type Frame,
  find,
  findByte,
  findLastByte,
  headerTime,
  isDigit,
  isPlaceholder,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCount,
  skipBlanks,
  text,
  time,
  tokenEnd
} from '../src/parse/kit.ts'
import { DST_HOST, DST_IP, DST_PORT, type RecordFields, TIME, URL, USER } from '../src/record.ts'

const QUOTE = 0x22
const SLASH = 0x2f
const CONNECT = needle('CONNECT ')
const OPENING = needle(' [')
/** The version and its columns up to the time must stand within this many bytes. */
const HEAD_BYTES = 1024

const table = new FieldTable({
  client: text('srcIp'),
  computer: text('device'),
  user: raw(),
  server: raw(),
  clock: raw(),
  up: count('uploadedBytes'),
  down: count('downloadedBytes'),
  action: action()
})
const { v } = table

/** `1000/01/ `: the version, which no other log has there. */
function isVersion(buf: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end && isDigit(buf[at])) at++
  if (at === start || at - start > 6 || buf[at] !== SLASH) return false
  const second = ++at
  while (at < end && isDigit(buf[at])) at++
  return at > second && at - second <= 4 && buf[at] === SLASH && buf[at + 1] === 0x20
}

/**
 * Offset of the version. The log's own three time columns look like a syslog header, and the process number after them like its host;
 * behind a real header they are still part of the message.
 */
function versionStart(frame: Frame): number {
  const { buf, body, end } = frame
  if (!isDigit(buf[body])) {
    // a real syslog header, perhaps with a tag, then the log's own time
    let at = afterTag(frame)
    for (let words = 0; words < 4; words++) at = skipBlanks(buf, tokenEnd(buf, at, Math.min(end, at + 32)), end)
    return isVersion(buf, at, end) ? at : -1
  }
  if (isVersion(buf, body, end)) return body
  const next = skipBlanks(buf, tokenEnd(buf, body, Math.min(end, body + 12)), end) // the host was one, and this is the process number
  return isVersion(buf, next, end) ? next : -1
}

/** `4582 192.0.2.1 user group 7 06/Oct/2014:11:26:21 +0900 `: offset of the client, or -1. */
function blockStart(frame: Frame): number {
  const { buf, body, end } = frame
  const start = frame.pri >= 0 || frame.timeStart >= 0 ? afterTag(frame) : body
  const last = Math.min(end, start + HEAD_BYTES)
  let at = start
  while (at < last && isDigit(buf[at])) at++
  if (at === start || at - start > 10 || buf[at] !== 0x20) return -1
  const client = at + 1
  if (!isDigit(buf[client]) && findByte(buf, client, Math.min(last, client + 6), 0x3a) < 0) return -1
  at = client
  for (let words = 0; words < 4; words++) at = skipBlanks(buf, tokenEnd(buf, at, last), last)
  const isClock = at + 11 < end && isDigit(buf[at]) && buf[at + 2] === SLASH && buf[at + 6] === SLASH && buf[at + 11] === 0x3a
  return isClock && isDigit(buf[at - 2]) && buf[at - 1] === 0x20 ? client : -1
}

const parser: Parser = {
  id: 'i-filter',
  appliance: 'Digital Arts i-FILTER, D-SPA',
  recognizes: frame => versionStart(frame) >= 0 || blockStart(frame) >= 0,
  parse(frame, out): Outcome {
    table.begin(frame)
    const version = versionStart(frame)
    if (version >= 0) return parseAccess(frame, out, version)
    const client = blockStart(frame)
    return client < 0 ? malformed(out, 'bad_syntax') : parseBlock(frame, out, client)
  }
}

/** Starts and ends of the columns between version and time, at most seven. */
const starts = new Int32Array(8)
const ends = new Int32Array(8)

function parseAccess(frame: Frame, out: RecordFields, version: number): Outcome {
  const { buf, end } = frame
  const opening = find(buf, version, Math.min(end, version + HEAD_BYTES), OPENING)
  if (opening < 0) return malformed(out, 'short_row')
  let columns = 0
  for (let at = skipBlanks(buf, tokenEnd(buf, version, opening), opening); at < opening && columns < 8; columns++) {
    starts[columns] = at
    ends[columns] = tokenEnd(buf, at, opening)
    at = skipBlanks(buf, ends[columns]!, opening)
  }
  const closing = findByte(buf, opening, Math.min(end, opening + 40), 0x5d)
  if ((columns !== 4 && columns !== 6) || closing < 0) return malformed(out, 'short_row')
  v.clock.set(opening + 1, closing + 1, 0)
  v.client.set(starts[columns - 3]!, ends[columns - 3]!, 0)
  v.computer.set(starts[columns - 2]!, ends[columns - 2]!, 0)
  v.user.set(starts[columns - 1]!, ends[columns - 1]!, 0)
  if (columns === 6) v.server.set(starts[1]!, ends[1]!, 0)
  let at = skipBlanks(buf, closing + 1, end)
  if (buf[at] === QUOTE) at = readOldRequest(buf, at, end, out)
  else if (!readRequest(buf, at, end, out)) return malformed(out, 'short_row')
  readDecision(buf, at, end)
  complete(frame, out)
  return 'parsed'
}

/** `status up down action`, where the status begins at `start`. */
function readDecision(buf: Buffer, start: number, end: number): void {
  const up = skipBlanks(buf, tokenEnd(buf, start, end), end)
  const upEnd = tokenEnd(buf, up, end)
  const down = skipBlanks(buf, upEnd, end)
  const downEnd = tokenEnd(buf, down, end)
  const word = skipBlanks(buf, downEnd, end)
  v.up.set(up, upEnd, 0)
  v.down.set(down, downEnd, 0)
  v.action.set(word, tokenEnd(buf, word, end), 0)
}

/** The request line stands between quotes, somewhere after the columns; false when it never closes. */
function readRequest(buf: Buffer, start: number, end: number, out: RecordFields): boolean {
  const quote = findByte(buf, start, end, QUOTE)
  const close = quote < 0 ? -1 : findByte(buf, quote + 1, end, QUOTE)
  if (close < 0) return false
  setRequest(buf, quote + 1, close, out)
  return true
}

/** Older logs: request, referer and agent come right after the time, quoted or not, without blanks between. Returns where the status is. */
function readOldRequest(buf: Buffer, start: number, end: number, out: RecordFields): number {
  const close = findByte(buf, start + 1, end, QUOTE)
  if (close < 0) return end
  setRequest(buf, start + 1, close, out)
  let at = close + 1
  // referer: quoted (then the agent may follow at once) or a word
  at = skipBlanks(buf, at, end)
  if (buf[at] === QUOTE) {
    const refererEnd = findByte(buf, at + 1, end, QUOTE)
    at = refererEnd < 0 ? end : refererEnd + 1
  } else at = tokenEnd(buf, at, end)
  at = skipBlanks(buf, at, end)
  if (buf[at] === QUOTE) {
    const agentEnd = findByte(buf, at + 1, end, QUOTE)
    at = agentEnd < 0 ? end : agentEnd + 1
  } else at = tokenEnd(buf, at, end)
  return skipBlanks(buf, at, end)
}

function setRequest(buf: Buffer, start: number, end: number, out: RecordFields): void {
  const url = skipBlanks(buf, tokenEnd(buf, start, end), end)
  const urlEnd = tokenEnd(buf, url, end)
  if (!matchesAt(buf, start, end, CONNECT)) {
    out.set(URL, url, urlEnd)
    return
  }
  const colon = findLastByte(buf, url, urlEnd, 0x3a)
  const hostEnd = colon > url ? colon : urlEnd
  out.set(isDigit(buf[hostEnd - 1]) || buf[url] === 0x5b ? DST_IP : DST_HOST, url, hostEnd)
  if (colon > url) out.numbers[DST_PORT] = readCount(buf, colon + 1, urlEnd)
}

function parseBlock(frame: Frame, out: RecordFields, client: number): Outcome {
  const { buf, end } = frame
  const clientEnd = tokenEnd(buf, client, end)
  v.client.set(client, clientEnd, 0)
  const user = skipBlanks(buf, clientEnd, end)
  v.user.set(user, tokenEnd(buf, user, end), 0)
  let at = user
  for (let words = 0; words < 3; words++) at = skipBlanks(buf, tokenEnd(buf, at, end), end)
  const offset = skipBlanks(buf, tokenEnd(buf, at, end), end)
  const offsetEnd = tokenEnd(buf, offset, end)
  v.clock.set(at, offsetEnd, 0)
  const url = skipBlanks(buf, offsetEnd, end)
  const urlEnd = tokenEnd(buf, url, end)
  if (url >= urlEnd) return malformed(out, 'short_row')
  out.set(URL, url, urlEnd)
  const word = skipBlanks(buf, urlEnd, end)
  v.action.set(word, tokenEnd(buf, word, end), 0)
  complete(frame, out)
  return 'parsed'
}

function complete(frame: Frame, out: RecordFields): void {
  const { buf } = frame
  table.apply(frame, out)
  out.numbers[TIME] = time.readClfTime(buf, v.clock.start, v.clock.end, frame.zone)
  // the log's own time columns stand where a syslog header's would
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  const { user, server } = v
  if (user.present && !isPlaceholder(buf, user.start, user.end)) {
    if (findByte(buf, user.start, user.end, 0x25) < 0) out.set(USER, user.start, user.end)
    else out.setText(USER, decodePercent(user.text()))
  }
  if (server.present && !out.has(DST_IP) && isDigit(buf[server.start])) {
    const colon = findByte(buf, server.start, server.end, 0x3a)
    out.set(DST_IP, server.start, colon < 0 ? server.end : colon)
    if (colon > 0 && out.numbers[DST_PORT]! < 0) out.numbers[DST_PORT] = readCount(buf, colon + 1, server.end)
  }
}

export default parser
