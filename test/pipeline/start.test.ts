/** What the pipeline says and knows when it starts over a spool of an earlier process. */
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { startPipeline } from '../../src/pipeline.ts'
import { SegmentSpool } from '../../src/spool/spool.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { blockOf } from '../spool/blocks.ts'
import { testDir } from '../test-dir.ts'

function configOver(dir: string, cwd: string) {
  const text = `spool: { dir: ${dir} }
lanes: 1
receivers: [{ type: syslog, protocols: [tcp], listen: "127.0.0.1:0" }]
tenant: { local: { dir: ${join(cwd, 'tenant')}, listen: "127.0.0.1:0" } }
`
  return parseConfig(text, { file: 'test', env: {}, cwd }).config
}

t.test('segments that an earlier process set aside are named again, with their reason, and stay in the balance', async t => {
  const cwd = testDir(t)
  const dir = join(cwd, 'spool')
  const earlier = await SegmentSpool.open({ dir, maxBytes: 1e9 })
  earlier.append(blockOf('sluice', ['one', 'two']))
  await earlier.closeAll()
  const [id] = earlier.waiting()
  await earlier.setAside(id!, 'for a test')
  await earlier.close()
  const out = new PassThrough()
  const pipeline = await startPipeline(configOver(dir, cwd), { log: createLogger({ destination: out }), version: 'test' })
  t.teardown(() => pipeline.stop(5000))
  const logged = String(out.read())
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as { segment?: string; reason?: string; level: string })
  t.match(
    logged.find(({ segment }) => segment === id),
    { level: 'warn', reason: 'for a test' }
  )
  const { balance } = pipeline.status()
  t.match(balance, { balanced: true, delivery: { recovered: 2, setAside: 2, spooled: 0 } })
})

t.test('a segment that the disk refuses is told by count and bytes until a start reads it, and is then counted', async t => {
  const cwd = testDir(t)
  const dir = join(cwd, 'spool')
  const earlier = await SegmentSpool.open({ dir, maxBytes: 1e9 })
  earlier.append(blockOf('sluice', ['one', 'two']))
  await earlier.commit()
  const [id] = await earlier.reader.ids('open')
  await earlier.close()
  // A directory cannot be read as a file, by nobody.
  const ledger = join(dir, 'open', `${id}.ledger`)
  renameSync(ledger, `${ledger}-away`)
  mkdirSync(ledger)
  const log = createLogger({ level: 'silent' })
  const refused = await startPipeline(configOver(dir, cwd), { log, version: 'test' })
  const { spool, balance, reasons } = refused.status()
  await refused.stop(5000)
  t.equal(spool.unrecoveredSegments, 1)
  t.ok(spool.unrecoveredBytes > 0 && spool.bytes >= spool.unrecoveredBytes)
  t.match(balance, { balanced: true, delivery: { recovered: 0 } })
  t.match(reasons, [/could not be recovered at the start/])
  rmdirSync(ledger)
  renameSync(`${ledger}-away`, ledger)
  const well = await startPipeline(configOver(dir, cwd), { log, version: 'test' })
  t.teardown(() => well.stop(5000))
  const after = well.status()
  t.match(after, { spool: { unrecoveredSegments: 0, unrecoveredBytes: 0 }, balance: { delivery: { recovered: 2 } } })
  t.same(after.reasons, [])
})
