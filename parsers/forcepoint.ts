/**
 * Forcepoint Web Security: SIEM integration (CEF, LEEF), cloud export (CSV), and ONE (JSON).
 *
 * Formats: Forcepoint help, "Working with SIEM integration format strings", v8.5. `in` and `dstBytes` are what came back with the
 * response, `out` and `srcBytes` what the request sent. `rt` is in seconds in 8.5.0, in milliseconds in 8.5.4, text in 8.5.5.
 *
 * The user's LDAP path may hold a line feed, which splits a CEF record in two frames: the first is kept until the frame after it
 * comes. Relays that read `CEF:` as the program's name leave ` 0|Forcepoint|…`.
 */
import {
  action,
  afterTag,
  anyTime,
  CefHeader,
  CSV,
  cefIs,
  cefStart,
  count,
  FieldTable,
  type Frame,
  find,
  findByte,
  findLastByte,
  headerTime,
  isDigit,
  jsonStart,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  oncePerFrame,
  type Parser,
  raw,
  readCefHeader,
  readDigits,
  readLeefHeader,
  scanCefExtension,
  scanDelimited,
  scanJson,
  scanLeef,
  setText,
  skip,
  text,
  time
} from '../src/parse/kit.ts'
import { type RecordFields, TIME, URL, USER } from '../src/record.ts'

/** Longest first part of a split record that is kept. */
const PENDING_MAX_BYTES = 8 * 1024
const SWALLOWED = needle('0|Forcepoint|Security|')
const ONE = needle('"syslogheader":"<')
const ONE_WEB = needle('swgweb')
const RT = needle(' rt=')
const BACKSLASH = 1
const LOGIN = ' loginID='
const LDAP_LENGTH = 'LDAP://'.length
const NO_MARK = -9

interface State {
  /** First part of a record that a line feed split, empty when there is none. */
  pending: Buffer
}

const cefTable = new FieldTable({
  rt: anyTime(),
  act: action(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dhost: text('dstHost'),
  dpt: count('dstPort'),
  in: count('downloadedBytes'),
  out: count('uploadedBytes'),
  loginID: text('user'),
  suser: raw(),
  request: raw()
})

const leefTable = new FieldTable({
  'leef.event': action({ 'transaction:permitted': 'allowed', 'transaction:blocked': 'blocked' }),
  devTime: anyTime(),
  src: text('srcIp'),
  dst: text('dstIp'),
  dstPort: count('dstPort'),
  srcBytes: count('uploadedBytes'),
  dstBytes: count('downloadedBytes'),
  loginID: text('user'),
  usrName: raw(),
  url: raw()
})

const cloudTable = new FieldTable({
  date: raw(),
  time: raw(),
  user: text('user'),
  workstation: text('device'),
  action: action(),
  url: text('url'),
  client: text('srcIp'),
  server: text('dstIp')
})
/** The cloud's default columns; a report may choose others, which cannot be told without its header. */
const CLOUD_COLUMNS = cloudTable.columns('date time user workstation categories action risk policy url client server'.split(' '))

const oneTable = new FieldTable({
  time: raw(),
  ipaddress: text('srcIp'),
  email: text('user'),
  user: text('user'),
  domain: text('dstHost'),
  url: text('url'),
  uploadedbytes: count('uploadedBytes'),
  size: count('downloadedBytes'),
  action: action()
})
const oneLevel = oneTable.json()

type PathValue = typeof cefTable.v.suser

const cefHeader = new CefHeader()
const leefHeader = new LeefHeader()
const UTC = { name: 'UTC', toUtc: (wallMs: number): number => wallMs }

/** Offset of `0|Forcepoint|` where a relay swallowed `CEF:`, or -1. */
function swallowedStart(frame: Frame): number {
  const { buf, end } = frame
  if (matchesAt(buf, frame.body, end, SWALLOWED)) return frame.body
  const at = afterTag(frame)
  return matchesAt(buf, at, end, SWALLOWED) ? at : -1
}

/** Offset of the CEF mark, or of where a swallowed one would be (perhaps before the buffer); NO_MARK when this is no CEF of Forcepoint. */
const cefMark = oncePerFrame(findCefMark)

function findCefMark(frame: Frame): number {
  if (cefIs(frame, 'Forcepoint', 'Security')) return cefStart(frame)
  const at = swallowedStart(frame)
  return at < 0 ? NO_MARK : at - 4
}

/** `"05/01/2026","09:15:30","` */
function isCloudRow(frame: Frame): boolean {
  const { buf, body } = frame
  return (
    buf[body] === 0x22 &&
    buf[body + 3] === 0x2f &&
    buf[body + 6] === 0x2f &&
    buf[body + 11] === 0x22 &&
    buf[body + 12] === 0x2c &&
    buf[body + 13] === 0x22 &&
    buf[body + 16] === 0x3a &&
    buf[body + 22] === 0x22 &&
    body + 24 < frame.end &&
    isDigit(buf[body + 1])
  )
}

function isOne(frame: Frame): boolean {
  const { buf } = frame
  const start = jsonStart(frame)
  if (buf[start] !== 0x7b) return false
  const end = Math.min(frame.end, start + 300)
  const header = find(buf, start, end, ONE)
  return header > 0 && find(buf, header, end, ONE_WEB) > 0
}

/** The rest of a record that a line feed split: no header of its own, and the keys that the first part lacks. */
function isContinuation(frame: Frame, state: State | undefined): boolean {
  return (
    state !== undefined &&
    state.pending.length > 0 &&
    frame.pri < 0 &&
    frame.timeStart < 0 &&
    find(frame.buf, frame.body, frame.end, RT) >= 0
  )
}

const parser: Parser<State> = {
  id: 'forcepoint',
  appliance: 'Forcepoint Web Security (on premises, cloud, ONE)',
  newState: () => ({ pending: Buffer.alloc(0) }),
  recognizes(frame, state) {
    const first = frame.buf[frame.body]
    if (first === 0x22) return isCloudRow(frame)
    if (first === 0x7b) return isOne(frame)
    return cefMark(frame) !== NO_MARK || leefIs(frame, 'Forcepoint', 'Security') || isOne(frame) || isContinuation(frame, state)
  },
  parse(frame, out, state): Outcome {
    const mark = cefMark(frame)
    if (mark !== NO_MARK) {
      state.pending = NOTHING
      const extension = readCefHeader(frame.buf, mark, frame.end, cefHeader)
      return extension < 0 ? malformed(out, 'bad_syntax') : parseCef(frame, out, extension, frame.end, state)
    }
    if (leefIs(frame, 'Forcepoint', 'Security')) return parseLeef(frame, out)
    if (isCloudRow(frame)) return parseCloud(frame, out)
    if (isOne(frame)) return parseOne(frame, out)
    if (!isContinuation(frame, state)) return malformed(out, 'bad_syntax')
    return parseJoined(frame, out, state)
  }
}

const NOTHING = Buffer.alloc(0)

function parseCef(frame: Frame, out: RecordFields, start: number, end: number, state: State): Outcome {
  const { buf } = frame
  cefTable.begin(frame)
  scanCefExtension(buf, start, end, cefTable.keys, cefTable.values)
  const { v } = cefTable
  if (isSplit() && end - start <= PENDING_MAX_BYTES) {
    state.pending = Buffer.from(buf.subarray(start, end))
    return skip(out, 'interim')
  }
  cefTable.apply(frame, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  setUserOfPath(v.suser, v.loginID, out)
  setUrl(v.request, out)
  return 'parsed'
}

/** The record ends within the user's LDAP path: the rest comes as a frame of its own. */
function isSplit(): boolean {
  const { v } = cefTable
  return v.suser.startsWith('LDAP://') && !v.loginID.seen && !v.rt.seen && !v.request.seen
}

/** Puts the first part before the frame at hand, in the scratch region of the same buffer. */
function parseJoined(frame: Frame, out: RecordFields, state: State): Outcome {
  const { buf, start, end } = frame
  const joined = out.scratch
  const first = state.pending
  state.pending = NOTHING
  const joinedEnd = joined + first.length + end - start
  if (joinedEnd >= out.scratchEnd) return malformed(out, 'bad_syntax')
  first.copy(buf, joined)
  buf.copyWithin(joined + first.length, start, end)
  out.scratch = joinedEnd
  return parseCef(frame, out, joined, joinedEnd, state)
}

function parseLeef(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  leefTable.begin(frame)
  if (!readLeefHeader(buf, leefStart(frame), end, leefHeader)) return malformed(out, 'bad_syntax')
  const { v } = leefTable
  v['leef.event'].set(leefHeader.starts[4]!, leefHeader.ends[4]!, 0)
  scanLeef(buf, leefHeader.pairs, end, leefHeader.delimiter, leefTable.keys, leefTable.values)
  leefTable.apply(frame, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  setUserOfPath(v.usrName, undefined, out)
  // LEEF has no escapes, but this sender writes `\=`
  if (v.url.present && findByte(buf, v.url.start, v.url.end, 0x5c) >= 0) v.url.escape = BACKSLASH
  setUrl(v.url, out)
  return 'parsed'
}

/** Times of the cloud are UTC, day first. */
function parseCloud(frame: Frame, out: RecordFields): Outcome {
  const { buf, body, end } = frame
  cloudTable.begin(frame)
  if (scanDelimited(buf, body, end, CLOUD_COLUMNS, cloudTable.values, CSV) < CLOUD_COLUMNS.length) return malformed(out, 'short_row')
  cloudTable.apply(frame, out)
  const { date, time: clock } = cloudTable.v
  const at = date.start
  out.numbers[TIME] = time.readClock(
    buf,
    clock.start,
    clock.end,
    readDigits(buf, at + 6, 4),
    readDigits(buf, at + 3, 2),
    readDigits(buf, at, 2),
    UTC
  )
  return 'parsed'
}

function parseOne(frame: Frame, out: RecordFields): Outcome {
  oneTable.begin(frame)
  if (scanJson(frame.buf, jsonStart(frame), frame.end, oneLevel) < 0) return malformed(out, 'bad_syntax')
  oneTable.apply(frame, out)
  const clock = oneTable.v.time
  if (clock.present) out.numbers[TIME] = time.readAnyTime(frame.buf, clock.start, clock.end, UTC, frame.now)
  return 'parsed'
}

/**
 * `LDAP://host OU\=…,DC\=…/Name`: the name; anything else as it stands. Where the path's equals signs are not escaped the grammar
 * ends the value at the first blank; the user's login follows the path in every template, so the path reaches to there.
 */
function setUserOfPath(value: PathValue, next: PathValue | undefined, out: RecordFields): void {
  if (out.has(USER) || !value.present) return
  if (value.startsWith('LDAP://')) {
    const { start } = value
    if (next?.seen && next.start > value.end) value.end = next.start - LOGIN.length
    value.start = findLastByte(out.buf, start + LDAP_LENGTH, value.end, 0x2f) + 1
    if (value.start === 0) return // the path was cut before the name
    value.escape = findByte(out.buf, value.start, value.end, 0x5c) < 0 ? 0 : BACKSLASH
  }
  setText(value, USER, out)
}

/** A URL may hold a whole request head: it ends at the first blank or control character. */
function setUrl(value: PathValue, out: RecordFields): void {
  if (!value.present) return
  let at = value.start
  while (at < value.end && out.buf[at]! > 0x20) at++
  value.end = at
  setText(value, URL, out)
}

export default parser
