import t from 'tap'
import { RequestBudget } from '../../src/upload/rate-limit.ts'

/** Time that passes only by sleeping. */
const virtualClock = (startMs = 1_000_000) => {
  let nowMs = startMs
  return {
    now: () => nowMs,
    elapsed: () => nowMs,
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
  budget.rest(90_000)
  budget.rest(10_000)
  t.equal(budget.left, 0)
  const startMs = clock.now()
  await budget.take()
  t.equal(clock.now() - startMs, 90_000)
})

t.test('the wall clock may jump as it likes: the bucket goes by the other one', async t => {
  let wallMs = 1e12
  const clock = { ...virtualClock(), now: () => wallMs }
  const budget = new RequestBudget({ clock })
  for (let index = 0; index < 10; index++) await budget.take()
  budget.rest(60_000)
  const startMs = clock.elapsed()
  wallMs -= 500_000_000
  await budget.take()
  t.equal(clock.elapsed() - startMs, 60_000)
  for (let index = 0; index < 9; index++) await budget.take() // what came in during the rest
  wallMs += 900_000_000
  t.equal(budget.left, 0, 'a jump ahead gives nothing')
})

t.test('a process that begins has no burst, as the one before it may just have had it', async t => {
  const clock = virtualClock()
  const times: number[] = []
  for (let life = 0; life < 20; life++) {
    const budget = new RequestBudget({ clock, beginsEmpty: true })
    for (let index = 0; index < 12; index++) {
      await budget.take()
      times.push(clock.elapsed())
    }
  }
  t.ok(most(times) <= 30, `${most(times)} in a minute, restarted every 12 requests`)
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
