import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CollectorError } from '../../src/errors.ts'
import { dataPath, ledgerPath } from '../../src/spool/layout.ts'
import type { SegmentSpool } from '../../src/spool/spool.ts'
import fc from '../property-kit.ts'
import { blockOf, DAY_MS, finishedLines, linesOf, openSpool, scratchDirectory, until } from './blocks.ts'
import { type Fault, FaultyIo, type Operation } from './faulty-io.ts'

function faulty(): { io: FaultyIo; fail: (fault: Fault, ...operations: Operation[]) => void } {
  const io = new FaultyIo()
  return { io, fail: (fault, ...operations) => void (io.fault = operation => (operations.includes(operation) ? fault : undefined)) }
}

/** Waits for one commit that succeeds, as blocks that were refused are tried again behind the scenes. */
async function commitAtLast(spool: SegmentSpool): Promise<void> {
  for (;;) {
    const done = await spool.commit().then(
      () => true,
      () => false
    )
    if (done) return
  }
}

t.test('while a file operation fails, commit says so, and afterwards every block is there once', async t => {
  const cases: [Fault, Operation][] = [
    ['EIO', 'open'],
    ['ENOSPC', 'open'],
    ['EIO', 'write'],
    ['ENOSPC', 'write'],
    ['torn', 'write'],
    ['EIO', 'datasync'],
    ['ENOSPC', 'datasync'],
    ['EIO', 'syncDirectory']
  ]
  for (const [fault, operation] of cases) {
    for (const before of [0, 1]) {
      const { io, fail } = faulty()
      const dir = scratchDirectory()
      const spool = await openSpool(dir, { io })
      const expected: string[] = []
      const put = (line: string): void => {
        expected.push(line)
        spool.append(blockOf('s', [line]))
      }
      if (before === 1) put('before')
      await spool.commit()
      fail(fault, operation)
      put('during')
      const code = fault === 'ENOSPC' ? 'SPOOL_FULL' : 'SPOOL_IO'
      // An open file needs neither `open` nor a directory sync; then nothing fails, and that is right.
      const isNeeded = before === 0 || !['open', 'syncDirectory'].includes(operation)
      const error = await spool.commit().then(
        () => undefined,
        error => error as CollectorError
      )
      t.equal(error?.code, isNeeded ? code : undefined, `${fault} in ${operation}, ${before} before`)
      t.equal(spool.stats().writable, !isNeeded)
      if (code === 'SPOOL_FULL' && isNeeded) t.equal(spool.full, true)
      put('behind')
      fail(undefined)
      await commitAtLast(spool)
      t.equal(spool.full, false)
      t.same(await finishedLines(spool), expected.sort())
      await spool.close()
    }
  }
})

t.test('short writes are gone on with', async t => {
  const { io, fail } = faulty()
  const spool = await openSpool(scratchDirectory(), { io })
  fail('short', 'write')
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`)
  for (const line of lines) spool.append(blockOf('s', [line]))
  await spool.commit()
  t.same(await finishedLines(spool), lines.sort())
  t.equal(spool.stats().writeFailures, 0)
  await spool.close()
})

t.test('with a full disk, memory is bounded: full at its mark, then blocks are shed and counted, and commit never lies', async t => {
  const { io, fail } = faulty()
  const spool = await openSpool(scratchDirectory(), { io, queueMaxBytes: 2000 })
  const kept: string[] = []
  fail('ENOSPC', 'write', 'open')
  for (let i = 0; i < 400; i++) if (spool.append(blockOf('udp', [`line ${i}`]))) kept.push(`line ${i}`)
  t.equal(spool.full, true)
  t.ok(spool.stats().queuedBytes <= 4000)
  t.ok(kept.length > 50 && kept.length < 400)
  await t.rejects(spool.commit(), { code: 'SPOOL_FULL' })
  const [stats] = spool.stats().sources
  t.match(stats, { appendedBlocks: 400, shedBlocks: 400 - kept.length, shedRecords: 400 - kept.length })
  fail(undefined)
  await commitAtLast(spool)
  t.equal(spool.full, false)
  t.same(await finishedLines(spool), kept.sort())
  await spool.close()
})

t.test('on a full disk what is durable can still be closed, uploaded and removed, which frees the rest', async t => {
  const { io } = faulty()
  const dir = scratchDirectory()
  const spool = await openSpool(dir, { io, archiveCount: 0 })
  spool.append(blockOf('s', ['durable']))
  await spool.commit()
  const [id] = (await spool.reader.ids('open')) as [string]
  // Once the reserve file is given up there is room again, but only for a few bytes of the segment that is there.
  let hasReserve = true
  io.fault = (operation, path) => {
    if (operation === 'remove' && path.endsWith('/reserve')) hasReserve = false
    return operation === 'write' && (hasReserve || !path.includes(id)) ? 'ENOSPC' : undefined
  }
  spool.append(blockOf('s', ['in memory']))
  await t.rejects(spool.commit(), { code: 'SPOOL_FULL' })
  spool.flushIntervalMs = 1
  await until(() => spool.waiting().length > 0)
  t.same([spool.waiting(), await linesOf(spool, ['closed'])], [[id], ['durable']])
  await spool.advance(id, 'stored')
  await spool.done(id)
  io.fault = () => undefined
  spool.flushIntervalMs = 3_600_000
  await commitAtLast(spool)
  t.same(await finishedLines(spool), ['in memory'])
  await spool.close()
})

t.test('a file that cannot be written any more does not hold the blocks of its source', async t => {
  const { io } = faulty()
  const spool = await openSpool(scratchDirectory(), { io })
  spool.append(blockOf('s', ['first']))
  await spool.commit()
  const bad = `${(await spool.reader.ids('open'))[0]!}.gz`
  io.fault = (operation, path) => (operation === 'write' && path.endsWith(bad) ? 'EIO' : undefined)
  spool.append(blockOf('s', ['second']))
  await commitAtLast(spool)
  t.same(await linesOf(spool), ['first', 'second'])
  io.fault = () => undefined
  t.same(await finishedLines(spool), ['first', 'second'])
  await spool.close()
})

/** Bytes of the two files of an open segment. */
const bytesOf = (dir: string, id: string): number => statSync(dataPath(dir, 'open', id)).size + statSync(ledgerPath(dir, 'open', id)).size

t.test('a segment that could not be recovered keeps its name, also after the clock went back', async t => {
  const [first, second, third] = [scratchDirectory(), scratchDirectory(), scratchDirectory()]
  const before = await openSpool(first, { now: () => DAY_MS })
  before.append(blockOf('a', ['a1']))
  before.append(blockOf('b', ['b1']))
  await before.commit()
  const ids = await before.reader.ids('open')
  t.equal(ids.length, 2)
  cpSync(first, second, { recursive: true }) // as after a kill
  await before.close()

  const { io } = faulty()
  io.fault = (operation, path) => (operation === 'open' && path.endsWith(`${ids[1]}.gz`) ? 'EIO' : undefined)
  const during = await openSpool(second, { io, now: () => DAY_MS - 3_600_000 })
  io.fault = () => undefined
  const { unrecovered, bytes, records } = during.stats()
  t.match(unrecovered, { segments: 1, bytes: bytesOf(second, ids[1]!) }, 'how many wait for the next start, and their bytes')
  t.equal(bytes, bytesOf(second, ids[0]!) + unrecovered.bytes, 'which the spool holds all the same')
  t.same([...records.spooled], [['a', 1]], 'whose they are nobody has read')
  during.append(blockOf('c', ['c1']))
  await during.commit()
  cpSync(second, third, { recursive: true })
  await during.close()

  const after = await openSpool(third)
  t.match(after.stats().unrecovered, { segments: 0, bytes: 0 })
  t.same(await finishedLines(after), ['a1', 'b1', 'c1'])
  await after.close()
})

t.test('steps whose ledger cannot be written reject and can be tried again', async t => {
  const { io, fail } = faulty()
  const spool = await openSpool(scratchDirectory(), { io })
  spool.append(blockOf('s', ['x']))
  await spool.closeAll()
  const id = spool.waiting()[0]!
  for (const [fault, operation, code] of [
    ['EIO', 'write', 'SPOOL_IO'],
    ['torn', 'write', 'SPOOL_IO'],
    ['EIO', 'datasync', 'SPOOL_IO'],
    ['ENOSPC', 'write', 'SPOOL_FULL']
  ] as const) {
    fail(fault, operation)
    await t.rejects(spool.advance(id, 'stored'), { code, retryable: true })
  }
  fail(undefined)
  await spool.advance(id, 'issued', { uploadUrl: 'u', provider: 'azure' })
  t.match(await spool.segment(id), { step: 'issued', uploadUrl: 'u' })
  fail('EIO', 'rename')
  await t.rejects(spool.done(id), { code: 'SPOOL_IO' })
  fail(undefined)
  await spool.done(id)
  t.same(spool.waiting(), [])
  await spool.close()
})

t.test('free space below the reserve makes the spool full, and more space ends that without a restart', async t => {
  const { io } = faulty()
  io.free = 500_000
  const spool = await openSpool(scratchDirectory(), { io, diskReserveBytes: 1_000_000 })
  t.equal(spool.full, true)
  io.free = 500_000_000
  await until(() => !spool.full)
  t.equal(spool.full, false)
  await spool.close()
})

t.test('random faults, then a power cut: all that was confirmed is there, and nothing twice', async t => {
  const fault = fc.constantFrom<Fault>('ENOSPC', 'EIO', 'short', 'torn', undefined)
  const operations = fc.constantFrom<Operation>('open', 'write', 'datasync', 'rename', 'truncate', 'syncDirectory')
  const action = fc.record({
    fault,
    operations,
    skip: fc.nat(6),
    lines: fc.integer({ min: 1, max: 5 }),
    source: fc.nat(2),
    closes: fc.boolean()
  })
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 8 }), async actions => {
      const io = new FaultyIo()
      const dir = scratchDirectory()
      const spool = await openSpool(dir, { io, segmentMaxBytes: 200, commitIntervalMs: 1 })
      let pending: string[] = []
      const confirmed: string[] = []
      let serial = 0
      for (const { fault, operations, skip, lines, source, closes } of actions) {
        let count = 0
        io.fault = operation => (operation === operations && ++count > skip && count < skip + 4 ? fault : undefined)
        const block = Array.from({ length: lines }, () => `id-${serial++}`)
        pending.push(...block)
        spool.append(blockOf(`source-${source}`, block))
        if (closes) await spool.closeAll().catch(() => undefined)
        const isSafe = await spool.commit().then(
          () => true,
          () => false
        )
        if (!isSafe) continue
        confirmed.push(...pending)
        pending = []
      }
      const copy = scratchDirectory()
      cpSync(dir, copy, { recursive: true })
      const again = await openSpool(copy)
      const found = await finishedLines(again)
      await again.close()
      io.fault = () => undefined
      await commitAtLast(spool)
      const all = await finishedLines(spool)
      const { bytes } = spool.stats()
      const onDisk = ['open', 'closed'].flatMap(folder =>
        readdirSync(join(dir, folder)).map(name => statSync(join(dir, folder, name)).size)
      )
      await spool.close()
      const lost = confirmed.filter(line => !found.includes(line))
      if (lost.length > 0) throw new Error(`lost: ${lost}`)
      if (new Set(found).size !== found.length) throw new Error(`doubled after the crash: ${found}`)
      if (all.length !== serial || new Set(all).size !== serial) throw new Error(`without a crash: ${all.length} of ${serial}`)
      const size = onDisk.reduce((sum, one) => sum + one, 0)
      if (bytes !== size) throw new Error(`${bytes} bytes where the files have ${size}`)
    }),
    { numRuns: 60 }
  )
  t.pass('no run lost or doubled a line')
})

t.test('a disk that fails at the end is told, with what was lost', async t => {
  const { io, fail } = faulty()
  const spool = await openSpool(scratchDirectory(), { io })
  spool.append(blockOf('s', ['x']))
  fail('EIO', 'write')
  await t.rejects(spool.close(), new CollectorError('SPOOL_IO', 'Cannot write 1 blocks before the end'))
  t.equal(spool.append(blockOf('s', ['y'])), false)
})

t.test('a directory that cannot be used is SPOOL_UNUSABLE', async t => {
  const file = execFileSync('mktemp').toString().trim()
  await t.rejects(openSpool(file), { code: 'SPOOL_UNUSABLE' })
})
