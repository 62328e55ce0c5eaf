import { equal } from 'node:assert/strict'
import t from 'tap'
import type { Zone } from '../../src/contracts.ts'
import {
  daysFromCivil,
  isSlashTime,
  nearestYear,
  readAnyTime,
  readClfTime,
  readEpoch,
  readIsoTime,
  readMonthTime,
  timeReadEnd,
  wallTime
} from '../../src/parse/values/time.ts'
import { namedZone, UTC } from '../../src/parse/values/zone.ts'
import fc from '../property-kit.ts'

const NOW = Date.parse('2026-02-01T00:00:00Z')
const BERLIN = namedZone('Europe/Berlin')

type Read = (buf: Buffer, start: number, end: number) => number

/** Reads the text as it stands in a line, with other bytes around; ISO text, or 'none'. */
function iso(read: Read, text: string): string {
  const buf = Buffer.from(`9${text}9\n`)
  const time = read(buf, 1, buf.length - 2)
  return Number.isNaN(time) ? 'none' : new Date(time).toISOString()
}

const any = (text: string, zone: Zone = UTC, now = NOW): string => iso((buf, start, end) => readAnyTime(buf, start, end, zone, now), text)
const month = (text: string, zone: Zone = UTC, now = NOW): string =>
  iso((buf, start, end) => readMonthTime(buf, start, end, zone, now), text)
const isoTime = (text: string, zone: Zone = UTC): string => iso((buf, start, end) => readIsoTime(buf, start, end, zone), text)
const clf = (text: string, zone: Zone = UTC): string => iso((buf, start, end) => readClfTime(buf, start, end, zone), text)
const epoch = (text: string): string => iso(readEpoch, text)

t.test('an epoch is read by its number of digits', async t => {
  const table: [string, string][] = [
    ['1767604530', '2026-01-05T09:15:30.000Z'],
    ['1767604530.25', '2026-01-05T09:15:30.250Z'],
    ['1767604530.250999', '2026-01-05T09:15:30.250Z'],
    ['1767604530,250', '2026-01-05T09:15:30.250Z'],
    ['1767604530250', '2026-01-05T09:15:30.250Z'],
    ['1767604530250123', '2026-01-05T09:15:30.250Z'],
    ['1767604530250123456', '2026-01-05T09:15:30.250Z'],
    ['999999999', '2001-09-09T01:46:39.000Z'],
    ['12345678', 'none'],
    ['', 'none'],
    ['17676045a0', 'none'],
    ['1767604530.25x', 'none'],
    ['1767604530250.5', 'none'],
    ['123456789012345678901', 'none'],
    ['-1767604530', 'none']
  ]
  for (const [text, expected] of table) t.equal(epoch(text), expected, text)
})

t.test('nanoseconds lose nothing of their milliseconds', async t => {
  const buf = Buffer.from('1749748631974333569')
  t.equal(readEpoch(buf, 0, buf.length), 1_749_748_631_974)
})

t.test('milliseconds, microseconds and nanoseconds are read exactly, and only from digits', async t => {
  const digits = fc.constantFrom(13, 16, 19).chain(length => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`)))
  const odd = fc.constantFrom(...'/:.,x -', '\u00b0')
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(digits, fc.nat(), odd, (text, place, sign) => {
        const whole = Buffer.from(`9${text}9`)
        equal(readEpoch(whole, 1, whole.length - 1), Number(text.slice(0, 13)))
        const at = place % text.length
        const broken = Buffer.from(`9${text.slice(0, at)}${sign}${text.slice(at + 1)}`, 'latin1')
        const time = readEpoch(broken, 1, broken.length)
        const isFraction = /^\d{9,11}[.,]\d+$/.test(broken.toString('latin1', 1))
        equal(Number.isNaN(time), !isFraction)
      })
    )
  )
})

t.test('ISO-like times in the forms that senders write', async t => {
  const table: [string, string][] = [
    ['2026-01-05T09:15:30Z', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05T09:15:30.2509Z', '2026-01-05T09:15:30.250Z'],
    ['2026-01-05 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05  09:15:30', '2026-01-05T09:15:30.000Z'],
    ['2026/01/05 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['2026/1/5 9:15:30', '2026-01-05T09:15:30.000Z'],
    ['2026:01:05-09:15:30', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05,09:15:30', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05 09:15', '2026-01-05T09:15:00.000Z'],
    ['2026-01-05T09:15:30,25', '2026-01-05T09:15:30.250Z'],
    ['2026-01-05T10:15:30+01:00', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05T10:15:30+0100', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05T10:15:30+01', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05 05:15:30 -0400', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05 14:45:30+05:30', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05 10:15:30 CET', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05 11:15:30 GMT+2', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05 04:15:30 UTC-05:00', '2026-01-05T09:15:30.000Z'],
    ['2026-01-05T23:59:60Z', '2026-01-06T00:00:00.000Z'],
    ['2024-02-29 00:00:00', '2024-02-29T00:00:00.000Z'],
    ['2026-02-29 00:00:00', 'none'],
    ['2026-13-05 09:15:30', 'none'],
    ['2026-00-05 09:15:30', 'none'],
    ['2026-01-32 09:15:30', 'none'],
    ['2026-01-05 24:15:30', 'none'],
    ['2026-01-05 09:60:30', 'none'],
    ['2026-01-05 09:15:61', 'none'],
    ['2026-01-05', 'none'],
    ['20260105T091530Z', 'none'],
    ['1969-12-31 23:59:59', 'none'],
    ['2026-01-05 aa:15:30', 'none']
  ]
  for (const [text, expected] of table) t.equal(isoTime(text), expected, text)
})

t.test('a clock without offset is read in the zone, one with offset is not', async t => {
  t.equal(isoTime('2026-01-05 10:15:30', BERLIN), '2026-01-05T09:15:30.000Z')
  t.equal(isoTime('2026-07-05 10:15:30', BERLIN), '2026-07-05T08:15:30.000Z')
  t.equal(isoTime('2026-07-05 10:15:30Z', BERLIN), '2026-07-05T10:15:30.000Z')
  t.equal(isoTime('2026-07-05 10:15:30 +0000', BERLIN), '2026-07-05T10:15:30.000Z')
  t.equal(month('Jul  5 2026 10:15:30', BERLIN), '2026-07-05T08:15:30.000Z')
  t.equal(clf('[05/Jul/2026:10:15:30]', BERLIN), '2026-07-05T08:15:30.000Z')
  t.equal(isoTime('2026-01-05 10:15:30 IST', BERLIN), '2026-01-05T09:15:30.000Z', 'an ambiguous name leaves it to the configured zone')
})

t.test('month names first, with weekday, year and zone in the orders that senders write', async t => {
  const table: [string, string][] = [
    ['Jan  5 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Jan 5 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['JAN 05 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Jan 05 09:15:30.250', '2026-01-05T09:15:30.250Z'],
    ['*Jan  5 09:15:30.250', '2026-01-05T09:15:30.250Z'],
    ['.Jan  5 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Jan 05 2026 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Jan 05 2026 09:15:30.250 CET', '2026-01-05T08:15:30.250Z'],
    ['Jan 05, 2026 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Mon Jan  5 09:15:30 2026', '2026-01-05T09:15:30.000Z'],
    ['Mon Jan 05 09:15:30 UTC 2026', '2026-01-05T09:15:30.000Z'],
    ['Mon, Jan 05 2026 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Monday Jan 05 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['Aug 24 05:34:00 CST 1987', '1987-08-24T05:34:00.000Z'],
    ['Jan  5 09:15:30 EST', '2026-01-05T14:15:30.000Z'],
    ['2026 Jan  5 09:15:30 UTC', '2026-01-05T09:15:30.000Z'],
    ['Feb 29 2024 12:00:00', '2024-02-29T12:00:00.000Z'],
    ['Foo  5 09:15:30', 'none'],
    ['Jan 32 09:15:30', 'none'],
    ['Jan  5', 'none'],
    ['Jan', 'none'],
    ['', 'none'],
    ['Feb 30 09:15:30', 'none']
  ]
  for (const [text, expected] of table) t.equal(month(text), expected, text)
})

t.test('the year that is not there is the one nearest to now', async t => {
  const at = (text: string, now: string, zone: Zone = UTC): string => month(text, zone, Date.parse(now))
  t.equal(at('Dec 31 23:59:59', '2026-01-01T00:00:10Z'), '2025-12-31T23:59:59.000Z', 'a late line after New Year')
  t.equal(at('Jan  1 00:00:05', '2025-12-31T23:59:58Z'), '2026-01-01T00:00:05.000Z', 'a clock that is ahead before New Year')
  t.equal(at('Jan  1 00:30:00', '2025-12-31T23:45:00Z', BERLIN), '2025-12-31T23:30:00.000Z', 'New Year in the zone of the source')
  t.equal(at('Dec 31 23:30:00', '2026-01-01T00:10:00Z', BERLIN), '2025-12-31T22:30:00.000Z')
  t.equal(at('Jul  1 12:00:00', '2026-06-30T00:00:00Z'), '2026-07-01T12:00:00.000Z')
  t.equal(at('Sep  1 12:00:00', '2026-02-01T00:00:00Z'), '2025-09-01T12:00:00.000Z')
  t.equal(at('Feb 28 12:00:00', '2026-03-01T00:00:00Z'), '2026-02-28T12:00:00.000Z')
  t.equal(at('Feb 29 12:00:00', '2024-03-01T00:00:00Z'), '2024-02-29T12:00:00.000Z')
  t.equal(at('Feb 29 12:00:00', '2025-01-10T00:00:00Z'), '2024-02-29T12:00:00.000Z', 'last year was the leap year')
  t.equal(at('Feb 29 12:00:00', '2026-03-01T00:00:00Z'), '2024-02-29T12:00:00.000Z', 'the last year that has the day')
  t.equal(at('Feb 29 12:00:00', '2103-03-01T00:00:00Z'), '2104-02-29T12:00:00.000Z', '2100 is no leap year')
  t.equal(at('Feb 29 12:00:00', '2102-03-01T00:00:00Z'), '2096-02-29T12:00:00.000Z', '2100 is no leap year')
})

t.test('years in which a day does not exist fall out', async t => {
  t.ok(Number.isNaN(nearestYear(NOW, () => Number.NaN)))
  t.equal(
    nearestYear(NOW, year => Date.UTC(year, 5, 1)),
    Date.UTC(2026, 5, 1)
  )
})

t.test('the common log format, with and without brackets', async t => {
  const table: [string, string][] = [
    ['[05/Jan/2026:10:15:30 +0100]', '2026-01-05T09:15:30.000Z'],
    ['05/Jan/2026:09:15:30', '2026-01-05T09:15:30.000Z'],
    ['[5/Jan/2026:09:15:30 -0500]', '2026-01-05T14:15:30.000Z'],
    ['05-Jan-2026 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['05 Jan 2026 09:15:30', '2026-01-05T09:15:30.000Z'],
    ['[05/Foo/2026:09:15:30 +0000]', 'none'],
    ['[05/Jan/26:09:15:30 +0000]', 'none'],
    ['[05/Jan/2026]', 'none'],
    ['[', 'none']
  ]
  for (const [text, expected] of table) t.equal(clf(text), expected, text)
})

t.test('any form is told by its bytes', async t => {
  const forms = [
    '1767604530',
    '1767604530000',
    '2026-01-05T09:15:30Z',
    '2026-01-05 09:15:30.000',
    '2026 Jan 05 09:15:30',
    'Jan 05 2026 09:15:30',
    'Jan 05 2026 09:15:30.000 UTC',
    'Mon Jan 05 09:15:30 2026',
    'Jan  5 09:15:30',
    '05 Jan 2026 09:15:30',
    '5 Jan 2026 09:15:30',
    '05/Jan/2026:09:15:30 +0000',
    '[05/Jan/2026:09:15:30 +0000]',
    '05-Jan-2026 09:15:30'
  ]
  for (const text of forms) t.equal(any(text), '2026-01-05T09:15:30.000Z', text)
  for (const text of ['', '-', 'Jun', 'now', '0', '12:15:30', 'N/A', '{}', '05/01/2026 09:15:30']) t.equal(any(text), 'none', text)
})

t.test('a date and clock with slashes is known by its form, its digits not read', async t => {
  const is = (text: string): boolean => isSlashTime(Buffer.from(`${text},,,`), 0, text.length + 1)
  t.equal(is('2026/01/05 09:15:30'), true)
  t.equal(isSlashTime(Buffer.from('2026/01/05 09:15:30'), 0, 19), false, 'the byte after it counts as part of it')
  const good = '2026/01/05 09:15:30'
  for (let at = 0; at < good.length; at++)
    for (const byte of ',-\t"aZ\u007f ')
      if (byte !== good[at]) t.equal(is(good.slice(0, at) + byte + good.slice(at + 1)), false, `${byte} at ${at}`)
})

t.test('a reader says where it stopped', async t => {
  const end = (read: Read, text: string): string => {
    const buf = Buffer.from(`${text}\n`)
    read(buf, 0, buf.length - 1)
    return text.slice(timeReadEnd)
  }
  t.equal(
    end((buf, s, e) => readIsoTime(buf, s, e, UTC), '2026-01-05T09:15:30.25+01:00 host tag'),
    ' host tag'
  )
  t.equal(
    end((buf, s, e) => readMonthTime(buf, s, e, UTC, NOW), 'Jan  5 09:15:30 host tag'),
    ' host tag'
  )
  t.equal(
    end((buf, s, e) => readMonthTime(buf, s, e, UTC, NOW), 'Jan  5 09:15:30 UTC 2026: tag'),
    ': tag'
  )
  t.equal(
    end((buf, s, e) => readClfTime(buf, s, e, UTC), '[05/Jan/2026:09:15:30 +0000] "GET'),
    ' "GET'
  )
})

t.test('days and clock times agree with Date for every date', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        date => {
          const [year, monthOfYear, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
          const wall = wallTime(
            year,
            monthOfYear,
            day,
            date.getUTCHours(),
            date.getUTCMinutes(),
            date.getUTCSeconds(),
            date.getUTCMilliseconds()
          )
          return wall === date.getTime() && daysFromCivil(year, monthOfYear, day) === Math.floor(date.getTime() / 86_400_000)
        }
      )
    )
  )
})

t.test('every time survives being written and read, in the forms that hold all of it', async t => {
  const whole = fc.date({ min: new Date('2001-09-09T01:46:40Z'), max: new Date('2200-01-01T00:00:00Z'), noInvalidDate: true })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(whole, date => any(date.toISOString()) === date.toISOString() && any(String(date.getTime())) === date.toISOString())
    )
  )
})

t.test('no bytes make a reader throw or read an infinite time', async t => {
  const piece = fc.oneof(
    fc.constantFrom('Jan', 'Feb 29', '2026', '-', ':', '/', ' ', '.', 'T', 'Z', '+', '[', ']', '05', '09:15:30', 'UTC', 'GMT+', '*', 'Mon'),
    fc.string({ maxLength: 4 })
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        const buf = Buffer.from(`${pieces.join('')}\n`)
        for (const read of [readAnyTime, readMonthTime]) {
          const time = read(buf, 0, buf.length - 1, BERLIN, NOW)
          if (!Number.isNaN(time) && !Number.isFinite(time)) return false
        }
        return [
          readIsoTime(buf, 0, buf.length - 1, BERLIN),
          readClfTime(buf, 0, buf.length - 1, BERLIN),
          readEpoch(buf, 0, buf.length - 1)
        ].every(time => Number.isNaN(time) || Number.isFinite(time))
      })
    )
  )
})
