import t from 'tap'
import { RequestBudget } from '../../src/upload/rate-limit.ts'

/** Time that passes only by sleeping. */
const virtualClock = (startMs = 1_000_000) => {
  let nowMs = startMs
  return {
    now: () => nowMs,
    sleep: (ms: number) => {
      nowMs += ms
      return Promise.resolve()
    },
    advance: (ms: number) => {
      nowMs += ms
    }
  }
}

const most = (times: readonly number[]): number =>
  times.reduce((max, start) => Math.max(max, times.filter(time => time >= start && time < start + 60_000).length), 0)

t.test('no minute ever sees more requests than the tenant allows, whatever is configured', async t => {
  for (const [requestsPerMinute, share, limit] of [
    [20, 1, 30],
    [30, 1, 30],
    [1, 1, 30],
    [25, 1, 30],
    [500, 1, 30],
    [20, 0.5, 15],
    [30, 0.1, 3],
    [20, 0, 3]
  ] as const) {
    const clock = virtualClock()
    const budget = new RequestBudget({ requestsPerMinute, share, clock })
    const times: number[] = []
    for (let index = 0; index < 300; index++) {
      await budget.take()
      times.push(clock.now())
      // Idle times fill the bucket, which is when a burst hurts most.
      if (index % 50 === 49) clock.advance(600_000)
    }
    t.ok(most(times) <= limit, `${requestsPerMinute} a minute at share ${share}: ${most(times)} of ${limit}`)
  }
})

t.test('the default lets ten go at once and then twenty a minute', async t => {
  const clock = virtualClock()
  const budget = new RequestBudget({ clock })
  t.same([budget.burst, budget.requestsPerMinute, budget.left], [10, 20, 10])
  const startMs = clock.now()
  for (let index = 0; index < 10; index++) await budget.take()
  t.equal(clock.now(), startMs)
  for (let index = 0; index < 20; index++) await budget.take()
  t.equal(clock.now() - startMs, 60_000)
})

t.test('a pause holds everybody back until it ends', async t => {
  const clock = virtualClock()
  const budget = new RequestBudget({ clock })
  budget.pause(clock.now() + 90_000)
  budget.pause(clock.now() + 10_000)
  t.equal(budget.left, 0)
  const startMs = clock.now()
  await budget.take()
  t.equal(clock.now() - startMs, 90_000)
})

t.test('a clock that is set back does not stop the bucket', async t => {
  const clock = virtualClock()
  const budget = new RequestBudget({ clock })
  for (let index = 0; index < 10; index++) await budget.take()
  clock.advance(-500_000)
  const startMs = clock.now()
  await budget.take()
  t.ok(clock.now() - startMs <= 3001)
})

t.test('a signal ends the wait and leaves the budget to the next', async t => {
  const clock = virtualClock()
  const budget = new RequestBudget({ clock })
  await t.rejects(budget.take(AbortSignal.abort()))
  await budget.take()
  t.equal(budget.left, 9)
})

t.test('the local tenant may set a higher limit', async t => {
  const budget = new RequestBudget({ requestsPerMinute: 600, limitPerMinute: 1200, clock: virtualClock() })
  t.same([budget.burst, budget.requestsPerMinute], [10, 600])
})
