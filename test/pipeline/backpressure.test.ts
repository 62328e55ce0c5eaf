/**
 * A spool that takes nothing: every protocol stops reading or puts its senders off, says so, holds no more than its bounds, and
 * goes on without a restart, with nothing lost. Needs curl.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Receiver } from '../../src/contracts.ts'
import type { Intakes } from '../../src/pipeline/intakes.ts'
import { pausedReceiver } from '../../src/pipeline/status.ts'
import { FtpReceiver } from '../../src/receivers/ftp.ts'
import { HttpPushReceiver } from '../../src/receivers/http-push.ts'
import { RelpReceiver } from '../../src/receivers/relp.ts'
import { formatRelpFrame } from '../../src/receivers/relp-frame.ts'
import { SyslogTcpReceiver } from '../../src/receivers/syslog-tcp.ts'
import { SyslogTlsReceiver } from '../../src/receivers/syslog-tls.ts'
import { memoryLog, portOf } from '../receivers/memory-intake.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { line, lines, type MemorySpool, start } from './intakes-kit.ts'

t.setTimeout(600_000)

const LISTEN = '127.0.0.1:0'
const SECRET = 'a secret of the test'
const LINES = 150_000
/** What may be in a socket's and in our own buffers when reading stops; all lines are some 20 MB. */
const TAKEN_MAX_BYTES = 2 * 1024 * 1024
const deps = { log: memoryLog() }

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let end = Date.now() + 120_000; !isSo(); await sleep(10)) if (Date.now() > end) throw new Error(`Waited in vain until ${what}`)
}

async function running(t: Test, receiver: Receiver): Promise<{ intakes: Intakes; spool: MemorySpool; port: number }> {
  const { intakes, spool } = await start(t)
  await receiver.start(
    (peer, framing) => intakes.open(peer, framing),
    (block, of) => intakes.takeBlock(block, of)
  )
  t.teardown(() => receiver.stop(AbortSignal.timeout(60_000)))
  return { intakes, spool, port: portOf(receiver) }
}

/** The receiver as the status of the collector shows it, and the one label of the metric that is up. */
function shown(t: Test, receiver: Receiver, intakes: Intakes, reason: string, pause = 'spool_full'): void {
  t.match(pausedReceiver(receiver.status()[0]!, intakes), { state: 'paused', reason, pauses: [pause] })
}

const tlsOptions = () => {
  const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
  return { certFile, keyFile }
}
const relp = (): Buffer =>
  Buffer.from(
    [
      formatRelpFrame(1, 'open', 'relp_version=0\nrelp_software=test\ncommands=syslog'),
      ...Array.from({ length: LINES }, (_, i) => formatRelpFrame(i + 2, 'syslog', line(i).trimEnd()))
    ].join('')
  )

const streams: readonly [string, () => Receiver, (port: number) => Promise<Socket>, () => Buffer][] = [
  ['syslog-tcp', () => new SyslogTcpReceiver({ listen: LISTEN }, deps), plain, () => lines(LINES)],
  ['syslog-tls', () => new SyslogTlsReceiver({ listen: LISTEN, ...tlsOptions() }, deps), secure, () => lines(LINES)],
  ['relp', () => new RelpReceiver({ listen: LISTEN }, deps), plain, relp]
]

for (const [protocol, create, dial, bytes] of streams)
  t.test(`${protocol}: a full spool stops the reading, and nothing is lost when it has room again`, async t => {
    const receiver = create()
    const { intakes, spool, port } = await running(t, receiver)
    spool.full = true
    const socket = await dial(port)
    const content = bytes()
    socket.resume() // answers of RELP
    const isSent = new Promise(resolve => socket.write(content, resolve))
    const status = () => receiver.status()[0]!
    await until('the state says so', () => status().state === 'paused')
    const taken = status().counters.received_bytes_total!
    await sleep(600)
    t.ok(taken < TAKEN_MAX_BYTES, `${taken} bytes were taken of ${content.length}`)
    t.ok(status().counters.received_bytes_total! <= TAKEN_MAX_BYTES, 'and no more')
    t.match(status(), { state: 'paused', reason: '1 connections wait for room', gauges: { paused_connections: 1 } })
    shown(t, receiver, intakes, 'spool full: 1 connections wait for room')
    spool.full = false
    await isSent
    await until('all lines are in the spool', () => spool.records >= LINES)
    await until('the state is as before', () => status().state === 'listening')
    t.equal(intakes.counts.frames, LINES)
    t.strictSame(
      [...intakes.shedFrames().values()].filter(frames => frames > 0),
      []
    )
    socket.destroy()
  })

async function plain(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

async function secure(port: number): Promise<Socket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

t.test('http-push: a full spool is answered 503 with Retry-After before the body is read, then 200', async t => {
  let isFull = true
  const receiver = new HttpPushReceiver({ listen: LISTEN, secret: SECRET, retryAfterSeconds: 7 }, { ...deps, isFull: () => isFull })
  const { intakes, spool, port } = await running(t, receiver)
  const post = () => fetch(`http://127.0.0.1:${port}/logs`, { method: 'POST', body: lines(100), headers: { 'x-sluice-secret': SECRET } })
  const refused = await post()
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '7')
  t.match(receiver.status()[0], { state: 'paused', counters: { put_off_total: 1, received_bytes_total: 0 } })
  shown(t, receiver, intakes, 'spool full')
  isFull = false
  t.equal((await post()).status, 200)
  t.equal(spool.durable, 100)
  t.equal(intakes.counts.frames, 100)
  t.equal(receiver.status()[0]!.state, 'listening')
})

t.test('ftp: a full spool is answered 452; one that fills up in the middle of a file makes it wait', async t => {
  let spool: MemorySpool | undefined
  const accounts = [{ name: 'discovery', password: SECRET }]
  const receiver = new FtpReceiver(
    { listen: LISTEN, accounts, loginDelayMs: 0, passivePortMin: 0, passivePortMax: 0, heldMaxBytes: 64 * 1024 },
    { ...deps, isFull: () => spool?.full === true }
  )
  const { intakes, spool: real, port } = await running(t, receiver)
  spool = real
  const file = join(scratchDir('full'), 'a.log')
  writeFileSync(file, lines(LINES))
  const upload = (...more: string[]) =>
    promisify(execFile)('curl', ['-sS', '-v', '-u', `discovery:${SECRET}`, '-T', file, `ftp://127.0.0.1:${port}/a.log`, ...more]).then(
      ({ stderr }) => stderr,
      error => {
        if (error.code === 'ENOENT') throw new Error('curl is missing: apt-get install curl')
        return String(error.stderr)
      }
    )
  spool.full = true
  t.match(await upload(), /< 452 /)
  t.match(receiver.status()[0], { state: 'paused', counters: { put_off_total: 1 } })
  shown(t, receiver, intakes, 'spool full')
  spool.full = false
  const sending = upload('--limit-rate', '20M')
  await until('the file comes in', () => intakes.counts.frames > 0)
  spool.full = true
  await until('the transfer waits', () => receiver.status()[0]!.gauges!.paused_transfers === 1)
  shown(t, receiver, intakes, 'spool full: 1 transfers wait for room')
  const frames = intakes.counts.frames
  await sleep(500)
  t.equal(intakes.counts.frames, frames, 'nothing is taken meanwhile')
  spool.full = false
  t.match(await sending, /< 226 /)
  t.equal(spool.durable, LINES)
  t.equal(receiver.status()[0]!.state, 'listening')
})
