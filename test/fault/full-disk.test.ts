/** A disk that fills up: who gives way in which order, what is counted, and that all goes on without a restart. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { startPipeline } from '../../src/pipeline.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { Samples } from '../../src/telemetry/samples.ts'
import { startTenant } from '../../src/tenant/tenant.ts'
import { freePort } from '../port-kit.ts'
import { blockOf, linesOf, openSpool, until } from '../spool/blocks.ts'
import { testDir } from '../test-dir.ts'
import { cefLine } from '../upload/world.ts'
import { smallDisk } from './small-disk.ts'

const MiB = 1024 * 1024
const DISK_BYTES = 24 * MiB
const RESERVE_BYTES = 4 * MiB

t.setTimeout(600_000)

t.test('the archive goes first, then senders are stopped, then records are shed; the reserve lets uploads free the disk', async t => {
  const { dir, io, isReal } = smallDisk(t, DISK_BYTES)
  t.comment(isReal ? 'on a tmpfs' : 'with a made-up bound')
  const spoolDir = join(dir, 'spool')
  const spool = await openSpool(spoolDir, { io, diskReserveBytes: RESERVE_BYTES, segmentMaxBytes: MiB, archiveCount: 100 })
  t.teardown(() => spool.close().catch(() => undefined))
  const kept: string[] = []
  let serial = 0
  const put = (source: string): boolean => {
    const line = `${++serial} ${randomBytes(24_000).toString('base64')}`
    const isTaken = spool.append(blockOf(source, [line]))
    if (isTaken) kept.push(line)
    return isTaken
  }
  const fill = async (isOver: () => boolean): Promise<void> => {
    while (!isOver()) {
      for (let index = 0; index < 8 && !isOver(); index++) put('udp')
      await spool.commit().catch(() => undefined)
      await sleep(5)
    }
  }

  // Uploaded segments are kept while there is room, and given up before anybody is stopped.
  for (let index = 0; index < 100; index++) put('old')
  await spool.closeAll()
  for (const id of spool.waiting()) await spool.done(id)
  kept.length = 0
  t.ok(spool.stats().segments.archived > 2, 'an archive is there')
  await fill(() => spool.full)
  t.ok(spool.stats().segments.archived <= 1, 'it went first')
  t.equal(spool.stats().sources.find(({ source }) => source === 'udp')?.shedRecords, 0, 'nobody lost anything when it was full')
  const free = async (): Promise<number> => io.freeBytes(dir)
  t.ok((await free()) > RESERVE_BYTES, 'the reserve is not touched yet')

  // Who cannot be stopped goes on into the rest, and is shed at its end, counted by source.
  await fill(() => (spool.stats().sources.find(({ source }) => source === 'udp')?.shedRecords ?? 0) > 10)
  t.ok((await free()) > RESERVE_BYTES / 4, `${Math.round((await free()) / 1024)} KiB are left to others`)
  t.equal(spool.append(blockOf('other', [randomBytes(24_000).toString('base64')])), false)
  const shed = Object.fromEntries(spool.stats().sources.map(({ source, shedRecords }) => [source, shedRecords]))
  t.match(shed, { old: 0, other: 1 })
  t.ok(shed.udp! > 10)
  await t.rejects(spool.commit(), { code: 'SPOOL_FULL' }, 'no receipt is given then')

  // Somebody else takes all that is left: steps of uploads still find room, in the reserve.
  const filler = join(dir, 'filler')
  if (isReal) {
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(64 * 1024))
    } catch (error) {
      t.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
  await spool.closeAll().catch(() => undefined)
  const waiting = spool.waiting()
  t.ok(waiting.length > 5)
  for (const id of waiting.slice(0, 3)) await spool.advance(id, 'issued', { uploadUrl: 'https://x.example/y', provider: 'azure' })
  t.equal(spool.full, true)

  // All that was taken is there once.
  t.same(await linesOf(spool), kept.toSorted())

  // Uploads free the disk, and the spool goes on by itself.
  rmSync(filler, { force: true })
  for (const id of spool.waiting()) await spool.done(id)
  await until(() => !spool.full)
  kept.length = 0
  t.equal(put('udp'), true)
  await until(() => spool.stats().writable)
  await spool.commit()
  await spool.closeAll()
  t.same(await linesOf(spool), kept)
  const { spooled, setAside } = spool.stats().records
  t.same([spooled.get('udp'), setAside.size], [1, 0])
})

t.test('a collector on a full disk: HTTP gets 503, TCP waits, UDP is shed and counted; when the tenant is back it goes on', async t => {
  const { dir } = smallDisk(t, 256 * MiB)
  const cwd = testDir(t)
  const port = await freePort()
  const text = JSON.stringify({
    spool: {
      dir: join(dir, 'spool'),
      max_bytes: '1MiB',
      min_free_bytes: '1MiB',
      segment_max_bytes: '512KiB', // each costs three of the 30 calls a minute
      commit_interval: '20ms',
      archive_segments: 0
    },
    lanes: 1,
    receivers: [
      { type: 'syslog', name: 'syslog', protocols: ['udp', 'tcp'], listen: '127.0.0.1:0' },
      { type: 'http-push', name: 'push', listen: '127.0.0.1:0', anonymous: true }
    ],
    sources: ['syslog', 'push'].map(name => ({ name, appliance: 'generic-cef', from: { receivers: [name] } })),
    upload: { flush_interval: '200ms', requests_per_minute: 30 },
    tenant: { url: `http://127.0.0.1:${port}`, auth: { token: 'a1'.repeat(32) } }
  })
  const { config } = parseConfig(text, { file: 'test', env: {}, cwd })
  const pipeline = await startPipeline(config, { log: createLogger({ destination: new PassThrough().resume() }), version: 'test' })
  t.teardown(() => pipeline.stop(60_000))
  const addressOf = (protocol: string): number =>
    Number(
      pipeline
        .status()
        .receivers.find(receiver => receiver.protocol === protocol)!
        .address.split(':')
        .at(-1)
    )
  const noise = (index: number): string => cefLine(index).replace('dhost=github.com', `dhost=${randomBytes(30).toString('hex')}.example`)
  const post = async (lines: number): Promise<number> => {
    const body = Array.from({ length: lines }, (_, index) => `${noise(index)}\n`).join('')
    return (await fetch(`http://127.0.0.1:${addressOf('http')}/logs`, { method: 'POST', body })).status
  }
  let sent = 0
  while (!pipeline.status().spool.full) {
    if ((await post(500)) === 200) sent += 500
  }
  t.ok(sent > 0)
  t.equal(await post(10), 503)
  const full = pipeline.status()
  t.match(full, { state: 'degraded', spool: { full: true } })
  t.ok(full.reasons.some(reason => reason.includes('spool is full')))
  t.match(
    pipeline.ready().checks.find(({ name }) => name === 'spool below high water'),
    { ok: false }
  )

  const socket = connect(addressOf('syslog-tcp'), '127.0.0.1').resume()
  socket.on('error', () => {})
  await once(socket, 'connect')
  const isTaken = (): boolean => socket.write(Array.from({ length: 200 }, (_, index) => `${noise(index)}\n`).join(''))
  while (isTaken()) await sleep(1) // until the kernel's buffers are full too: nobody reads
  await sleep(300)
  t.ok(socket.writableLength > 0, 'TCP waits')
  const tcp = pipeline.status().receivers.find(({ protocol }) => protocol === 'syslog-tcp')
  t.match(tcp, { state: 'paused', counters: { received_bytes_total: 0 } }, 'and not a byte was read to find out')

  const { createSocket } = await import('node:dgram')
  const udp = createSocket('udp4')
  const shedNow = (): number => pipeline.status().sources.find(({ name }) => name === 'syslog')?.records.shed ?? 0
  while (shedNow() === 0) {
    for (let index = 0; index < 50; index++) udp.send(noise(index), addressOf('syslog-udp'), '127.0.0.1')
    await sleep(20)
  }
  udp.close()
  const samples = new Samples()
  samples.take(pipeline.status())
  t.ok(samples.of('shed_records_total').some(({ labels, value }) => labels.source === 'syslog' && value > 0))
  t.ok(pipeline.status().spool.bytes <= 1.2 * MiB, 'the bound holds')

  const tenant = await startTenant({ dir: join(cwd, 'tenant'), port, token: 'a1'.repeat(32) })
  t.teardown(() => tenant.close())
  await pipeline.reload(config) // what a person does: SIGHUP makes it try at once
  while (pipeline.status().spool.full) await sleep(100)
  let code = 0
  while (code !== 200) code = await post(1)
  t.pass('HTTP is taken again')
  while (socket.writableLength > 0) await sleep(100)
  t.pass('TCP is read again')
  socket.destroy()
})
