/** Damage of a closed segment is found before the upload, costs only the blocks it hit, and each record stays in one count. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { SegmentSpool } from '../../src/spool/spool.ts'
import { blockOf, finishedLines, openSpool, scratchDirectory } from './blocks.ts'
import { FaultyIo } from './faulty-io.ts'

const BLOCKS = [['a1', 'a2'], ['b1'], ['c1', 'c2', 'c3'], ['d1']]
const ALL = BLOCKS.flat()

async function closedSpool(
  format: 'cef' | 'csv' = 'cef'
): Promise<{ dir: string; id: string; path: string; pieces: { offset: number; length: number }[] }> {
  const dir = scratchDirectory()
  const spool = await openSpool(dir, { preludes: () => Buffer.from(format === 'csv' ? 'head\n' : '') })
  for (const lines of BLOCKS) spool.append(blockOf('s', lines, format))
  await spool.closeAll()
  const id = spool.waiting()[0]!
  const { path } = (await spool.segment(id))!
  const { pieces } = await spool.reader.ledger(id, 'closed')
  await spool.close()
  return { dir, id, path, pieces: pieces.filter(piece => piece.t === 'block') }
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= 0x10
  writeFileSync(path, bytes)
}

const counts = (spool: SegmentSpool): { spooled: number; setAside: number; recovered: number } => {
  const { spooled, setAside, recovered } = spool.stats().records
  return { spooled: spooled.get('s') ?? 0, setAside: setAside.get('s') ?? 0, recovered: recovered.get('s') ?? 0 }
}

t.test('a sound segment is let through', async t => {
  const { dir, id } = await closedSpool('csv')
  const spool = await openSpool(dir)
  t.equal(await spool.inspect(id), undefined)
  t.same(spool.waiting(), [id])
  await spool.close()
})

t.test('a flipped byte anywhere in the file: what it hit is set aside and named, all else is uploaded', async t => {
  const base = await closedSpool()
  const size = readFileSync(base.path).length
  for (let at = 0; at < size; at++) {
    const dir = scratchDirectory()
    cpSync(base.dir, dir, { recursive: true })
    const spool = await openSpool(dir)
    const { path } = (await spool.segment(base.id))!
    flip(path, at)
    const hit = base.pieces.findIndex(({ offset, length }) => offset <= at && at < offset + length)
    const lost = hit < 0 ? [] : BLOCKS[hit]!
    t.match(await spool.inspect(base.id), /./, `byte ${at} is found`)
    t.same(
      await finishedLines(spool),
      ALL.filter(line => !lost.includes(line)),
      `byte ${at}`
    )
    t.same(counts(spool), { spooled: ALL.length - lost.length, setAside: lost.length, recovered: ALL.length }, `byte ${at}`)
    for (const id of spool.waiting()) t.same(await spool.reader.check(id), { sound: true })
    const aside = await spool.reader.segment(base.id)
    t.match(aside, { step: 'set-aside', source: 's', recordCount: lost.length, carriedTo: `${base.id}r` })
    if (hit >= 0) t.match(aside?.reason, new RegExp(`${lost.length} records in 1 blocks are lost`))
    await spool.close()
    const again = await openSpool(dir)
    t.same(counts(again), { spooled: ALL.length - lost.length, setAside: lost.length, recovered: ALL.length }, 'the next start agrees')
    await again.close()
  }
})

t.test('a damaged head of file is set aside whole, since no line below it could be read', async t => {
  const { dir, id, path, pieces } = await closedSpool('csv')
  flip(path, pieces[0]!.offset - 6)
  const spool = await openSpool(dir)
  await spool.inspect(id)
  t.match(await spool.reader.segment(id), { step: 'set-aside', recordCount: ALL.length, reason: /head of its file is damaged/ })
  t.same(counts(spool), { spooled: 0, setAside: ALL.length, recovered: ALL.length })
  await spool.close()
})

t.test('a ledger without sums of the deflated bytes, as Sluice 0.1 wrote it, is checked by inflating', async t => {
  const { dir, id, path, pieces } = await closedSpool()
  const { ledgerLine, parseLedger } = await import('../../src/spool/ledger.ts')
  const ledgerFile = path.replace(/gz$/, 'ledger')
  const ledger = parseLedger(readFileSync(ledgerFile))
  const old = ledger.pieces.map(({ deflatedCrc32: _, ...piece }) => piece)
  writeFileSync(ledgerFile, Buffer.concat([ledger.header!, ...old, ledger.closed!].map(ledgerLine)))
  const spool = await openSpool(dir)
  t.equal(await spool.inspect(id), undefined)
  flip(path, pieces[1]!.offset + 1)
  t.match(await spool.inspect(id), /piece 2 of 4/)
  t.same(
    await finishedLines(spool),
    ALL.filter(line => line !== 'b1')
  )
  await spool.close()
})

t.test('a crash before any file operation of a rescue: every sound line is there once at the next start', async t => {
  const { dir: base, id, path, pieces } = await closedSpool()
  flip(path, pieces[1]!.offset + 3)
  const sound = ALL.filter(line => line !== 'b1')
  let operations = Number.POSITIVE_INFINITY
  for (let at = 0; at < operations; at++) {
    const dir = scratchDirectory()
    cpSync(base, dir, { recursive: true })
    const io = new FaultyIo()
    const spool = await openSpool(dir, { io })
    let count = 0
    let frozen: string | undefined
    io.fault = operation => {
      if (operation === 'freeBytes') return undefined // by the clock
      if (frozen === undefined && count++ === at) {
        frozen = scratchDirectory()
        cpSync(dir, frozen, { recursive: true })
      }
      return frozen === undefined ? undefined : 'EIO'
    }
    const isRefused = await spool.inspect(id).then(
      () => false,
      () => true
    )
    await spool.closeAll().catch(() => undefined)
    if (frozen === undefined) operations = count
    else {
      const again = await openSpool(frozen)
      for (const waiting of again.waiting()) await again.inspect(waiting)
      t.same(await finishedLines(again), sound, `crash before operation ${at}`)
      t.same(counts(again), { spooled: sound.length, setAside: 1, recovered: ALL.length }, `crash before operation ${at}`)
      await again.close()
    }
    io.fault = () => undefined
    // The same process, when the disk is well again.
    if (isRefused) await spool.inspect(id)
    t.same(await finishedLines(spool), sound, `trouble before operation ${at} that passes`)
    await spool.close()
  }
  t.ok(operations > 10, `${operations} operations were tried`)
})
