import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { CollectorError } from '../../src/errors.ts'
import { UDP_THREAD_FILE } from '../../src/pipeline/receivers.ts'
import { type SyslogUdpDeps, type SyslogUdpOptions, SyslogUdpReceiver } from '../../src/receivers/syslog-udp.ts'
import { parseUdpTable } from '../../src/receivers/udp-kernel.ts'
import { checkReceiverContract } from './contract.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { sendDatagrams as send } from './udp-kit.ts'

const never = new AbortController().signal
t.setTimeout(600_000)

const deps = (more: Partial<SyslogUdpDeps> = {}): SyslogUdpDeps => ({ log: memoryLog(), threadFile: UDP_THREAD_FILE, ...more })

const HAS_IPV6 = Object.values(networkInterfaces()).some(addresses => addresses?.some(({ address }) => address === '::1'))
const NEEDS_PROC = { skip: existsSync('/proc/net/udp') ? false : 'this system has no /proc/net/udp' }

/** Sends datagrams of 800 bytes from another process; this thread stands still until they are sent. */
function floodWhileBlocked(port: number, count: number): void {
  const flood = `const s = require('node:dgram').createSocket('udp4'); s.connect(${port}, '127.0.0.1', () => { let left = ${count}; for (let i = 0; i < ${count}; i++) s.send('x'.repeat(800), () => { if (--left === 0) s.close() }) })`
  execFileSync(process.execPath, ['-e', flood])
}

for (const way of ['native', 'dgram'] as const) {
  const create = (options: Partial<SyslogUdpOptions> = {}, log = memoryLog()): SyslogUdpReceiver =>
    new SyslogUdpReceiver({ listen: '127.0.0.1:0', way, ...options }, deps({ log }))

  t.test(`${way}: datagrams of a real sender arrive, one intake for each address`, async t => {
    const log = memoryLog()
    const intakes = new MemoryIntakes()
    const receiver = create({}, log)
    await receiver.start(intakes.open, intakes.take)
    execFileSync('logger', ['--server', '127.0.0.1', '--port', String(portOf(receiver)), '--udp', '--rfc5424', '-t', 'app', 'hello'])
    await send(portOf(receiver), ['<1>a\n', '<2>b'], '127.0.0.2')
    await intakes.until('three frames', () => intakes.frames.length === 3)
    t.match(intakes.frames[0], /^<\d+>1 .* app .* hello$/)
    t.strictSame(intakes.frames.slice(1), ['<1>a', '<2>b'])
    t.strictSame(intakes.peers.map(peer => peer.address).sort(), ['127.0.0.1', '127.0.0.2'])
    const [status] = receiver.status()
    t.match(status, { state: 'listening', connections: 2, counters: { received_datagrams_total: 3, refused_total: 0 } })
    await receiver.stop(never)
    t.equal(intakes.ended, 2)
    t.equal(intakes.committed.length, 3)
    t.equal(receiver.status()[0]?.state, 'stopped')
    t.ok(log.entries.some(entry => entry.level === 'info' && entry.message.startsWith('UDP is received')))
  })

  t.test(`${way}: what arrived before the stop is taken`, async t => {
    const intakes = new MemoryIntakes()
    const receiver = create()
    await receiver.start(intakes.open, intakes.take)
    await send(
      portOf(receiver),
      Array.from({ length: 500 }, (_, i) => `<1>${i}`)
    )
    await receiver.stop(never)
    t.equal(intakes.committed.length, 500)
  })

  t.test(`${way}: senders that are not allowed are refused and counted`, async t => {
    const intakes = new MemoryIntakes()
    const receiver = create({ allow: ['127.0.0.2/32'] })
    await receiver.start(intakes.open, intakes.take)
    await send(portOf(receiver), ['<1>refused', '<1>refused'])
    await send(portOf(receiver), ['<1>taken'], '127.0.0.2')
    await intakes.until('one frame', () => intakes.frames.length === 1)
    await receiver.stop(never)
    t.strictSame(intakes.frames, ['<1>taken'])
    t.equal(receiver.status()[0]?.counters.refused_total, 2)
  })

  t.test(`${way}: the number of senders is bounded, and silent ones are forgotten`, async t => {
    const intakes = new MemoryIntakes()
    const receiver = create({ maxSenders: 3, senderIdleMs: 50 })
    await receiver.start(intakes.open, intakes.take)
    for (let host = 1; host <= 10; host++) await send(portOf(receiver), ['<1>x'], `127.0.0.${host}`)
    await intakes.until('ten senders', () => intakes.opened === 10)
    t.ok(receiver.status()[0]!.connections <= 3)
    await intakes.until('all ended', () => intakes.ended === 10)
    t.equal(receiver.status()[0]?.connections, 0)
    await receiver.stop(never)
    t.strictSame(intakes.violations, [])
  })

  t.test(`${way}: an intake without room does not stop the receiver`, async t => {
    const intakes = new MemoryIntakes({ acceptDelayMs: 20 })
    const receiver = create()
    await receiver.start(intakes.open, intakes.take)
    await send(portOf(receiver), ['<1>a', '<1>b', '<1>c'])
    await intakes.until('three frames', () => intakes.frames.length === 3)
    await receiver.stop(never)
    t.strictSame(intakes.committed, ['<1>a', '<1>b', '<1>c'])
  })

  t.test(`${way}: less buffer than asked for: a warning with the exact sysctl, and both sizes as gauges`, async t => {
    const log = memoryLog()
    const receiver = create({ receiveBufferBytes: 1024 * 1024 * 1024 }, log)
    const intakes = new MemoryIntakes()
    await receiver.start(intakes.open, intakes.take)
    const gauges = receiver.status()[0]!.gauges!
    t.equal(gauges.receive_buffer_asked_bytes, 1024 * 1024 * 1024)
    t.ok(gauges.receive_buffer_granted_bytes! > 0 && gauges.receive_buffer_granted_bytes! < 1024 * 1024 * 1024)
    t.match(log.entries.find(entry => entry.level === 'warn')?.message, /sysctl -w net\.core\.rmem_max=1073741824$/)
    await receiver.stop(never)
  })

  t.test(`${way}: datagrams that the kernel dropped are counted`, NEEDS_PROC, async t => {
    const log = memoryLog()
    const receiver = create({ receiveBufferBytes: 4096 }, log)
    const intakes = new MemoryIntakes()
    await receiver.start(intakes.open, intakes.take)
    floodWhileBlocked(portOf(receiver), 20_000) // more than all blocks of the receiving thread hold
    await receiver.stop(never)
    const { counters } = receiver.status()[0]!
    t.ok(counters.udp_kernel_dropped_datagrams_total! > 0)
    t.equal(counters.udp_kernel_dropped_datagrams_total! + counters.received_datagrams_total!, 20_000)
    t.equal(intakes.committed.length, counters.received_datagrams_total, 'what was received was delivered')
    t.match(log.entries.find(entry => entry.level === 'error')?.message, /^the kernel dropped datagrams/)
  })

  t.test(`${way}: datagrams of every length, with several lines, or with nothing in them`, async t => {
    const intakes = new MemoryIntakes()
    const receiver = create()
    await receiver.start(intakes.open, intakes.take)
    const long = [1, 2, 47, 48, 49, 1500, 2048, 9000, 65_507].map(length => `<1>${'x'.repeat(length)}`.slice(0, length))
    await send(portOf(receiver), [...long, '', '\n', '<2>trailer\r\n\0', '<3>a\n<4>b\r\n<5>c\n', '<6>one\n message', Buffer.alloc(0)])
    await send(portOf(receiver), ['<7>last'])
    await intakes.until('the last', () => intakes.frames.includes('<7>last'))
    await receiver.stop(never)
    t.strictSame(intakes.frames, [...long, '<2>trailer', '<3>a', '<4>b', '<5>c', '<6>one\n message', '<7>last'])
  })

  t.test(`${way}: many senders taking turns keep their order, each in its intake`, async t => {
    const intakes = new MemoryIntakes()
    const receiver = create()
    await receiver.start(intakes.open, intakes.take)
    const hosts = Array.from({ length: 50 }, (_, i) => `127.0.1.${i + 1}`)
    for (let round = 0; round < 4; round++) {
      for (const host of hosts) await send(portOf(receiver), [`<1>${host} ${round} a`, `<1>${host} ${round} b`], host)
    }
    await receiver.stop(never)
    t.equal(intakes.opened, hosts.length)
    t.strictSame(intakes.peers.map(({ address }) => address).sort(), hosts.toSorted())
    for (const host of hosts) {
      const wanted = [0, 1, 2, 3].flatMap(round => [`<1>${host} ${round} a`, `<1>${host} ${round} b`])
      t.strictSame(
        intakes.committed.filter(frame => frame.startsWith(`<1>${host} `)),
        wanted
      )
    }
  })

  t.test(`${way}: IPv6, and IPv4 senders on a socket for both`, { skip: HAS_IPV6 ? false : 'this machine has no ::1' }, async t => {
    const intakes = new MemoryIntakes()
    const receiver = create({ listen: '[::]:0', allow: ['::1', '127.0.0.2'] })
    await receiver.start(intakes.open, intakes.take)
    const port = portOf(receiver)
    await send(port, ['<1>six'], '::1', '::1')
    await send(port, ['<1>refused'], '127.0.0.3')
    await send(port, ['<1>four'], '127.0.0.2')
    await intakes.until('two frames', () => intakes.frames.length === 2)
    await receiver.stop(never)
    t.strictSame(intakes.frames, ['<1>six', '<1>four'])
    t.strictSame(
      intakes.peers.map(({ address }) => address),
      ['::1', '127.0.0.2']
    )
    t.equal(receiver.status()[0]!.counters.refused_total, 1)
  })

  t.test(`${way}: an address in use is named`, async t => {
    const first = create()
    const intakes = new MemoryIntakes()
    await first.start(intakes.open, intakes.take)
    const address = first.status()[0]!.address
    const second = create({ listen: address })
    const failure = await second.start(intakes.open, intakes.take).catch(error => error)
    t.ok(failure instanceof CollectorError)
    t.match(failure, { code: 'LISTEN_FAILED', message: `Cannot listen on udp ${address}: another process uses this address` })
    t.equal(second.status()[0]?.state, 'failed')
    await second.stop(never)
    await first.stop(never)
  })

  t.test(`${way}: the log says once which way is used`, async t => {
    const log = memoryLog()
    const intakes = new MemoryIntakes()
    const receiver = create({}, log)
    await receiver.start(intakes.open, intakes.take)
    await receiver.stop(never)
    const lines = log.entries.filter(({ message }) => message.includes('UDP is received'))
    t.equal(lines.length, 1)
    t.match(lines[0]!.message, way === 'native' ? /recvmmsg in a thread of its own$/ : /node:dgram \(as configured\)$/)
    t.equal(receiver.status()[0]!.gauges!.udp_native, way === 'native' ? 1 : 0)
  })

  checkReceiverContract(t, `syslog-udp, ${way}`, {
    create: () => create({ senderIdleMs: 100 }),
    send: async (port, records) => {
      await send(port, records)
      return records
    },
    hasReceipt: false
  })
}

t.test('native: a thread that stands still here does not stop the receiving', async t => {
  const intakes = new MemoryIntakes()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0', way: 'native' }, deps())
  await receiver.start(intakes.open, intakes.take)
  floodWhileBlocked(portOf(receiver), 5000)
  const received = (): number => receiver.status()[0]!.counters.received_datagrams_total!
  // This thread stands still until then, should the other not have been given a core yet.
  for (let tries = 0; received() === 0 && tries < 6000; tries++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  t.ok(received() > 0, 'received before this thread did anything')
  await receiver.stop(never)
  const { counters } = receiver.status()[0]!
  t.equal(intakes.committed.length, counters.received_datagrams_total)
  t.equal(counters.received_datagrams_total! + counters.udp_kernel_dropped_datagrams_total!, 5000)
})

t.test('native: a thread that ends is started again; what it had is counted, and nothing else is lost', async t => {
  const log = memoryLog()
  const intakes = new MemoryIntakes()
  const threadFile = new URL('./udp-dying-thread.ts', import.meta.url)
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0', way: 'native' }, deps({ log, threadFile }))
  await receiver.start(intakes.open, intakes.take)
  const counters = () => receiver.status()[0]!.counters
  await send(portOf(receiver), ['<1>before'])
  await intakes.until('the first', () => intakes.frames.length === 1)
  for (let life = 1; life <= 2; life++) {
    await send(portOf(receiver), ['<1>die', '<1>same batch or the next thread'])
    await intakes.until('a new thread', () => counters().udp_thread_restarts_total === life && receiver.status()[0]!.state === 'listening')
    await send(portOf(receiver), [`<1>after ${life}`])
    await intakes.until('the next', () => intakes.frames.includes(`<1>after ${life}`))
  }
  await receiver.stop(never)
  t.ok(counters().udp_lost_datagrams_total! >= 2)
  t.equal(
    counters().received_datagrams_total,
    intakes.frames.length + counters().udp_lost_datagrams_total!,
    'received is delivered or lost'
  )
  t.equal(intakes.ended, intakes.opened)
  t.strictSame(intakes.violations, [])
  const failures = log.entries.filter(({ level }) => level === 'error')
  t.match(failures[0], { message: /receiving thread of UDP ended/, facts: { err: { message: 'told to die' } } })
  t.equal(failures.length, 2)
})

t.test('without a receiving thread auto takes node:dgram and says why, native refuses to start', async t => {
  const threadFile = new URL('./no-such-thread.ts', import.meta.url)
  const log = memoryLog()
  const intakes = new MemoryIntakes()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0' }, deps({ log, threadFile }))
  await receiver.start(intakes.open, intakes.take)
  await send(portOf(receiver), ['<1>a'])
  await intakes.until('a frame', () => intakes.frames.length === 1)
  await receiver.stop(never)
  t.ok(log.entries.some(({ message }) => /received by node:dgram \(.*no-such-thread.*\)$/.test(message)))
  const refusing = new SyslogUdpReceiver({ listen: '127.0.0.1:0', way: 'native' }, deps({ threadFile }))
  await t.rejects(refusing.start(intakes.open, intakes.take), { code: 'LISTEN_FAILED', message: /no-such-thread/ })
})

t.test('native: without the right to force it, the kernel caps the buffer', NEEDS_PROC, t => {
  const asked = 512 * 1024 * 1024
  const command = [process.execPath, fileURLToPath(new URL('./udp-buffer-child.ts', import.meta.url)), String(asked)]
  // The right is taken away where it is there (setpriv: Debian package util-linux).
  const [file, ...args] = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-net_admin', ...command] : command
  const granted = Number(execFileSync(file!, args, { encoding: 'utf8' }))
  t.equal(granted, Math.min(asked, Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'))))
  t.end()
})

t.test('a table of the kernel is read by local port', async t => {
  const table = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  521: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3961 2 0000000000000000 42',
    '  522: 00000000:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3962 2 0000000000000000 7'
  ].join('\n')
  t.strictSame(parseUdpTable(table, 5514), { 3961: 42 })
  t.strictSame(parseUdpTable(table, 514), { 3962: 7 })
  t.strictSame(parseUdpTable('', 514), {})
})

t.test('options out of range are refused by name', async t => {
  t.throws(() => new SyslogUdpReceiver({ listen: 'nowhere' }, deps()), /Cannot read listen address "nowhere"/)
  t.throws(() => new SyslogUdpReceiver({ maxSenders: 0 }, deps()), /maxSenders/)
  t.throws(() => new SyslogUdpReceiver({ allow: ['10.0.0.0/99'] }, deps()), /10\.0\.0\.0\/99/)
})
