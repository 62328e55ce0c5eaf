import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { BufferedSocket } from '../../src/receivers/buffered-socket.ts'
import { type SyslogTlsOptions, SyslogTlsReceiver } from '../../src/receivers/syslog-tls.ts'
import { spawn } from '../child-kit.ts'
import { checkReceiverContract } from './contract.ts'
import { delay, MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { sendOneWay, TestAuthority } from './tls-kit.ts'

const authority = new TestAuthority()
const server = authority.issue('collector.example.com')
const client = authority.issue('fw1.example.com')
const stranger = new TestAuthority().issue('fw1.example.com')

async function started(options: Partial<SyslogTlsOptions> = {}, intakes = new MemoryIntakes()) {
  const log = memoryLog()
  const receiver = new SyslogTlsReceiver({ listen: '127.0.0.1:0', certFile: server.cert, keyFile: server.key, ...options }, { log })
  await receiver.start(intakes.open)
  return { receiver, intakes, log, port: portOf(receiver), counters: () => receiver.status()[0]!.counters }
}

async function readFile(path: string): Promise<Buffer> {
  return (await import('node:fs/promises')).readFile(path)
}

async function open(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'collector.example.com', ca: await readFile(authority.ca), ...options })
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('secureConnect', resolve).once('close', resolve))
  return socket
}

async function send(port: number, records: readonly string[], options: ConnectionOptions = {}): Promise<readonly string[]> {
  const socket = await open(port, options)
  socket.resume()
  socket.end(records.map(record => `${record.length} ${record}`).join(''))
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
  return records
}

const stop = (receiver: SyslogTlsReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

checkReceiverContract(t, 'syslog-tls', {
  create: () => new SyslogTlsReceiver({ listen: '127.0.0.1:0', certFile: server.cert, keyFile: server.key }, { log: memoryLog() }),
  send,
  hasReceipt: false
})

for (const name of ['useUserBuffer', 'receive']) {
  t.test(`where Node has no ${name} TLS is read in another way`, async t => {
    const { receiver, port } = await started()
    const socket = await open(port)
    let handle = (socket as unknown as { _handle: object })._handle
    while (!Object.hasOwn(handle, name)) handle = Object.getPrototypeOf(handle)
    const property = Object.getOwnPropertyDescriptor(handle, name)!
    socket.destroy()
    await stop(receiver)
    Object.defineProperty(handle, name, { ...property, value: undefined })
    t.teardown(() => Object.defineProperty(handle, name, property))
    checkReceiverContract(t, 'syslog-tls', {
      create: () => new SyslogTlsReceiver({ listen: '127.0.0.1:0', certFile: server.cert, keyFile: server.key }, { log: memoryLog() }),
      send,
      hasReceipt: false
    })
  })
}

t.test('openssl s_client delivers a line', async t => {
  const { receiver, intakes, port } = await started()
  const sender = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`], { stdio: ['pipe', 'ignore', 'ignore'] })
  sender.stdin.write('<134>from s_client\n')
  await intakes.until('arrived', () => intakes.frames.length === 1)
  sender.stdin.end()
  sender.kill()
  t.strictSame(intakes.frames, ['<134>from s_client'])
  await stop(receiver)
})

/** Sockets below TLS that are read by their receiver from now on: what they read from the kernel, they say. */
function divertedSockets(t: Test): Socket[] {
  const sockets: Socket[] = []
  const { divert } = BufferedSocket.prototype
  BufferedSocket.prototype.divert = function (...how): void {
    sockets.push(this)
    divert.apply(this, how)
  }
  t.teardown(() => {
    BufferedSocket.prototype.divert = divert
  })
  return sockets
}

/** Resolves with what each has read so far when none has read for a while. */
async function readsAtRest(sockets: readonly Socket[]): Promise<number[]> {
  const reads = (): number[] => sockets.map(({ bytesRead }) => bytesRead)
  for (let before = ''; before !== String(reads()); await delay(500)) before = String(reads())
  return reads()
}

t.test('while there is no room a TLS connection holds one read at most, all of them some MiB, and nothing is lost', async t => {
  const { receiver, port, intakes } = await started()
  const accepted = divertedSockets(t)
  const [lines, senders] = [4000, 60]
  const sockets = await Promise.all(Array.from({ length: senders }, () => open(port)))
  for (const [sender, socket] of sockets.entries()) socket.resume().write(`${sender} 0\n`)
  await intakes.until('all have sent', () => intakes.frames.length === senders)

  let makeRoom = (): void => {}
  intakes.faults.room = new Promise(resolve => {
    makeRoom = resolve
  })
  const before = await readsAtRest(accepted)
  for (const [sender, socket] of sockets.entries()) {
    const text = Array.from({ length: lines - 1 }, (_, i) => `${sender} ${i + 1} ${'x'.repeat(900)}\n`)
    // A record of TLS is as long as what is written at once: of every second sender a line, else 16 KiB.
    for (const piece of sender % 2 === 0 ? text : [text.join('')]) socket.write(piece)
    socket.end()
  }
  const reads = (await readsAtRest(accepted)).map((bytes, i) => bytes - before[i]!)
  t.equal(reads.length, senders)
  const most = Math.max(...reads)
  // Reads of 64 KiB; before the first record is whole there may have been one with a part of it.
  t.ok(most > 0 && most <= (16 + 64) * 1024, `${most} bytes were read of one connection`)
  const all = reads.reduce((sum, one) => sum + one, 0)
  t.ok(all < 3 * 1024 * 1024, `${all} bytes were read in all`)

  delete intakes.faults.room
  makeRoom()
  await intakes.until('all lines', () => intakes.committed.length === lines * senders)
  t.strictSame(intakes.violations, [])
  const next = Array.from({ length: senders }, () => 0)
  for (const frame of intakes.committed) {
    const [sender, i] = frame.split(' ', 2).map(Number) as [number, number]
    if (next[sender] === i) next[sender]++
  }
  t.ok(
    next.every(count => count === lines),
    'each in its order'
  )
  await stop(receiver)
})

t.test('a sender that ends without a word of TLS, or is cut off, has its whole lines delivered', async t => {
  const { receiver, intakes, port, counters } = await started()
  for (const [line, end] of [
    ['<1>ends\n<1>no trailer', (raw: Socket) => raw.end()],
    ['<1>is cut off\n<1>half', (raw: Socket) => raw.resetAndDestroy()]
  ] as const) {
    const before = intakes.frames.length
    const raw = connectTcp(port, '127.0.0.1')
    await once(raw, 'connect')
    raw.on('error', () => {})
    const socket = await open(port, { socket: raw })
    socket.write(line)
    await intakes.until('a line', () => intakes.frames.length > before)
    end(raw)
    await intakes.until('over', () => receiver.status()[0]!.connections === 0)
  }
  await intakes.until('both over', () => intakes.ended === 1 && intakes.aborted === 1)
  t.strictSame(intakes.frames, ['<1>ends', '<1>no trailer', '<1>is cut off'])
  t.match(counters(), { aborted_total: 1, connection_errors_total: 1 })
  await stop(receiver)
})

t.test('client certificates: none wanted, optional, required, and only of some names', async t => {
  const own = { cert: await readFile(client.cert), key: await readFile(client.key) }
  const foreign = { cert: await readFile(stranger.cert), key: await readFile(stranger.key) }
  const cases: { title: string; options: Partial<SyslogTlsOptions>; with: ConnectionOptions; taken: boolean }[] = [
    { title: 'none wanted', options: {}, with: {}, taken: true },
    { title: 'optional, none shown', options: { clientCertificate: 'optional' }, with: {}, taken: true },
    { title: 'optional, a good one', options: { clientCertificate: 'optional' }, with: own, taken: true },
    { title: 'optional, one of another authority', options: { clientCertificate: 'optional' }, with: foreign, taken: false },
    { title: 'required, none shown', options: { clientCertificate: 'required' }, with: {}, taken: false },
    { title: 'required, a good one', options: { clientCertificate: 'required' }, with: own, taken: true },
    { title: 'required, one of another authority', options: { clientCertificate: 'required' }, with: foreign, taken: false },
    { title: 'a name in the list', options: { clientCertificate: 'required', clientNames: ['FW1.example.com'] }, with: own, taken: true },
    {
      title: 'a name below one in the list',
      options: { clientCertificate: 'required', clientNames: ['*.example.com'] },
      with: own,
      taken: true
    },
    {
      title: 'a name that is not in the list',
      options: { clientCertificate: 'required', clientNames: ['fw2.example.com', '*.org'] },
      with: own,
      taken: false
    }
  ]
  for (const { title, options, with: shown, taken } of cases) {
    const { receiver, intakes, port, counters } = await started({ clientCaFile: authority.ca, ...options })
    await send(port, ['<1>x'], shown)
    await intakes.until(title, () => intakes.committed.length + counters().client_certificate_refused_total! === 1)
    t.equal(intakes.committed.length, taken ? 1 : 0, title)
    await intakes.until('closed', () => receiver.status()[0]?.connections === 0)
    await stop(receiver)
  }
})

/** What `openssl s_client` says of the connection. */
async function shownToOpenssl(port: number): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

t.test('a new certificate is used without a restart, a bad one is not', async t => {
  const dir = join(authority.dir, 'live')
  mkdirSync(dir)
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  copyFileSync(server.cert, certFile)
  copyFileSync(server.key, keyFile)
  const { receiver, intakes, log, port, counters } = await started({ certFile, keyFile, reloadIntervalMs: 20 })
  const nameSeen = async (): Promise<string> => {
    const socket = await open(port, { checkServerIdentity: () => undefined })
    const name = String(socket.getPeerCertificate().subject.CN)
    socket.destroy()
    return name
  }
  const expiry = receiver.status()[0]!.gauges!.tls_certificate_expiry_timestamp_seconds!
  t.ok(Math.abs(expiry - Date.now() / 1000 - 30 * 86_400) < 3600)
  const open_ = await open(port)
  open_.write('<1>before\n')
  await intakes.until('before', () => intakes.frames.length === 1)

  await delay(50)
  writeFileSync(certFile, 'no certificate')
  await intakes.until('refused', () => counters().certificate_reloads_failed_total! > 0)
  t.equal(await nameSeen(), 'collector.example.com')
  t.ok(log.entries.some(entry => entry.level === 'error' && entry.message.includes('the old one stays')))

  copyFileSync(stranger.cert, certFile)
  const failures = counters().certificate_reloads_failed_total!
  await intakes.until('a certificate of another key', () => counters().certificate_reloads_failed_total! > failures)
  t.match(await shownToOpenssl(port), /subject=CN *= *collector\.example\.com/, 'openssl sees the old one')

  const next = authority.issue('renewed.example.com', 60)
  copyFileSync(next.cert, certFile)
  copyFileSync(next.key, keyFile)
  await intakes.until('renewed', () => receiver.status()[0]!.gauges!.tls_certificate_expiry_timestamp_seconds! > expiry + 86_400)
  t.equal(await nameSeen(), 'renewed.example.com')
  t.match(await shownToOpenssl(port), /subject=CN *= *renewed\.example\.com/)
  open_.write('<1>after\n')
  await intakes.until('after', () => intakes.frames.length === 2)
  open_.destroy()
  await stop(receiver)
})

t.test('old TLS, plain text and slow handshakes are refused and counted', async t => {
  const { receiver, intakes, port, counters } = await started({ handshakeTimeoutMs: 100 })
  const old = await open(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  old.destroy()
  await intakes.until('old', () => counters().handshake_failed_total! >= 1)
  const plain = connectTcp(port, '127.0.0.1')
  plain.on('error', () => {})
  plain.write('<134>plain text\n')
  await intakes.until('plain', () => counters().handshake_failed_total! >= 2)
  const slow = connectTcp(port, '127.0.0.1')
  slow.on('error', () => {})
  slow.write(Buffer.from('160301', 'hex'))
  await intakes.until('slow', () => counters().handshake_failed_total! >= 3)
  await intakes.until('closed', () => receiver.status()[0]?.connections === 0)
  t.equal(intakes.opened, 0)
  await stop(receiver)
})

t.test('a PROXY header comes before the handshake', async t => {
  const { receiver, intakes, port } = await started({ proxies: ['127.0.0.1'] })
  const raw = connectTcp(port, '127.0.0.1')
  await once(raw, 'connect')
  raw.write('PROXY TCP4 198.51.100.7 10.0.0.1 8000 6514\r\n')
  const socket = connect({ socket: raw, servername: 'collector.example.com', ca: await readFile(authority.ca) })
  socket.on('error', () => {})
  socket.end('<1>through a balancer\n')
  await intakes.until('arrived', () => intakes.committed.length === 1)
  t.equal(intakes.peers[0]?.address, '198.51.100.7')
  socket.destroy()
  await stop(receiver)
})

t.test('who is no proxy cannot announce anybody: a header where a handshake belongs is refused', async t => {
  const { receiver, intakes, port, counters } = await started({ proxies: ['192.0.2.1'], allow: ['127.0.0.1', '192.0.2.1'] })
  const raw = connectTcp(port, '127.0.0.1')
  raw.on('error', () => {})
  raw.resume()
  raw.write('PROXY TCP4 198.51.100.7 10.0.0.1 8000 6514\r\n')
  await once(raw, 'close')
  await intakes.until('counted', () => counters().handshake_failed_total === 1)
  t.equal(intakes.opened, 0)
  await send(port, ['<1>without a header'])
  await intakes.until('arrived', () => intakes.committed.length === 1)
  t.equal(intakes.peers[0]?.address, '127.0.0.1')
  await stop(receiver)
})

t.test('files that cannot be used stop the start, by name', async t => {
  const start = (options: Partial<SyslogTlsOptions>) =>
    new SyslogTlsReceiver({ listen: '127.0.0.1:0', certFile: server.cert, keyFile: server.key, ...options }, { log: memoryLog() })
      .start(new MemoryIntakes().open)
      .catch(error => error)
  t.match(await start({ certFile: '/nowhere/cert.pem' }), { code: 'CONFIG_INVALID', message: 'Cannot read TLS file "/nowhere/cert.pem"' })
  t.match(await start({ keyFile: client.key }), { code: 'CONFIG_INVALID', message: /Cannot use the TLS files/ })
  t.match(await start({ clientCertificate: 'required' }), { code: 'CONFIG_INVALID', message: /clientCaFile is not set/ })
})

interface Child {
  process: ChildProcess
  port: number
  warnings: string[]
  error?: string
}

async function child(nodeOptions: string[], options: Partial<SyslogTlsOptions> = {}): Promise<Child> {
  const env = { ...process.env }
  delete env.NODE_OPTIONS
  delete env.OPENSSL_CONF
  const script = join(import.meta.dirname, 'tls-receiver-child.ts')
  const started = spawn(
    process.execPath,
    [...nodeOptions, script, JSON.stringify({ certFile: server.cert, keyFile: server.key, ...options })],
    {
      env,
      stdio: ['ignore', 'pipe', 'inherit', 'ipc']
    }
  )
  const [line] = await once(started.stdout!, 'data')
  return { process: started, ...JSON.parse(String(line)) }
}

t.test('with config/openssl.cnf senders that only write and close lose nothing over TLS 1.3', { timeout: 600_000 }, async t => {
  const { process: receiver, port, warnings } = await child(['--openssl-config=config/openssl.cnf'])
  t.strictSame(warnings, [])
  const line = `<134>${'x'.repeat(990)}\n`
  const bytes = Buffer.from(line.repeat(500))
  for (let sender = 0; sender < 10; sender++) await sendOneWay(port, bytes)
  let seen = { frames: 0, over: 0 }
  while (seen.over < 10) {
    receiver.send('count')
    ;[seen] = await once(receiver, 'message')
    await delay(20)
  }
  t.strictSame(seen, { frames: 5000, over: 10 })
  receiver.disconnect()
  await once(receiver, 'exit')
})

t.test('a process that would send session tickets says so, offers TLS 1.2 or does not start, as configured', async t => {
  const outcome = async (nodeOptions: string[], options: Partial<SyslogTlsOptions>): Promise<Child & { version?: string }> => {
    const started = await child(nodeOptions, options)
    if (started.error !== undefined) return started
    const socket = await open(started.port)
    const version = String(socket.getProtocol())
    socket.destroy()
    started.process.disconnect()
    await once(started.process, 'exit')
    return { ...started, version }
  }
  const warned = await outcome([], {})
  t.match(warned.warnings, [/sends TLS 1\.3 session tickets.*--openssl-config=config\/openssl\.cnf/])
  t.equal(warned.version, 'TLSv1.3')
  const older = await outcome([], { sessionTickets: 'tls1.2' })
  t.match(older.warnings, [/TLS 1\.2 is the newest version offered/])
  t.equal(older.version, 'TLSv1.2')
  t.match(await outcome([], { sessionTickets: 'refuse' }), {
    error: /^Cannot listen for TLS as receiver .* sends TLS 1\.3 session tickets/
  })
  t.match(await outcome([], { sessionTickets: 'tls1.2', minVersion: 'TLSv1.3' }), { error: /^Cannot listen for TLS/ })
  const quiet = await outcome(['--openssl-config=config/openssl.cnf'], { sessionTickets: 'refuse' })
  t.strictSame([quiet.version, quiet.warnings], ['TLSv1.3', []])
})
