import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import t from 'tap'
import { CollectorError } from '../../src/errors.ts'
import { SyslogUdpReceiver } from '../../src/receivers/syslog-udp.ts'
import { parseUdpTable } from '../../src/receivers/udp-kernel.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'

const never = new AbortController().signal

async function send(port: number, datagrams: readonly string[], from = '127.0.0.1'): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, from, resolve))
  for (const datagram of datagrams) await new Promise(resolve => socket.send(datagram, port, '127.0.0.1', resolve))
  socket.close()
}

t.test('datagrams of a real sender arrive, one intake for each address', async t => {
  const log = memoryLog()
  const intakes = new MemoryIntakes()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0' }, { log })
  await receiver.start(intakes.open)
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
  t.ok(log.entries.some(entry => entry.level === 'info' && entry.message.startsWith('listening')))
})

t.test('what arrived before the stop is taken', async t => {
  const intakes = new MemoryIntakes()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() })
  await receiver.start(intakes.open)
  await send(
    portOf(receiver),
    Array.from({ length: 500 }, (_, i) => `<1>${i}`)
  )
  await receiver.stop(never)
  t.equal(intakes.committed.length, 500)
})

t.test('senders that are not allowed are refused and counted', async t => {
  const intakes = new MemoryIntakes()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0', allow: ['127.0.0.2/32'] }, { log: memoryLog() })
  await receiver.start(intakes.open)
  await send(portOf(receiver), ['<1>refused', '<1>refused'])
  await send(portOf(receiver), ['<1>taken'], '127.0.0.2')
  await intakes.until('one frame', () => intakes.frames.length === 1)
  await receiver.stop(never)
  t.strictSame(intakes.frames, ['<1>taken'])
  t.equal(receiver.status()[0]?.counters.refused_total, 2)
})

t.test('the number of senders is bounded, and silent ones are forgotten', async t => {
  const intakes = new MemoryIntakes()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0', maxSenders: 3, senderIdleMs: 50 }, { log: memoryLog() })
  await receiver.start(intakes.open)
  for (let host = 1; host <= 10; host++) await send(portOf(receiver), ['<1>x'], `127.0.0.${host}`)
  await intakes.until('ten senders', () => intakes.opened === 10)
  t.ok(receiver.status()[0]!.connections <= 3)
  await intakes.until('all ended', () => intakes.ended === 10)
  t.equal(receiver.status()[0]?.connections, 0)
  await receiver.stop(never)
  t.strictSame(intakes.violations, [])
})

t.test('an intake without room does not stop the receiver', async t => {
  const intakes = new MemoryIntakes({ acceptDelayMs: 20 })
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() })
  await receiver.start(intakes.open)
  await send(portOf(receiver), ['<1>a', '<1>b', '<1>c'])
  await intakes.until('three frames', () => intakes.frames.length === 3)
  await receiver.stop(never)
  t.strictSame(intakes.committed, ['<1>a', '<1>b', '<1>c'])
})

t.test('less buffer than asked for: a warning with the exact sysctl, and both sizes as gauges', async t => {
  const log = memoryLog()
  const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0', receiveBufferBytes: 1024 * 1024 * 1024 }, { log })
  await receiver.start(new MemoryIntakes().open)
  const gauges = receiver.status()[0]!.gauges!
  t.equal(gauges.receive_buffer_asked_bytes, 1024 * 1024 * 1024)
  t.ok(gauges.receive_buffer_granted_bytes! > 0 && gauges.receive_buffer_granted_bytes! < 1024 * 1024 * 1024)
  t.match(log.entries.find(entry => entry.level === 'warn')?.message, /sysctl -w net\.core\.rmem_max=1073741824$/)
  await receiver.stop(never)
})

t.test(
  'datagrams that the kernel dropped are counted',
  { skip: existsSync('/proc/net/udp') ? false : 'this system has no /proc/net/udp' },
  async t => {
    const log = memoryLog()
    const receiver = new SyslogUdpReceiver({ listen: '127.0.0.1:0', receiveBufferBytes: 4096 }, { log })
    await receiver.start(new MemoryIntakes().open)
    const flood = `const s = require('node:dgram').createSocket('udp4'); s.connect(${portOf(receiver)}, '127.0.0.1', () => { let left = 3000; for (let i = 0; i < 3000; i++) s.send('x'.repeat(800), () => { if (--left === 0) s.close() }) })`
    execFileSync(process.execPath, ['-e', flood]) // blocks this process, so its buffer overflows
    await receiver.stop(never)
    const { counters } = receiver.status()[0]!
    t.ok(counters.udp_kernel_dropped_datagrams_total! > 0)
    t.equal(counters.udp_kernel_dropped_datagrams_total! + counters.received_datagrams_total!, 3000)
  }
)

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

t.test('an address in use is named', async t => {
  const first = new SyslogUdpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() })
  await first.start(new MemoryIntakes().open)
  const address = first.status()[0]!.address
  const second = new SyslogUdpReceiver({ listen: address }, { log: memoryLog() })
  const failure = await second.start(new MemoryIntakes().open).catch(error => error)
  t.ok(failure instanceof CollectorError)
  t.match(failure, { code: 'LISTEN_FAILED', message: `Cannot listen on udp ${address}: another process uses this address` })
  t.equal(second.status()[0]?.state, 'failed')
  await second.stop(never)
  await first.stop(never)
})

t.test('options out of range are refused by name', async t => {
  t.throws(() => new SyslogUdpReceiver({ listen: 'nowhere' }, { log: memoryLog() }), /Cannot read listen address "nowhere"/)
  t.throws(() => new SyslogUdpReceiver({ maxSenders: 0 }, { log: memoryLog() }), /maxSenders/)
  t.throws(() => new SyslogUdpReceiver({ allow: ['10.0.0.0/99'] }, { log: memoryLog() }), /10\.0\.0\.0\/99/)
})
