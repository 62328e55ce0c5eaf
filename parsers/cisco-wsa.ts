/**
 * Cisco Secure Web Appliance (IronPort WSA): access log in Squid style and Squid details style, by syslog or as a file, and the
 * W3C access log by its header. Formats: AsyncOS for Cisco Secure Web Appliance User Guide, "Access Log Information".
 *
 *   squid    [[name: ]Info: ]epoch.ms elapsed client RESULT/status size METHOD url user HIERARCHY/server type [word:number …] ACL-TAG-policies <verdicts> …
 *   w3c      #Fields: timestamp x-elapsed-time c-ip x-resultcode-httpstatus sc-bytes cs-method cs-url cs-username …
 *
 * The size is what the client got; the default format has no upload. Of a parent proxy the server is not known.
 */
import {
  applyElff,
  ELFF_FIELDS,
  FieldTable,
  type Frame,
  findByte,
  isDigit,
  isDirective,
  looksLikeRow,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  oncePerFrame,
  ownsDirective,
  type Parser,
  raw,
  readCount,
  readDirective,
  rowStart,
  scanRow,
  setText,
  skip,
  skipBlanks,
  time,
  tokenEnd,
  type Value,
  W3cState
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, DOWNLOADED, DST_HOST, DST_IP, type RecordFields, SRC_IP, TIME, URL, USER } from '../src/record.ts'

const ID = 'cisco-wsa'
const INFO = needle('Info: ')
const DIRECT = needle('DIRECT/')
const DENIED = needle('TCP_DENIED')
const BLOCK = needle('BLOCK_')
const DROP = needle('DROP_')
const QUOTE = 0x22
const SLASH = 0x2f
const DASH = 0x2d
const COLON = 0x3a
const BLANK = 0x20
/** Longest name of a log subscription that is looked for. */
const NAME_MAX_BYTES = 64
/** Words such as `CMF:44` that the details style puts before the tag; more are not looked at. */
const WORDS_MAX = 8
const TAG_MAX_BYTES = 512

const table = new FieldTable({
  ...ELFF_FIELDS,
  'x-resultcode-httpstatus': raw(),
  'sc-result-code': raw(),
  'sc-http-status': raw(),
  'x-acltag': raw(),
  's-hierarchy': raw(),
  's-ip': raw(),
  's-hostname': raw()
})

/** Offsets of the Squid style row at hand; one object serves all lines. */
const row = {
  time: 0,
  timeEnd: 0,
  client: 0,
  clientEnd: 0,
  result: 0,
  resultEnd: 0,
  size: 0,
  sizeEnd: 0,
  url: 0,
  urlEnd: 0,
  user: 0,
  userEnd: 0,
  peer: 0,
  peerEnd: 0,
  tag: 0
}

const parser: Parser<W3cState> = {
  id: ID,
  appliance: 'Cisco Secure Web Appliance (IronPort WSA)',
  newState: () => new W3cState(),
  recognizes(frame, state) {
    if (isDirective(frame)) return ownsDirective(frame, ID, state)
    return readRow(frame) || (state !== undefined && looksLikeRow(frame, state))
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, table)
      return skip(out, 'header')
    }
    if (readRow(frame)) return parseSquid(frame, out)
    return state.map === undefined ? malformed(out, 'bad_syntax') : parseW3c(frame, out, state)
  }
}

/** Reads a Squid style row into `row`. False without an ACL tag: then it is another product's, or was cut too early to tell. */
const readRow = oncePerFrame(readSquidRow)

/** Behind `Info: ` and the name of the log subscription before it, where a syslog push has them. */
function afterTag(buf: Buffer, body: number, end: number): number {
  if (isDigit(buf[body])) return body
  let at = body
  for (const nameMax = Math.min(end, body + NAME_MAX_BYTES); at < nameMax && buf[at] !== COLON; at++) if (buf[at] === BLANK) return body
  const info = buf[at] === COLON && buf[at + 1] === BLANK && matchesAt(buf, at + 2, end, INFO) ? at + 2 : body
  return matchesAt(buf, info, end, INFO) ? info + INFO.length : body
}

function readSquidRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  let at = afterTag(buf, body, end)
  row.time = at
  while (isDigit(buf[at])) at++
  if (at - row.time !== 10 || buf[at] !== 0x2e || !isDigit(buf[at + 1])) return false
  row.timeEnd = tokenEnd(buf, at, end)
  at = skipBlanks(buf, row.timeEnd, end)
  if (!isDigit(buf[at])) return false
  row.client = skipBlanks(buf, tokenEnd(buf, at, end), end)
  row.clientEnd = tokenEnd(buf, row.client, end)
  row.result = skipBlanks(buf, row.clientEnd, end)
  row.resultEnd = tokenEnd(buf, row.result, end)
  if (row.resultEnd - row.result < 5 || buf[row.resultEnd - 4] !== SLASH) return false
  row.size = skipBlanks(buf, row.resultEnd, end)
  row.sizeEnd = tokenEnd(buf, row.size, end)
  const method = skipBlanks(buf, row.sizeEnd, end)
  row.url = skipBlanks(buf, tokenEnd(buf, method, end), end)
  row.urlEnd = tokenEnd(buf, row.url, end)
  row.user = skipBlanks(buf, row.urlEnd, end)
  row.userEnd = valueEnd(buf, row.user, end)
  row.peer = skipBlanks(buf, row.userEnd, end)
  row.peerEnd = tokenEnd(buf, row.peer, end)
  const type = skipBlanks(buf, row.peerEnd, end)
  return readTag(buf, skipBlanks(buf, valueEnd(buf, type, end), end), end)
}

/** End of a value, which may be in quotes and hold blanks. */
function valueEnd(buf: Uint8Array, start: number, end: number): number {
  if (buf[start] !== QUOTE) return tokenEnd(buf, start, end)
  const close = findByte(buf, start + 1, end, QUOTE)
  return close < 0 ? end : close + 1
}

/** Finds the tag `DECISION_TAG-policy-identity-…`: capitals up to a dash. */
function readTag(buf: Uint8Array, start: number, end: number): boolean {
  let at = start
  for (let words = 0; words < WORDS_MAX && at < end; words++) {
    let p = at
    const last = Math.min(end, at + TAG_MAX_BYTES)
    while (p < last && ((buf[p]! >= 0x41 && buf[p]! <= 0x5a) || isDigit(buf[p]) || buf[p] === 0x5f)) p++
    if (p > at + 2 && buf[p] === DASH && buf[at]! >= 0x41) {
      row.tag = at
      return true
    }
    if (p === at || buf[p] !== COLON) return false
    at = skipBlanks(buf, tokenEnd(buf, p, end), end)
  }
  return false
}

function parseSquid(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  out.numbers[TIME] = time.readEpoch(buf, row.time, row.timeEnd)
  out.set(SRC_IP, row.client, row.clientEnd)
  out.set(URL, row.url, row.urlEnd)
  out.numbers[DOWNLOADED] = readCount(buf, row.size, row.sizeEnd)
  setUser(buf, out)
  if (matchesAt(buf, row.peer, row.peerEnd, DIRECT)) setServer(buf, row.peer + DIRECT.length, row.peerEnd, out)
  out.action = actionOf(buf, row.result, row.resultEnd, row.resultEnd - 3, row.tag, end)
  return 'parsed'
}

/** `"DOMAIN\name@realm"` stands in quotes. */
function setUser(buf: Uint8Array, out: RecordFields): void {
  const quoted = buf[row.user] === QUOTE
  const start = quoted ? row.user + 1 : row.user
  const end = quoted && buf[row.userEnd - 1] === QUOTE && row.userEnd > start ? row.userEnd - 1 : row.userEnd
  if (!(end - start === 1 && buf[start] === DASH)) out.set(USER, start, end)
}

/** The server's address; its name is in the URL. */
function setServer(buf: Uint8Array, start: number, end: number, out: RecordFields): void {
  if (isDigit(buf[end - 1]) || findByte(buf, start, end, COLON) >= 0) out.set(DST_IP, start, end)
}

const AUTHENTICATE = needle('407')
const UNAUTHORIZED = needle('401')

/** A denial for want of a login is a round of the authentication and decides nothing. */
function actionOf(buf: Uint8Array, result: number, resultEnd: number, status: number, tag: number, tagEnd: number): number {
  const denied = matchesAt(buf, result, resultEnd, DENIED)
  if (denied && (matchesAt(buf, status, status + 3, AUTHENTICATE) || matchesAt(buf, status, status + 3, UNAUTHORIZED))) return 0
  return denied || matchesAt(buf, tag, tagEnd, BLOCK) || matchesAt(buf, tag, tagEnd, DROP) ? ACTION_BLOCKED : ACTION_ALLOWED
}

function parseW3c(frame: Frame, out: RecordFields, state: W3cState): Outcome {
  table.begin(frame)
  if (!scanRow(frame, rowStart(frame, state.first), state, table.values)) return malformed(out, 'short_row')
  applyElff(table, frame, state, out)
  const { v } = table
  if (isDirect(v['s-hierarchy'])) {
    if (!out.has(DST_IP)) setText(v['s-ip'], DST_IP, out)
    if (!out.has(DST_HOST) && !out.has(URL)) setText(v['s-hostname'], DST_HOST, out)
  }
  if (out.action === 0) setW3cAction(v['sc-result-code'], v['sc-http-status'], v['x-resultcode-httpstatus'], v['x-acltag'], out)
  return 'parsed'
}

/** `s-ip` and `s-hostname` are the server, but for requests to a parent proxy. */
const isDirect = (hierarchy: Value): boolean => !hierarchy.present || hierarchy.startsWith('DIRECT')

function setW3cAction(code: Value, status: Value, both: Value, tag: Value, out: RecordFields): void {
  const { buf } = out
  const result = code.present ? code : both
  if (!result.present && !tag.present) return
  const statusStart = status.present ? status.start : both.end - 3
  out.action = actionOf(buf, result.start, result.end, statusStart, tag.start, tag.end)
}

export default parser
