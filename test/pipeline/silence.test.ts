import t from 'tap'
import { SilenceWatch } from '../../src/pipeline/silence.ts'

const MINUTE_MS = 60_000
const judged = (watch: SilenceWatch, lastSeenMs: number | undefined, nowMs: number, silentAfterMs?: number) =>
  watch.judge('fw', lastSeenMs, { nowMs, startedMs: 0, silentAfterMs })

/** Lines every `pauseMs`, up to and including `untilMs`. */
function heard(watch: SilenceWatch, pauseMs: number, untilMs: number, fromMs = pauseMs): void {
  for (let ms = fromMs; ms <= untilMs; ms += pauseMs) watch.observe('fw', ms)
}

t.test('a busy source is silent after five minutes, and no longer when it sends again', async t => {
  const watch = new SilenceWatch()
  heard(watch, 5000, 20 * MINUTE_MS)
  const last = 20 * MINUTE_MS
  t.equal(judged(watch, last, last + 4 * MINUTE_MS), undefined)
  t.same(judged(watch, last, last + 6 * MINUTE_MS), { sinceMs: last, limitMs: 5 * MINUTE_MS })
  const back = last + 10 * MINUTE_MS
  watch.observe('fw', back)
  t.equal(judged(watch, back, back + 1000), undefined)
  t.ok(judged(watch, back, back + 6 * MINUTE_MS), 'the pause that was an alarm is not usual now')
})

t.test('a source that sends now and then has longer', async t => {
  const watch = new SilenceWatch()
  const last = 40 * 3 * MINUTE_MS
  heard(watch, 3 * MINUTE_MS, last)
  t.equal(judged(watch, last, last + 20 * MINUTE_MS), undefined)
  t.ok(judged(watch, last, last + 31 * MINUTE_MS))
})

t.test('without enough lines nothing is known, unless the configuration says how long is too long', async t => {
  const watch = new SilenceWatch()
  watch.observe('fw', 1000)
  t.equal(judged(watch, 1000, 100 * MINUTE_MS), undefined)
  t.same(judged(watch, 1000, 3 * MINUTE_MS, 2 * MINUTE_MS), { sinceMs: 1000, limitMs: 2 * MINUTE_MS })
  t.same(judged(watch, undefined, 3 * MINUTE_MS, 2 * MINUTE_MS), { sinceMs: 0, limitMs: 2 * MINUTE_MS }, 'it never sent')
  t.equal(judged(watch, undefined, 3 * MINUTE_MS), undefined)
})

t.test('switched off it never is an alarm', async t => {
  const watch = new SilenceWatch()
  heard(watch, 5000, 20 * MINUTE_MS)
  t.equal(judged(watch, 20 * MINUTE_MS, 2000 * MINUTE_MS, 0), undefined)
})
