import t from 'tap'
import { DriftWatch } from '../../src/pipeline/drift.ts'

/** Feeds rounds of `parsed` records, all or some of them written, of which some have a URL, and `rejected` frames. */
function watch() {
  const drift = new DriftWatch()
  const totals = { parsed: 0, rejected: 0, written: 0, url: 0 }
  let nowMs = 0
  const look = (): void => {
    nowMs += 5000
    const { url, ...counts } = totals
    drift.observe('fw', { ...counts, attributes: [{ attribute: 'url', count: url }] }, nowMs)
  }
  look()
  return {
    alarms: () => drift.alarms('fw'),
    raised: () => drift.raised('fw'),
    round(parsed: number, url: number, rejected = 0, written = parsed) {
      totals.written += written
      totals.parsed += parsed
      totals.url += url
      totals.rejected += rejected
      look()
    }
  }
}

t.test('a source that stays as it is raises no alarm', async t => {
  const source = watch()
  for (let i = 0; i < 10; i++) source.round(500, 450 - i, i)
  t.same(source.alarms(), [])
})

t.test('an attribute that vanishes raises an alarm, which stands until it is back', async t => {
  const source = watch()
  for (let i = 0; i < 5; i++) source.round(500, 450)
  source.round(500, 0)
  t.match(source.alarms(), [{ what: 'url', share: 0, sinceMs: 35_000 }])
  for (let i = 0; i < 50; i++) source.round(500, 0)
  t.match(source.alarms(), [{ what: 'url', sinceMs: 35_000 }], 'the new state does not become the usual one')
  t.equal(source.raised(), 1, 'raised once, however long it stands')
  source.round(500, 440)
  t.same(source.alarms(), [])
})

t.test('lines that are not read any more raise an alarm', async t => {
  const source = watch()
  for (let i = 0; i < 5; i++) source.round(500, 450, 2)
  source.round(100, 90, 400)
  t.match(source.alarms(), [{ what: 'rejected', share: 0.8 }])
})

t.test('a source that always rejected much is its usual self', async t => {
  const source = watch()
  for (let i = 0; i < 5; i++) source.round(300, 270, 300)
  t.same(source.alarms(), [])
})

t.test('few records raise no alarm before they are enough', async t => {
  const source = watch()
  for (let i = 0; i < 5; i++) source.round(500, 450)
  source.round(50, 0)
  t.same(source.alarms(), [])
  source.round(200, 0)
  t.match(source.alarms(), [{ what: 'url' }], 'the small window was kept and counts with the next')
})

t.test('shares are of the written records, however many others are dropped beside them', async t => {
  const source = watch()
  for (let i = 0; i < 50; i++) source.round(500, 18, 0, 20)
  source.round(500, 20, 0, 400)
  t.match(source.alarms(), [{ what: 'url', usualShare: 0.9, share: 0.05 }], 'the usual share was learnt over several looks')
  for (let i = 0; i < 50; i++) source.round(500, 18, 0, 20)
  t.same(source.alarms(), [], 'starts of connections that come on top change nothing')
})
