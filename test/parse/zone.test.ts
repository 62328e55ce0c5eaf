import t from 'tap'
import { abbreviationOffset, namedZone, UTC } from '../../src/parse/values/zone.ts'

/** The instant that the zone gives a clock, as ISO text. */
const instant = (zone: string, clock: string): string => new Date(namedZone(zone).toUtc(Date.parse(`${clock}Z`))).toISOString()

t.test('a clock of a named zone becomes an instant by the offset of its date', async t => {
  t.equal(instant('Europe/Berlin', '2026-01-05T10:15:30.250'), '2026-01-05T09:15:30.250Z')
  t.equal(instant('Europe/Berlin', '2026-07-05T10:15:30'), '2026-07-05T08:15:30.000Z')
  t.equal(instant('Asia/Kolkata', '2026-01-05T10:15:30'), '2026-01-05T04:45:30.000Z')
  t.equal(instant('Asia/Kathmandu', '2026-01-05T10:15:30'), '2026-01-05T04:30:30.000Z')
  t.equal(instant('America/Los_Angeles', '2025-12-31T23:59:59'), '2026-01-01T07:59:59.000Z')
  t.equal(instant('Pacific/Kiritimati', '2026-01-01T00:00:00'), '2025-12-31T10:00:00.000Z')
  t.equal(instant('Pacific/Pago_Pago', '2026-01-01T00:00:00'), '2026-01-01T11:00:00.000Z')
})

t.test('UTC under its names is the clock itself', async t => {
  for (const name of ['UTC', 'Etc/UTC', 'GMT']) t.equal(namedZone(name), UTC)
  t.equal(UTC.toUtc(1_767_604_530_250), 1_767_604_530_250)
})

t.test('around the start of summer time', async t => {
  t.equal(instant('Europe/Berlin', '2026-03-29T01:59:59.999'), '2026-03-29T00:59:59.999Z')
  // 02:00–02:59 does not occur: read by the offset before the gap
  t.equal(instant('Europe/Berlin', '2026-03-29T02:30:00'), '2026-03-29T01:30:00.000Z')
  t.equal(instant('Europe/Berlin', '2026-03-29T03:00:00'), '2026-03-29T01:00:00.000Z')
  t.equal(instant('America/New_York', '2026-03-08T01:59:59'), '2026-03-08T06:59:59.000Z')
  t.equal(instant('America/New_York', '2026-03-08T03:00:00'), '2026-03-08T07:00:00.000Z')
  t.equal(instant('Pacific/Auckland', '2026-09-27T01:59:59'), '2026-09-26T13:59:59.000Z')
  t.equal(instant('Pacific/Auckland', '2026-09-27T03:00:00'), '2026-09-26T14:00:00.000Z')
})

t.test('around the end of summer time a clock that occurs twice takes its first occurrence', async t => {
  t.equal(instant('Europe/Berlin', '2026-10-25T01:59:59'), '2026-10-24T23:59:59.000Z')
  t.equal(instant('Europe/Berlin', '2026-10-25T02:30:00'), '2026-10-25T00:30:00.000Z')
  t.equal(instant('Europe/Berlin', '2026-10-25T03:00:00'), '2026-10-25T02:00:00.000Z')
  t.equal(instant('America/New_York', '2026-11-01T01:30:00'), '2026-11-01T05:30:00.000Z')
  t.equal(instant('America/New_York', '2026-11-01T02:00:00'), '2026-11-01T07:00:00.000Z')
  t.equal(instant('Pacific/Auckland', '2026-04-05T02:30:00'), '2026-04-04T13:30:00.000Z')
  t.equal(instant('Pacific/Auckland', '2026-04-05T03:00:00'), '2026-04-04T15:00:00.000Z')
  t.equal(instant('Pacific/Chatham', '2026-04-05T03:30:00'), '2026-04-04T13:45:00.000Z')
})

t.test('a change of half an hour', async t => {
  t.equal(instant('Australia/Lord_Howe', '2026-10-04T01:45:00'), '2026-10-03T15:15:00.000Z')
  t.equal(instant('Australia/Lord_Howe', '2026-10-04T02:45:00'), '2026-10-03T15:45:00.000Z')
})

t.test('the cache gives what a fresh zone gives, in whatever order times come', async t => {
  const zone = namedZone('Europe/London')
  const start = Date.parse('2026-03-28T00:00:00Z')
  const clocks = Array.from({ length: 400 }, (_, i) => start + ((i * 7919) % 400) * 8 * 60_000)
  for (const clock of [...clocks, ...clocks]) t.equal(zone.toUtc(clock), namedZone('Europe/London').toUtc(clock))
})

t.test('times far from the cache limit stay right when the cache is emptied', async t => {
  const zone = namedZone('Europe/Berlin')
  const start = Date.parse('2020-01-01T12:00:00Z')
  for (let quarter = 0; quarter < 5000; quarter++) zone.toUtc(start + quarter * 900_000)
  t.equal(zone.toUtc(Date.parse('2026-07-05T10:15:30Z')), Date.parse('2026-07-05T08:15:30Z'))
})

t.test('what is no time stays none', async t => {
  t.ok(Number.isNaN(namedZone('Europe/Berlin').toUtc(Number.NaN)))
  t.ok(Number.isNaN(namedZone('Europe/Berlin').toUtc(Number.POSITIVE_INFINITY)))
})

t.test('an unknown zone is refused', async t => {
  t.throws(() => namedZone('Europe/Nowhere'), RangeError)
})

t.test('abbreviations with one meaning have an offset, ambiguous ones have none', async t => {
  const table: [string, number | undefined][] = [
    ['UTC', 0],
    ['GMT', 0],
    ['CET', 60],
    ['CEST', 120],
    ['EST', -300],
    ['PDT', -420],
    ['JST', 540],
    ['ACST', 570],
    ['IST', undefined], // India, Israel, Ireland
    ['BST', undefined], // Britain, Bangladesh
    ['CST', undefined], // America, China
    ['utc', undefined],
    ['constructor', undefined],
    ['', undefined]
  ]
  for (const [name, minutes] of table) t.equal(abbreviationOffset(name), minutes, name)
})
