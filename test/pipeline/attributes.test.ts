/** What the status says of the attributes that records carry. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { startPipeline } from '../../src/pipeline.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { testDir } from '../test-dir.ts'

t.setTimeout(600_000)

const line = (action: string, dst: string, more = ''): string =>
  `date=2026-01-12 time=08:30:07 devname="FG1" devid="FG100" logid="0000000013" type="traffic" subtype="forward" eventtime=${Math.floor(Date.now() / 1000)} srcip=10.0.0.7 srcport=1 dstip=${dst} dstport=443 proto=6 action="${action}"${more}\n`

t.test('starts of connections and internal traffic, which are dropped, do not make an attribute seem to be missing', async t => {
  const cwd = testDir(t)
  const text = `spool: { dir: ${join(cwd, 'spool')}, commit_interval: 20ms }
lanes: 1
receivers: [{ type: syslog, protocols: [tcp], listen: "127.0.0.1:0" }]
tenant: { local: { dir: ${join(cwd, 'tenant')}, listen: "127.0.0.1:0" } }
`
  const { config } = parseConfig(text, { file: 'test', env: {}, cwd })
  const pipeline = await startPipeline(config, { log: createLogger({ level: 'silent' }), version: 'test' })
  t.teardown(() => pipeline.stop(60_000))
  const socket = connect(Number(pipeline.status().receivers[0]!.address.split(':').at(-1)), '127.0.0.1').resume()
  const end = line('close', '203.0.113.9', ' sentbyte=10 rcvdbyte=20 user="alice"')
  const internal = line('close', '10.1.1.1')
  socket.end([end, ...Array.from({ length: 3 }, () => line('start', '203.0.113.9')), internal, internal].join(''))
  await once(socket, 'close')
  while (pipeline.status().sources[0]!.records.parsed < 6) await sleep(20)
  const { records, dropped, attributes } = pipeline.status().sources[0]!
  t.match({ records, dropped }, { records: { written: 1, dropped: 5 }, dropped: [{ reason: 'connection_start', count: 3 }, {}] })
  const [uploaded, user, url] = ['uploadedBytes', 'user', 'url'].map(name => attributes.find(({ attribute }) => attribute === name)!)
  t.same(
    [uploaded, user],
    [
      { attribute: 'uploadedBytes', count: 1 },
      { attribute: 'user', count: 1 }
    ]
  )
  t.match(url, { count: 0, costs: /./ }, 'what the written record lacks is said')
})
