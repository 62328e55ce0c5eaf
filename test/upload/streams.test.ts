import { gzipSync } from 'node:zlib'
import t from 'tap'
import { StreamWatch } from '../../src/upload/streams.ts'
import { cefLine, startWorld, type World } from './world.ts'

/** Sends a file by hand, so that it may be a bad one. */
async function send(world: World, name: string, text: string): Promise<void> {
  const target = await world.api.uploadUrl('x.log.gz', 'GENERIC_CEF')
  await fetch(target.url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: gzipSync(text) })
  await world.api.doneUpload(target.url, name, false)
  await world.tenant.settled()
}

t.test('the stream list tells which data sources fail, are missing, or have another type', async t => {
  const streams = [
    { name: 'A', sourceString: 'GENERIC_CEF_SYSLOG' },
    { name: 'B', sourceString: 'PALO_ALTO' }
  ]
  const world = await startWorld(t, { tenant: { streams } })
  const targets = ['A', 'B', 'C'].map(inputStreamName => ({ inputStreamName, sourceString: 'GENERIC_CEF' }))
  const watch = new StreamWatch({ api: world.api, targets: () => targets, stats: world.stats, clock: world.clock })
  const state = (name: string): string | undefined => watch.status().get(name)?.state

  await watch.look()
  t.same(['A', 'B', 'C'].map(state), ['fine', 'wrong-type', 'missing'])
  t.match(watch.status().get('B')?.reason, /log type 112/)

  await send(world, 'A', 'nonsense\n')
  await watch.look()
  t.match(watch.status().get('A'), { state: 'failing', files: 1, failedFiles: 1, reason: /failed 1 more/ })
  await watch.look()
  t.equal(state('A'), 'failing', 'no news leaves it so')

  await send(world, 'A', `${cefLine(1)}\n`)
  await watch.look()
  t.match(watch.status().get('A'), { state: 'fine', files: 2, failedFiles: 1 })
  t.ok(watch.status().get('A')!.lastDataReceivedMs > 0)
  t.equal(world.stats.attempts.list.ok, 4)
})

t.test('a failed look keeps what the last one saw and says why', async t => {
  const world = await startWorld(t, { tenant: { streams: [{ name: 'A' }] } })
  const targets = [{ inputStreamName: 'A', sourceString: 'GENERIC_CEF' }]
  const watch = new StreamWatch({ api: world.api, targets: () => targets, stats: world.stats, clock: world.clock })
  await watch.look()
  world.faults.push('streams', { status: 503 })
  await watch.look()
  t.match(watch.lastError, /503/)
  t.equal(watch.status().get('A')?.state, 'fine')
  t.equal(world.stats.attempts.list.retry, 1)
})

t.test('the watch looks again and again until it is stopped', async t => {
  const world = await startWorld(t)
  const watch = new StreamWatch({ api: world.api, targets: () => [], stats: world.stats, clock: world.clock })
  watch.start()
  await world.until('three looks', () => world.tenant.requests.streams >= 3)
  await watch.stop()
  const looks = world.tenant.requests.streams
  await new Promise(resolve => setTimeout(resolve, 60))
  t.equal(world.tenant.requests.streams, looks)
})

t.test('long lists are read page by page, and the clock difference is read from the Date header', async t => {
  const streams = Array.from({ length: 250 }, (_, index) => ({ name: `s${index}` }))
  const world = await startWorld(t, { tenant: { streams } })
  t.equal((await world.api.streams()).length, 250)
  t.equal(world.tenant.requests.streams, 3)
  world.clock.advance(3600_000)
  await world.api.streams()
  t.ok(Math.abs(world.api.clockSkewMs! - 3600_000) < 60_000)
})
