import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { GroupCommit } from '../../src/spool/group-commit.ts'

/** Rounds that end when the test says so, and an interval that never does. */
function slowRounds() {
  const ends: (() => void)[] = []
  const commits = new GroupCommit({
    intervalMs: 3_600_000,
    round: () => new Promise(resolve => ends.push(() => resolve(undefined)))
  })
  const begun = async (count: number): Promise<void> => {
    while (ends.length < count) await sleep(1)
  }
  return { commits, ends, begun }
}

t.test('who is in a hurry while a round runs gets the next one at once, not at the end of the interval', async t => {
  const { commits, ends, begun } = slowRounds()
  t.teardown(() => commits.stop())
  commits.appended()
  commits.hurry()
  await begun(1)
  commits.appended() // too late for the round that runs
  commits.hurry()
  const durable = commits.commit()
  ends[0]!()
  await begun(2)
  ends[1]!()
  await durable
  t.equal(ends.length, 2)
})

t.test('a hurry with nothing to make durable begins no round', async t => {
  const { commits, ends, begun } = slowRounds()
  t.teardown(() => commits.stop())
  commits.hurry()
  commits.appended()
  await sleep(20)
  t.equal(ends.length, 0)
  commits.hurry()
  await begun(1)
  commits.hurry()
  ends[0]!()
  await sleep(20)
  t.equal(ends.length, 1, 'what the round had was all there was')
})
