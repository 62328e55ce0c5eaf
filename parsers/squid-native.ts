/**
 * Squid access log in its native format, and formats derived from it that keep its order.
 *
 *   ts.ms elapsed client [port] RESULT/status sizeToClient [sizeFromClient number…] METHOD url [version] user HIERARCHY/peer [peerPort] type …
 *
 * Format: squid.conf documentation, `logformat squid`; times are UTC. The one size of the native format is what the client got
 * (headers included; for CONNECT all that came back through the tunnel); where a second number follows it is `%>st`, what the
 * client sent. Cisco WSA and Blue Coat ProxySG write the same head and go on with words of their own, so the recogniser looks
 * past the content type. Hot path.
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
  UPLOADED,
  URL,
  USER
} from '../src/record.ts'

const SLASH = 0x2f
const DASH = 0x2d
const DENIED = needle('DENIED')
const ABORTED = needle('ABORTED')
const NONE = needle('NONE')
/** Blue Coat's word for what is never cached. */
const NO_CACHE = needle('_NC_')
const UDP = needle('UDP_')
const CONNECT = needle('CONNECT')
const DIRECT = needle('DIRECT')
const ORIGINAL = needle('ORIGINAL_DST')
const PINNED = needle('PINNED')
const MARK = needle('://')
const MANAGER = needle('cache_object://')
const INTERNAL = needle('/squid-internal-')
/** Longest scheme of a URL, with its mark. */
const SCHEME_BYTES = 32
/** Words of `%ssl::bump_mode`, the one bare word that Squid formats put after the content type. */
const BUMP_MODES = ['bump', 'splice', 'terminate', 'peek', 'stare', 'client-first', 'server-first'].map(needle)

/** Offsets of the head of the row at hand; one object serves all lines. */
const head = { time: 0, timeEnd: 0, client: 0, clientEnd: 0, code: 0, codeEnd: 0, rest: 0 }

const isCapital = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x41 && byte <= 0x5a

/** Where the row begins: the body, or after a syslog tag. */
function rowStart(frame: Frame): number {
  const { buf, body } = frame
  return isDigit(buf[body]) && isDigit(buf[body + 8]) ? body : afterTag(frame)
}

/** Reads `time elapsed client [port] RESULT/status` into `head`; false when the bytes are something else. */
function readHead(buf: Buffer, start: number, end: number): boolean {
  let at = start
  while (isDigit(buf[at])) at++
  if (at - start < 9 || at - start > 10 || buf[at] !== 0x2e || at + 30 > end) return false
  const timeEnd = tokenEnd(buf, at, end)
  if (timeEnd - at !== 4) return false
  at = skipBlanks(buf, timeEnd, end)
  if (buf[at] === DASH) at++
  while (isDigit(buf[at])) at++
  if (buf[at] !== 0x20) return false
  const client = skipBlanks(buf, at, end)
  const clientEnd = tokenEnd(buf, client, end)
  let code = skipBlanks(buf, clientEnd, end)
  if (isDigit(buf[code])) code = skipBlanks(buf, tokenEnd(buf, code, end), end)
  at = code
  while (at < end && (isCapital(buf[at]) || buf[at] === 0x5f)) at++
  if (at === code || buf[at] !== SLASH || at + 5 > end) return false
  if (!isDigit(buf[at + 1]) || !isDigit(buf[at + 2]) || !isDigit(buf[at + 3]) || buf[at + 4] !== 0x20) return false
  head.time = start
  head.timeEnd = timeEnd
  head.client = client
  head.clientEnd = clientEnd
  head.code = code
  head.codeEnd = at + 4
  head.rest = skipBlanks(buf, at + 4, end)
  return true
}

/** Offsets of what follows the head. */
const tail = {
  sizes: 0,
  up: 0,
  upEnd: 0,
  down: 0,
  downEnd: 0,
  method: 0,
  methodEnd: 0,
  url: 0,
  urlEnd: 0,
  user: 0,
  userEnd: 0,
  peer: 0,
  peerEnd: 0
}

/** Reads from the sizes to the hierarchy into `tail`. False when the row ends before the URL does, or the columns are others. */
function readTail(buf: Buffer, start: number, end: number): boolean {
  let at = start
  tail.sizes = 0
  for (;;) {
    const stop = tokenEnd(buf, at, end)
    const isSize = isDigit(buf[at])
    // `-` stands for an absent number only after two of them: in the native format it is an absent method
    if (!isSize && !(tail.sizes >= 2 && buf[at] === DASH && stop === at + 1)) break
    if (tail.sizes === 0) {
      tail.down = at
      tail.downEnd = stop
    } else if (tail.sizes === 1) {
      tail.up = at
      tail.upEnd = stop
    }
    tail.sizes++
    at = skipBlanks(buf, stop, end)
    if (at >= end) return false
  }
  if (tail.sizes === 0) return false
  tail.method = at
  tail.methodEnd = tokenEnd(buf, at, end)
  tail.url = skipBlanks(buf, tail.methodEnd, end)
  tail.urlEnd = tokenEnd(buf, tail.url, end)
  at = skipBlanks(buf, tail.urlEnd, end)
  let stop = tokenEnd(buf, at, end)
  if (tail.sizes > 1 && stop - at === 3 && isDigit(buf[at]) && buf[at + 1] === 0x2e) {
    at = skipBlanks(buf, stop, end) // HTTP version
    stop = tokenEnd(buf, at, end)
  }
  tail.user = at
  tail.userEnd = stop
  tail.peer = skipBlanks(buf, stop, end)
  tail.peerEnd = tokenEnd(buf, tail.peer, end)
  return tail.url < tail.urlEnd
}

const NO_ROW = 0
const CUT_ROW = 1
const WHOLE_ROW = 2

/** Reads the row into `head` and `tail`; one of NO_ROW, CUT_ROW (not as far as the URL's end), WHOLE_ROW. */
const readRow = oncePerFrame(frame => {
  const { buf, end } = frame
  if (!readHead(buf, rowStart(frame), end)) return NO_ROW
  return readTail(buf, head.rest, end) ? WHOLE_ROW : CUT_ROW
})

/** A hierarchy such as `HIER_DIRECT/192.0.2.1`, or the end of a row that was cut. */
function isHierarchy(buf: Buffer, start: number, end: number, rowEnd: number): boolean {
  let at = start
  while (at < end && (isCapital(buf[at]) || buf[at] === 0x5f)) at++
  return end === rowEnd || (at > start && buf[at] === SLASH)
}

/** True when what follows the content type is Squid's: nothing, numbers, quoted text, `-`, or a bump mode. */
function endsLikeSquid(buf: Buffer, start: number, end: number): boolean {
  let at = skipBlanks(buf, start, end)
  if (isDigit(buf[at]) || (tail.sizes > 1 && buf[at] === DASH)) at = skipBlanks(buf, tokenEnd(buf, at, end), end) // port of the peer
  at = skipBlanks(buf, tokenEnd(buf, at, end), end)
  if (at >= end) return true
  const byte = buf[at]!
  if (isDigit(byte) || byte === DASH || byte === 0x22 || byte === 0x5b) return true
  const stop = tokenEnd(buf, at, end)
  for (const mode of BUMP_MODES) if (stop - at === mode.length && matchesAt(buf, at, stop, mode)) return true
  return false
}

/** What the result code decides: DENIED blocks; no answer, or one that was broken off, decides nothing. */
function actionOf(buf: Buffer, start: number, end: number): number {
  if (find(buf, start, end, DENIED) >= 0) return ACTION_BLOCKED
  const noStatus = buf[end - 1] === 0x30 && buf[end - 2] === 0x30 && buf[end - 3] === 0x30
  if (noStatus || matchesAt(buf, start, end, NONE) || find(buf, start, end, ABORTED) >= 0) return 0
  return ACTION_ALLOWED
}

/** `host:port` of a CONNECT. A name never ends in a digit, an address does or stands in brackets. */
function setTarget(buf: Buffer, start: number, end: number, out: RecordFields): void {
  const colon = findLastByte(buf, start, end, 0x3a)
  const hostEnd = colon > start ? colon : end
  out.set(isDigit(buf[hostEnd - 1]) || buf[start] === 0x5b ? DST_IP : DST_HOST, start, hostEnd)
  out.numbers[DST_PORT] = colon > start ? readCount(buf, colon + 1, end) : -1
}

/** The peer of a request that went straight to the server is the server; a parent proxy is not. */
function setPeer(buf: Buffer, rowEnd: number, out: RecordFields): void {
  const slash = findByte(buf, tail.peer, tail.peerEnd, SLASH)
  const isServer =
    slash > 0 &&
    (matchesAt(buf, slash - DIRECT.length, slash, DIRECT) ||
      matchesAt(buf, slash - ORIGINAL.length, slash, ORIGINAL) ||
      matchesAt(buf, slash - PINNED.length, slash, PINNED))
  if (!isServer) return
  const isAddress = isDigit(buf[tail.peerEnd - 1]) || findByte(buf, slash, tail.peerEnd, 0x3a) > 0
  if (isAddress && !out.has(DST_IP)) out.set(DST_IP, slash + 1, tail.peerEnd)
  if (out.numbers[DST_PORT]! >= 0) return
  const port = skipBlanks(buf, tail.peerEnd, rowEnd)
  if (isDigit(buf[port])) out.numbers[DST_PORT] = readCount(buf, port, tokenEnd(buf, port, rowEnd))
}

/** The cache's manager and icons: `cache_object://…`, `http://host/squid-internal-…`. */
function isOwnPage(buf: Buffer, authority: number): boolean {
  if (matchesAt(buf, tail.url, tail.urlEnd, MANAGER)) return true
  const path = findByte(buf, authority, tail.urlEnd, SLASH)
  return path >= 0 && matchesAt(buf, path, tail.urlEnd, INTERNAL)
}

/** User names are percent-encoded. */
function setUser(buf: Buffer, out: RecordFields): void {
  const { user, userEnd } = tail
  if (isPlaceholder(buf, user, userEnd)) return
  if (findByte(buf, user, userEnd, 0x25) < 0) out.set(USER, user, userEnd)
  else out.setText(USER, decodePercent(buf.toString('utf8', user, userEnd)))
}

const parser: Parser = {
  id: 'squid-native',
  appliance: 'Squid (native access log)',
  recognizes(frame) {
    const { buf, end } = frame
    const row = readRow(frame)
    if (row === NO_ROW) return false
    if (row === CUT_ROW || tail.user >= end) return find(buf, head.code, head.codeEnd, NO_CACHE) < 0 // cut within the URL
    return isHierarchy(buf, tail.peer, tail.peerEnd, end) && endsLikeSquid(buf, tail.peerEnd, end)
  },
  parse(frame, out): Outcome {
    const { buf, end } = frame
    if (readRow(frame) !== WHOLE_ROW) return malformed(out, 'bad_syntax')
    if (matchesAt(buf, head.code, end, UDP)) return skip(out, 'not_traffic') // questions between caches
    const isConnect = matchesAt(buf, tail.method, tail.methodEnd, CONNECT)
    const mark = isConnect ? -1 : find(buf, tail.url, Math.min(tail.urlEnd, tail.url + SCHEME_BYTES), MARK)
    // `error:transaction-end-before-headers`, or a request line that held no URL
    if (!isConnect && mark < 0) return skip(out, 'not_traffic')
    if (!isConnect && isOwnPage(buf, mark + MARK.length)) return skip(out, 'appliance_itself')
    if (tail.peer >= tail.peerEnd) return malformed(out, 'short_row')
    out.numbers[TIME] = time.readEpoch(buf, head.time, head.timeEnd)
    out.set(SRC_IP, head.client, head.clientEnd)
    setUser(buf, out)
    if (isConnect) setTarget(buf, tail.url, tail.urlEnd, out)
    else out.set(URL, tail.url, tail.urlEnd)
    setPeer(buf, end, out)
    out.numbers[DOWNLOADED] = readCount(buf, tail.down, tail.downEnd)
    if (tail.sizes > 1) out.numbers[UPLOADED] = readCount(buf, tail.up, tail.upEnd)
    out.action = actionOf(buf, head.code, head.codeEnd)
    return 'parsed'
  }
}

export default parser
