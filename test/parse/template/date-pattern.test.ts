import t from 'tap'
import { DatePattern, fromStrftime } from '../../../src/parse/template/date-pattern.ts'
import { namedZone } from '../../../src/parse/values/zone.ts'

const NOW = Date.parse('2026-02-01T00:00:00Z')

function read(pattern: string, text: string, zone = 'UTC'): string {
  const buf = Buffer.from(`${text}\n`)
  const time = new DatePattern(pattern).read(buf, 0, buf.length - 1, namedZone(zone), NOW)
  return Number.isNaN(time) ? 'none' : new Date(time).toISOString()
}

t.test('Java-like patterns read what they print', async t => {
  const cases: [pattern: string, text: string, time: string][] = [
    ['yyyy-MM-dd HH:mm:ss', '2026-01-05 13:02:03', '2026-01-05T13:02:03.000Z'],
    ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", '2026-01-05T13:02:03.250+01:00', '2026-01-05T12:02:03.250Z'],
    ["yyyy-MM-dd'T'HH:mm:ssXXX", '2026-01-05T13:02:03Z', '2026-01-05T13:02:03.000Z'],
    ['d/M/yyyy hh:mm:ss a', '5/1/2026 12:02:03 AM', '2026-01-05T00:02:03.000Z'],
    ['d/M/yyyy hh:mm:ss a', '5/1/2026 12:02:03 pm', '2026-01-05T12:02:03.000Z'],
    ['dd/MMM/yyyy:HH:mm:ss Z', '05/Jan/2026:13:02:03 -0500', '2026-01-05T18:02:03.000Z'],
    ['MMM dd yyyy HH:mm:ss z', 'Jan 05 2026 13:02:03 EST', '2026-01-05T18:02:03.000Z'],
    ['EEE MMM d HH:mm:ss yyyy', 'Mon Jan  5 13:02:03 2026', '2026-01-05T13:02:03.000Z'],
    ['yyyyMMddHHmmss', '20260105130203', '2026-01-05T13:02:03.000Z'],
    ['dd.MM.yy H:mm', '05.01.26 3:02', '2026-01-05T03:02:00.000Z'],
    ['MMM d HH:mm:ss', 'Dec 31 23:59:59', '2025-12-31T23:59:59.000Z'],
    ["HH 'o''clock' dd MMMM yyyy", "13 o'clock 5 January 2026", '2026-01-05T13:00:00.000Z'],
    ['epoch', '1768471872', '2026-01-15T10:11:12.000Z'],
    ['epoch_ms', '1768471872250', '2026-01-15T10:11:12.250Z']
  ]
  for (const [pattern, text, time] of cases) t.equal(read(pattern, ` ${text} `), time, pattern)
  t.equal(read('yyyy-MM-dd HH:mm', '2026-07-05 13:02', 'Europe/Berlin'), '2026-07-05T11:02:00.000Z', 'the zone of the source')
  t.equal(
    read('yyyy-MM-dd HH:mm z', '2026-07-05 13:02 IST', 'Asia/Kolkata'),
    '2026-07-05T07:32:00.000Z',
    'an ambiguous name follows the source'
  )
})

t.test('what does not fit is no time', async t => {
  for (const [pattern, text] of [
    ['yyyy-MM-dd HH:mm:ss', '2026-01-05 13:02'],
    ['yyyy-MM-dd HH:mm', '2026-01-05 13:02:03'],
    ['yyyy-MM-dd HH:mm', '2026-02-30 13:02'],
    ['yyyy-MM-dd HH:mm', '2026-13-05 13:02'],
    ['d/M/yyyy hh:mm a', '5/1/2026 13:02 PM'],
    ['d/M/yyyy hh:mm a', '5/1/2026 11:02'],
    ['dd/MMM/yyyy HH:mm', '05/Foo/2026 13:02'],
    ['yyyy-MM-dd HH:mm XXX', '2026-01-05 13:02 ?'],
    ['yyyy-MM-dd HH:mm', ''],
    ['epoch', 'soon']
  ] as const)
    t.equal(read(pattern, text), 'none', `${pattern} on ${text}`)
})

t.test('a pattern that can give no time is refused, with the reason', async t => {
  for (const [pattern, message] of [
    ['HH:mm', /no month/],
    ['yyyy-MM HH', /no day/],
    ['yyyy-MM-dd', /no hour/],
    ['yyyy-MM-dd hh:mm', /hh .* belongs together with a/],
    ['yyyy-MM-dd HH:mm a', /hh .* belongs together with a/],
    ['yyyy-MM-dd HH:mm QQ', /"QQ" means nothing/],
    ['yyyy-MM-dd HH:MM', /the month twice/],
    ["yyyy-MM-dd'T HH", /' has no second/]
  ] as const)
    t.throws(() => new DatePattern(pattern), { name: 'SyntaxError', message }, pattern)
})

t.test('strftime becomes the same', async t => {
  t.equal(fromStrftime('%d/%b/%Y:%H:%M:%S %z'), 'dd/MMM/yyyy:HH:mm:ss Z')
  t.equal(fromStrftime("%FT%T o'clock"), "yyyy-MM-dd'T'HH:mm:ss 'o''clock'")
  t.equal(read(fromStrftime("%FT%T o'clock %%"), "2026-01-05T13:02:03 o'clock %"), '2026-01-05T13:02:03.000Z')
  t.throws(() => fromStrftime('%Q'), /%Q is not supported/)
})
