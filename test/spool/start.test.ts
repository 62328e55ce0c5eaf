import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { GZIP_HEADER, gzipTrailer } from '../../src/spool/gzip-member.ts'
import { ledgerLine } from '../../src/spool/ledger.ts'
import { blockOf, openSpool, scratchDirectory } from './blocks.ts'

const COUNT = process.env.SLUICE_TEST_NIGHTLY === undefined ? 5_000 : 100_000
const RECORDS = 3
const SET_ASIDE = 10

t.setTimeout(600_000)

/** Closed segments, as the spool writes them. */
function fill(dir: string): string[] {
  const { bytes, rawLength, crc32: sum } = blockOf('s', ['one', 'two', 'three'])
  const data = Buffer.concat([GZIP_HEADER, bytes, gzipTrailer(sum, rawLength)])
  const sums = { rawLength, crc32: sum, recordCount: RECORDS, firstTime: 1, lastTime: 2 }
  const piece = ledgerLine({ t: 'block', offset: 10, length: bytes.length, deflatedCrc32: crc32(bytes), ...sums })
  const closed = ledgerLine({ ...sums, t: 'closed', closedMs: 1, bytes: data.length, rawBytes: rawLength })
  const ids = Array.from({ length: COUNT }, (_, i) => `${String(1_700_000_000_000 + i * 7).padStart(14, '0')}-000000`)
  for (const [index, id] of ids.entries()) {
    const folder = join(dir, index < SET_ASIDE ? 'set-aside' : 'closed')
    const head = ledgerLine({ t: 'segment', v: 1, source: `s${index % 200}`, format: 'cef', createdMs: 1 })
    writeFileSync(join(folder, `${id}.gz`), data)
    writeFileSync(join(folder, `${id}.ledger`), Buffer.concat([head, piece, closed]))
  }
  return ids.slice(SET_ASIDE)
}

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((total, count) => total + count, 0)
const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

t.test(`${COUNT} segments: the start reads some ledgers, the others follow, and the balance says when all are counted`, async t => {
  const dir = scratchDirectory()
  await (await openSpool(dir)).close()
  const ids = fill(dir)
  const heapBefore = heap()
  const startMs = performance.now()
  const spool = await openSpool(dir)
  const openedMs = Math.round(performance.now() - startMs)
  const { records: early, oldestMs, segments } = spool.stats()
  t.same(spool.waiting(), ids)
  t.match(segments, { closed: ids.length, setAside: SET_ASIDE })
  t.equal(oldestMs, 1_700_000_000_000 + SET_ASIDE * 7)
  t.ok(early.unreadSegments > 0, `${early.unreadSegments} ledgers are left for later`)
  t.equal(sum(early.recovered) + early.unreadSegments * RECORDS, COUNT * RECORDS, 'what is counted and what is not make up the whole')
  t.equal(spool.sourceOf(ids[0]!), `s${SET_ASIDE}`, 'the oldest are known first')
  t.equal(spool.sourceOf(ids.at(-1)!), undefined)

  // Work goes on meanwhile, and a segment that is not counted yet may be asked for.
  t.match(await spool.segment(ids.at(-1)!), { recordCount: RECORDS })
  await spool.done(ids.at(-1)!)
  spool.append(blockOf('new', ['new']))
  await spool.closeAll()
  while (spool.stats().records.unreadSegments > 0) await sleep(20)
  const countedMs = Math.round(performance.now() - startMs)
  const heapMiB = ((heap() - heapBefore) / 2 ** 20).toFixed(1)
  t.comment(`${COUNT} segments: open after ${openedMs} ms, counted after ${countedMs} ms, ${heapMiB} MiB of heap (garbage included)`)
  const { records } = spool.stats()
  t.equal(sum(records.recovered), COUNT * RECORDS)
  t.equal(sum(records.setAside), SET_ASIDE * RECORDS)
  t.equal(sum(records.spooled), (COUNT - SET_ASIDE - 1) * RECORDS + 1)
  t.equal(spool.sourceOf(ids.at(-2)!), `s${(COUNT - 2) % 200}`)
  t.ok(spool.waiting().at(-1)! > ids.at(-1)!, 'ids only grow')
  await spool.close()
})

t.test('a start that is ended at once does not wait for the count', async t => {
  const dir = scratchDirectory()
  await (await openSpool(dir)).close()
  fill(dir)
  const spool = await openSpool(dir)
  await spool.close()
  t.ok(spool.stats().records.unreadSegments > 0)
})
