/**
 * What every receiver promises, checked with numbered records under success, delay, failure and restart: none lost, and none
 * doubled where the protocol has a receipt.
 */
import type { TAP } from 'tap'
import type { Receiver } from '../../src/contracts.ts'
import { type IntakeFaults, MemoryIntakes, portOf } from './memory-intake.ts'

export interface ContractSubject {
  /** A new receiver on 127.0.0.1 port 0. */
  create(): Receiver
  /**
   * Sends the records with a client of the protocol and ends; resolves with those that the receiver confirmed. A protocol
   * without receipt confirms all.
   */
  send(port: number, records: readonly string[]): Promise<readonly string[]>
  hasReceipt: boolean
}

/** The part of a test that `run` uses. */
interface Assert {
  strictSame(found: unknown, wanted: unknown): unknown
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `<134>record number ${String(from + i).padStart(6, '0')} ${'x'.repeat((from + i) % 300)}`)

const signal = (): AbortSignal => AbortSignal.timeout(60_000)

/** Registers the contract's tests. */
export function checkReceiverContract(t: Pick<TAP, 'test'>, title: string, subject: ContractSubject): void {
  const run = async (
    t: Assert,
    faults: IntakeFaults,
    use: (intakes: MemoryIntakes, receiver: Receiver) => Promise<void>
  ): Promise<void> => {
    const intakes = new MemoryIntakes(faults)
    const receiver = subject.create()
    await receiver.start(intakes.open, intakes.take)
    await use(intakes, receiver)
    await receiver.stop(signal())
    t.strictSame(intakes.violations, [])
  }

  t.test(`${title}: numbered records arrive once, in order`, async t => {
    const records = numbered(0, 2000)
    await run(t, {}, async (intakes, receiver) => {
      t.strictSame(await subject.send(portOf(receiver), records), records)
      await intakes.until('all committed', () => intakes.committed.length === records.length)
      t.strictSame(intakes.committed, records)
    })
  })

  t.test(`${title}: an intake that is slow loses nothing`, async t => {
    const records = numbered(0, 2000)
    await run(t, { acceptDelayMs: 3, commitDelayMs: 10 }, async (intakes, receiver) => {
      await subject.send(portOf(receiver), records)
      await intakes.until('all committed', () => intakes.committed.length === records.length)
      t.strictSame(intakes.committed, records)
    })
  })

  t.test(`${title}: a commit that fails confirms nothing`, async t => {
    const records = numbered(0, 50)
    let isFailing = true
    await run(t, { failCommit: () => isFailing }, async (intakes, receiver) => {
      const confirmed = await subject.send(portOf(receiver), records)
      await intakes.until('a failed commit', () => intakes.failedCommits > 0 && intakes.ended + intakes.aborted === intakes.opened)
      t.equal(intakes.committed.length, 0)
      t.equal(confirmed.length, subject.hasReceipt ? 0 : records.length)
      isFailing = false
      t.strictSame(await subject.send(portOf(receiver), records), records, 'the same receiver goes on')
      await intakes.until('all committed', () => intakes.committed.length === records.length)
      t.strictSame(intakes.committed, records)
    })
  })

  t.test(`${title}: a restart between two sends loses and doubles nothing`, async t => {
    const records = numbered(0, 600)
    const intakes = new MemoryIntakes()
    for (const part of [records.slice(0, 300), records.slice(300)]) {
      const receiver = subject.create()
      await receiver.start(intakes.open, intakes.take)
      await subject.send(portOf(receiver), part)
      await receiver.stop(signal())
    }
    t.strictSame(intakes.committed, records)
    t.strictSame(intakes.violations, [])
    t.ok(intakes.opened >= 2)
  })
}
