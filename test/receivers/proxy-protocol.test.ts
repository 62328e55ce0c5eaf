import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { parseProxyHeader } from '../../src/receivers/proxy-protocol.ts'
import { SyslogTcpReceiver } from '../../src/receivers/syslog-tcp.ts'
import fc from '../property-kit.ts'
import { delay, MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const v2 = (hex: string): Buffer => Buffer.from(SIGNATURE + hex.replaceAll(' ', ''), 'hex')
const V2_TCP4 = v2('21 11 000c c6336407 0a000001 1f40 020a')
const V2_TCP6 = v2('21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000001 1f40 020a')
const V2_LOCAL = v2('20 00 0000')

const HEADERS: { bytes: Buffer; address: string | undefined }[] = [
  { bytes: Buffer.from('PROXY TCP4 198.51.100.7 10.0.0.1 8000 514\r\n'), address: '198.51.100.7' },
  { bytes: Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 8000 514\r\n'), address: '2001:db8::7' },
  { bytes: Buffer.from('PROXY UNKNOWN\r\n'), address: undefined },
  { bytes: V2_TCP4, address: '198.51.100.7' },
  { bytes: V2_TCP6, address: '2001:db8::7' },
  { bytes: v2('21 21 0024 00000000000000000000ffffc6336407 00000000000000000000ffff0a000001 1f40 020a'), address: '198.51.100.7' },
  { bytes: v2('21 11 0013 c6336407 0a000001 1f40 020a 04 0004 00000000'), address: '198.51.100.7' },
  { bytes: v2('21 31 0001 00'), address: undefined },
  { bytes: V2_LOCAL, address: undefined }
]

t.test('headers of both versions are read, whole or in parts', async t => {
  for (const { bytes, address } of HEADERS) {
    t.strictSame(parseProxyHeader(Buffer.concat([bytes, Buffer.from('<1>a\n')])), { length: bytes.length, address })
    for (let length = 0; length < bytes.length; length++) t.equal(parseProxyHeader(bytes.subarray(0, length)), 'incomplete')
  }
})

t.test('what is no header is invalid', async t => {
  for (const bytes of [
    '<134>text',
    'PROXY TCP4 198.51.100.7 10.0.0.1 8000\r\n',
    'PROXY TCP4 2001:db8::7 10.0.0.1 8000 514\r\n',
    'PROXY TCP4 300.1.1.1 10.0.0.1 8000 514\r\n',
    'PROXY UDP4 198.51.100.7 10.0.0.1 8000 514\r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`
  ]) {
    t.equal(parseProxyHeader(Buffer.from(bytes)), 'invalid', bytes)
  }
  for (const hex of [
    '11 11 000c c6336407 0a000001 1f40 020a',
    '22 11 0000',
    '21 11 ffff',
    '21 11 0004 c6336407',
    '21 21 000c c6336407 0a000001 1f40 020a'
  ]) {
    t.equal(parseProxyHeader(v2(hex)), 'invalid', hex)
  }
})

t.test('random bytes never throw', async t => {
  fc.assert(
    fc.property(fc.constantFrom(Buffer.alloc(0), Buffer.from('PROXY '), Buffer.from(SIGNATURE, 'hex')), fc.uint8Array(), (start, rest) => {
      const header = parseProxyHeader(Buffer.concat([start, rest]))
      assert.ok(typeof header === 'string' || header.length <= start.length + rest.length)
    })
  )
  t.pass('for 100 random cases')
})

async function open(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function withReceiver(
  options: ConstructorParameters<typeof SyslogTcpReceiver>[0],
  use: (port: number, intakes: MemoryIntakes, receiver: SyslogTcpReceiver) => Promise<void>
): Promise<void> {
  const intakes = new MemoryIntakes()
  const receiver = new SyslogTcpReceiver({ listen: '127.0.0.1:0', proxies: ['127.0.0.0/30'], ...options }, { log: memoryLog() })
  await receiver.start(intakes.open)
  await use(portOf(receiver), intakes, receiver)
  await receiver.stop(AbortSignal.timeout(60_000))
}

t.test('the announced client is the peer, however header and log are cut into packets', async t => {
  await withReceiver({}, async (port, intakes) => {
    for (const { bytes, address } of HEADERS) {
      for (const at of [1, 5, bytes.length, bytes.length + 2]) {
        const all = Buffer.concat([bytes, Buffer.from('<1>a\n<1>b\n')])
        const socket = await open(port)
        socket.setNoDelay(true)
        socket.write(all.subarray(0, at))
        await delay(5)
        socket.end(all.subarray(at))
        await intakes.until('committed', () => intakes.committed.length === 2)
        t.equal(intakes.peers.at(-1)?.address, address ?? '127.0.0.1')
        t.strictSame(intakes.committed.splice(0), ['<1>a', '<1>b'])
      }
    }
  })
})

t.test('a proxy without header is closed and counted; a probe that sends nothing is an empty connection', async t => {
  await withReceiver({ handshakeTimeoutMs: 100 }, async (port, intakes, receiver) => {
    const counters = () => receiver.status()[0]!.counters
    ;(await open(port)).end('<1>no header\n')
    await intakes.until('counted', () => counters().handshake_failed_total === 1)
    ;(await open(port)).end()
    await intakes.until('probe counted', () => counters().empty_connections_total === 1)
    const slow = await open(port)
    slow.write('PROXY ')
    await intakes.until('timed out', () => counters().handshake_failed_total! >= 2)
    await intakes.until('closed', () => receiver.status()[0]?.connections === 0)
    t.equal(intakes.opened, 0)
  })
})

t.test('a peer that is no proxy cannot announce anybody', async t => {
  await withReceiver({}, async (port, intakes) => {
    ;(await open(port, '127.0.0.9')).end('PROXY TCP4 198.51.100.7 10.0.0.1 8000 514\r\n<1>a\n')
    await intakes.until('ended', () => intakes.ended === 1)
    t.equal(intakes.peers[0]?.address, '127.0.0.9')
    t.strictSame(intakes.frames, ['PROXY TCP4 198.51.100.7 10.0.0.1 8000 514', '<1>a'])
  })
})

t.test('the allow-list holds for announced clients', async t => {
  await withReceiver({ allow: ['198.51.100.0/24'] }, async (port, intakes, receiver) => {
    ;(await open(port)).end(Buffer.concat([Buffer.from('PROXY TCP4 203.0.113.1 10.0.0.1 1 2\r\n<1>refused\n')]))
    ;(await open(port)).end(Buffer.concat([V2_TCP4, Buffer.from('<1>taken\n')]))
    await intakes.until('taken', () => intakes.frames.length === 1)
    await intakes.until('refused', () => receiver.status()[0]!.counters.refused_not_allowed_total === 1)
    t.strictSame(intakes.frames, ['<1>taken'])
  })
})
