import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import type { Intake, OpenIntake } from '../../src/contracts.ts'
import { SyslogTcpReceiver } from '../../src/receivers/syslog-tcp.ts'
import { checkReceiverContract } from './contract.ts'
import { delay, MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'

t.setTimeout(600_000)

const signal = (): AbortSignal => AbortSignal.timeout(60_000)

async function started(options: ConstructorParameters<typeof SyslogTcpReceiver>[0] = {}, intakes = new MemoryIntakes()) {
  const log = memoryLog()
  const receiver = new SyslogTcpReceiver({ listen: '127.0.0.1:0', ...options }, { log })
  await receiver.start(intakes.open)
  return { receiver, intakes, log, port: portOf(receiver), counters: () => receiver.status()[0]!.counters }
}

async function open(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function sendAll(port: number, records: readonly string[]): Promise<readonly string[]> {
  const socket = await open(port)
  socket.end(`${records.join('\n')}\n`)
  socket.resume()
  await once(socket, 'close')
  return records
}

checkReceiverContract(t, 'syslog-tcp', {
  create: () => new SyslogTcpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() }),
  send: sendAll,
  hasReceipt: false
})

t.test('logger sends with either framing to the same port', async t => {
  const { receiver, intakes, port } = await started()
  const logger = (...more: string[]) =>
    execFileSync('logger', ['--server', '127.0.0.1', '--port', String(port), '--tcp', '-t', 'app', ...more])
  logger('--rfc5424', 'newline framing')
  logger('--rfc5424', '--octet-count', 'octet counting')
  await intakes.until('both', () => intakes.frames.length === 2)
  t.match(intakes.frames[0], /^<\d+>1 .* newline framing$/)
  t.match(intakes.frames[1], /^<\d+>1 .* octet counting$/)
  await receiver.stop(signal())
})

t.test('a sender that ends without trailer has its last frame delivered', async t => {
  const { receiver, intakes, port } = await started()
  ;(await open(port)).end('<1>a\n<2>b')
  await intakes.until('committed', () => intakes.committed.length === 2)
  t.equal(intakes.ended, 1)
  t.strictSame(intakes.committed, ['<1>a', '<2>b'])
  await receiver.stop(signal())
})

t.test('a reset keeps whole frames and throws the partial one away', async t => {
  const { receiver, intakes, port, counters } = await started()
  const socket = await open(port)
  socket.write('<1>a\n<2>b\n<3>part')
  await intakes.until('two frames', () => intakes.frames.length === 2)
  socket.resetAndDestroy()
  await intakes.until('aborted', () => intakes.aborted === 1)
  t.strictSame(intakes.frames, ['<1>a', '<2>b'])
  t.match(counters(), { aborted_total: 1, connection_errors_total: 1 })
  await receiver.stop(signal())
})

t.test('a reset while the socket is not read loses no frame that was received', async t => {
  const { receiver, intakes, port } = await started({}, new MemoryIntakes({ acceptDelayMs: 200 }))
  const socket = await open(port)
  socket.write('<1>a\n')
  await intakes.until('first', () => intakes.frames.length === 1)
  socket.write('<2>b\n<3>part')
  await delay(50)
  socket.resetAndDestroy()
  await intakes.until('aborted', () => intakes.aborted === 1)
  t.strictSame(intakes.frames, ['<1>a', '<2>b'])
  t.strictSame(intakes.violations, [])
  await receiver.stop(signal())
})

t.test('while an intake has no room its sender is not read, and the state says so', async t => {
  const { receiver, intakes, port } = await started({}, new MemoryIntakes({ acceptDelayMs: 300 }))
  const socket = await open(port)
  socket.write('<1>a\n')
  await intakes.until('paused', () => receiver.status()[0]?.state === 'paused')
  t.match(receiver.status()[0], { state: 'paused', reason: '1 connections wait for room', counters: { pauses_total: 1 } })
  const chunk = Buffer.alloc(1024 * 1024, `<2>${'x'.repeat(60)}\n`)
  for (let i = 0; i < 32; i++) socket.write(chunk)
  await delay(100)
  t.ok(socket.writableLength > 8 * 1024 * 1024, 'the sender has to wait')
  socket.resetAndDestroy()
  await intakes.until('aborted', () => intakes.aborted === 1)
  t.equal(receiver.status()[0]?.state, 'listening')
  await receiver.stop(signal())
})

t.test('while there is no room another connection is read once at most, and then each gets its turn', async t => {
  const { receiver, intakes, port, counters } = await started()
  const sockets = await Promise.all(Array.from({ length: 100 }, () => open(port)))
  for (const [index, socket] of sockets.entries()) socket.write(`<1>first ${index}\n`)
  await intakes.until('all to be read', () => intakes.frames.length === 100)
  const { promise, resolve } = Promise.withResolvers<void>()
  intakes.faults.room = promise
  sockets[0]!.write('<1>too much\n')
  await intakes.until('the first to wait', () => intakes.frames.length === 101)
  for (const socket of sockets.slice(1)) socket.write('<1>second\n')
  await intakes.until('the others to find none', () => intakes.frames.length === 200)
  for (const socket of sockets) socket.write('<1>third\n')
  const late = await open(port)
  late.write('<1>late\n')
  await delay(50)
  t.equal(intakes.frames.length, 200, 'none is read again')
  t.match(receiver.status()[0], { state: 'paused', counters: { pauses_total: 1 } })
  delete intakes.faults.room
  intakes.faults.acceptDelayMs = 1
  resolve()
  await intakes.until('all to be read again', () => intakes.frames.length === 301)
  t.equal(intakes.frames.filter(frame => frame === '<1>third').length, 100)
  t.ok(counters().pauses_total! > 1, 'each that had its turn found no room again')
  t.strictSame(intakes.violations, [])
  for (const socket of [...sockets, late]) socket.end()
  await intakes.until('all ends', () => intakes.ended === 101)
  await receiver.stop(signal())
})

t.test('a spool that becomes full stops all before they read, also who connects then, and a stop does not wait for it', async t => {
  const tell: ((isFull: boolean) => void)[] = []
  let watched = 0
  const onFullChange = (listener: (isFull: boolean) => void) => {
    tell.push(listener)
    watched++
    return () => void watched--
  }
  const receiver = new SyslogTcpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog(), onFullChange })
  const intakes = new MemoryIntakes()
  await receiver.start(intakes.open)
  const early = await open(portOf(receiver))
  early.write('<1>early\n')
  await intakes.until('the frame', () => intakes.frames.length === 1)
  tell[0]!(true)
  const late = await open(portOf(receiver))
  const { received_bytes_total: before } = receiver.status()[0]!.counters
  for (const socket of [early, late]) socket.write('<1>x\n')
  await intakes.until('both are held', () => receiver.status()[0]!.gauges!.paused_connections === 2)
  await delay(50)
  t.match(receiver.status()[0], { state: 'paused', counters: { received_bytes_total: before, pauses_total: 1 } }, 'not a byte was read')
  tell[0]!(false)
  await intakes.until('they are read', () => intakes.frames.length === 3)
  tell[0]!(true)
  late.write('<1>never read\n')
  await receiver.stop(signal())
  t.same([intakes.frames.length, watched], [3, 0])
})

t.test('of many connections with much to read a turn of the event loop takes some MiB only, and all are read', async t => {
  const intakes = new MemoryIntakes()
  let readBytes = 0
  const counting: OpenIntake = (peer, framing) => {
    const intake = intakes.open(peer, framing)
    const accept = (chunk: Uint8Array) => {
      readBytes += chunk.length
      return intake.accept(chunk)
    }
    return { ...boundTo(intake), accept }
  }
  const receiver = new SyslogTcpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() })
  await receiver.start(counting)
  const port = portOf(receiver)
  const { promise: room, resolve } = Promise.withResolvers<void>()
  intakes.faults.room = room
  const sockets = await Promise.all(Array.from({ length: 40 }, () => open(port)))
  const first = '<1>there is no room after this\n'
  sockets[0]!.write(first)
  await intakes.until('the receiver to wait', () => receiver.status()[0]?.state === 'paused')
  const content = Buffer.alloc(512 * 1024, `<2>${'x'.repeat(1020)}\n`)
  for (const socket of sockets) socket.write(content)
  await delay(100)
  t.ok(readBytes <= (2 * 1024 + 256) * 1024, `${readBytes} bytes while there was no room`)
  delete intakes.faults.room
  let total = readBytes - first.length
  readBytes = 0
  resolve()
  let largestTurn = 0
  const deadline = Date.now() + 120_000
  while (total < sockets.length * content.length && Date.now() < deadline) {
    await new Promise(setImmediate)
    largestTurn = Math.max(largestTurn, readBytes)
    total += readBytes
    readBytes = 0
  }
  t.equal(total, sockets.length * content.length)
  t.ok(largestTurn <= (2 * 1024 + 256) * 1024 * 2, `${largestTurn} bytes at most between two immediates`)
  t.match(receiver.status()[0], { state: 'listening', gauges: { paused_connections: 0 }, counters: { pauses_total: 1 } })
  for (const socket of sockets) socket.end()
  await intakes.until('all ends', () => intakes.ended === sockets.length)
  t.strictSame(intakes.violations, [])
  await receiver.stop(signal())
})

const boundTo = (intake: Intake): Intake => ({
  accept: chunk => intake.accept(chunk),
  debtMs: () => intake.debtMs(),
  commit: () => intake.commit(),
  end: () => intake.end(),
  abort: () => intake.abort()
})

t.test('a connection without a byte is counted and logged at debug only', async t => {
  const { receiver, intakes, log, port, counters } = await started()
  ;(await open(port)).end()
  await intakes.until('counted', () => counters().empty_connections_total === 1)
  t.equal(intakes.opened, 0)
  t.strictSame(
    log.entries.filter(entry => entry.level !== 'debug'),
    []
  )
  await receiver.stop(signal())
})

t.test('connections over the limit, over the limit of one address, or not allowed are refused and counted', async t => {
  const { receiver, intakes, counters, port } = await started({
    maxConnections: 3,
    maxConnectionsPerPeer: 2,
    allow: ['127.0.0.1', '127.0.0.2']
  })
  const held = [await open(port), await open(port)]
  const refused = async (from: string): Promise<void> => {
    const socket = await open(port, from)
    socket.resume()
    await once(socket, 'close')
  }
  await refused('127.0.0.3')
  await refused('127.0.0.1')
  held.push(await open(port, '127.0.0.2'))
  await intakes.until('three', () => receiver.status()[0]?.connections === 3)
  await refused('127.0.0.2')
  t.match(counters(), {
    refused_total: 3,
    refused_not_allowed_total: 1,
    refused_peer_limit_total: 1,
    refused_limit_total: 1,
    connections_total: 3
  })
  held[0]!.end('<1>freed\n')
  await intakes.until('room', () => receiver.status()[0]?.connections === 2)
  await sendAll(port, ['<1>next'])
  await intakes.until('taken', () => intakes.frames.includes('<1>next'))
  for (const socket of held) socket.destroy()
  await receiver.stop(signal())
})

t.test('a silent connection is closed after the idle time', async t => {
  const { receiver, intakes, port, counters } = await started({ idleTimeoutMs: 50 })
  const socket = await open(port)
  socket.resume()
  await once(socket, 'close')
  await intakes.until('counted', () => receiver.status()[0]?.connections === 0)
  t.equal(counters().idle_closed_total, 1)
  await receiver.stop(signal())
})

t.test('a connection that was not read for want of room is not idle meanwhile, and is when it stays silent afterwards', async t => {
  const { promise: room, resolve } = Promise.withResolvers<void>()
  const { receiver, intakes, port, counters } = await started({ idleTimeoutMs: 1000 })
  intakes.faults.room = room
  const socket = await open(port)
  const closed = once(socket, 'close')
  socket.resume()
  socket.write('<1>last\n')
  await intakes.until('the frame', () => intakes.frames.length === 1)
  await delay(2500)
  t.equal(receiver.status()[0]?.connections, 1, 'it waits for us')
  t.equal(counters().idle_closed_total, 0)
  delete intakes.faults.room
  resolve()
  await closed
  t.equal(counters().idle_closed_total, 1)
  await receiver.stop(signal())
})

t.test('the idle time of a connection that was not read begins when it is read again', async t => {
  const { promise: room, resolve } = Promise.withResolvers<void>()
  const idleTimeoutMs = 1000
  const { receiver, intakes, port, counters } = await started({ idleTimeoutMs })
  intakes.faults.room = room
  const socket = await open(port)
  const closed = once(socket, 'close')
  socket.resume()
  socket.write('<1>last\n')
  await intakes.until('the frame', () => intakes.frames.length === 1)
  await delay(idleTimeoutMs * 1.8) // one that begins at each expiry would end soon now
  delete intakes.faults.room
  const resumedMs = performance.now()
  resolve()
  await closed
  t.ok(performance.now() - resumedMs > idleTimeoutMs / 2, 'it had its time')
  t.equal(counters().idle_closed_total, 1)
  await receiver.stop(signal())
})

t.test('a peer that sends byte by byte, half-open peers and garbage harm nobody', async t => {
  const { receiver, intakes, port } = await started()
  const slow = await open(port)
  slow.setNoDelay(true)
  const silent = await open(port)
  const wild = await open(port)
  wild.write(Buffer.alloc(3 * 1024 * 1024, 0xff))
  for (const byte of '<1>slow') {
    slow.write(byte)
    await delay(2)
  }
  await sendAll(port, ['<2>other'])
  await intakes.until('the other peer', () => intakes.frames.includes('<2>other'))
  slow.end('\n')
  await intakes.until('the slow peer', () => intakes.frames.includes('<1>slow'))
  t.equal(intakes.frames.filter(frame => frame.startsWith('\xff')).length, 1, 'garbage without a newline is one cut frame')
  silent.destroy()
  wild.destroy()
  await receiver.stop(signal())
})

t.test('a stop takes what connected peers have sent, and ends all', async t => {
  const { receiver, intakes, port } = await started()
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open(port)))
  await intakes.until('connected', () => receiver.status()[0]?.connections === 20)
  for (const [i, socket] of sockets.entries()) socket.write(`<1>first ${i}\n<1>second ${i}`)
  await receiver.stop(signal())
  t.equal(intakes.committed.length, 40)
  t.equal(intakes.ended, 20)
  t.match(receiver.status()[0], { state: 'stopped', connections: 0 })
  for (const socket of sockets) socket.destroy()
})

t.test('a stop in the middle of a stream cuts between frames', async t => {
  const { receiver, intakes, port } = await started()
  const socket = await open(port)
  let isOpen = true
  socket.on('close', () => {
    isOpen = false
  })
  const line = `<1>${'x'.repeat(997)}`
  const pump = (): void => {
    if (isOpen) socket.write(`${line}\n`.repeat(50).slice(0, -500), () => socket.write(`${line}\n`.slice(-500), () => setImmediate(pump)))
  }
  pump()
  await intakes.until('some frames', () => intakes.frames.length > 100)
  await receiver.stop(signal())
  t.ok(intakes.frames.length > 100)
  t.strictSame(
    intakes.frames.filter(frame => frame !== line),
    []
  )
  t.equal(intakes.committed.length, intakes.frames.length)
  socket.destroy()
})

t.test('a stop whose deadline has passed does not wait for a slow intake', async t => {
  const { receiver, intakes, port } = await started({}, new MemoryIntakes({ commitDelayMs: 2_000 }))
  const socket = await open(port)
  socket.write('<1>a\n')
  await intakes.until('taken', () => intakes.frames.length === 1)
  await receiver.stop(AbortSignal.timeout(20))
  t.equal(intakes.committed.length, 0)
  socket.destroy()
})

t.test('ports that cannot be had: the message names the address and the remedy', async t => {
  const { receiver, port } = await started()
  const second = new SyslogTcpReceiver({ listen: `127.0.0.1:${port}` }, { log: memoryLog() })
  t.match(await second.start(new MemoryIntakes().open).catch(error => error), {
    code: 'LISTEN_FAILED',
    message: new RegExp(`^Cannot listen on tcp 127.0.0.1:${port}: another process uses this address \\(EADDRINUSE\\)`)
  })
  t.equal(second.status()[0]?.state, 'failed')
  await receiver.stop(signal())
  const elsewhere = new SyslogTcpReceiver({ listen: '192.0.2.1:5514' }, { log: memoryLog() })
  t.match(await elsewhere.start(new MemoryIntakes().open).catch(error => error), { message: /this machine has no address 192\.0\.2\.1/ })
})
