/**
 * Hot path: once per record. Clock times and epochs from bytes to milliseconds since 1970 UTC; NaN when the bytes are none.
 * A clock without offset is read in the zone given; one without a year takes the year that brings it nearest to now.
 */
import type { Zone } from '../../contracts.ts'
import { isDigit, readDigits, readFourDigits } from '../../lib/bytes.ts'
import { View } from '../../lib/view.ts'
import { SameDay } from './same-day.ts'
import { abbreviationOffset, UTC } from './zone.ts'

const DAY_MS = 86_400_000

const views = new View()

/** Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Wall-clock milliseconds as if UTC; NaN when a part is out of range (29 February only in leap years; second 60 allowed). */
export function wallTime(year: number, month: number, day: number, hour: number, minute: number, second: number, ms = 0): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= MONTH_DAYS[month - 1]!)) return Number.NaN
  if (!(hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60 && year >= 1970 && year <= 9999))
    return Number.NaN
  if (month === 2 && day === 29 && !isLeap(year)) return Number.NaN
  return daysFromCivil(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

/**
 * Epoch seconds, milliseconds, microseconds or nanoseconds, told apart by the number of digits; seconds may have a fraction.
 * FortiOS alone has used four of these units by release.
 */
export function readEpoch(buf: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 13 || length === 16 || length === 19) {
    const ms = readMilliseconds(views.of(buf), start, length)
    if (ms >= 0) return ms
  }
  let at = start
  let whole = 0
  while (at < end && isDigit(buf[at]) && at - start < 20) whole = whole * 10 + (buf[at++]! - 0x30)
  const digits = at - start
  if (digits < 9) return Number.NaN
  let ms = whole
  if (digits <= 11) ms = whole * 1000
  else if (digits <= 14) ms = whole
  else if (digits <= 17) ms = Math.floor(whole / 1000)
  else if (digits <= 20) ms = readNanoseconds(buf, start, digits)
  if (at === end) return ms
  if (digits > 11 || (buf[at] !== 0x2e && buf[at] !== 0x2c)) return Number.NaN
  const fraction = readFraction(buf, at + 1, end)
  return at + 1 + fractionLength(buf, at + 1, end) === end ? ms + fraction : Number.NaN
}

/** The first 13 of 13, 16 or 19 digits, read four at a time; -1 when one of them is none. */
function readMilliseconds(view: DataView, start: number, length: number): number {
  const a = readFourDigits(view, start)
  const b = readFourDigits(view, start + 4)
  const c = readFourDigits(view, start + 8)
  const d = readFourDigits(view, start + 9)
  // of the digits after those the last four, and with 19 the four before them
  const rest = length === 13 ? d : readFourDigits(view, start + length - 4) | readFourDigits(view, start + length - 7)
  return (a | b | c | d | rest) < 0 ? -1 : ((a * 10_000 + b) * 10_000 + c) * 10 + (d % 10)
}

function readNanoseconds(buf: Uint8Array, start: number, digits: number): number {
  let ms = 0 // the last six digits are left out, so the value stays exact
  for (let i = 0; i < digits - 6; i++) ms = ms * 10 + (buf[start + i]! - 0x30)
  return ms
}

function fractionLength(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isDigit(buf[at])) at++
  return at - start
}

/** Milliseconds of the digits after a decimal point. */
function readFraction(buf: Uint8Array, start: number, end: number): number {
  let ms = 0
  let unit = 100
  for (let at = start; at < end && unit >= 1 && isDigit(buf[at]); at++) {
    ms += (buf[at]! - 0x30) * unit
    unit = unit / 10
  }
  return Math.floor(ms)
}

/** Where the last time reader stopped; a caller that expects more of the line after a time reads on from here. */
export let timeReadEnd = 0

const sameIsoDay = new SameDay()

/**
 * ISO-like time: `YYYY-MM-DD hh:mm:ss` with `-`, `/` or `:` in the date, `T`, blank, `-` or `,` between, optional fraction,
 * optional `Z`, `±hh`, `±hhmm`, `±hh:mm` or zone name. Sets `timeReadEnd`.
 */
export function readIsoTime(buf: Uint8Array, start: number, end: number, zone: Zone): number {
  if (end - start < 16) return Number.NaN
  const today = sameIsoDay.read(buf, start, end, zone)
  if (!Number.isNaN(today)) {
    timeReadEnd = end
    return today
  }
  const year = readDigits(buf, start, 4)
  let at = start + 5
  const monthLength = isDigit(buf[at + 1]) ? 2 : 1
  const month = readDigits(buf, at, monthLength)
  at += monthLength + 1
  const dayLength = isDigit(buf[at + 1]) ? 2 : 1
  const day = readDigits(buf, at, dayLength)
  at += dayLength
  if (isDigit(buf[start + 4]) || isDigit(buf[at])) return Number.NaN
  at++
  while (at < end && buf[at] === 0x20) at++
  const time = readClock(buf, at, end, year, month, day, zone)
  if (timeReadEnd === end && sameIsoDay.wantsDay) sameIsoDay.keep(buf, start, end, at, readClock(buf, at, end, year, month, day, UTC))
  return time
}

/** True for `2026/01/05 09:15:30`; compared four bytes at a time, of digits the upper half. For recognisers. */
export function isSlashTime(buf: Uint8Array, start: number, end: number): boolean {
  if (start + 20 > end) return false
  const view = views.of(buf)
  return (
    (view.getInt32(start, true) & 0xf0f0f0f0) === 0x30303030 &&
    (view.getInt32(start + 4, true) & 0xfff0f0ff) === 0x2f30302f &&
    (view.getInt32(start + 8, true) & 0xf0fff0f0) === 0x30203030 &&
    (view.getInt32(start + 12, true) & 0xf0f0fff0) === 0x30303a30 &&
    (view.getInt32(start + 16, true) & 0x00f0f0ff) === 0x0030303a
  )
}

/** `hh:mm[:ss[.fff]]` and an optional offset, for a date that is known. Sets `timeReadEnd`. */
export function readClock(buf: Uint8Array, start: number, end: number, year: number, month: number, day: number, zone: Zone): number {
  const hourLength = isDigit(buf[start + 1]) ? 2 : 1
  let at = start + hourLength
  if (at + 3 > end || buf[at] !== 0x3a) return Number.NaN
  const hour = readDigits(buf, start, hourLength)
  const minute = readDigits(buf, at + 1, 2)
  at += 3
  let second = 0
  let ms = 0
  if (at < end && buf[at] === 0x3a && at + 3 <= end) {
    second = readDigits(buf, at + 1, 2)
    at += 3
    if (at < end && (buf[at] === 0x2e || buf[at] === 0x2c) && isDigit(buf[at + 1])) {
      ms = readFraction(buf, at + 1, end)
      at += 1 + fractionLength(buf, at + 1, end)
    }
  }
  const wall = wallTime(year, month, day, hour, minute, second, ms)
  return withOffset(buf, at, end, wall, zone)
}

/** Applies an offset or a zone name at `at` (blanks before it allowed) to a wall time, else the zone. Sets `timeReadEnd`. */
export function withOffset(buf: Uint8Array, at: number, end: number, wall: number, zone: Zone): number {
  timeReadEnd = at
  let p = at
  while (p < end && buf[p] === 0x20) p++
  const sign = buf[p]
  if (p < end && sign === 0x5a && !isLetter(buf[p + 1], p + 1, end)) {
    timeReadEnd = p + 1
    return wall
  }
  if (p < end && (sign === 0x2b || sign === 0x2d) && isDigit(buf[p + 2])) {
    const time = afterSign(buf, p, end, wall)
    if (time !== undefined) return time
  }
  if (isLetter(sign, p, end)) {
    let q = p
    while (q < end && q - p < 6 && isLetter(buf[q], q, end)) q++
    const offset = q - p <= 5 && q - p >= 1 ? zoneWordOffset(buf, p, q) : undefined
    if (offset !== undefined) {
      // `GMT+2`, `UTC-05:00`: the number counts
      if (offset === 0 && q < end && (buf[q] === 0x2b || buf[q] === 0x2d)) return afterSign(buf, q, end, wall) ?? wall
      timeReadEnd = q
      return wall - offset * 60_000
    }
  }
  return zone.toUtc(wall)
}

/** Minutes of a zone's abbreviation; the usual two without a string (250 to 10 ns). */
function zoneWordOffset(buf: Uint8Array, start: number, end: number): number | undefined {
  if (end - start === 3) {
    const word = (buf[start]! << 16) | (buf[start + 1]! << 8) | buf[start + 2]!
    if (word === 0x474d54 || word === 0x555443) return 0 // GMT, UTC
  }
  return abbreviationOffset(String.fromCharCode(...buf.subarray(start, end)))
}

/** A wall time with the offset `±h`, `±hh`, `±hhmm` or `±hh:mm` at `at`; undefined when it is none. Sets `timeReadEnd`. */
function afterSign(buf: Uint8Array, at: number, end: number, wall: number): number | undefined {
  const hourLength = at + 3 <= end && isDigit(buf[at + 2]) ? 2 : 1
  const hours = readDigits(buf, at + 1, hourLength)
  const hoursEnd = at + 1 + hourLength
  if (hours < 0 || hours > 14 || hoursEnd > end) return undefined
  const minutesStart = hoursEnd < end && buf[hoursEnd] === 0x3a ? hoursEnd + 1 : hoursEnd
  const minutes = minutesStart + 2 <= end ? readDigits(buf, minutesStart, 2) : -1
  timeReadEnd = minutes < 0 ? hoursEnd : minutesStart + 2
  const offset = (hours * 60 + Math.max(minutes, 0)) * 60_000
  return buf[at] === 0x2b ? wall - offset : wall + offset
}

const isLetter = (byte: number | undefined, at: number, end: number): boolean =>
  at < end && byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a))

/** 1–12 for three letters of an English month in any case, else 0. */
export function readMonth(buf: Uint8Array, at: number): number {
  const key = ((buf[at]! | 0x20) << 16) | ((buf[at + 1]! | 0x20) << 8) | (buf[at + 2]! | 0x20)
  switch (key) {
    case 0x6a616e:
      return 1
    case 0x666562:
      return 2
    case 0x6d6172:
      return 3
    case 0x617072:
      return 4
    case 0x6d6179:
      return 5
    case 0x6a756e:
      return 6
    case 0x6a756c:
      return 7
    case 0x617567:
      return 8
    case 0x736570:
      return 9
    case 0x6f6374:
      return 10
    case 0x6e6f76:
      return 11
    case 0x646563:
      return 12
    default:
      return 0
  }
}

const sameDay = new SameDay()

/**
 * `[Www ][yyyy ]Mmm [d]d [yyyy] hh:mm:ss[.fff] [zone] [yyyy]` in the orders that RFC 3164 senders, CEF `rt`, LEEF `devTime` and
 * Unix `date` write. Without a year: the year that brings the time nearest to `now`. Sets `timeReadEnd`.
 */
export function readMonthTime(buf: Uint8Array, start: number, end: number, zone: Zone, now: number): number {
  const today = sameDay.read(buf, start, end, zone)
  if (!Number.isNaN(today)) {
    timeReadEnd = end
    return today
  }
  let at = start
  if (buf[at] === 0x2a || buf[at] === 0x2e) at++ // Cisco marks an unsynchronised clock by `*` or `.`
  let year = -1
  if (at + 5 <= end && isDigit(buf[at]) && buf[at + 4] === 0x20) {
    year = readDigits(buf, at, 4)
    at += 5
  }
  let month = at + 3 <= end ? readMonth(buf, at) : 0
  if (month === 0) {
    // a weekday may come first
    let p = at
    while (p < end && isLetter(buf[p], p, end)) p++
    if (p - at < 3 || p - at > 9) return Number.NaN
    while (p < end && (buf[p] === 0x20 || buf[p] === 0x2c)) p++
    at = p
    month = at + 3 <= end ? readMonth(buf, at) : 0
    if (month === 0) return Number.NaN
  }
  at += 3
  while (at < end && buf[at] === 0x20) at++
  const dayLength = isDigit(buf[at + 1]) ? 2 : 1
  const day = readDigits(buf, at, dayLength)
  at += dayLength
  if (buf[at] === 0x2c) at++
  if (at >= end || buf[at] !== 0x20) return Number.NaN
  while (at < end && buf[at] === 0x20) at++
  if (at + 5 <= end && readDigits(buf, at, 4) >= 1970 && (buf[at + 4] === 0x20 || buf[at + 4] === 0x2c)) {
    year = readDigits(buf, at, 4)
    at += 5
    while (at < end && buf[at] === 0x20) at++
  }
  if (year >= 0) {
    const time = readClock(buf, at, end, year, month, day, zone)
    if (timeReadEnd === end && sameDay.wantsDay) sameDay.keep(buf, start, end, at, readClock(buf, at, end, year, month, day, UTC))
    return time
  }
  // no year so far: it may stand after the clock or after the zone, else it is inferred
  const leap = 2000 // any leap year, so that 29 February passes
  const probe = readClock(buf, at, end, leap, month, day, zone)
  if (Number.isNaN(probe)) return probe
  const clockEnd = timeReadEnd
  let p = clockEnd
  while (p < end && buf[p] === 0x20) p++
  // a zone name that means several zones was left to the configured one; the year stands behind it
  const zoneStart = p
  while (p - zoneStart < 6 && isLetter(buf[p], p, end)) p++
  while (p > zoneStart && p < end && buf[p] === 0x20) p++
  if (p + 4 <= end && (p + 4 === end || !isDigit(buf[p + 4])) && buf[p + 4] !== 0x2e) {
    const trailing = readDigits(buf, p, 4)
    if (trailing >= 1970 && trailing < 2100) {
      const time = readClock(buf, at, clockEnd, trailing, month, day, zone)
      timeReadEnd = p + 4
      return time
    }
  }
  const time = nearestYear(now, candidate => readClock(buf, at, end, candidate, month, day, zone))
  timeReadEnd = clockEnd
  return time
}

/** The time of the candidate year (last, this, next) that is nearest to `now`; years in which the day does not exist fall out. */
export function nearestYear(now: number, timeIn: (year: number) => number): number {
  const thisYear = new Date(now).getUTCFullYear()
  let best = Number.NaN
  for (let year = thisYear - 1; year <= thisYear + 1; year++) {
    const time = timeIn(year)
    if (!Number.isNaN(time) && (Number.isNaN(best) || Math.abs(time - now) < Math.abs(best - now))) best = time
  }
  if (!Number.isNaN(best)) return best
  for (let year = thisYear - 2; year >= thisYear - 8; year--) {
    const time = timeIn(year) // 29 February: the last leap year
    if (!Number.isNaN(time)) return time
  }
  return best
}

/** `[dd/Mmm/yyyy:hh:mm:ss ±hhmm]` of the common log format, brackets optional. Sets `timeReadEnd`. */
export function readClfTime(buf: Uint8Array, start: number, end: number, zone: Zone): number {
  let at = start
  if (buf[at] === 0x5b) at++
  const dayLength = isDigit(buf[at + 1]) ? 2 : 1
  const day = readDigits(buf, at, dayLength)
  at += dayLength
  if (at + 9 > end || (buf[at] !== 0x2f && buf[at] !== 0x2d && buf[at] !== 0x20)) return Number.NaN
  const month = readMonth(buf, at + 1)
  const year = readDigits(buf, at + 5, 4)
  if (month === 0 || year < 0) return Number.NaN
  at += 10
  while (at < end && buf[at] === 0x20) at++
  const time = readClock(buf, at, end, year, month, day, zone)
  if (buf[timeReadEnd] === 0x5d) timeReadEnd++
  return time
}

/**
 * A time in whatever of these forms it is: epoch, ISO-like, month name first, common log format. For fields whose writer may
 * choose the form (CEF `rt`, LEEF `devTime`).
 */
export function readAnyTime(buf: Uint8Array, start: number, end: number, zone: Zone, now: number): number {
  if (start >= end) return Number.NaN
  const first = buf[start]!
  if (isDigit(first)) {
    if (end - start >= 16 && isDigit(buf[start + 3]) && !isDigit(buf[start + 4]))
      return isDigit(buf[start + 5]) ? readIsoTime(buf, start, end, zone) : readMonthTime(buf, start, end, zone, now)
    const afterDay = buf[isDigit(buf[start + 1]) ? start + 2 : start + 1]
    if (afterDay === 0x2f || afterDay === 0x20 || afterDay === 0x2d) return readClfTime(buf, start, end, zone)
    return readEpoch(buf, start, end)
  }
  if (first === 0x5b) return readClfTime(buf, start, end, zone)
  return readMonthTime(buf, start, end, zone, now)
}
