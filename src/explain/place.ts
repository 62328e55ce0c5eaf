/** Where in a line a rule is broken, as a column counted from 1. Cold path: once per reason. */
import type { Frame } from '../contracts.ts'
import { readAnyTime } from '../parse/values/time.ts'
import { DST_HOST, DST_IP, type RecordFields, TIME, URL } from '../record.ts'

/** A time is looked for no further. */
const SEARCHED_BYTES = 2048
const SECOND_MS = 1000
const DATE = /\d{4}[-/.]\d{2}[-/.]\d{2}|\d{1,2}[-/ ][A-Z][a-z]{2}[-/ ]\d{4}/

/** Where the line at hand goes wrong, for a reason of a reject, a drop or a malformed line; else where its message begins. */
export function columnOf(reason: string, frame: Frame, fields: RecordFields): number {
  switch (reason) {
    case 'short_row':
      return frame.end + 1 // what is missing would stand there
    case 'internal':
      return serverColumn(frame, fields)
    case 'too_old':
    case 'in_future':
      return timeColumn(frame, fields.numbers[TIME]!)
    default:
      return frame.body + 1
  }
}

function serverColumn(frame: Frame, fields: RecordFields): number {
  for (const field of [DST_IP, DST_HOST, URL] as const) {
    const start = fields.start[field]!
    if (start < 0) continue
    if (start < frame.end) return start + 1
    const at = frame.buf.indexOf(fields.text(field)!, frame.start) // made canonical beside the line
    if (at >= 0 && at < frame.end) return at + 1
  }
  return frame.body + 1
}

/** The first place that reads as the record's time; else the first date; else where the message begins. */
function timeColumn({ buf, start, body, end, zone, now }: Frame, timeMs: number): number {
  const last = Math.min(end, start + SEARCHED_BYTES)
  for (let at = start; at < last; at++) {
    if (!isWord(buf[at]!) || (at > start && isWord(buf[at - 1]!))) continue
    for (const stop of [wordEnd(buf, at, last), valueEnd(buf, at, last)])
      if (Math.abs(readAnyTime(buf, at, stop, zone, now) - timeMs) < SECOND_MS) return at + 1
  }
  const date = DATE.exec(buf.toString('latin1', start, last))
  return date === null ? body + 1 : start + date.index + 1
}

const isWord = (byte: number): boolean => (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a)

function wordEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (isWord(buf[at]!) || buf[at] === 0x2e)) at++
  return at
}

const VALUE_ENDS = new Set(Buffer.from('",;|\t]='))

function valueEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && at - start < 40 && !VALUE_ENDS.has(buf[at]!)) at++
  return at
}
