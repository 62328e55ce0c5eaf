import t from 'tap'
import { HISTORY_INTERVAL_MS, HISTORY_POINTS_MAX, RateHistory } from '../../src/telemetry/history.ts'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { sampleStatus } from './sample-status.ts'

const MiB = 1024 * 1024

/** A status whose counters are those of the sample, times a factor. */
function statusAt(factor: number, changes: { backlogBytes?: number; failing?: boolean; shedFrames?: number } = {}): PipelineStatus {
  const status = sampleStatus()
  const source = status.sources[0]!
  for (const key of Object.keys(source.frames) as (keyof typeof source.frames)[]) source.frames[key] *= factor
  for (const key of Object.keys(source.records) as (keyof typeof source.records)[]) source.records[key] *= factor
  status.spool = { ...status.spool, bytes: (changes.backlogBytes ?? 0) + 5 * MiB, archivedBytes: 5 * MiB, highWaterBytes: 1000 * MiB }
  status.upload.failing = changes.failing ?? false
  status.blocks.shedFrames = changes.shedFrames ?? 0
  return status
}

/** Looks every interval; `backlog` gives the bytes at each. */
function looks(history: RateHistory, count: number, backlog: (index: number) => number, failing = false): void {
  for (let index = 0; index < count; index++)
    history.observe(statusAt(1, { backlogBytes: backlog(index), failing }), index * HISTORY_INTERVAL_MS)
}

t.test('rates are differences of counters by the time between them', async t => {
  const history = new RateHistory()
  history.observe(statusAt(1), 1000)
  t.same(history.points(), [], 'one look has no rate')
  history.observe(statusAt(3), 6000)
  const [point, ...more] = history.points()
  t.same(more, [])
  t.same(point?.sources['HQ-FortiGate'], { received: 40, parsed: 36, written: 32, uploaded: 24, rejected: 1.2 })
  t.equal(point?.atMs, 6000)
  history.observe(statusAt(1), 11_000)
  t.equal(history.points(6000)[0]?.sources['HQ-FortiGate']?.received, 0, 'a counter that went back is no rate')
})

t.test('it keeps a quarter of an hour, and gives out what is new', async t => {
  const history = new RateHistory()
  looks(history, HISTORY_POINTS_MAX + 20, () => 0)
  t.equal(history.points().length, HISTORY_POINTS_MAX)
  const last = history.points().at(-1)!.atMs
  t.equal(history.points(last - HISTORY_INTERVAL_MS).length, 1)
  t.same(history.points(last), [])
})

t.test('a loss is remembered as long as it is in the picture', async t => {
  const history = new RateHistory()
  history.observe(statusAt(1), 0)
  t.equal(history.lastLossMs, undefined)
  history.observe(statusAt(1, { shedFrames: 5 }), 5000)
  history.observe(statusAt(1, { shedFrames: 5 }), 10_000)
  t.equal(history.lastLossMs, 5000)
})

t.test('while uploads fail the time to a full spool follows from how it fills', async t => {
  const history = new RateHistory()
  looks(history, 30, index => index * MiB, true)
  // 29 MiB after 29 looks, one more each: 971 of 1000 are left.
  t.equal(Math.round(history.timeToFullMs()! / HISTORY_INTERVAL_MS), 971)
})

t.test('a spool that fills and is emptied by uploads never gets full', async t => {
  const history = new RateHistory()
  looks(history, HISTORY_POINTS_MAX, index => (index % 60) * MiB)
  t.equal(history.timeToFullMs(), undefined)
})

t.test('a spool that is emptied less than it fills does', async t => {
  const history = new RateHistory()
  looks(history, HISTORY_POINTS_MAX, index => ((index % 12) + index / 2) * MiB)
  // Half a MiB stays at each look.
  const looksLeft = history.timeToFullMs()! / HISTORY_INTERVAL_MS
  t.ok(looksLeft > 1700 && looksLeft < 1950, `${looksLeft} looks`)
})
