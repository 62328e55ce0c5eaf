/**
 * What every receiver that fetches promises, checked with numbered records under success, delay, failure, no room and restart:
 * none lost, and none doubled unless the process dies between commit and bookkeeping.
 */
import { join } from 'node:path'
import type { TAP, Test } from 'tap'
import type { Receiver } from '../../src/contracts.ts'
import { scratchDir } from '../test-dir.ts'
import { type IntakeFaults, MemoryIntakes } from './memory-intake.ts'

export interface PullSubject {
  /** Starts a server without records. */
  begin(t: Test): Promise<void>
  /** A receiver that fetches from that server, and keeps its state in the file. */
  create(state: string, isFull: () => boolean): Receiver
  /** Lets the server have more records; batches are numbered from 0 and in order. */
  offer(records: readonly string[], number: number): void
  /** What a frame says of the record in it. @default the frame */
  recordOf?(frame: string): string
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `record number ${String(from + i).padStart(6, '0')} ${'x'.repeat((from + i) % 300)}`)

export function checkPullContract(t: TAP, title: string, subject: PullSubject): void {
  const { recordOf = (frame: string): string => frame } = subject
  const newState = (): string => join(scratchDir('pull'), 'state')

  /** Starts a receiver and stops it when all records that `use` waits for came; then looks at what came. */
  const run = async (
    t: Test,
    intakes: MemoryIntakes,
    state: string,
    use: (receiver: Receiver) => Promise<void>,
    isFull: () => boolean = () => false
  ): Promise<void> => {
    const receiver = subject.create(state, isFull)
    await receiver.start(intakes.open, intakes.take)
    try {
      await use(receiver)
    } finally {
      await receiver.stop(AbortSignal.timeout(60_000))
    }
    t.strictSame(intakes.violations, [])
  }
  const came = (intakes: MemoryIntakes): string[] => intakes.committed.map(recordOf)

  for (const [name, faults] of [
    ['arrive once, in order', {}],
    ['arrive once, in order, at an intake that is slow', { acceptDelayMs: 3, commitDelayMs: 10 }]
  ] satisfies [string, IntakeFaults][])
    t.test(`${title}: numbered records ${name}`, async t => {
      await subject.begin(t)
      const records = numbered(0, 2000)
      for (let batch = 0; batch < 4; batch++) subject.offer(records.slice(batch * 500, batch * 500 + 500), batch)
      const intakes = new MemoryIntakes(faults)
      await run(t, intakes, newState(), () => intakes.until('all committed', () => intakes.committed.length >= records.length))
      t.strictSame(came(intakes), records)
    })

  t.test(`${title}: what a commit could not keep is fetched again`, async t => {
    await subject.begin(t)
    const records = numbered(0, 50)
    subject.offer(records, 0)
    let isFailing = true
    const intakes = new MemoryIntakes({ failCommit: () => isFailing })
    await run(t, intakes, newState(), async () => {
      await intakes.until('failed commits', () => intakes.failedCommits > 1)
      t.equal(intakes.committed.length, 0)
      isFailing = false
      await intakes.until('all committed', () => intakes.committed.length >= records.length)
    })
    t.strictSame(came(intakes), records)
  })

  t.test(`${title}: restarts lose and double nothing`, async t => {
    await subject.begin(t)
    const state = newState()
    const records = numbered(0, 6000)
    const intakes = new MemoryIntakes({ acceptDelayMs: 2 })
    subject.offer(records.slice(0, 2000), 0)
    await run(t, intakes, state, () => intakes.until('some', () => intakes.frames.length > 0))
    subject.offer(records.slice(2000, 4000), 1)
    await run(t, intakes, state, () => intakes.until('some more', () => intakes.committed.length > 0))
    subject.offer(records.slice(4000), 2)
    await run(t, intakes, state, () => intakes.until('all committed', () => intakes.committed.length >= records.length))
    await run(t, intakes, state, receiver => intakes.until('a round', () => receiver.status()[0]!.counters.rounds_total! > 1))
    t.strictSame(came(intakes), records)
  })

  t.test(`${title}: while there is no room nothing is fetched, and it goes on without a restart`, async t => {
    await subject.begin(t)
    const records = numbered(0, 500)
    let isFull = false
    const intakes = new MemoryIntakes()
    await run(
      t,
      intakes,
      newState(),
      async receiver => {
        subject.offer(records.slice(0, 250), 0)
        await intakes.until('the first half', () => intakes.committed.length === 250)
        isFull = true
        await intakes.until('the state', () => receiver.status()[0]!.state === 'paused')
        t.strictSame(receiver.status()[0]!.pauses, ['spool_full'])
        subject.offer(records.slice(250), 1)
        await new Promise(resolve => setTimeout(resolve, 200))
        t.equal(intakes.frames.length, 250)
        isFull = false
        await intakes.until('all committed', () => intakes.committed.length === records.length)
        await intakes.until('the state', () => receiver.status()[0]!.state === 'listening')
      },
      () => isFull
    )
    t.strictSame(came(intakes), records)
  })
}
