/**
 * Hot path: once per frame whose header is not a known one. Where the time of a header ends, in the ways that syslog senders write it. What
 * time it is, a parser asks for that wants to know (src/parse/values/time.ts).
 */
import { isDigit, skipSpaces } from '../lib/bytes.ts'

const SPACE = 0x20
const DASH = 0x2d
const COLON = 0x3a

/** Offset after an ISO time that stands as a word, 0 otherwise. Blank-separated date and clock only after a PRI: rows of logs start like that. */
export function isoTimeEnd(buf: Buffer, start: number, end: number, afterPri: boolean): number {
  if (end - start < 19) return 0
  for (let i = 0; i < 4; i++) if (!isDigit(buf[start + i])) return 0
  const mark = buf[start + 4]
  if (mark !== DASH && mark !== COLON && mark !== 0x2f) return 0
  if (buf[start + 7] !== mark || !isDigit(buf[start + 5]) || !isDigit(buf[start + 8])) return 0
  const between = buf[start + 10]
  const clock = start + 11
  if (!isDigit(buf[clock]) || !isDigit(buf[clock + 1]) || buf[clock + 2] !== COLON || buf[clock + 5] !== COLON) return 0
  const colons = mark === COLON // Sophos UTM: 2015:03:02-00:39:22
  if (colons ? between !== DASH : between !== 0x54 && !(between === SPACE && afterPri)) return 0
  let at = clock + 8
  while (at < end && buf[at] !== SPACE && at - clock < 24) {
    const byte = buf[at]!
    if (
      !(
        isDigit(byte) ||
        byte === 0x2e ||
        byte === 0x2b ||
        byte === DASH ||
        byte === COLON ||
        byte === 0x5a ||
        (byte === 0x2c && isDigit(buf[at + 1]))
      )
    )
      return 0
    at++
  }
  if (at < end && buf[at] !== SPACE) return 0 // a column of a row begins so as well
  if (buf[at - 1] === COLON) return at - 1 // Cisco: `2026-01-05T09:15:30Z: %…`
  return at
}

const MONTHS = new Set(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map(name => threeLetters(Buffer.from(name), 0))
)
const WEEKDAYS = new Set(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map(name => threeLetters(Buffer.from(name), 0)))

function threeLetters(buf: Buffer, at: number): number {
  return ((buf[at]! | 0x20) << 16) | ((buf[at + 1]! | 0x20) << 8) | (buf[at + 2]! | 0x20)
}

/** Offset after `[*][Www ][yyyy ]Mmm dd [yyyy] hh:mm:ss[.fff] [zone] [yyyy]`, 0 when it is none. */
export function monthTimeEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  if (end - at < 15) return 0
  if (buf[at] === 0x2a || buf[at] === 0x2e) at++
  if (isYear(buf, at) && buf[at + 4] === SPACE) at += 5
  if (buf[at + 3] !== SPACE) return 0 // most lines without a header end here, before a set is asked
  let key = threeLetters(buf, at)
  if (WEEKDAYS.has(key)) {
    at += 4
    key = threeLetters(buf, at)
  }
  if (buf[at + 3] !== SPACE || !MONTHS.has(key)) return 0
  at = skipSpaces(buf, at + 3, end)
  if (!isDigit(buf[at])) return 0
  at += isDigit(buf[at + 1]) ? 2 : 1
  if (buf[at] === 0x2c) at++
  if (buf[at] !== SPACE) return 0
  at = skipSpaces(buf, at, end)
  if (isYear(buf, at) && (buf[at + 4] === SPACE || buf[at + 4] === 0x2c)) at = skipSpaces(buf, at + 5, end)
  const hourLength = isDigit(buf[at + 1]) ? 2 : 1
  if (!isDigit(buf[at]) || buf[at + hourLength] !== COLON || !isDigit(buf[at + hourLength + 1])) return 0
  at += hourLength + 3
  if (buf[at] === COLON && isDigit(buf[at + 1])) at += 3
  if ((buf[at] === 0x2e || buf[at] === 0x2c) && isDigit(buf[at + 1])) {
    at++
    while (at < end && isDigit(buf[at])) at++
  }
  if (at > end) return 0
  return afterZoneAndYear(buf, at, end)
}

function isYear(buf: Buffer, at: number): boolean {
  return (
    (buf[at] === 0x31 || buf[at] === 0x32) && isDigit(buf[at + 1]) && isDigit(buf[at + 2]) && isDigit(buf[at + 3]) && !isDigit(buf[at + 4])
  )
}

/** A zone word of two to five capitals, and a year, may follow the clock; each must stand as a word or before a colon. */
function afterZoneAndYear(buf: Buffer, start: number, end: number): number {
  let at = start
  if (buf[at] === SPACE) {
    let p = at + 1
    while (p < end && p - at <= 6 && buf[p]! >= 0x41 && buf[p]! <= 0x5a) p++
    const length = p - at - 1
    const isWord = length >= 2 && length <= 5 && (buf[p] === COLON || buf[p] === SPACE)
    if (isWord && isZoneWord(buf, at + 1, p)) at = p
  }
  if (buf[at] === SPACE && isYear(buf, at + 1) && (buf[at + 5] === SPACE || buf[at + 5] === COLON)) at += 5
  return at
}

const ZONE_WORDS = new Set(
  'UTC GMT CET CEST EET EEST WET WEST MSK EST EDT CST CDT MST MDT PST PDT BST IST JST KST AEST AEDT AKST HST SGT HKT NZST NZDT BRT MET MEST'.split(
    ' '
  )
)

function isZoneWord(buf: Buffer, start: number, end: number): boolean {
  return ZONE_WORDS.has(buf.toString('latin1', start, end))
}
