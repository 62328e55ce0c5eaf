import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GZIP_HEADER, gzipTrailer } from '../../src/spool/gzip-member.ts'
import { ledgerLine } from '../../src/spool/ledger.ts'
import { blockOf, openSpool, scratchDirectory } from './blocks.ts'

const COUNT = 20_000

t.test('twenty thousand waiting segments are listed at start without reading them', async t => {
  const dir = scratchDirectory()
  await (await openSpool(dir)).close()
  const empty = Buffer.concat([GZIP_HEADER, gzipTrailer(0, 0)])
  const ids = Array.from({ length: COUNT }, (_, i) => `${String(1_700_000_000_000 + i * 7).padStart(14, '0')}-000000`)
  for (const id of ids) {
    writeFileSync(join(dir, 'closed', `${id}.gz`), empty)
    writeFileSync(join(dir, 'closed', `${id}.ledger`), ledgerLine({ t: 'segment', v: 1, source: 's', format: 'cef', createdMs: 1 }))
  }
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const startMs = performance.now()
  const spool = await openSpool(dir)
  const elapsedMs = Math.round(performance.now() - startMs)
  const heapMiB = ((process.memoryUsage().heapUsed - heapBefore) / 2 ** 20).toFixed(1)
  t.comment(`${COUNT} segments: ${elapsedMs} ms, ${heapMiB} MiB of heap (garbage included)`)
  t.same(spool.waiting(), ids)
  t.equal(spool.stats().segments.closed, COUNT)
  t.equal(spool.stats().oldestMs, 1_700_000_000_000)
  t.ok(spool.stats().bytes > COUNT * empty.length)
  spool.append(blockOf('s', ['new']))
  await spool.closeAll()
  t.equal(spool.waiting().length, COUNT + 1)
  t.ok(spool.waiting().at(-1)! > ids.at(-1)!)
  await spool.close()
})
