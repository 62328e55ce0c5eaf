import { existsSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { RelpReceiver } from '../../src/receivers/relp.ts'
import { formatRelpFrame, parseRelpFrame, RELP_DATA_MAX_BYTES } from '../../src/receivers/relp-frame.ts'
import { spawn } from '../child-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { checkReceiverContract } from './contract.ts'
import { delay, MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { TestAuthority } from './tls-kit.ts'

t.setTimeout(600_000)

/** A small RELP sender: keeps what it sent until it is answered. */
class RelpClient {
  readonly answered = new Set<number>()
  readonly closed: Promise<void>
  readonly #socket: Socket
  isOpen = false
  #text = ''
  #txnr = 1

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('error', () => {})
    this.#socket.on('data', chunk => this.#take(String(chunk)))
    this.closed = new Promise(resolve => this.#socket.once('close', () => resolve()))
    this.write(formatRelpFrame(1, 'open', 'relp_version=0\nrelp_software=test\ncommands=syslog'))
  }

  write(bytes: string): void {
    this.#socket.write(bytes)
  }

  send(record: string): number {
    this.write(formatRelpFrame(++this.#txnr, 'syslog', record))
    return this.#txnr
  }

  close(): Promise<void> {
    this.write(formatRelpFrame(++this.#txnr, 'close'))
    return this.closed
  }

  destroy(): Promise<void> {
    this.#socket.destroy()
    return this.closed
  }

  #take(text: string): void {
    this.#text += text
    for (const [, txnr] of this.#text.matchAll(/^(\d+) rsp 6 200 OK$/gm)) this.answered.add(Number(txnr))
    this.isOpen ||= this.#text.startsWith('1 rsp ')
  }
}

async function send(port: number, records: readonly string[]): Promise<readonly string[]> {
  const client = new RelpClient(port)
  const numbers = records.map(record => client.send(record))
  await client.close()
  return records.filter((_, i) => client.answered.has(numbers[i]!))
}

async function started(intakes = new MemoryIntakes(), options: ConstructorParameters<typeof RelpReceiver>[0] = {}) {
  const receiver = new RelpReceiver({ listen: '127.0.0.1:0', ...options }, { log: memoryLog() })
  await receiver.start(intakes.open)
  return { receiver, intakes, port: portOf(receiver), counters: () => receiver.status()[0]!.counters }
}

const stop = (receiver: RelpReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

checkReceiverContract(t, 'relp', {
  create: () => new RelpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() }),
  send,
  hasReceipt: true
})

t.test('frames are read whole or in parts, and what is none is broken', async t => {
  for (const text of ['1 open 0\n', '7 syslog 5 a b\nc\n', '999999999 rsp 6 200 OK\n']) {
    const bytes = Buffer.from(text)
    t.match(parseRelpFrame(bytes, 0), { next: bytes.length })
    for (let length = 0; length < bytes.length; length++)
      t.equal(parseRelpFrame(bytes.subarray(0, length), 0), 'incomplete', `${text} ${length}`)
  }
  for (const text of [
    'x',
    '<134>text',
    '1  open',
    '1234567890 ',
    '1 syslog x',
    '1 syslog 3\n',
    '1 syslog 3 abcd',
    `1 syslog ${RELP_DATA_MAX_BYTES + 1} `,
    '1 sys7'
  ]) {
    t.equal(parseRelpFrame(Buffer.from(text), 0), 'broken', text)
  }
})

t.test('an answer comes only after the commit', async t => {
  const { promise: commits, resolve } = Promise.withResolvers<void>()
  const { receiver, intakes, port } = await started(new MemoryIntakes({ commits }))
  const client = new RelpClient(port)
  client.send('<1>a')
  await intakes.until('taken', () => intakes.frames.length === 1)
  await delay(50)
  t.equal(client.answered.size, 0)
  resolve()
  await intakes.until('answered', () => client.answered.size === 1)
  t.strictSame(intakes.committed, ['<1>a'])
  await client.close()
  await stop(receiver)
})

t.test('a sender that vanishes and comes back loses nothing', async t => {
  const { receiver, intakes, port } = await started()
  const records = Array.from({ length: 50 }, (_, i) => `<1>record ${i}`)
  const first = new RelpClient(port)
  const numbers = records.map(record => first.send(record))
  first.write('99 syslog 100 <1>half a')
  await intakes.until('some answered', () => first.answered.size > 0)
  await first.destroy()
  const again = records.filter((_, i) => !first.answered.has(numbers[i]!))
  t.strictSame(await send(port, again), again)
  t.strictSame([...new Set(intakes.committed)].sort(), [...records].sort())
  await stop(receiver)
})

t.test('a sender whose messages wait for a commit by the thousand is not read meanwhile', async t => {
  const { promise: commits, resolve } = Promise.withResolvers<void>()
  const { receiver, intakes, port } = await started(new MemoryIntakes({ commits }))
  const client = new RelpClient(port)
  for (let i = 0; i < 25_000; i++) client.send(`<1>${i}`)
  await intakes.until('the state says so', () => receiver.status()[0]!.state === 'paused')
  t.match(receiver.status()[0], { pauses: ['commit_pending'], gauges: { paused_connections: 1 } })
  resolve()
  await intakes.until('all are answered', () => client.answered.size === 25_000)
  t.match(receiver.status()[0], { state: 'listening', pauses: [] })
  await client.close()
  t.equal(intakes.committed.length, 25_000)
  await stop(receiver)
})

t.test('a session that waits for room, or for an answer, is not idle meanwhile, and is when it stays silent afterwards', async t => {
  const { promise: room, resolve } = Promise.withResolvers<void>()
  const intakes = new MemoryIntakes({ commitDelayMs: 2500 })
  const { receiver, port, counters } = await started(intakes, { idleTimeoutMs: 1000 })
  intakes.faults.room = room
  const client = new RelpClient(port)
  client.send('<1>a')
  await intakes.until('answered', () => client.answered.size === 1)
  await delay(2500)
  t.match(receiver.status()[0], { connections: 1, state: 'paused', counters: { idle_closed_total: 0 } }, 'it waits for room')
  client.send('<1>b')
  delete intakes.faults.room
  resolve()
  await intakes.until('the second is answered as well', () => client.answered.size === 2)
  await client.closed
  t.equal(counters().idle_closed_total, 1)
  t.strictSame(intakes.committed, ['<1>a', '<1>b'])
  await stop(receiver)
})

t.test('the idle time of a session that was not read begins when it is read again', async t => {
  const { promise: room, resolve } = Promise.withResolvers<void>()
  const idleTimeoutMs = 1000
  const { receiver, intakes, port, counters } = await started(new MemoryIntakes(), { idleTimeoutMs })
  intakes.faults.room = room
  const client = new RelpClient(port)
  client.send('<1>a')
  await intakes.until('answered', () => client.answered.size === 1)
  await delay(idleTimeoutMs * 1.8) // one that begins at each expiry would end soon now
  delete intakes.faults.room
  const resumedMs = performance.now()
  resolve()
  await client.closed
  t.ok(performance.now() - resumedMs > idleTimeoutMs / 2, 'it had its time')
  t.equal(counters().idle_closed_total, 1)
  await stop(receiver)
})

t.test('while the spool is full a session is opened, but no message taken, nor thrown away', async t => {
  const tell: ((isFull: boolean) => void)[] = []
  const onFullChange = (listener: (isFull: boolean) => void) => {
    tell.push(listener)
    return () => undefined
  }
  const receiver = new RelpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog(), onFullChange })
  const intakes = new MemoryIntakes()
  await receiver.start(intakes.open)
  const early = new RelpClient(portOf(receiver))
  early.send('<1>early')
  await intakes.until('answered', () => early.answered.size === 1)
  for (const round of [1, 2]) {
    tell[0]!(true)
    const late = new RelpClient(portOf(receiver))
    await intakes.until('a session is opened', () => late.isOpen)
    for (const client of [early, late]) client.send(`<1>${round}`)
    await intakes.until('both wait', () => receiver.status()[0]!.gauges!.paused_connections === 2)
    t.equal(intakes.frames.length, round * 2 - 1)
    tell[0]!(false)
    await intakes.until('both are answered', () => early.answered.size === round + 1 && late.answered.size === 1)
    await late.close()
  }
  t.strictSame(intakes.committed, ['<1>early', '<1>1', '<1>1', '<1>2', '<1>2'])
  t.equal(receiver.status()[0]!.state, 'listening')
  await early.close()
  await stop(receiver)
})

t.test('a stop answers what was taken', async t => {
  const { receiver, intakes, port } = await started(new MemoryIntakes({ commitDelayMs: 50 }))
  const client = new RelpClient(port)
  for (let i = 0; i < 20; i++) client.send(`<1>${i}`)
  await intakes.until('taken', () => intakes.frames.length === 20)
  await stop(receiver)
  await client.closed
  t.equal(client.answered.size, 20)
  t.equal(intakes.committed.length, 20)
})

t.test('what is not RELP closes the connection and is counted', async t => {
  const { receiver, intakes, port, counters } = await started()
  for (const text of ['<134>plain syslog\n', '2 syslog 2 ab\n', '2 unknown 0\n', '1 open 999999999 x', 'x'.repeat(1_000_000)]) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(text)
    await new Promise(resolve => socket.once('close', resolve))
  }
  t.equal(counters().protocol_errors_total, 5)
  t.equal(intakes.opened, 0)
  await stop(receiver)
})

// ── real rsyslog ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const RSYSLOGD = ['/usr/sbin/rsyslogd', '/usr/local/sbin/rsyslogd'].find(path => existsSync(path))
const needsRsyslog = {
  skip: RSYSLOGD === undefined ? 'needs rsyslogd: apt-get install rsyslog rsyslog-relp rsyslog-openssl' : false,
  timeout: 600_000
}

/** Runs rsyslog, which reads a file of numbered lines and sends them by omrelp with further parameters. */
function rsyslog(port: number, lines: number, parameters = ''): () => Promise<void> {
  const dir = scratchDir('rsyslog')
  const input = join(dir, 'input.log')
  writeFileSync(input, Array.from({ length: lines }, (_, i) => `line ${i}\n`).join(''))
  writeFileSync(
    join(dir, 'rsyslog.conf'),
    `global(workDirectory="${dir}")
    module(load="imfile") module(load="omrelp"${parameters.includes('tls=') ? ' tls.tlslib="openssl"' : ''})
    template(name="line" type="string" string="<134>%msg%")
    input(type="imfile" File="${input}" Tag="t" Ruleset="send")
    ruleset(name="send") { action(type="omrelp" target="127.0.0.1" port="${port}" template="line" action.resumeInterval="1" action.resumeRetryCount="-1" ${parameters}) }`
  )
  const child = spawn(RSYSLOGD!, ['-n', '-f', join(dir, 'rsyslog.conf'), '-i', join(dir, 'pid')], { stdio: 'ignore' })
  return async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await new Promise(resolve => child.once('exit', resolve))
  }
}

const expected = (lines: number): string[] => Array.from({ length: lines }, (_, i) => `<134>line ${i}`)
const unique = (records: readonly string[]): string[] =>
  [...new Set(records)].sort((a, b) => Number(a.slice('<134>line '.length)) - Number(b.slice('<134>line '.length)))

t.test('rsyslog delivers by omrelp', needsRsyslog, async t => {
  const { receiver, intakes, port } = await started()
  const end = rsyslog(port, 3000)
  await intakes.until('all', () => intakes.committed.length >= 3000)
  await end()
  t.strictSame(intakes.committed, expected(3000))
  await stop(receiver)
})

t.test('rsyslog delivers by omrelp over TLS, with client certificates', needsRsyslog, async t => {
  const authority = new TestAuthority()
  const server = authority.issue('collector.example.com')
  const client = authority.issue('fw1.example.com')
  const tls = {
    certFile: server.cert,
    keyFile: server.key,
    clientCaFile: authority.ca,
    clientCertificate: 'required' as const,
    clientNames: ['fw1.example.com'],
    minVersion: 'TLSv1.2' as const,
    reloadIntervalMs: 5000,
    sessionTickets: 'warn' as const
  }
  const { receiver, intakes, port } = await started(new MemoryIntakes(), { tls })
  const end = rsyslog(
    port,
    1000,
    `tls="on" tls.caCert="${authority.ca}" tls.myCert="${client.cert}" tls.myPrivKey="${client.key}" tls.authMode="name" tls.permittedPeer=["collector.example.com"]`
  )
  await intakes.until('all', () => intakes.committed.length >= 1000)
  await end()
  t.strictSame(intakes.committed, expected(1000))
  await stop(receiver)
})

t.test('rsyslog loses nothing when commits fail and the connection breaks in between', needsRsyslog, async t => {
  let commits = 0
  const { receiver, intakes, port } = await started(new MemoryIntakes({ commitDelayMs: 5, failCommit: () => ++commits % 10 === 3 }))
  const broken = new Set<Socket>()
  const relay = createServer(socket => {
    const onward = connect(port, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    for (const one of [socket, onward]) {
      one.on('error', () => {})
      one.once('close', () => {
        socket.destroy()
        onward.destroy()
      })
    }
    broken.add(socket)
  })
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
  const end = rsyslog((relay.address() as { port: number }).port, 2000)
  await intakes.until('a third', () => unique(intakes.committed).length > 600)
  for (const socket of broken) socket.destroy()
  for (let wait = 0; wait < 4 && unique(intakes.committed).length < 2000; wait++) {
    await intakes.until('all', () => unique(intakes.committed).length >= 2000).catch(() => {})
  }
  await end()
  t.strictSame(unique(intakes.committed), expected(2000))
  relay.close()
  await stop(receiver)
})
