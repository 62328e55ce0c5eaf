/** The border between spool and upload is counted on both sides, so a record that vanishes between them shows. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { type Pipeline, startPipeline } from '../../src/pipeline.ts'
import { SegmentWriter } from '../../src/spool/writer.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { testDir } from '../test-dir.ts'
import { cefLine } from '../upload/world.ts'

const LINES = 7

async function start(cwd: string): Promise<Pipeline> {
  const text = `spool: { dir: ${join(cwd, 'spool')}, commit_interval: 20ms }
lanes: 1
receivers: [{ type: syslog, protocols: [tcp], listen: "127.0.0.1:0" }]
upload: { flush_interval: 1s }
tenant: { local: { dir: ${join(cwd, 'tenant')}, listen: "127.0.0.1:0" } }
`
  const { config } = parseConfig(text, { file: 'test', env: {}, cwd })
  return startPipeline(config, { log: createLogger({ destination: new PassThrough().resume() }), version: 'test' })
}

async function send(pipeline: Pipeline, lines: number): Promise<void> {
  const port = Number(pipeline.status().receivers[0]!.address.split(':').at(-1))
  const socket = connect(port, '127.0.0.1').resume()
  socket.end(Array.from({ length: lines }, (_, index) => `${cefLine(index)}\n`).join(''))
  await once(socket, 'close')
}

/** Waits until so many records are written and nothing is on its way to the spool. */
async function settled(pipeline: Pipeline, written: number): Promise<ReturnType<Pipeline['status']>> {
  for (;;) {
    const status = pipeline.status()
    if (status.balance.delivery.written === written && status.blocks.outstanding === 0) return status
    await sleep(20)
  }
}

t.setTimeout(600_000)

t.test('records are spooled, then uploaded, and the balance holds at both moments', async t => {
  const pipeline = await start(testDir(t))
  t.teardown(() => pipeline.stop(60_000))
  await send(pipeline, LINES)
  const { balance } = await settled(pipeline, LINES)
  t.match(balance, { balanced: true, counting: false, delivery: { written: LINES, difference: 0 } })
  t.equal(balance.delivery.spooled + balance.delivery.uploaded, LINES)
  while (pipeline.status().balance.delivery.uploaded < LINES) await sleep(20)
  t.match(pipeline.status().balance, { balanced: true, delivery: { spooled: 0, uploaded: LINES, difference: 0 } })
})

t.test('a block that the spool forgets unbalances it, by as many records', async t => {
  const pipeline = await start(testDir(t))
  t.teardown(() => pipeline.stop(60_000))
  const { push } = SegmentWriter.prototype
  t.teardown(() => void (SegmentWriter.prototype.push = push))
  SegmentWriter.prototype.push = () => {} // the bug
  await send(pipeline, LINES)
  const { balance } = await settled(pipeline, LINES)
  t.match(balance, { balanced: false, delivery: { written: LINES, spooled: 0, uploaded: 0, difference: LINES } })
})
