import t from 'tap'
import { EventLag, LAG_BOUNDS_SECONDS, LAG_WINDOW_MS, mergeLags } from '../../src/lanes/event-lag.ts'

const NOW = 1_800_000_000_000

t.test('each record is in the bucket of its lag, and a clock ahead counts as no lag in the sum', async t => {
  const lag = new EventLag()
  for (const lagMs of [0, 1000, 1001, 60_000, 8 * 86_400_000, -5000]) lag.add(NOW - lagMs, NOW)
  const { counts, sumSeconds } = lag.counts()
  t.equal(counts.length, LAG_BOUNDS_SECONDS.length + 1)
  t.same(counts.slice(0, 4), [3, 1, 0, 1], '1 s belongs to the bucket that ends there')
  t.equal(counts.at(-1), 1)
  t.equal(sumSeconds, 1 + 1.001 + 60 + 8 * 86_400)
})

t.test('the least lag tells of a clock that is ahead, and is forgotten once it was set right', async t => {
  const lag = new EventLag()
  t.equal(lag.counts().leastMs, Infinity)
  lag.add(NOW + 90_000, NOW)
  lag.add(NOW - 2000, NOW)
  t.equal(lag.counts().leastMs, -90_000)
  lag.add(NOW, NOW + LAG_WINDOW_MS)
  t.equal(lag.counts().leastMs, -90_000, 'still in the window before')
  lag.add(NOW + LAG_WINDOW_MS, NOW + 2 * LAG_WINDOW_MS)
  t.equal(lag.counts().leastMs, LAG_WINDOW_MS)
})

t.test('lanes are summed up, but the least lag is that of lanes with records of late', async t => {
  const old = new EventLag()
  old.add(NOW + 90_000, NOW)
  const live = new EventLag()
  live.add(NOW + 3_600_000 - 4000, NOW + 3_600_000)
  const { counts, leastMs } = mergeLags([old.counts(), live.counts()])
  t.equal(leastMs, 4000)
  t.equal(
    counts.reduce((sum, count) => sum + count, 0),
    2
  )
  t.equal(mergeLags([]).leastMs, Infinity)
})
