/** The promise of delivery, seen from outside: stops, kills and reloads of a real process while lines flow. */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readCsv, readW3c } from '../encode/readers.ts'
import { testDir } from '../test-dir.ts'
import {
  connectTo,
  finish,
  numberedLine,
  numbersOf,
  type RunningCollector,
  type Setup,
  startCollector,
  until,
  write
} from './collector-kit.ts'

const LONG = { timeout: 600_000 }
/** Well past the commit interval of 200 ms, after which written lines are durable. */
const DURABLE_MS = 2000
t.setTimeout(600_000)

const setup = (lanes: number, more: Partial<Setup> = {}): Setup => ({
  receivers: [{ name: 'in', protocols: ['tcp'] }],
  sources: [{ name: 'fw', appliance: 'fortinet-fortigate' }],
  lanes,
  ...more
})

const batchOf = (from: number, count: number): string => Array.from({ length: count }, (_, index) => numberedLine(from + index)).join('')

/** Sends numbered lines over one connection and ends it. */
async function send(collector: RunningCollector, from: number, count: number): Promise<void> {
  const socket = await connectTo(collector.port('in', 'syslog-tcp'))
  for (let sent = 0; sent < count; sent += 500) await write(socket, batchOf(from + sent, Math.min(500, count - sent)))
  await finish(socket)
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index)

/** Compares without printing a hundred thousand numbers. */
function sameNumbers(t: Test, got: readonly number[], wanted: readonly number[], what: string): void {
  const seen = new Set(got)
  const missing = wanted.filter(number => !seen.has(number))
  t.equal(got.length, wanted.length, `${what}: as many as sent, so none twice`)
  t.same(missing.slice(0, 10), [], `${what}: none is missing`)
}

/** All that came is uploaded, and every frame and record is accounted for. */
async function balancedAtRest(t: Test, collector: RunningCollector, what: string): Promise<void> {
  const { balance } = await collector.statusUntil('everything is uploaded', ({ balance }) => {
    const { frames, delivery } = balance
    return frames.inFlight === 0 && frames.difference === 0 && delivery.spooled === 0 && balance.balanced
  })
  t.ok(balance.balanced, `${what}: balanced`)
  t.equal(balance.delivery.written + balance.delivery.recovered, balance.delivery.uploaded, `${what}: all that was written is uploaded`)
}

for (const lanes of [1, 2]) {
  t.test(`a graceful stop under load loses nothing and repeats nothing (lanes: ${lanes})`, LONG, async t => {
    const cwd = testDir(t)
    const count = 40_000
    const first = await startCollector(t, cwd, setup(lanes, { flushInterval: '2s' }))
    await send(first, 0, count)
    t.same(await first.stop(), [0, null], 'it ends by itself')
    const stopped = first.log.at(-1)!
    t.match(stopped, { msg: 'stopped', frames: { received: count, difference: 0 }, records: { written: count } })
    const second = await startCollector(t, cwd, setup(lanes))
    await until('all lines are in the tenant', () => numbersOf(second.files('fw')).length >= count)
    await balancedAtRest(t, second, 'after the restart')
    sameNumbers(t, numbersOf(second.files('fw')), range(0, count), 'lines')
    t.same(await second.stop(), [0, null])
  })

  t.test(`kill -9 under load loses nothing that was written before, and repeats nothing (lanes: ${lanes})`, LONG, async t => {
    const cwd = testDir(t)
    const count = 20_000
    // Files stay open, so that the kill meets one in the middle.
    const first = await startCollector(t, cwd, setup(lanes, { flushInterval: '10m' }))
    await send(first, 0, count)
    // What was written becomes durable without further lines.
    await first.statusUntil('all lines are written', ({ balance }) => balance.records.written === count)
    await sleep(DURABLE_MS)
    const sending = send(first, count, 1_500_000).catch(() => 'the collector died')
    await first.statusUntil('more lines are written', ({ balance }) => balance.records.written > count + 2000)
    await first.kill()
    t.equal(await sending, 'the collector died', 'it was in the middle')
    const second = await startCollector(t, cwd, setup(lanes))
    const { balance } = await second.status()
    t.ok(balance.delivery.recovered >= count, `${balance.delivery.recovered} records were recovered`)
    await send(second, 10_000_000, 100)
    await balancedAtRest(t, second, 'after the kill')
    const numbers = numbersOf(second.files('fw'))
    t.equal(new Set(numbers).size, numbers.length, 'none arrives twice')
    t.same(sorted(numbers.filter(number => number < count)), range(0, count), 'all that was durable arrives')
    t.same(sorted(numbers.filter(number => number >= 10_000_000)), range(10_000_000, 100), 'and what came afterwards')
    t.notOk(numbers.includes(-1), 'every line is whole')
    await second.stop()
  })

  t.test(`a file of columns has its head once, also when kill -9 came between (lanes: ${lanes})`, LONG, async t => {
    const cwd = testDir(t)
    const columns = setup(lanes, {
      receivers: [
        { name: 'w3c', protocols: ['tcp'] },
        { name: 'csv', protocols: ['tcp'] }
      ],
      sources: [
        { name: 'w3c', receiver: 'w3c', format: 'w3c' },
        { name: 'csv', receiver: 'csv', format: 'csv' }
      ]
    })
    const sendBoth = async (collector: RunningCollector, from: number) => {
      for (const name of ['w3c', 'csv']) {
        const socket = await connectTo(collector.port(name, 'syslog-tcp'))
        await write(socket, batchOf(from, 1000))
        await finish(socket)
      }
    }
    const first = await startCollector(t, cwd, { ...columns, flushInterval: '10m' })
    await sendBoth(first, 0)
    await first.statusUntil('all lines are written', ({ balance }) => balance.records.written === 2000)
    await sleep(DURABLE_MS)
    await first.kill()
    t.same([...first.files('w3c'), ...first.files('csv')], [], 'nothing was uploaded before')
    const second = await startCollector(t, cwd, columns)
    await sendBoth(second, 1000)
    await balancedAtRest(t, second, 'after the kill')
    const numbersIn = (name: 'cs-username' | 'user', rows: Record<string, string>[]) => rows.map(row => Number(row[name]!.slice(1)))
    // The readers throw at a second head and at a file without one.
    const w3c = second.files('w3c').flatMap(text => numbersIn('cs-username', readW3c(text)))
    const csv = second.files('csv').flatMap(text => numbersIn('user', readCsv(text)))
    t.same(sorted(w3c), range(0, 2000))
    t.same(sorted(csv), range(0, 2000))
    await second.stop()
  })

  t.test(`SIGHUP while lines flow loses none and repeats none (lanes: ${lanes})`, LONG, async t => {
    const cwd = testDir(t)
    const collector = await startCollector(t, cwd, setup(lanes))
    const reloads = () => collector.log.filter(({ msg }) => msg === 'configuration reloaded').length
    let reloading = true
    let sent = 0
    const sending = (async () => {
      const socket = await connectTo(collector.port('in', 'syslog-tcp'))
      while (reloading) {
        await write(socket, batchOf(sent, 200))
        sent += 200
        await sleep(5)
      }
      await finish(socket)
    })()
    for (let round = 1; round <= 3; round++) {
      collector.child.kill('SIGHUP')
      await until('the configuration is reloaded', () => reloads() === round)
    }
    reloading = false
    await sending
    await balancedAtRest(t, collector, 'after three reloads')
    sameNumbers(t, numbersOf(collector.files('fw')), range(0, sent), 'lines')
    t.match(await collector.status(), { balance: { frames: { received: sent, parsed: sent } }, config: { lastReloadSucceeded: true } })
    t.same(await collector.stop(), [0, null])
  })
}
