/** What the pipeline says and knows when it starts over a spool of an earlier process. */
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { startPipeline } from '../../src/pipeline.ts'
import { SegmentSpool } from '../../src/spool/spool.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { blockOf } from '../spool/blocks.ts'
import { testDir } from '../test-dir.ts'

t.test('segments that an earlier process set aside are named again, with their reason, and stay in the balance', async t => {
  const cwd = testDir(t)
  const dir = join(cwd, 'spool')
  const earlier = await SegmentSpool.open({ dir, maxBytes: 1e9 })
  earlier.append(blockOf('sluice', ['one', 'two']))
  await earlier.closeAll()
  const [id] = earlier.waiting()
  await earlier.setAside(id!, 'for a test')
  await earlier.close()
  const text = `spool: { dir: ${dir} }
lanes: 1
receivers: [{ type: syslog, protocols: [tcp], listen: "127.0.0.1:0" }]
tenant: { local: { dir: ${join(cwd, 'tenant')}, listen: "127.0.0.1:0" } }
`
  const { config } = parseConfig(text, { file: 'test', env: {}, cwd })
  const out = new PassThrough()
  const pipeline = await startPipeline(config, { log: createLogger({ destination: out }), version: 'test' })
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
