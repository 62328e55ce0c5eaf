/**
 * Hot path: once per frame. What stands before a message: PRI, RFC 5424 and the dialects of RFC 3164, or nothing.
 *
 *   RFC 5424  <PRI>1 TIMESTAMP HOST APP PROCID MSGID SD MSG        "-" for absent; SD `[id k="v" …]…`
 *   RFC 3164  <PRI>Mmm dd hh:mm:ss HOST TAG: MSG                   seen with a year, zone, fraction or colon after the
 *                                                                  clock, without PRI, host or tag, ISO time, month in capitals,
 *                                                                  year first, a number or colon before (Cisco), twice (relays)
 *   Meraki    <PRI>1 1647479503.348215340 HOST MSG                 a version digit but an epoch
 *
 * Only ranges are kept: the time becomes a number when a parser asks for it. When in doubt a word stays in the message.
 */
import type { Frame, Zone } from '../contracts.ts'
import { isDigit, skipSpaces } from '../lib/bytes.ts'
import { HeaderShapes } from './header-shapes.ts'
import { isoTimeEnd, monthTimeEnd } from './header-time.ts'

const LT = 0x3c
const GT = 0x3e
const SPACE = 0x20
const DASH = 0x2d
const COLON = 0x3a
/** Relays put a header before a header; more than this many are not undone. */
const HEADERS_MAX = 3

const shapes = new HeaderShapes()

/** A frame object for a lane to reuse. */
export function newFrame(zone: Zone): Frame {
  return {
    serial: 0,
    buf: Buffer.alloc(0),
    start: 0,
    end: 0,
    body: 0,
    pri: -1,
    timeStart: -1,
    timeEnd: -1,
    hostStart: -1,
    hostEnd: -1,
    rfc5424: false,
    appStart: -1,
    appEnd: -1,
    msgIdStart: -1,
    msgIdEnd: -1,
    sdStart: -1,
    sdEnd: -1,
    cef: -2,
    leef: -2,
    zone,
    now: 0
  }
}

/** Points `frame` at the bytes and reads the syslog header; never fails, a line without header is all body. */
export function readHeader(frame: Frame, buf: Buffer, start: number, end: number): void {
  let at = start
  if (buf[at] === 0xef && buf[at + 1] === 0xbb && buf[at + 2] === 0xbf && at + 3 <= end) at += 3
  while (at < end && (buf[at] === SPACE || buf[at] === 0)) at++
  let last = end
  while (last > at && (buf[last - 1] === 0x0d || buf[last - 1] === 0 || buf[last - 1] === 0x0a)) last--
  frame.serial = (frame.serial + 1) | 0
  frame.buf = buf
  frame.start = at
  frame.end = last
  frame.hostStart = -1
  frame.rfc5424 = false
  frame.appStart = -1
  frame.msgIdStart = -1
  frame.sdStart = -1
  frame.cef = -2
  frame.leef = -2
  if (startsWithNumber(buf, at)) {
    frame.pri = -1
    frame.timeStart = -1
    frame.body = at
    return
  }
  if (shapes.fit(frame, buf, at, last) && !startsHeader(buf, frame.body, last)) return
  frame.pri = -1
  frame.timeStart = -1
  frame.hostStart = -1
  let headers = 1
  let body = readOne(frame, buf, at, last)
  while (body > at && body < last && startsHeader(buf, body, last) && headers++ < HEADERS_MAX) body = readOne(frame, buf, body, last)
  frame.body = body
  if (headers === 1 && frame.timeStart >= 0) shapes.learn(frame, buf, at, buf[at] === LT ? priEnd(buf, at, last) : at)
}

/** Five digits, as an epoch has: no header begins so, neither by a version nor by a year. */
function startsWithNumber(buf: Buffer, at: number): boolean {
  return isDigit(buf[at]) && isDigit(buf[at + 1]) && isDigit(buf[at + 2]) && isDigit(buf[at + 3]) && isDigit(buf[at + 4])
}

/** True where a relay put its own header before another: with PRI, or a second time at once. */
function startsHeader(buf: Buffer, at: number, end: number): boolean {
  return buf[at] === LT ? priEnd(buf, at, end) > 0 : monthTimeEnd(buf, at, end) > 0
}

/** Offset after `<PRI>` at `at`, or 0 when there is none: one to three digits (RFC 5424 section 6.2.1). */
function priEnd(buf: Buffer, at: number, end: number): number {
  let p = at + 1
  while (p < end && p - at <= 3 && buf[p]! >= 0x30 && buf[p]! <= 0x39) p++
  return p > at + 1 && p < end && buf[p] === GT ? p + 1 : 0
}

function readOne(frame: Frame, buf: Buffer, start: number, end: number): number {
  let at = start
  let hasPri = false
  if (buf[at] === LT) {
    const after = priEnd(buf, at, end)
    if (after > 0) {
      let pri = 0
      for (let p = at + 1; p < after - 1; p++) pri = pri * 10 + buf[p]! - 0x30
      frame.pri = pri
      hasPri = true
      at = after
      if (buf[at] === COLON) at++ // Cisco without a sequence number: `<134>: 2026 Jan  5 …`, `<134>:Jan  5 …`
      while (at < end && buf[at] === SPACE) at++
    }
  }
  const first = buf[at]
  if (at >= end || first === undefined) return at
  if (first >= 0x30 && first <= 0x39) {
    const version = versionEnd(buf, at, hasPri)
    if (version > 0) {
      const after = readVersioned(frame, buf, version + 1, end, version === at + 1 && first === 0x31)
      if (after > 0) return after
    }
    const afterIso = isoTimeEnd(buf, at, end, hasPri)
    const afterTime = afterIso > 0 ? afterIso : monthTimeEnd(buf, at, end)
    if (afterTime > 0) {
      setTime(frame, at, afterTime)
      return readHost(frame, buf, afterTime, end)
    }
    return hasPri ? skipSequence(frame, buf, at, end) : at
  }
  const afterTime = monthTimeEnd(buf, at, end)
  if (afterTime > 0) {
    setTime(frame, at, afterTime)
    return readHost(frame, buf, afterTime, end)
  }
  return at
}

function setTime(frame: Frame, start: number, end: number): void {
  frame.timeStart = start
  frame.timeEnd = end
}

/**
 * Offset of the blank after an RFC 5424 VERSION, 0 when there is none. Only 1 is defined; other numbers of up to three digits without
 * leading zero are read alike when a PRI stands before them, so that a later version loses nothing.
 */
function versionEnd(buf: Buffer, start: number, hasPri: boolean): number {
  let at = start
  if (buf[at] === 0x30) return 0
  while (isDigit(buf[at]) && at - start < 4) at++
  if (buf[at] !== SPACE || at - start > 3) return 0
  return hasPri || (at === start + 1 && buf[start] === 0x31) ? at : 0
}

/** Cisco IOS numbers its messages: `<189>148093: time: %…`, `<189>148093: host: time: %…`. */
function skipSequence(frame: Frame, buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && isDigit(buf[at])) at++
  if (at === start || at - start > 10 || buf[at] !== COLON || buf[at + 1] !== SPACE) return start
  at += 2
  while (at < end && buf[at] === SPACE) at++
  let afterTime = monthTimeEnd(buf, at, end)
  if (afterTime <= 0) {
    const hostEnd = wordEnd(buf, at, end)
    const timeStart = skipSpaces(buf, hostEnd, end)
    afterTime = buf[hostEnd - 1] === COLON ? monthTimeEnd(buf, timeStart, end) : 0
    if (afterTime <= 0) return at
    setHost(frame, buf, at, hostEnd - 1)
    at = timeStart
  }
  setTime(frame, at, afterTime)
  return readHost(frame, buf, afterTime, end)
}

/** After `1 `: RFC 5424 fields, or Meraki's epoch. Returns 0 when it is neither. A version other than 1 needs a time, or all fields. */
function readVersioned(frame: Frame, buf: Buffer, start: number, end: number, isOne: boolean): number {
  const timeEnd = wordEnd(buf, start, end)
  if (timeEnd >= end) return 0
  const nil = timeEnd === start + 1 && buf[start] === DASH
  if (!nil && !isDigit(buf[start])) return 0
  const epoch = !nil && start + 10 < timeEnd && isDigit(buf[start + 4]) && isDigit(buf[start + 9]) && buf[start + 10] === 0x2e
  if (!nil && !epoch && isoTimeEnd(buf, start, end, false) !== timeEnd) return 0
  const hostStart = skipSpaces(buf, timeEnd, end)
  const hostEnd = wordEnd(buf, hostStart, end)
  if (hostEnd >= end && !epoch) return 0
  if (!isOne && (epoch || (nil && !hasStructuredData(buf, hostEnd, end)))) return 0
  if (!nil) setTime(frame, start, timeEnd)
  setHost(frame, buf, hostStart, hostEnd)
  if (epoch) return skipSpaces(buf, hostEnd, end)
  frame.rfc5424 = true
  const appStart = skipSpaces(buf, hostEnd, end)
  const appEnd = wordEnd(buf, appStart, end)
  if (!isNil(buf, appStart, appEnd)) {
    frame.appStart = appStart
    frame.appEnd = appEnd
  }
  const procStart = skipSpaces(buf, appEnd, end)
  const msgIdStart = skipSpaces(buf, wordEnd(buf, procStart, end), end)
  const msgIdEnd = wordEnd(buf, msgIdStart, end)
  if (msgIdStart < end && !isNil(buf, msgIdStart, msgIdEnd)) {
    frame.msgIdStart = msgIdStart
    frame.msgIdEnd = msgIdEnd
  }
  let at = skipSpaces(buf, msgIdEnd, end)
  if (buf[at] === DASH && (at + 1 >= end || buf[at + 1] === SPACE)) at = skipSpaces(buf, at + 1, end)
  else if (buf[at] === 0x5b && isStructuredData(buf, at + 1, end)) {
    frame.sdStart = at
    frame.sdEnd = structuredDataEnd(buf, at, end)
    at = skipSpaces(buf, frame.sdEnd, end)
  }
  if (buf[at] === 0xef && buf[at + 1] === 0xbb && buf[at + 2] === 0xbf) at += 3
  return at
}

/** True when the fourth word after the host is `-` or begins with a bracket, as STRUCTURED-DATA does. */
function hasStructuredData(buf: Buffer, hostEnd: number, end: number): boolean {
  let at = skipSpaces(buf, hostEnd, end)
  for (let words = 0; words < 3; words++) at = skipSpaces(buf, wordEnd(buf, at, end), end)
  return at < end && (buf[at] === 0x5b || isNil(buf, at, wordEnd(buf, at, end)))
}

const isNil = (buf: Buffer, start: number, end: number): boolean => end - start === 1 && buf[start] === DASH

function wordEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && buf[at] !== SPACE) at++
  return at
}

/** SD-ID is a word without `:`, `=`, `"`, followed by a blank or `]` (Check Point's `[action:"…"` is none). */
function isStructuredData(buf: Buffer, start: number, end: number): boolean {
  let at = start
  for (; at < end && at - start <= 64; at++) {
    const byte = buf[at]!
    if (byte === SPACE || byte === 0x5d) break
    if (byte === 0x3d || byte === 0x22 || byte === COLON) return false
  }
  return at > start && at < end && at - start <= 64
}

/** Offset after the last SD element; the end of the frame when a quote never closes. */
function structuredDataEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && buf[at] === 0x5b) {
    at++
    while (at < end && buf[at] !== 0x5d) {
      if (buf[at] === 0x22) {
        at++
        while (at < end && buf[at] !== 0x22) at += buf[at] === 0x5c ? 2 : 1
      }
      at++
    }
    at++
  }
  return Math.min(at, end)
}

/** Reads the host after a time if the next word can be one; returns where the message starts. */
function readHost(frame: Frame, buf: Buffer, afterTime: number, end: number): number {
  let at = afterTime
  if (buf[at] === COLON) at++
  at = skipSpaces(buf, at, end)
  if (buf[at] === COLON && buf[at + 1] === SPACE) at = skipSpaces(buf, at + 1, end)
  let p = at
  let plain = true
  for (; p < end && buf[p] !== SPACE; p++) {
    const byte = buf[p]!
    // a byte that no host name has: this word begins the message
    if (
      byte === 0x3d ||
      byte === 0x22 ||
      byte === 0x7c ||
      byte === 0x7b ||
      byte === 0x25 ||
      byte === 0x23 ||
      byte === LT ||
      byte === 0x2c ||
      byte === 0x28 ||
      byte === 0x09
    ) {
      plain = false
      break
    }
    if (byte === 0x5b && (p > at || !isBracketed(buf, at, end))) {
      plain = false // tag[pid], or a message that begins with a bracket
      break
    }
    if (p - at > 255) {
      plain = false
      break
    }
  }
  if (!plain || p === at) return at
  if (buf[p - 1] === COLON) {
    // `tag:` is no host, but `10.0.0.1:` and `host :` are
    if (!isDigit(buf[at])) return at
    setHost(frame, buf, at, p - 1)
    return skipSpaces(buf, p, end)
  }
  setHost(frame, buf, at, p)
  at = skipSpaces(buf, p, end)
  if (buf[at] === COLON && buf[at + 1] === SPACE) at = skipSpaces(buf, at + 1, end)
  return at
}

/** `[192.0.2.1]` as a whole word. */
function isBracketed(buf: Buffer, start: number, end: number): boolean {
  const last = wordEnd(buf, start, Math.min(end, start + 64)) - 1
  return last > start + 1 && buf[last] === 0x5d
}

function setHost(frame: Frame, buf: Buffer, start: number, end: number): void {
  if (start >= end || isNil(buf, start, end)) return
  const bracketed = buf[start] === 0x5b && buf[end - 1] === 0x5d
  frame.hostStart = bracketed ? start + 1 : start
  frame.hostEnd = bracketed ? end - 1 : end
}
