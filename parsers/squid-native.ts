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
  equals,
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
  readDigits,
  readFourDigits,
  SquidRow,
  skip,
  View,
  Words
} from '../src/parse/kit.ts'
import { DOWNLOADED, DST_HOST, DST_IP, DST_PORT, type RecordFields, SRC_IP, TIME, UPLOADED, URL, USER } from '../src/record.ts'
import { decisionOf, NO_CODE, NO_TRAFFIC, nameEnd } from './squid-native/result-code.ts'

const SLASH = 0x2f
const DOT = 0x2e
const DASH = 0x2d
const SPACE = 0x20
const TAB = 0x09
/** Blue Coat's word for what is never cached. */
const NO_CACHE = needle('_NC_')
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

/** Words of a row that are looked at: twice as many as a format with all sizes of Squid has before its content type. */
const WORDS_MAX = 24
/** From the point of the time on, a row is at least this long. */
const ROW_MIN_BYTES = 30

const ELAPSED_WORD = 1
const CLIENT_WORD = 2

/** Of the row at hand; those it lacks are empty and lie at its end. */
const words = new Words(WORDS_MAX)
const { starts, ends } = words
const views = new View()
/** Most rows are of this one form, and are read at once. */
const native = new SquidRow()
/** The time of the row, ms, which word is what, and what the result code decides. */
const row = { time: -1, words: 0, code: 0, decision: NO_CODE, sizes: 0, method: 0, url: 0, user: 0, peer: 0, peerNameEnd: 0 }

/** Where the row begins: the body, or after a syslog tag. */
function rowStart(frame: Frame): number {
  const { buf, body } = frame
  return isDigit(buf[body]) && isDigit(buf[body + 8]) ? body : afterTag(frame)
}

/**
 * Reads `1767604530.250` as a word, with as much after it as the shortest row has; -1 when it is none. Eight digits four at a time
 * (this and nothing else of the time afterwards: 35 ns a line).
 */
function readTime(buf: Buffer, start: number, end: number): number {
  const digits = buf[start + 9] === DOT ? 9 : 10 // nine until September 2001
  const dot = start + digits
  if (dot + ROW_MIN_BYTES > end || buf[dot] !== DOT || (buf[dot + 4] !== SPACE && buf[dot + 4] !== TAB)) return -1
  const view = views.of(buf)
  const high = readFourDigits(view, start)
  const middle = readFourDigits(view, start + 4)
  const low = readDigits(buf, start + 8, digits - 8)
  const ms = readDigits(buf, dot + 1, 3)
  if (high < 0 || middle < 0 || low < 0 || ms < 0) return -1
  return (high * 10_000 + middle) * (digits === 10 ? 100_000 : 10_000) + low * 1000 + ms
}

/** Reads `elapsed client [port] RESULT/status`; false when the words are something else. */
function readHead(buf: Buffer): boolean {
  let at = starts[ELAPSED_WORD]!
  if (buf[at] === DASH) at++
  while (isDigit(buf[at])) at++
  if (at !== ends[ELAPSED_WORD]) return false
  row.code = isDigit(buf[starts[CLIENT_WORD + 1]!]) ? CLIENT_WORD + 2 : CLIENT_WORD + 1
  if (row.code >= row.words - 1) return false
  row.decision = decisionOf(buf, starts[row.code]!, ends[row.code]!)
  return row.decision !== NO_CODE
}

/** Reads from the sizes to the hierarchy. False when the row ends before the URL does, or the columns are others. */
function readTail(buf: Buffer): boolean {
  const { words } = row
  const first = row.code + 1
  let at = first
  // `-` stands for an absent number only after two of them: in the native format it is an absent method
  while (at < words && (isDigit(buf[starts[at]!]) || (at >= first + 2 && isDash(buf, at)))) at++
  row.sizes = at - first
  row.method = at
  row.url = at + 1
  row.user = at + 2
  if (row.sizes > 1 && isVersion(buf, row.user)) row.user++
  row.peer = row.user + 1
  row.peerNameEnd = nameEnd(buf, starts[row.peer]!, ends[row.peer]!)
  return row.sizes > 0 && row.url < words
}

const isDash = (buf: Buffer, word: number): boolean => buf[starts[word]!] === DASH && ends[word]! - starts[word]! === 1

/** `1.1` */
const isVersion = (buf: Buffer, word: number): boolean =>
  ends[word]! - starts[word]! === 3 && isDigit(buf[starts[word]!]) && buf[starts[word]! + 1] === 0x2e

/** What the words of a native row mean beside what its result code decides. */
const REQUEST = 0
const TUNNEL = 1
const PROXY = 0
const SERVER = 1

const NO_ROW = 0
const CUT_ROW = 1
const WHOLE_ROW = 2
const NATIVE_ROW = 3

/** Finds and names the words; one of NO_ROW, CUT_ROW (not as far as the URL's end), WHOLE_ROW; NATIVE_ROW is a whole one that `native` read. */
const readRow = oncePerFrame(frame => {
  const { buf, end } = frame
  const start = rowStart(frame)
  if (native.read(buf, start, end) && native.isTunnel === (native.method === TUNNEL)) return NATIVE_ROW
  row.time = readTime(buf, start, end)
  if (row.time < 0) return NO_ROW
  row.words = words.find(buf, start, end)
  return readHead(buf) ? (readTail(buf) ? WHOLE_ROW : CUT_ROW) : NO_ROW
})

/** A hierarchy such as `HIER_DIRECT/192.0.2.1`, or the end of a row that was cut. */
const isHierarchy = (buf: Buffer, end: number): boolean =>
  ends[row.peer] === end || (row.peerNameEnd > starts[row.peer]! && buf[row.peerNameEnd] === SLASH)

/**
 * True when what follows the content type is Squid's: nothing, numbers, quoted text, `-`, a bump mode or the name of `%ssl::>sni`. Of
 * other words nobody can tell whether they are Squid's or the category of ProxySG or the policy of WSA: such a source is named.
 */
function endsLikeSquid(buf: Buffer, end: number): boolean {
  const first = row.peer + 1
  const hasPort = isDigit(buf[starts[first]!]) || (row.sizes > 1 && buf[starts[first]!] === DASH)
  const next = hasPort ? first + 2 : first + 1
  const start = starts[next]!
  if (start >= end) return true
  const byte = buf[start]!
  if (isDigit(byte) || byte === DASH || byte === 0x22 || byte === 0x5b) return true
  for (const mode of BUMP_MODES) if (equals(buf, start, ends[next]!, mode)) return true
  return isHostName(buf, start, ends[next]!)
}

/** `www.example.com` as a TLS client writes it: lower case, with a dot. Categories and policies have neither. */
function isHostName(buf: Buffer, start: number, end: number): boolean {
  let dots = 0
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x2e) dots++
    else if (!(byte >= 0x61 && byte <= 0x7a) && !isDigit(byte) && byte !== DASH) return false
  }
  return dots > 0
}

/** `host:port` of a CONNECT. A name never ends in a digit, an address does or stands in brackets. */
function setTarget(buf: Buffer, start: number, end: number, out: RecordFields): void {
  const colon = findLastByte(buf, start, end, 0x3a)
  const hostEnd = colon > start ? colon : end
  out.set(isDigit(buf[hostEnd - 1]) || buf[start] === 0x5b ? DST_IP : DST_HOST, start, hostEnd)
  out.numbers[DST_PORT] = colon > start ? readCount(buf, colon + 1, end) : -1
}

/** The peer of a request that went straight to the server is the server; a parent proxy is not. */
function isServer(buf: Buffer): boolean {
  const slash = row.peerNameEnd
  return (
    slash < ends[row.peer]! &&
    buf[slash] === SLASH &&
    (matchesAt(buf, slash - DIRECT.length, slash, DIRECT) ||
      matchesAt(buf, slash - ORIGINAL.length, slash, ORIGINAL) ||
      matchesAt(buf, slash - PINNED.length, slash, PINNED))
  )
}

function setPeer(buf: Buffer, out: RecordFields): void {
  if (!isServer(buf)) return
  const end = ends[row.peer]!
  const slash = row.peerNameEnd
  const isAddress = isDigit(buf[end - 1]) || findByte(buf, slash, end, 0x3a) > 0
  if (isAddress && !out.has(DST_IP)) out.set(DST_IP, slash + 1, end)
  if (out.numbers[DST_PORT]! >= 0) return
  const port = row.peer + 1
  if (isDigit(buf[starts[port]!])) out.numbers[DST_PORT] = readCount(buf, starts[port]!, ends[port]!)
}

/** So that the next row with these words is read at once. */
function learnWords(buf: Buffer, isConnect: boolean): void {
  native.codes.keep(buf, starts[row.code]!, ends[row.code]!, row.decision)
  native.methods.keep(buf, starts[row.method]!, ends[row.method]!, isConnect ? TUNNEL : REQUEST)
  if (buf[row.peerNameEnd] === SLASH) native.peers.keep(buf, starts[row.peer]!, row.peerNameEnd, isServer(buf) ? SERVER : PROXY)
}

function parseNative(frame: Frame, out: RecordFields): Outcome {
  if (!native.isTunnel && matchesAt(frame.buf, native.path, frame.end, INTERNAL)) return skip(out, 'appliance_itself')
  out.numbers[TIME] = native.time
  out.numbers[DOWNLOADED] = native.size
  native.setTexts(out, native.peer === SERVER)
  out.action = native.code
  return 'parsed'
}

/** The cache's manager and icons: `cache_object://…`, `http://host/squid-internal-…`. */
function isOwnPage(buf: Buffer, start: number, authority: number, end: number): boolean {
  if (matchesAt(buf, start, end, MANAGER)) return true
  const path = find(buf, authority, end, INTERNAL)
  return path >= 0 && findByte(buf, authority, end, SLASH) === path
}

/** User names are percent-encoded. */
function setUser(buf: Buffer, start: number, end: number, out: RecordFields): void {
  if (isPlaceholder(buf, start, end)) return
  if (findByte(buf, start, end, 0x25) < 0) out.set(USER, start, end)
  else out.setText(USER, decodePercent(buf.toString('utf8', start, end)))
}

const parser: Parser = {
  id: 'squid-native',
  appliance: 'Squid (native access log)',
  recognizes(frame) {
    const { buf, end } = frame
    const found = readRow(frame)
    if (found === NATIVE_ROW) return true
    if (found === NO_ROW) return false
    if (found === CUT_ROW || row.user >= row.words) return find(buf, starts[row.code]!, ends[row.code]!, NO_CACHE) < 0 // cut within the URL
    return isHierarchy(buf, end) && endsLikeSquid(buf, end)
  },
  parse(frame, out): Outcome {
    const { buf } = frame
    const found = readRow(frame)
    if (found === NATIVE_ROW) return parseNative(frame, out)
    if (found !== WHOLE_ROW) return malformed(out, 'bad_syntax')
    if (row.decision === NO_TRAFFIC) return skip(out, 'not_traffic')
    const isConnect = matchesAt(buf, starts[row.method]!, ends[row.method]!, CONNECT)
    const url = starts[row.url]!
    const urlEnd = ends[row.url]!
    const mark = isConnect ? -1 : find(buf, url, Math.min(urlEnd, url + SCHEME_BYTES), MARK)
    // `error:transaction-end-before-headers`, or a request line that held no URL
    if (!isConnect && mark < 0) return skip(out, 'not_traffic')
    if (!isConnect && isOwnPage(buf, url, mark + MARK.length, urlEnd)) return skip(out, 'appliance_itself')
    if (row.peer >= row.words) return malformed(out, 'short_row')
    out.numbers[TIME] = row.time
    out.set(SRC_IP, starts[CLIENT_WORD]!, ends[CLIENT_WORD]!)
    setUser(buf, starts[row.user]!, ends[row.user]!, out)
    if (isConnect) setTarget(buf, url, urlEnd, out)
    else out.set(URL, url, urlEnd)
    setPeer(buf, out)
    out.numbers[DOWNLOADED] = readCount(buf, starts[row.code + 1]!, ends[row.code + 1]!)
    if (row.sizes > 1) out.numbers[UPLOADED] = readCount(buf, starts[row.code + 2]!, ends[row.code + 2]!)
    out.action = row.decision
    if (row.sizes === 1) learnWords(buf, isConnect)
    return 'parsed'
  }
}

export default parser
