/**
 * How fast one address may send: it waits or is put off, loses nothing where it can wait, and does not slow others. Times are lower
 * bounds, which a slow machine does not break. Needs curl.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Receiver } from '../../src/contracts.ts'
import { UDP_THREAD_FILE } from '../../src/pipeline/receivers.ts'
import { FtpReceiver } from '../../src/receivers/ftp.ts'
import { HttpPushReceiver } from '../../src/receivers/http-push.ts'
import { RelpReceiver } from '../../src/receivers/relp.ts'
import { formatRelpFrame } from '../../src/receivers/relp-frame.ts'
import { SftpReceiver } from '../../src/receivers/sftp.ts'
import { SyslogTcpReceiver } from '../../src/receivers/syslog-tcp.ts'
import { SyslogTlsReceiver } from '../../src/receivers/syslog-tls.ts'
import { SyslogUdpReceiver } from '../../src/receivers/syslog-udp.ts'
import { memoryLog, portOf } from '../receivers/memory-intake.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { sendDatagrams } from '../receivers/udp-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { line, lines, start } from './intakes-kit.ts'

t.setTimeout(600_000)

const LISTEN = '127.0.0.1:0'
const SECRET = 'a secret of the test'
const deps = { log: memoryLog() }
/** 1000 lines at once, then 2000 a second. */
const RATE = { maxFramesPerSecondPerPeer: 2000 }

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let end = Date.now() + 120_000; !isSo(); await sleep(5)) if (Date.now() > end) throw new Error(`Waited in vain until ${what}`)
}

async function running(t: Test, receiver: Receiver) {
  const { intakes, spool } = await start(t)
  await receiver.start(
    (peer, framing) => intakes.open(peer, framing),
    (block, of) => intakes.takeBlock(block, of)
  )
  t.teardown(() => receiver.stop(AbortSignal.timeout(60_000)))
  const { protocol } = receiver.status()[0]!
  return { intakes, spool, port: portOf(receiver), rateLimited: () => intakes.listener(receiver.name, protocol)!.rateLimited }
}

/** Without `end` the other side closes. */
async function send(port: number, bytes: Buffer, localAddress = '127.0.0.1', end = true): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  await once(socket, 'connect')
  socket.resume()
  if (end) socket.end(bytes)
  else socket.write(bytes)
  await once(socket, 'close')
}

t.test('syslog-tcp: lines above the rate wait, over all connections of the address, and others do not', async t => {
  const receiver = new SyslogTcpReceiver({ listen: LISTEN, ...RATE }, deps)
  const { intakes, spool, port, rateLimited } = await running(t, receiver)
  const began = performance.now()
  const sending = Promise.all([send(port, lines(6000)), send(port, lines(6000))])
  await until('it is slowed', () => receiver.status()[0]!.gauges!.rate_limited_connections! > 0)
  t.match(receiver.status()[0], { state: 'listening', pauses: ['rate_limit'] }, 'the receiver as a whole is not paused')
  await send(port, lines(1000), '127.0.0.2')
  t.ok(spool.records < 13_000, 'another address is done first')
  await sending
  await until('all lines are there', () => spool.records === 13_000)
  t.ok(performance.now() - began > 4900, '12000 lines at 2000 a second, the first 2000 at once')
  t.ok(rateLimited() > 0)
  t.strictSame(
    [...intakes.shedFrames().values()].filter(frames => frames > 0),
    []
  )
})

const BYTE_RATE = { maxBytesPerSecondPerPeer: 256 * 1024 }

t.test('syslog-tcp: bytes above the rate wait', async t => {
  const receiver = new SyslogTcpReceiver({ listen: LISTEN, ...BYTE_RATE }, deps)
  const { spool, port, rateLimited } = await running(t, receiver)
  const content = lines(6000) // some 800 KB
  const began = performance.now()
  await send(port, content)
  await until('all lines are there', () => spool.records === 6000)
  t.ok(performance.now() - began > 1000)
  t.ok(rateLimited() > 0)
})

for (const [what, limits] of [
  ['lines', RATE],
  ['bytes', BYTE_RATE]
] as const)
  t.test(`syslog-tls: ${what} above the rate wait`, async t => {
    const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
    const receiver = new SyslogTlsReceiver({ listen: LISTEN, certFile, keyFile, ...limits }, deps)
    const { spool, port, rateLimited } = await running(t, receiver)
    const began = performance.now()
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.end(lines(6000))
    socket.resume()
    await until('the state says so', () => receiver.status()[0]!.pauses!.includes('rate_limit'))
    await until('all lines are there', () => spool.records === 6000)
    t.ok(performance.now() - began > 900)
    t.ok(rateLimited() > 0)
    socket.destroy()
  })

t.test('relp: messages above the rate are answered later', async t => {
  const receiver = new RelpReceiver({ listen: LISTEN, ...RATE }, deps)
  const { spool, port, rateLimited } = await running(t, receiver)
  const frames = Array.from({ length: 4000 }, (_, i) => formatRelpFrame(i + 2, 'syslog', line(i).trimEnd()))
  const open = formatRelpFrame(1, 'open', 'relp_version=0\nrelp_software=test\ncommands=syslog')
  const began = performance.now()
  const sending = send(port, Buffer.from([open, ...frames, formatRelpFrame(5000, 'close')].join('')), '127.0.0.1', false)
  await until('the state says so', () => receiver.status()[0]!.pauses!.includes('rate_limit'))
  await sending
  await until('all messages are there', () => spool.records === 4000)
  t.ok(performance.now() - began > 900)
  t.strictSame(receiver.status()[0]!.pauses, [])
  t.ok(rateLimited() > 0)
})

t.test('http-push: a body is taken whole, and the next is answered 429 until its time has come', async t => {
  const receiver = new HttpPushReceiver({ listen: LISTEN, secret: SECRET, ...RATE }, deps)
  const { spool, port } = await running(t, receiver)
  const post = async () => {
    const headers = { 'x-sluice-secret': SECRET }
    const answer = await fetch(`http://127.0.0.1:${port}/logs`, { method: 'POST', body: lines(8000), headers }) // seconds of debt, for a busy machine
    await answer.text()
    return answer
  }
  t.equal((await post()).status, 200)
  const early = await post()
  t.equal(early.status, 429)
  t.match(early.headers.get('retry-after'), /^[1-4]$/)
  t.strictSame(receiver.status()[0]!.pauses, ['rate_limit'])
  await sleep(1000 * Number(early.headers.get('retry-after')))
  t.equal((await post()).status, 200)
  t.equal(spool.records, 16_000, 'nothing of the refused body')
  t.match(receiver.status()[0]!.counters, { rate_limited_total: 1, put_off_total: 1 })
})

t.test('http-push: connections over the limit of an address are refused and counted', async t => {
  const receiver = new HttpPushReceiver({ listen: LISTEN, secret: SECRET, maxConnectionsPerPeer: 2 }, deps)
  const { port } = await running(t, receiver)
  const sockets = await Promise.all(
    ['127.0.0.1', '127.0.0.1', '127.0.0.2'].map(async localAddress => {
      const socket = connect({ port, host: '127.0.0.1', localAddress })
      await once(socket, 'connect')
      return socket
    })
  )
  await until('three are there', () => receiver.status()[0]!.connections === 3)
  const more = connect(port, '127.0.0.1')
  more.on('error', () => {})
  await once(more, 'close')
  t.match(receiver.status()[0], { connections: 3, counters: { refused_total: 1, refused_peer_limit_total: 1, connections_total: 3 } })
  for (const socket of sockets) socket.destroy()
  await until('all are gone', () => receiver.status()[0]!.connections === 0)
  await send(port, Buffer.from('GET / HTTP/1.0\r\n\r\n'))
  t.equal(receiver.status()[0]!.counters.refused_total, 1)
})

t.test('ftp: a file above the rate takes longer, and is taken whole', async t => {
  const accounts = [{ name: 'discovery', password: SECRET }]
  const options = { listen: LISTEN, accounts, loginDelayMs: 0, passivePortMin: 0, passivePortMax: 0, roomTimeoutMs: 200, ...RATE }
  const receiver = new FtpReceiver(options, deps)
  const { spool, port, rateLimited } = await running(t, receiver)
  const began = performance.now()
  const upload = uploadByHand(port, lines(4000))
  await until('it is slowed', () => receiver.status()[0]!.pauses!.includes('rate_limit'))
  t.match(receiver.status()[0], { state: 'listening', gauges: { rate_limited_transfers: 1, paused_transfers: 0 } })
  t.match(await upload, /^226 /m)
  t.equal(spool.durable, 4000)
  t.ok(performance.now() - began > 900)
  t.ok(rateLimited() > 0)
  t.equal(receiver.status()[0]!.state, 'listening')
})

t.test('sftp: a file above the rate takes longer, and is taken whole', async t => {
  const dir = scratchDir('rate')
  const accounts = [{ name: 'discovery', password: SECRET }]
  const options = { listen: LISTEN, accounts, loginDelayMs: 0, hostKeyFiles: [join(dir, 'host-key')], roomTimeoutMs: 200, ...RATE }
  const receiver = new SftpReceiver(options, deps)
  const { spool, port, rateLimited } = await running(t, receiver)
  const file = join(dir, 'a.log')
  writeFileSync(file, lines(4000))
  const began = performance.now()
  const upload = promisify(execFile)('curl', ['-sS', '-k', '-u', `discovery:${SECRET}`, '-T', file, `sftp://127.0.0.1:${port}/a.log`])
  await until('it is slowed', () => receiver.status()[0]!.pauses!.includes('rate_limit'))
  await upload
  t.equal(spool.durable, 4000)
  t.ok(performance.now() - began > 900)
  t.ok(rateLimited() > 0)
})

/** All that the server said. */
async function uploadByHand(port: number, content: Buffer): Promise<string> {
  const control = connect(port, '127.0.0.1')
  let said = ''
  control.on('data', chunk => {
    said += chunk
  })
  const ask = async (command: string, answer: RegExp): Promise<void> => {
    if (command !== '') control.write(`${command}\r\n`)
    await until(`${command} is answered: ${said}`, () => answer.test(said))
  }
  await ask('', /^220 /m)
  await ask('USER discovery', /^331 /m)
  await ask(`PASS ${SECRET}`, /^230 /m)
  await ask('EPSV', /^229 /m)
  const data = connect(Number(/\(\|\|\|(\d+)\|\)/.exec(said)![1]), '127.0.0.1')
  await ask('STOR a.log', /^150 /m)
  data.end(content)
  await ask('', /^(226|4\d\d|5\d\d) /m)
  control.destroy()
  return said
}

for (const way of ['native', 'dgram'] as const)
  t.test(`syslog-udp, ${way}: datagrams above the rate are thrown away and counted, of that address only`, async t => {
    const receiver = new SyslogUdpReceiver(
      { listen: LISTEN, way, maxFramesPerSecondPerPeer: 100 },
      { ...deps, threadFile: UDP_THREAD_FILE }
    )
    const { spool, port } = await running(t, receiver)
    const sendTo = (count: number, from: string): Promise<void> =>
      sendDatagrams(
        port,
        Array.from({ length: count }, (_, i) => line(i)),
        from
      )
    await sendTo(1000, '127.0.0.1')
    await sendTo(50, '127.0.0.2')
    const counters = () => receiver.status()[0]!.counters
    await until('all are seen', () => counters().received_datagrams_total! + counters().rate_limited_total! === 1050)
    await until('what was taken is in the spool', () => spool.records === counters().received_datagrams_total)
    t.ok(counters().rate_limited_total! > 0)
    t.ok(counters().received_datagrams_total! >= 150)
    await sleep(1100)
    const before = counters().rate_limited_total
    await sendTo(90, '127.0.0.1')
    await until(
      'the new ones are there',
      () => spool.records === counters().received_datagrams_total && counters().received_datagrams_total! >= 240
    )
    t.equal(counters().rate_limited_total, before, 'a second later there is room for a hundred again')
  })
