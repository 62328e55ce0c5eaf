/** What the pipeline says and knows when it starts over a spool of an earlier process. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { startPipeline } from '../../src/pipeline.ts'
import { SegmentSpool } from '../../src/spool/spool.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { blockOf } from '../spool/blocks.ts'
import { testDir } from '../test-dir.ts'

t.setTimeout(600_000)

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
  t.teardown(() => pipeline.stop(60_000))
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
  await refused.stop(60_000)
  t.equal(spool.unrecoveredSegments, 1)
  t.ok(spool.unrecoveredBytes > 0 && spool.bytes >= spool.unrecoveredBytes)
  t.match(balance, { balanced: true, delivery: { recovered: 0 } })
  t.match(reasons, [/could not be recovered at the start/])
  rmdirSync(ledger)
  renameSync(`${ledger}-away`, ledger)
  const well = await startPipeline(configOver(dir, cwd), { log, version: 'test' })
  t.teardown(() => well.stop(60_000))
  const after = well.status()
  t.match(after, { spool: { unrecoveredSegments: 0, unrecoveredBytes: 0 }, balance: { delivery: { recovered: 2 } } })
  t.same(after.reasons, [])
})

const NOW_MS = Date.now()
const cefLine = (user: string): string => `CEF:0|Sluice|Sluice|1|traffic|traffic|1|rt=${NOW_MS} src=10.0.0.1 dst=192.0.2.1 suser=${user}`

t.test('moves between open/ and closed/ that were broken off are finished, and each record reaches the tenant once', async t => {
  const cwd = testDir(t)
  const dir = join(cwd, 'spool')
  const earlier = await SegmentSpool.open({ dir, maxBytes: 1e9 })
  for (const line of ['a', 'b', 'c', 'd']) {
    earlier.append(blockOf('sluice', [cefLine(`${line}1`), cefLine(`${line}2`)]))
    await earlier.closeAll()
  }
  const [dataMoved, ledgerMoved, refused] = earlier.waiting() as [string, string, string]
  await earlier.close()
  const place = (folder: string, name: string): string => join(dir, folder, name)
  for (const name of [`${dataMoved}.ledger`, `${ledgerMoved}.gz`, `${refused}.gz`, `${refused}.ledger`])
    renameSync(place('closed', name), place('open', name))
  // A file cannot take the place of a directory, for nobody: the data move, their ledger cannot.
  mkdirSync(place('closed', `${refused}.ledger`))

  const pipeline = await startPipeline(configOver(dir, cwd), { log: createLogger({ level: 'silent' }), version: 'test' })
  t.teardown(() => pipeline.stop(60_000))
  t.same(readdirSync(place('closed', '')).includes(`${refused}.gz`), true)
  t.same(readdirSync(place('open', '')), [`${refused}.ledger`])
  t.match(pipeline.status(), { spool: { unrecoveredSegments: 0, segments: { 'set-aside': 0 } }, balance: { balanced: true } })
  const uploaded = (): number => pipeline.status().balance.delivery.uploaded
  while (uploaded() < 6) await sleep(50)
  t.equal(uploaded(), 6, 'the other three do not wait for it')
  rmdirSync(place('closed', `${refused}.ledger`))
  while (uploaded() < 8) await sleep(50)

  const tenant = join(cwd, 'tenant', 'sluice')
  const files = readdirSync(tenant).filter(name => name.endsWith('.gz'))
  const lines = files.flatMap(name =>
    gunzipSync(readFileSync(join(tenant, name)))
      .toString()
      .split('\n')
      .filter(Boolean)
  )
  t.same(lines.sort(), ['a1', 'a2', 'b1', 'b2', 'c1', 'c2', 'd1', 'd2'].map(cefLine))
  t.match(pipeline.status(), { balance: { balanced: true, delivery: { recovered: 8, uploaded: 8, spooled: 0, setAside: 0 } } })
})
