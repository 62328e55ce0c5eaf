import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { type RunningPipeline, startCollector } from '../../src/cli/collector.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { CollectorError } from '../../src/errors.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { readinessOf } from '../../src/telemetry/readiness.ts'
import { fineStatus, SAMPLES, sampleStatus } from '../telemetry/sample-status.ts'
import { testDir } from '../test-dir.ts'

interface FakePipeline extends RunningPipeline {
  reloaded: Config[]
  stops: number[]
  refuse: boolean
}

function fakePipeline(): FakePipeline {
  const pipeline: FakePipeline = {
    reloaded: [],
    stops: [],
    refuse: false,
    status: () => fineStatus(Date.now() + 86_400_000),
    ready: () => readinessOf(sampleStatus()),
    samples: () => SAMPLES,
    watch: () => () => undefined,
    replay: async () => undefined,
    async reload(config) {
      if (pipeline.refuse) throw new CollectorError('LISTEN_FAILED', 'Cannot bind')
      pipeline.reloaded.push(config)
    },
    async stop(deadlineMs) {
      pipeline.stops.push(deadlineMs)
    }
  }
  return pipeline
}

async function start(t: Test, yaml = 'admin: { listen: "127.0.0.1:0" }\n') {
  const cwd = testDir(t, { 'sluice.yaml': yaml })
  const load = () => loadConfig({ env: {}, cwd })
  const pipeline = fakePipeline()
  const log = createLogger({ destination: new PassThrough() })
  const collector = await startCollector({ loaded: load(), load, log, version: '0.1.0', startPipeline: async () => pipeline })
  let stopped = false
  const stop = async () => {
    if (!stopped) await collector.stop(60_000)
    stopped = true
  }
  t.teardown(stop)
  return {
    collector,
    pipeline,
    log,
    stop,
    write: (text: string) => writeFileSync(join(cwd, 'sluice.yaml'), text),
    file: join(cwd, 'sluice.yaml')
  }
}

t.test('pipeline and admin server run together, and the status names the file', async t => {
  const { collector, file } = await start(t)
  const status = await (await fetch(`${collector.adminUrl}/api/v1/status`)).json()
  t.match(status, { state: 'healthy', config: { path: file, lastReloadSucceeded: true } })
  t.match(await (await fetch(`${collector.adminUrl}/metrics`)).text(), /^sluice_config_last_reload_successful 1$/m)
})

t.test('a reload takes the new file over; a bad one leaves the old configuration in force', async t => {
  const { collector, pipeline, log, write } = await start(t)
  write('admin: { listen: "127.0.0.1:0" }\nlog: { level: silent }\nupload: { flush_interval: 7s }\n')
  t.match(await collector.reload('signal'), { ok: true, messages: [] })
  t.equal(pipeline.reloaded[0]?.upload.flush_interval, 7000)
  write('lanes: many\n')
  t.match(await collector.reload('signal'), { ok: false, messages: [/sluice\.yaml:1:8: lanes/] })
  t.equal(pipeline.reloaded.length, 1)
  t.match(collector.status(), {
    state: 'degraded',
    reasons: [/^The old configuration goes on, as the new one was not taken since 20\S+: .*sluice\.yaml:1:8: lanes/],
    config: { lastReloadSucceeded: false, messages: [/lanes/] }
  })
  const response = await fetch(`${collector.adminUrl}/api/v1/reload`, { method: 'POST' })
  t.equal(response.status, 422)
  pipeline.refuse = true
  write('admin: { listen: "127.0.0.1:1" }\n')
  t.match(await collector.reload('signal'), { ok: false, messages: ['Cannot bind'] })
  pipeline.refuse = false
  t.match(await collector.reload('signal'), { ok: true, messages: ['admin: changed; takes effect at the next start'] })
  write('admin: { listen: "127.0.0.1:1" }\nreceivers: [{ type: relp }]\nspool: { max_bytes: 1GiB }\ntenant: { local: { dir: x } }\n')
  t.match(await collector.reload('signal'), {
    ok: true,
    messages: ['admin', 'spool', 'tenant'].map(key => `${key}: changed; takes effect at the next start`)
  })
  t.equal(log.level, 'info', 'the level of the new file')
  t.match(collector.status(), { state: 'healthy', reasons: [], config: { lastReloadSucceeded: true } })
})

t.test('reloads asked for at the same time run one after the other', async t => {
  const { collector, pipeline } = await start(t)
  let running = 0
  let overlapped = false
  pipeline.reload = async () => {
    overlapped ||= ++running > 1
    await new Promise(resolve => setImmediate(resolve))
    running--
  }
  await Promise.all([collector.reload('signal'), collector.reload('signal'), collector.reload('signal')])
  t.equal(overlapped, false)
})

t.test('a stop ends the pipeline first and the admin server last', async t => {
  const { collector, pipeline, stop } = await start(t)
  let wasReachable = false
  const inner = pipeline.stop
  pipeline.stop = async deadlineMs => {
    wasReachable = (await fetch(`${collector.adminUrl}/health`)).ok
    await inner(deadlineMs)
  }
  await stop()
  t.equal(wasReachable, true)
  t.equal(pipeline.stops.length, 1)
  t.ok(pipeline.stops[0]! > 0 && pipeline.stops[0]! <= 60_000, 'the pipeline gets what is left of the time')
  await t.rejects(fetch(`${collector.adminUrl}/health`))
})

t.test('a stop waits for the reload under way and refuses the next', async t => {
  const { collector, pipeline, stop } = await start(t)
  const events: string[] = []
  let finishReload: (() => void) | undefined
  pipeline.reload = () =>
    new Promise(resolve => {
      events.push('reload begins')
      finishReload = () => {
        events.push('reload ends')
        resolve()
      }
    })
  const inner = pipeline.stop
  pipeline.stop = async deadlineMs => {
    events.push('stop')
    await inner(deadlineMs)
  }
  const first = collector.reload('signal')
  while (!finishReload) await new Promise(resolve => setImmediate(resolve))
  const second = collector.reload('signal')
  const stopped = stop()
  finishReload()
  t.match(await first, { ok: true })
  t.match(await second, { ok: false, messages: ['the collector is stopping'] })
  await stopped
  t.same(events, ['reload begins', 'reload ends', 'stop'])
})

t.test('when the admin address is taken the pipeline does not go on alone', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const cwd = testDir(t, { 'sluice.yaml': `admin: { listen: "127.0.0.1:${port}" }\n` })
  const load = () => loadConfig({ env: {}, cwd })
  const pipeline = fakePipeline()
  const log = createLogger({ level: 'silent' })
  await t.rejects(startCollector({ loaded: load(), load, log, version: '0', startPipeline: async () => pipeline }), {
    code: 'LISTEN_FAILED'
  })
  t.equal(pipeline.stops.length, 1)
})
