/** Check Point's own notations, `[key:"value"; …]` of Log Exporter and the lines of `fw log`, and the times of all native forms. Hot path. */
import { type Frame, find, isDigit, needle, QUOTE_BACKSLASH, readDigits, skipBlanks, time, tokenEnd } from '../../src/parse/kit.ts'
import { type RecordFields, TIME } from '../../src/record.ts'
import { native } from './fields.ts'

const ARROW = needle(' >')

/**
 * `key:"value"; key:"value"]`, and with bare values `key: value; key: value;`. Some keys carry two colons (`ike::"…"`), a
 * backslash protects a quote inside quotes. Keys repeat once per policy layer; the first is the connection's.
 */
export function scanColonPairs(buf: Buffer, start: number, end: number): number {
  const { keys, values } = native
  let found = 0
  let at = start
  while (at < end) {
    while (at < end && (buf[at] === 0x20 || buf[at] === 0x3b || buf[at] === 0x5d)) at++
    const keyStart = at
    while (at < end && buf[at] !== 0x3a && buf[at] !== 0x3b) at++
    if (at >= end) return found
    if (buf[at] !== 0x3a) continue
    const keyEnd = at
    while (at < end && (buf[at] === 0x3a || buf[at] === 0x20)) at++
    let valueStart = at
    let escaped = false
    if (buf[at] === 0x22 && at < end) {
      valueStart = ++at
      while (at < end && buf[at] !== 0x22) {
        if (buf[at] === 0x5c) {
          escaped = true
          at++
        }
        at++
      }
    } else while (at < end && buf[at] !== 0x3b) at++
    if (at > end) at = end
    const index = keys.indexOf(buf, keyStart, keyEnd)
    if (index >= 0 && values[index]!.start < 0) {
      values[index]!.set(valueStart, at, escaped ? QUOTE_BACKSLASH : 0)
      found++
    }
    at++
  }
  return found
}

export const isFwLog = ({ buf, body, end }: Frame): boolean =>
  dayEnd(buf, body, end) > 0 && find(buf, body, Math.min(end, body + 100), ARROW) > 0

/** `3Sep2007 15:10:28 drop   192.0.2.7 >eth8 rule: 113; …; src: a; dst: b; …`; an alert has no action word. */
export function readFwLog(frame: Frame, start: number): boolean {
  const { buf, end } = frame
  const dateEnd = dayEnd(buf, start, end)
  if (dateEnd === 0) return false
  const { v } = native
  v.date.set(start, dateEnd, 0)
  const clock = skipBlanks(buf, dateEnd, end)
  v.time.set(clock, tokenEnd(buf, clock, end), 0)
  const word = skipBlanks(buf, v.time.end, end)
  const wordEnd = tokenEnd(buf, word, end)
  if (!isDigit(buf[word])) v.action.set(word, wordEnd, 0)
  const arrow = find(buf, word, Math.min(end, word + 300), ARROW)
  if (arrow < 0) return false
  scanColonPairs(buf, tokenEnd(buf, arrow + 1, end), end)
  return true
}

/** Offset after `3Sep2007` or `21Aug2007`, 0 when the bytes are no such date. */
export function dayEnd(buf: Buffer, start: number, end: number): number {
  const month = isDigit(buf[start + 1]) ? start + 2 : start + 1
  return month + 7 <= end && isDigit(buf[start]) && time.readMonth(buf, month) > 0 && readDigits(buf, month + 3, 4) > 0 ? month + 7 : 0
}

/** Epoch (seconds or, in some releases, milliseconds) in `time`; exports have a date and a clock, in two columns or one. */
export function readNativeTime(frame: Frame, out: RecordFields): void {
  const { date, time: clock } = native.v
  if (!clock.present) return
  const { buf } = frame
  clock.start = skipBlanks(buf, clock.start, clock.end) // logexport pads the hour
  if (!date.present) out.numbers[TIME] = time.readAnyTime(buf, clock.start, clock.end, frame.zone, frame.now)
  else if (dayEnd(buf, date.start, date.end) === date.end) {
    const month = date.end - 7
    const day = readDigits(buf, date.start, month - date.start)
    const year = readDigits(buf, date.end - 4, 4)
    out.numbers[TIME] = time.readClock(buf, clock.start, clock.end, year, time.readMonth(buf, month), day, frame.zone)
  } else if (date.end - date.start === 10) {
    const year = readDigits(buf, date.start, 4)
    const month = readDigits(buf, date.start + 5, 2)
    out.numbers[TIME] = time.readClock(buf, clock.start, clock.end, year, month, readDigits(buf, date.start + 8, 2), frame.zone)
  }
}
