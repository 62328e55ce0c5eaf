/**
 * Bad input against a real process: it stays alive, its memory stays bounded, a counter shows each kind, and a good peer beside
 * is served. `SLUICE_TEST_NIGHTLY=1` sends a whole gigabyte without a line feed and opens 10,000 connections; by default it is a
 * quarter of the one and half of the other.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { testDir } from '../test-dir.ts'
import { connectTo, finish, numberedLine, numbersOf, startCollector, until, write } from './collector-kit.ts'

const NIGHTLY = process.env.SLUICE_TEST_NIGHTLY === '1'
const ENDLESS_BYTES = (NIGHTLY ? 1024 : 256) * 1024 * 1024
const SILENT_CONNECTIONS = NIGHTLY ? 10_000 : 5000
/** How much the process may grow over its size after warm-up: blocks, carries and buffers are bounded by constants. */
const GROWTH_MAX_BYTES = 160 * 1024 * 1024

const LONG = { timeout: 600_000 }
t.setTimeout(900_000)

const cwd = testDir(t)
const collector = await startCollector(t, cwd, {
  receivers: [
    { name: 'bad', protocols: ['tcp', 'udp'] },
    { name: 'good', protocols: ['tcp'] }
  ],
  sources: [
    { name: 'bad', receiver: 'bad' },
    { name: 'good', receiver: 'good', appliance: 'fortinet-fortigate' }
  ]
})
const bad = collector.port('bad', 'syslog-tcp')
let goodSent = 0

/** The well-behaved peer: its lines arrive in the tenant whatever else goes on. */
async function goodPeerIsServed(): Promise<void> {
  const socket = await connectTo(collector.port('good', 'syslog-tcp'))
  for (let i = 0; i < 100; i++) await write(socket, numberedLine(goodSent++))
  await finish(socket)
  await until('the lines of the good peer are in the tenant', () => numbersOf(collector.files('good')).length === goodSent)
}

async function sendBad(bytes: Buffer | string): Promise<void> {
  const socket = await connectTo(bad)
  socket.on('error', () => undefined)
  await write(socket, bytes)
  await finish(socket)
}

const source = (status: PipelineStatus) => status.sources.find(({ name }) => name === 'bad')!
const receiver = (status: PipelineStatus, protocol = 'syslog-tcp') =>
  status.receivers.find(receiver => receiver.name === 'bad' && receiver.protocol === protocol)!

/** A counter of the exposition, summed over its labels. */
async function metric(name: string): Promise<number> {
  const lines = (await collector.metrics())
    .split('\n')
    .filter(line => line.startsWith(`sluice_${name}{`) || line.startsWith(`sluice_${name} `))
  if (lines.length === 0) throw new Error(`No metric ${name}`)
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

await goodPeerIsServed()
const restingBytes = collector.residentBytes()
let peakBytes = restingBytes
const watch = setInterval(() => {
  if (collector.child.exitCode === null && collector.child.signalCode === null) peakBytes = Math.max(peakBytes, collector.residentBytes())
}, 200)
t.teardown(() => clearInterval(watch))

t.test('random bytes over TCP and UDP are counted as unidentified or malformed', LONG, async t => {
  const before = source(await collector.status()).frames
  for (let round = 0; round < 20; round++) await sendBad(randomBytes(200_000))
  const socket = createSocket('udp4')
  for (let round = 0; round < 200; round++) {
    socket.send(randomBytes(1 + round * 5), collector.port('bad', 'syslog-udp'), '127.0.0.1')
    await sleep(1)
  }
  await until(
    'datagrams are counted',
    async () => (receiver(await collector.status(), 'syslog-udp').counters.received_datagrams_total ?? 0) > 150
  )
  socket.close()
  const status = await collector.statusUntil('frames settle', ({ balance }) => balance.balanced && balance.frames.inFlight === 0)
  const { unidentified, malformed, received } = source(status).frames
  t.ok(received > before.received + 1000, `${received} frames`)
  t.ok(unidentified + malformed > before.unidentified + before.malformed + 1000, 'nearly all of them are no log lines')
  t.ok((await metric('frames_total')) > 1000)
  await goodPeerIsServed()
})

t.test('half lines: a connection cut in the middle delivers its whole lines, and the cut is counted', LONG, async t => {
  const before = receiver(await collector.status()).counters
  for (let round = 0; round < 50; round++) {
    const socket = await connectTo(bad)
    socket.on('error', () => undefined)
    await write(socket, `${numberedLine(round)}${numberedLine(round).slice(0, 100)}`)
    await sleep(2)
    socket.resetAndDestroy()
  }
  const status = await collector.statusUntil(
    'cuts are counted',
    status => receiver(status).counters.aborted_total! >= before.aborted_total! + 40
  )
  t.ok(receiver(status).counters.connection_errors_total! > before.connection_errors_total!)
  await goodPeerIsServed()
})

t.test('a line without end is cut once at the cap, and its tail thrown away', LONG, async t => {
  const before = { truncated: await metric('truncated_frames_total'), discarded: await metric('discarded_bytes_total') }
  const frames = (await collector.status()).balance.frames.received
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  const socket = await connectTo(bad)
  for (let sent = 0; sent < ENDLESS_BYTES; sent += chunk.length) await write(socket, chunk)
  await finish(socket)
  await until('the cut is counted', async () => (await metric('truncated_frames_total')) === before.truncated + 1)
  t.equal(await metric('discarded_bytes_total'), before.discarded + ENDLESS_BYTES - 64 * 1024, 'every byte beyond the cap')
  t.equal((await collector.status()).balance.frames.received, frames + 1, 'one frame')
  await goodPeerIsServed()
})

t.test('octet counts that promise too much are resynchronised', LONG, async t => {
  const before = await metric('resynchronised_total')
  await sendBad(`999999 <13>huge\n007 <13>leading zero\n${numberedLine(1)}`)
  await until('they are counted', async () => (await metric('resynchronised_total')) >= before + 2)
  t.equal(await metric('resynchronised_total'), before + 2)
  await goodPeerIsServed()
})

t.test('thousands of connections that send nothing are held beside a good peer', LONG, async t => {
  const sockets: Socket[] = []
  for (let opened = 0; opened < SILENT_CONNECTIONS; opened += 250) {
    const some = Array.from({ length: 250 }, () => connect(bad, '127.0.0.1'))
    for (const socket of some) socket.on('error', () => undefined)
    await Promise.all(some.map(socket => once(socket, 'connect')))
    sockets.push(...some)
  }
  await collector.statusUntil('all are counted', status => receiver(status).connections >= SILENT_CONNECTIONS)
  t.ok((await metric('connections')) >= SILENT_CONNECTIONS)
  await goodPeerIsServed()
  for (const socket of sockets) socket.destroy()
  const status = await collector.statusUntil('all are gone', status => receiver(status).connections === 0)
  t.ok(receiver(status).counters.empty_connections_total! >= SILENT_CONNECTIONS * 0.9, 'they are counted as empty')
})

t.test('a peer that sends a byte at a time holds up nobody, and its line counts when it ends', LONG, async t => {
  const before = source(await collector.status()).frames.received
  const slow = await connectTo(bad)
  for (const byte of 'slow') {
    slow.write(byte)
    await sleep(1000)
    await goodPeerIsServed()
  }
  t.equal(source(await collector.status()).frames.received, before, 'half a line is no frame')
  slow.write('\n')
  await collector.statusUntil('its line is counted', status => source(status).frames.received === before + 1)
  await finish(slow)
})

t.test('invalid UTF-8 and NULs inside a good line neither break the file nor hide the line', LONG, async t => {
  const before = source(await collector.status()).frames
  const line = (user: Buffer) =>
    Buffer.concat([
      Buffer.from(
        '<189>date=2026-01-15 time=10:11:12 devname="fw" devid="FG100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" eventtime=1768471872000000000 tz="+0000" srcip=10.0.0.7 dstip=203.0.113.9 dstport=443 action="close" user="'
      ),
      user,
      Buffer.from('" sentbyte=1 rcvdbyte=2 duration=3\n')
    ])
  await sendBad(
    Buffer.concat([line(Buffer.from([0x61, 0xff, 0xfe, 0x62])), line(Buffer.from([0x63, 0xc3, 0x28, 0x64])), line(Buffer.from('e\0f'))])
  )
  await collector.statusUntil('they are parsed', status => source(status).frames.parsed === before.parsed + 3)
  await until('they are uploaded', () => / suser=e f /.test(collector.files('bad').join('')))
  const text = collector.files('bad').join('')
  t.match(text, / suser=a\ufffd\ufffdb /, 'bytes that are no text become the replacement character')
  t.match(text, / suser=c\ufffd\(d /)
  t.notMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f]/, 'no control character reaches a file')
  const frames = (await collector.status()).balance.frames.received
  await sendBad(Buffer.alloc(300_000))
  await sendBad('a\0b\0c\n')
  await collector.statusUntil('a line of NULs is a frame', ({ balance }) => balance.frames.received > frames)
  await goodPeerIsServed()
})

t.test('after all of it the process lives, has not grown, and every frame is accounted for', LONG, async t => {
  const status = await collector.statusUntil(
    'rest',
    ({ balance }) => balance.balanced && balance.frames.inFlight === 0 && balance.delivery.spooled === 0
  )
  t.ok(status.balance.balanced)
  t.equal(
    status.lanes.reduce((sum, { restarts }) => sum + restarts, 0),
    0,
    'no lane ended'
  )
  t.notOk(source(status).dropped.some(({ reason }) => reason === 'internal_error'))
  t.notOk(source(status).outcomes.some(({ reason }) => reason === 'internal_error'))
  const growth = peakBytes - restingBytes
  t.ok(growth < GROWTH_MAX_BYTES, `grew by ${Math.round(growth / 2 ** 20)} MiB from ${Math.round(restingBytes / 2 ** 20)} MiB`)
  clearInterval(watch)
  t.same(await collector.stop(), [0, null])
})
