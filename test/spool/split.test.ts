/** A segment that is too large becomes two: no line is lost or doubled, whatever the disk does and wherever the process dies. */
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SegmentSpool } from '../../src/spool/spool.ts'
import { blockOf, finishedLines, openSpool, scratchDirectory } from './blocks.ts'
import { FaultyIo } from './faulty-io.ts'

const BLOCKS = [['a1', 'a2'], ['b1'], ['c1', 'c2', 'c3'], ['d1'], ['e1']]
const ALL = BLOCKS.flat()

async function closedSpool(blocks = BLOCKS, prelude = ''): Promise<{ dir: string; id: string }> {
  const dir = scratchDirectory()
  const spool = await openSpool(dir, { preludes: () => Buffer.from(prelude) })
  for (const lines of blocks) spool.append(blockOf('s', lines, prelude === '' ? 'cef' : 'csv'))
  await spool.closeAll()
  const id = spool.waiting()[0]!
  await spool.close()
  return { dir, id }
}

function copyOf(dir: string): string {
  const copy = scratchDirectory()
  cpSync(dir, copy, { recursive: true })
  return copy
}

/** Splits it again and again until only single blocks are left. */
async function splitAll(spool: SegmentSpool): Promise<number> {
  let singles = 0
  const seen = new Set<string>()
  for (;;) {
    await spool.closeAll()
    const id = spool.waiting().find(id => !seen.has(id))
    if (id === undefined) return singles
    if (await spool.split(id)) continue
    seen.add(id)
    singles++
  }
}

const spooled = (spool: SegmentSpool): number | undefined => spool.stats().records.spooled.get('s')

t.test('two halves of whole blocks wait in its place, each a sound file with the head of lines', async t => {
  const { dir, id } = await closedSpool(BLOCKS, 'head\n')
  const spool = await openSpool(dir, { preludes: () => Buffer.from('head\n') })
  t.equal(await spool.split(id), true)
  t.equal(spooled(spool), ALL.length, 'each record is in one count at once')
  t.same(await finishedLines(spool), [...ALL, 'head', 'head'].sort())
  t.same(spool.waiting(), [`${id}a`, `${id}b`])
  for (const half of spool.waiting()) {
    t.equal(await spool.inspect(half), undefined, 'sound')
    t.match(await spool.segment(half), { source: 's', format: 'csv', step: 'closed', ambiguousFinalises: 0 })
    t.equal((await spool.reader.ledger(half, 'closed')).header?.splitFrom, id)
  }
  t.equal(spooled(spool), ALL.length)
  t.same(spool.stats().segments.setAside, 0)
  await spool.close()
})

t.test('halves are halved until each is one block, which is left as it is', async t => {
  const { dir } = await closedSpool()
  const spool = await openSpool(dir)
  t.equal(await splitAll(spool), BLOCKS.length)
  t.same(await finishedLines(spool), ALL)
  for (const id of spool.waiting()) t.equal((await spool.reader.ledger(id, 'closed')).pieces.length, 1)
  t.same(readdirSync(join(dir, 'open')), [], 'no copy is left')
  await spool.close()
})

t.test('a half does not grow again after a restart', async t => {
  const { dir, id } = await closedSpool()
  const io = new FaultyIo()
  const spool = await openSpool(dir, { io })
  let frozen: string | undefined
  io.succeeded = (operation, path) => {
    if (operation === 'syncDirectory' && path.endsWith('closed')) frozen ??= copyOf(dir) // the original is gone, the halves are open
  }
  await spool.split(id)
  await spool.close()
  const again = await openSpool(frozen!)
  again.append(blockOf('s', ['new']))
  await again.commit()
  t.same(await finishedLines(again), [...ALL, 'new'])
  t.equal(again.waiting().length, 3)
  await again.close()
})

t.test('a crash before any file operation of a split: every line is there once', async t => {
  const { dir, id } = await closedSpool()
  let operations = 1
  for (let at = 0; at < operations; at++) {
    const io = new FaultyIo()
    const first = copyOf(dir)
    const spool = await openSpool(first, { io })
    let seen = 0
    let frozen: string | undefined
    io.fault = operation => {
      if (operation === 'freeBytes') return undefined // by the clock
      if (seen++ === at) frozen = copyOf(first) // as the dead process leaves the files
      return undefined
    }
    await spool.split(id)
    await spool.closeAll()
    operations = seen
    await spool.close()
    const again = await openSpool(frozen!)
    t.equal(spooled(again), ALL.length, `before operation ${at}: counted once`)
    t.same(await finishedLines(again), ALL, `before operation ${at} of ${operations}`)
    t.equal(again.stats().segments.setAside, 0)
    await again.close()
  }
  t.ok(operations > 20, `${operations} operations`)
})

t.test('a disk that fails at any operation of a split: it is finished later, before anything else becomes of the segment', async t => {
  const { dir, id } = await closedSpool()
  for (const fault of ['EIO', 'ENOSPC', 'torn'] as const) {
    let operations = 1
    for (let at = 0; at < operations; at++) {
      const io = new FaultyIo()
      const copy = copyOf(dir)
      const spool = await openSpool(copy, { io })
      let seen = 0
      io.fault = operation =>
        operation !== 'freeBytes' && seen++ === at ? (operation === 'write' || fault !== 'torn' ? fault : 'EIO') : undefined
      const result = await spool.split(id).catch((error: { code: string }) => error.code)
      t.ok(result === true || result === 'SPOOL_IO' || result === 'SPOOL_FULL', String(result))
      operations = seen
      io.fault = () => undefined
      t.equal(spooled(spool), ALL.length, `${fault} at ${at}: counted once`)
      if (result !== true) t.equal(await spool.segment(id), undefined, `${fault} at ${at}: asked for, the split is finished first`)
      t.same(await finishedLines(spool), ALL, `${fault} at ${at} of ${operations}`)
      await spool.close()
      const again = await openSpool(copy)
      t.same(await finishedLines(again), ALL, `${fault} at ${at}, after a restart`)
      await again.close()
    }
  }
})

t.test('a single block is not split, and may be set aside', async t => {
  const { dir, id } = await closedSpool([['only']])
  const spool = await openSpool(dir)
  t.equal(await spool.split(id), false)
  await spool.setAside(id, 'too large')
  t.equal(spool.stats().segments.setAside, 1)
  await spool.close()
})
