/** Times of a day that is known, by their clock only: the same milliseconds as read as a whole, and the same end. */
import t from 'tap'
import { random } from '../../bench/lines.ts'
import { fastPaths } from '../../src/lib/fast-paths.ts'
import { readIsoTime, readMonthTime, timeReadEnd } from '../../src/parse/values/time.ts'
import { namedZone, UTC } from '../../src/parse/values/zone.ts'

const NOW = Date.parse('2026-01-15T10:00:00Z')
const BERLIN = namedZone('Europe/Berlin')
const TEXTS = [
  'Jan 15 2026 09:15:30 GMT',
  'Jan 15 2026 09:15:30',
  'Mar 29 2026 02:15:30',
  'Jan 15 2026 09:15:30 +0100',
  'Jan 15 2026 09:15:30 CST',
  'Jan 15 2026 09:15:30.250 GMT',
  'Thu Jan 15 09:15:30 2026',
  '2026 Jan 15 09:15:30 UTC',
  'Jan  5, 2026 09:15:30Z',
  'Feb 30 2026 09:15:30 GMT',
  'Jan 15 09:15:30'
]
const ISO_TEXTS = [
  '2026/01/15 09:15:30',
  '2026-01-15 09:15:30',
  '2026-03-29 02:15:30',
  '2026-01-15T09:15:30Z',
  '2026-01-15T09:15:30+01:00',
  '2026-01-15T09:15:30.250',
  '2026:01:15-09:15:30 CST',
  '2026-1-5   09:15:30',
  '2026-02-30 09:15:30',
  '2026-01-15 9:15:30'
]
const BYTES = Buffer.from('0123456789: .+-GZJ')

t.teardown(() => {
  fastPaths.isOn = true
})

const readers = [...TEXTS.map(text => [text, readMonthTime] as const), ...ISO_TEXTS.map(text => [text, readIsoTime] as const)]

for (const [text, read] of readers) {
  t.test(`like and unlike ${text}`, async t => {
    const next = random(3)
    const below = (limit: number): number => Math.floor(next() * limit)
    const differences: string[] = []
    for (let i = 0; i < 5000; i++) {
      const bytes = [...Buffer.from(text)].map(byte => (byte >= 0x30 && byte <= 0x39 && next() < 0.1 ? 0x30 + below(10) : byte))
      if (next() < 0.1) bytes.splice(below(bytes.length), below(2), BYTES[below(BYTES.length)]!)
      const buf = Buffer.from([...bytes, 0x0a, 0x20, 0x20, 0x20])
      const zone = next() < 0.5 ? UTC : BERLIN
      const [fast, plain] = [true, false].map(isOn => {
        fastPaths.isOn = isOn
        const time = read(buf, 0, bytes.length, zone, NOW)
        return Number.isNaN(time) ? 'none' : `${time} ${timeReadEnd}`
      })
      if (fast !== plain) differences.push(`${buf.toString('latin1')} ${zone.name}: ${fast}, not ${plain}`)
    }
    t.same(differences.slice(0, 3), [], `${differences.length} times differ`)
  })
}
