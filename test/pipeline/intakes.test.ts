/** Receipts: when `commit` and `end` may answer, beside flushes, reloads and a lane that ends. */
import { once } from 'node:events'
import t from 'tap'
import type { Peer } from '../../src/contracts.ts'
import { BLOCK_BYTES, FrameBlock } from '../../src/lib/frame-block.ts'
import type { Intakes } from '../../src/pipeline/intakes.ts'
import { NO_SOURCE } from '../../src/telemetry/status.ts'
import { specOf } from '../lanes/lane-kit.ts'
import { bindingOf, line, lines, start } from './intakes-kit.ts'

t.setTimeout(600_000)

const shedBy = (intakes: Intakes): number => [...intakes.shedFrames().values()].reduce((sum, frames) => sum + frames, 0)

const PEER: Peer = { receiver: 'in', protocol: 'syslog-tcp', address: '192.0.2.1' }

t.test('a receipt comes when all that was accepted before is durable, also beside the flushes of the clock', async t => {
  const { intakes, spool } = await start(t)
  const intake = intakes.open(PEER, 'lines')
  for (let round = 1; round <= 20; round++) {
    intake.accept(lines(2000))
    await intake.commit()
    t.ok(spool.durable >= round * 2000, `round ${round}: ${spool.durable}`)
  }
  await intake.end()
  t.equal(spool.durable, 40_000)
})

t.test('who may have sent what the spool shed gets no receipt, also when later rounds go well', async t => {
  const { intakes, spool } = await start(t)
  const [one, other] = [intakes.open(PEER, 'lines'), intakes.open(PEER, 'lines')]
  spool.sheds = true
  one.accept(lines(10))
  await t.rejects(one.commit(), { name: 'CollectorError', code: 'SPOOL_FULL', retryable: true })
  spool.sheds = false
  await t.rejects(other.commit(), { code: 'SPOOL_FULL' }, 'it was open while records were shed')
  one.accept(lines(10))
  await one.commit()
  await other.end()
  t.equal(spool.durable, 10)
  await intakes.open(PEER, 'lines').end()
})

t.test('what nobody asks a receipt for becomes durable as well', async t => {
  const { intakes, spool } = await start(t)
  const intake = intakes.open(PEER, 'lines')
  intake.accept(lines(10))
  while (spool.durable < 10) await once(spool, 'commit')
  t.equal(spool.durable, 10)
  intake.abort()
})

t.test('the end of an intake covers a last line without line feed', async t => {
  const { intakes, spool } = await start(t, 1)
  const intake = intakes.open(PEER, 'lines')
  intake.accept(Buffer.from(line(1).trimEnd()))
  await intake.commit()
  t.equal(spool.durable, 0, 'half a line is no frame')
  await intake.end()
  t.equal(spool.durable, 1)
})

t.test('a sender that vanished leaves its whole lines, and the rest is counted', async t => {
  const { intakes, spool } = await start(t, 1)
  const intake = intakes.open(PEER, 'lines')
  intake.accept(Buffer.from(line(1) + line(2).slice(0, 20)))
  intake.abort()
  const other = intakes.open(PEER, 'lines')
  await other.end()
  t.equal(spool.durable, 1)
  t.equal(intakes.counts.aborted, 1)
})

t.test('a receipt during a reload covers what was accepted under the old specification', async t => {
  const { intakes, spool, binding } = await start(t)
  const intake = intakes.open(PEER, 'lines')
  for (let round = 0; round < 20; round++) intake.accept(lines(2000))
  let recordsAtSwitch = -1
  const switched = intakes.reconfigure(specOf([{ name: 'other' }]), binding, () => {
    recordsAtSwitch = spool.records
  })
  intake.accept(lines(3000))
  await intake.commit()
  t.equal(recordsAtSwitch, 40_000, 'all of the old is in the spool before the switch, and nothing of the new')
  t.equal(spool.durable, 43_000)
  await switched
  intake.accept(lines(100))
  await intake.end()
  t.equal(spool.durable, 43_100, 'the lanes serve the same intake')
})

t.test('nobody gets a receipt for frames that a lane took with it; the next receipt is given again', async t => {
  const { intakes, spool, workers, pool } = await start(t)
  const intake = intakes.open(PEER, 'lines')
  intake.accept(lines(10))
  await intake.commit()
  const exits = workers.map(worker => once(worker, 'exit'))
  for (let round = 0; round < 10; round++) intake.accept(lines(2000))
  const receipt = intake.commit()
  for (const worker of workers) void worker.terminate()
  await t.rejects(receipt, { name: 'CollectorError', code: 'LANE_FAILED', retryable: true })
  await Promise.all(exits)
  t.ok(pool.lostFrames > 0)
  t.equal(intakes.lostFrames, pool.lostFrames)
  while (!pool.stats().every(({ alive }) => alive)) await new Promise(resolve => setTimeout(resolve, 20))
  await intake.commit().catch(() => undefined) // what was lost after the first answer
  const before = spool.durable
  intake.accept(lines(5))
  await intake.commit()
  t.equal(spool.durable, before + 5)
})

t.test('framing is counted by listener, while connections live and after', async t => {
  const { intakes } = await start(t, 1)
  const one = intakes.open(PEER, 'syslog-stream')
  const other = intakes.open({ ...PEER, receiver: 'other' }, 'syslog-stream')
  one.accept(Buffer.from('<13>a\n5 <13>b<13>c\n'))
  other.accept(Buffer.from('<13>a\n'))
  t.match(intakes.listener('in', 'syslog-tcp')!.framerStats(), { newline: 2, octetCounted: 1 })
  await one.end()
  t.match(intakes.listener('in', 'syslog-tcp')!.framerStats(), { newline: 2, octetCounted: 1 })
  t.match(intakes.listener('other', 'syslog-tcp')!.framerStats(), { newline: 1, octetCounted: 0 })
  t.equal(intakes.listener('nobody', 'syslog-tcp'), undefined)
  await other.end()
})

t.test('a block that a receiver filled itself is counted, written, and paid for with an empty one', async t => {
  const { intakes, spool } = await start(t)
  const peer = { ...PEER, protocol: 'syslog-udp' }
  const senders = new Map([
    [7, intakes.open(peer, 'datagram')],
    [9, intakes.open({ ...peer, address: '192.0.2.2' }, 'datagram')]
  ])
  const filled = (keys: readonly number[]) => {
    const block = new FrameBlock()
    keys.forEach((key, index) => {
      const frame = Buffer.from(line(index).trimEnd())
      block.append(frame, 0, frame.length, key)
    })
    return { memory: block.memory, count: block.count, used: block.used, truncated: 1 }
  }
  const memory = await intakes.takeBlock(filled([7, 9, 7]), senders)
  t.equal(memory.byteLength, BLOCK_BYTES)
  await senders.get(9)!.commit()
  t.equal(spool.durable, 3)
  t.equal(intakes.counts.frames, 3)
  t.equal(shedBy(intakes), 0)
  t.match(intakes.listener('in', 'syslog-udp')!.framerStats(), { newline: 3, truncated: 1 })

  const ended = senders.get(9)!
  await ended.end()
  await intakes.takeBlock(filled([7, 9]), senders)
  t.equal(intakes.counts.frames, 5)
  t.equal(shedBy(intakes), 2, 'its receiver has given up on what names an intake that ended')
  await senders.get(7)!.end()
  t.equal(spool.durable, 3)
})

t.test('a block of a receiver waits while the lanes are busy, also beside a reload', async t => {
  const { intakes, spool, binding } = await start(t)
  const other = intakes.open(PEER, 'lines')
  const sender = intakes.open({ ...PEER, protocol: 'syslog-udp' }, 'datagram')
  const senders = new Map([[1, sender]])
  let full: Promise<void> | undefined
  while (full === undefined) full = other.accept(lines(2000))
  const frame = Buffer.from(line(1).trimEnd())
  const block = new FrameBlock()
  block.append(frame, 0, frame.length, 1)
  let taken = false
  const take = intakes.takeBlock({ memory: block.memory, count: 1, used: block.used, truncated: 0 }, senders).then(() => {
    taken = true
  })
  await intakes.reconfigure(specOf([{}]), binding, () => undefined)
  await take
  t.ok(taken)
  await sender.commit()
  t.equal(intakes.counts.frames, spool.durable)
  t.equal(shedBy(intakes), 0)
})

t.test('datagrams that find no block are shed by the source of their sender, and with those that found one they are all', async t => {
  const everyone = { peers: [], receivers: [] }
  const sources = [
    { name: 'HQ', from: { peers: ['192.0.2.1'], receivers: [] } },
    { name: 'any', from: everyone },
    { name: 'other', from: everyone }
  ]
  const { intakes, pool } = await start(t, 2, sources)
  const udp = (address: string) => intakes.open({ ...PEER, protocol: 'syslog-udp', address }, 'datagram')
  const [known, unknown] = [udp('192.0.2.1'), udp('192.0.2.2')]
  const datagram = Buffer.alloc(60_000, 'x')
  // Nothing comes back before the loop ends, so the last ones find the pool full.
  for (let i = 0; i < 600; i++) (i % 3 === 0 ? unknown : known).accept(datagram)
  const shed = intakes.shedFrames()
  t.ok(shed.get('HQ')! > 0)
  t.ok(shed.get(NO_SOURCE)! > 0, 'where the lines themselves would have said whose they are')
  await known.commit()
  const taken = pool.stats().flatMap(({ stats }) => stats.map(({ frames }) => frames))
  t.equal(taken.reduce((sum, frames) => sum + frames, 0) + shedBy(intakes), 600)
  t.equal(intakes.counts.frames, 600)

  await intakes.reconfigure(specOf([{ name: 'any' }]), bindingOf([sources[1]!]), () => undefined)
  for (let i = 0; i < 600; i++) known.accept(datagram)
  t.ok(intakes.shedFrames().get('any')! > 0, 'a source of its own since the configuration changed')
  t.equal(intakes.shedFrames().get('HQ'), shed.get('HQ'))
})
