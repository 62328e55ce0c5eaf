import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { Block } from '../../src/contracts.ts'
import type { LaneSpec } from '../../src/lanes/messages.ts'
import { OUTSTANDING_MAX } from '../../src/lanes/outstanding.ts'
import { LanePool } from '../../src/lanes/pool.ts'
import { BLOCK_BYTES, FrameBlock } from '../../src/lib/frame-block.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { until } from '../integration/collector-kit.ts'
import { linesBySource, specOf, totalsOf } from './lane-kit.ts'

t.setTimeout(600_000)

const squid = (number: number): Buffer =>
  Buffer.from(
    `1767604530.250    120 192.0.2.10 TCP_MISS/200 4512 GET http://www.example.com/index.html u${number} HIER_DIRECT/203.0.113.10 text/html`
  )
const fortigate = Buffer.from(
  '<189>date=2026-01-15 time=10:11:12 devname="fw" devid="FG100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" eventtime=1768471872000000000 tz="+0000" srcip=10.0.0.7 dstip=203.0.113.9 dstport=443 action="close" user="alice" sentbyte=1 rcvdbyte=2'
)
const W3C_HEADER = Buffer.from('#Fields: date time c-ip cs-username cs-method cs-uri sc-status sc-bytes cs-bytes')
const w3cRow = (number: number): Buffer => Buffer.from(`2026-01-05 09:15:30 192.0.2.11 w${number} GET http://www.example.org/a 200 512 100`)

async function start(t: Test, lanes: number, spec: LaneSpec = specOf([{}])) {
  const workers: Worker[] = []
  const onWorker = (worker: Worker) => void workers.push(worker)
  process.on('worker', onWorker)
  const blocks: Block[] = []
  const failures: { lane: number; lostFrames: number }[] = []
  const pool = await LanePool.start(lanes, spec, () => loadParsers(), {
    onBlocks: made => blocks.push(...made),
    onLaneFailure: (lane, _, lostFrames) => failures.push({ lane, lostFrames })
  })
  t.teardown(async () => {
    process.off('worker', onWorker)
    await pool.stop()
  })
  const add = (intake: number, frame: Buffer) => pool.append(intake, frame, 0, frame.length)
  return {
    pool,
    blocks,
    workers,
    failures,
    add,
    totals: () => totalsOf(pool.stats().flatMap(({ stats }) => stats)),
    users: () =>
      [
        ...Object.values(linesBySource(blocks))
          .join('')
          .matchAll(/ suser=(\S+) /g)
      ]
        .map(match => match[1]!)
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  }
}

const numbered = (letter: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${letter}${index}`)

for (const lanes of [1, 2]) {
  t.test(`a flush gives back everything appended before it (lanes: ${lanes})`, async t => {
    const { pool, add, users, totals } = await start(t, lanes)
    const intakes = [pool.openIntake([0]), pool.openIntake([0]), pool.openIntake([0])]
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 2000; i++) add(intakes[i % 3]!, squid(round * 2000 + i))
      await pool.flush()
      t.equal(users().length, (round + 1) * 2000, `round ${round}`)
      t.equal(totals().written, (round + 1) * 2000, 'and in the counts')
      t.equal(pool.framesInFlight, 0)
    }
    t.same(users(), numbered('u', 10_000), 'each once')
  })

  t.test(`after a rest it goes on as before (lanes: ${lanes})`, async t => {
    const { pool, add, users, failures } = await start(t, lanes)
    const intakes = [pool.openIntake([0]), pool.openIntake([0])]
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1000; i++) add(intakes[i % 2]!, squid(round * 1000 + i))
      pool.rest()
      await pool.flush()
      pool.rest()
      t.equal(users().length, (round + 1) * 1000)
    }
    t.same(users(), numbered('u', 3000), 'each once')
    t.same(failures, [])
  })

  t.test(`a flush beside another one waits for what that one covers (lanes: ${lanes})`, async t => {
    const { pool, add, users } = await start(t, lanes)
    const intake = pool.openIntake([0])
    for (let round = 1; round <= 5; round++) {
      for (let i = 0; i < 5000; i++) add(intake, squid(i))
      const first = pool.flush()
      await pool.flush()
      t.equal(users().length, round * 5000, `round ${round}`)
      await first
    }
  })
}

/** A block as a receiver of its own thread fills it. */
function blockOf(frames: readonly (readonly [intake: number, frame: Buffer])[]): FrameBlock {
  const block = new FrameBlock()
  for (const [intake, frame] of frames) block.append(frame, 0, frame.length, intake)
  return block
}

t.test('whole blocks of one heavy sender go to all lanes, and each is paid for with an empty one', async t => {
  const { pool, users } = await start(t, 2)
  const intake = pool.openIntake([0])
  const memory = pool.exchange(blockOf([[intake, squid(0)]]))
  t.equal(memory.byteLength, BLOCK_BYTES)
  await pool.flush()
  for (let block = 0; block < 20; block++) {
    pool.exchange(blockOf(Array.from({ length: 1000 }, (_, i) => [intake, squid(1 + block * 1000 + i)] as const)))
  }
  await pool.flush()
  t.same(users(), numbered('u', 20_001), 'each line once')
  for (const { index, stats } of pool.stats()) t.ok(stats[0]!.frames > 2000, `lane ${index} had ${stats[0]!.frames} frames`)
})

t.test('blocks that several pinned intakes share reach the lane of each, in order with frames that came one by one', async t => {
  const { pool, add, users, totals } = await start(t, 2)
  const intakes = [0, 1, 2, 3].map(() => pool.openIntake([0]))
  pool.exchange(blockOf(intakes.map(intake => [intake, W3C_HEADER] as const)))
  for (let round = 0; round < 50; round++) {
    // together, alone, and one by one: the header row of each is on one lane only
    pool.exchange(blockOf(intakes.flatMap(intake => [intake, intake].map(at => [at, w3cRow(round)] as const))))
    for (const intake of intakes) {
      add(intake, w3cRow(round))
      pool.exchange(blockOf([[intake, w3cRow(round)]]))
    }
  }
  await pool.flush()
  t.equal(users().length, 50 * 4 * 4)
  t.match(totals(), { frames: 4 + 800, skipped: 4, malformed: 0, unidentified: 0 })
})

t.test('one heavy sender without state uses all lanes', async t => {
  const { pool, add } = await start(t, 2)
  const intake = pool.openIntake([0])
  add(intake, squid(0))
  await pool.flush()
  for (let i = 0; i < 20_000; i++) add(intake, squid(i))
  await pool.flush()
  for (const { index, stats } of pool.stats()) t.ok(stats[0]!.frames > 2000, `lane ${index} had ${stats[0]!.frames} frames`)
})

t.test('an intake with state keeps its header while a heavy one without uses both lanes', async t => {
  const { pool, add, users, totals } = await start(t, 2)
  const heavy = pool.openIntake([0])
  add(heavy, squid(0))
  await pool.flush()
  const stateful = [pool.openIntake([0]), pool.openIntake([0])]
  for (const intake of stateful) add(intake, W3C_HEADER)
  for (let row = 0; row < 1000; row++) {
    for (const intake of stateful) add(intake, w3cRow(row))
    for (let i = 0; i < 20; i++) add(heavy, squid(i))
    if (row % 50 === 0) pool.handOver()
  }
  await pool.flush()
  t.equal(users().filter(user => user.startsWith('w')).length, 2000, 'every row was read')
  t.match(totals(), { frames: 1 + 2 + 2000 + 20_000, skipped: 2, malformed: 0, unidentified: 0 })
  for (const { stats } of pool.stats()) t.ok(stats[0]!.frames > 2000, `both lanes worked: ${stats[0]!.frames}`)
})

t.test('a relay that begins to send a format with state is pinned, whatever another lane saw of it', async t => {
  const { pool, add, users, totals } = await start(t, 2)
  const relay = pool.openIntake([0])
  add(relay, squid(0))
  await pool.flush()
  add(relay, W3C_HEADER)
  pool.handOver()
  // The other lane meets this intake for the first time, and is the last to say what it saw: nothing with state.
  for (let i = 0; i < 3000; i++) add(relay, fortigate)
  await pool.flush()
  for (let row = 0; row < 500; row++) {
    add(relay, w3cRow(row))
    if (row % 50 === 0) pool.handOver()
  }
  await pool.flush()
  t.equal(users().filter(user => user.startsWith('w')).length, 500)
  t.match(totals(), { malformed: 0, unidentified: 0 })
})

t.test('senders wait while all blocks are out, and go on when they are back', async t => {
  const { pool, add, users } = await start(t, 2)
  const intake = pool.openIntake([0])
  let count = 0
  while (!pool.isBusy) add(intake, squid(count++))
  t.equal(pool.outstanding, OUTSTANDING_MAX)
  await pool.room()
  t.notOk(pool.isBusy)
  while (!pool.isBusy) add(intake, squid(count++))
  await pool.room(16)
  t.ok(pool.outstanding <= OUTSTANDING_MAX - 16, 'who asks for room for more waits for it')
  await pool.flush()
  t.equal(pool.outstanding, 0)
  t.equal(users().length, count)
})

t.test('thousands of intakes come and go without being forgotten too early', async t => {
  const { pool, add, users, totals } = await start(t, 2)
  for (let i = 0; i < 5000; i++) {
    const intake = pool.openIntake([0])
    add(intake, squid(i))
    pool.closeIntake(intake)
    if (i % 500 === 0) pool.handOver()
  }
  await pool.flush()
  t.same(users(), numbered('u', 5000))
  t.match(totals(), { frames: 5000, unidentified: 0, malformed: 0 })
})

t.test('a lane that ends is counted, what it held is counted as lost, and it is started again', async t => {
  const { pool, add, users, totals, workers, failures } = await start(t, 2)
  const intakes = [pool.openIntake([0]), pool.openIntake([0])]
  for (let i = 0; i < 1000; i++) add(intakes[i % 2]!, squid(i))
  await pool.flush()
  let appended = 1000
  for (; appended < 30_000; appended++) add(intakes[appended % 2]!, squid(appended))
  pool.handOver()
  void workers[0]!.terminate()
  await pool.flush()
  await until('the end is noticed', () => failures.length === 1)
  const lost = pool.lostFrames
  t.equal(failures[0]!.lostFrames, lost)
  await pool.flush()
  t.equal(totals().frames + lost, appended, 'every frame is counted or lost')
  t.equal(totals().written, users().length, 'what is counted as written came back')
  t.equal(pool.framesInFlight, 0)

  // While it is away the other lane serves both intakes.
  for (let i = 0; i < 1000; i++) add(intakes[i % 2]!, squid(appended++))
  await pool.flush()
  t.equal(pool.lostFrames, lost, 'nothing more is lost')
  await until('it is back', () => pool.stats().every(({ alive }) => alive))
  for (let i = 0; i < 1000; i++) add(intakes[i % 2]!, squid(appended++))
  await pool.flush()
  t.equal(totals().frames + lost, appended)
  t.equal(totals().written, users().length)
  t.equal(
    pool.stats().reduce((sum, { restarts }) => sum + restarts, 0),
    1
  )
  t.equal(pool.outstanding, 0)
})
