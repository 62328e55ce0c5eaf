import t from 'tap'
import { Line, Value } from '../../src/parse/values/line.ts'
import { printedZone } from '../../src/parse/values/printed-zone.ts'
import { namedZone } from '../../src/parse/values/zone.ts'

const OTHERWISE = namedZone('Asia/Tokyo')
const value = new Value(new Line())

/** The instant of a clock in the zone that the text names. */
function instant(text: string, clock = '2026-07-05T10:15:30'): string {
  value.line.buf = Buffer.from(`x${text}x`)
  value.set(1, value.line.buf.length - 1, 0)
  return new Date(printedZone(value, OTHERWISE).toUtc(Date.parse(`${clock}Z`))).toISOString()
}

t.test('a zone by its name, its abbreviation or its offset', async t => {
  const table: [name: string, instant: string][] = [
    ['Europe/Berlin', '2026-07-05T08:15:30.000Z'],
    ['America/Argentina/Buenos_Aires', '2026-07-05T13:15:30.000Z'],
    ['UTC', '2026-07-05T10:15:30.000Z'],
    ['CEST', '2026-07-05T08:15:30.000Z'],
    ['+11', '2026-07-04T23:15:30.000Z'],
    ['-0500', '2026-07-05T15:15:30.000Z'],
    ['+05:30', '2026-07-05T04:45:30.000Z'],
    ['UTC-5', '2026-07-05T15:15:30.000Z'],
    ['GMT+05:45', '2026-07-05T04:30:30.000Z']
  ]
  for (const [name, expected] of table) {
    t.equal(instant(name), expected, name)
    t.equal(instant(name), expected, `${name} again`)
  }
  t.equal(instant('Europe/Berlin', '2026-01-05T10:15:30'), '2026-01-05T09:15:30.000Z', 'in winter')
})

t.test('what names no zone, or several, leaves the zone that is configured', async t => {
  for (const name of ['IST', 'BST', 'CST', 'Europe/Nowhere', 'a/b', '/', 'x'.repeat(70), 'Zürich/Süd', '+', 'constructor'])
    t.equal(instant(name), '2026-07-05T01:15:30.000Z', name)
  value.set(-1, -1, 0)
  t.equal(printedZone(value, OTHERWISE), OTHERWISE, 'absent')
})

t.test('more names than are kept are still read', async t => {
  for (let i = 0; i < 300; i++) t.equal(instant(`Area/Place${i}`), '2026-07-05T01:15:30.000Z')
  t.equal(instant('Europe/Berlin'), '2026-07-05T08:15:30.000Z')
})
