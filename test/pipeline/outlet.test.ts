import t from 'tap'
import type { Block } from '../../src/contracts.ts'
import { Outlet } from '../../src/pipeline/outlet.ts'
import { blockOf, linesOf, openSpool, scratchDirectory } from '../spool/blocks.ts'

/** An archive that keeps what it is given. */
function memoryArchive() {
  const blocks: Block[] = []
  const archive = { commits: 0, blocks, append: (block: Block) => void blocks.push(block), commit: async () => void archive.commits++ }
  return archive
}

t.test('blocks go to the spool and to the archive, and those of raw lines to the archive only', async t => {
  const spool = await openSpool(scratchDirectory())
  const archive = memoryArchive()
  const outlet = new Outlet(spool, archive)
  const [records, raw] = [blockOf('a', ['one', 'two']), { ...blockOf('a', ['as it came']), forArchive: true as const }]
  outlet.put([records, raw])
  await outlet.commit()
  t.same(await linesOf(spool), ['one', 'two'])
  t.strictSame([archive.blocks, archive.commits], [[records, raw], 1])
  t.match(outlet, { shedRecords: 0, full: false })
  await spool.close()
})

t.test('what the spool has to shed is counted, and no commit is given for it', async t => {
  const spool = await openSpool(scratchDirectory(), { maxBytes: 1 })
  const outlet = new Outlet(spool)
  outlet.put([blockOf('a', ['one', 'two'])])
  t.equal(outlet.shedRecords, 2)
  await t.rejects(outlet.commit(), { code: 'SPOOL_FULL' })
  await spool.close()
})
