import { execFile } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { hecLines } from '../../src/receivers/http-body.ts'
import type { HttpPushOptions } from '../../src/receivers/http-options.ts'
import { type HttpPushDeps, HttpPushReceiver } from '../../src/receivers/http-push.ts'
import { checkReceiverContract } from './contract.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { TestAuthority } from './tls-kit.ts'

const SECRET = 'a secret of the test'
const WITH_SECRET = { 'x-sluice-secret': SECRET }
const run = promisify(execFile)

async function started(options: Partial<HttpPushOptions> = {}, intakes = new MemoryIntakes(), deps: Partial<HttpPushDeps> = {}) {
  const log = memoryLog()
  const receiver = new HttpPushReceiver({ listen: '127.0.0.1:0', secret: SECRET, ...options }, { log, ...deps })
  await receiver.start(intakes.open)
  const port = portOf(receiver)
  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = WITH_SECRET) =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers })
  return { receiver, intakes, log, port, post, counters: () => receiver.status()[0]!.counters }
}

const stop = (receiver: HttpPushReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

checkReceiverContract(t, 'http-push', {
  create: () => new HttpPushReceiver({ listen: '127.0.0.1:0', secret: SECRET }, { log: memoryLog() }),
  send: async (port, records) => {
    const answer = await fetch(`http://127.0.0.1:${port}/logs`, { method: 'POST', body: records.join('\n'), headers: WITH_SECRET })
    await answer.text()
    return answer.status === 200 ? records : []
  },
  hasReceipt: true
})

t.test('JSON in every notation, NDJSON and plain lines, gzip whatever the header says', async t => {
  const { receiver, intakes, post } = await started()
  const json = '[{"a":1},{"b":"x\\"y"}]'
  const cases: { body: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string>; frames: string[] }[] = [
    { body: json, frames: ['{"a":1}', '{"b":"x\\"y"}'] },
    { body: '\ufeff {"a":1}\n{"b":2}\n', frames: ['{"a":1}', '{"b":2}'] },
    { body: 'CEF:0|a\nCEF:0|b', headers: { 'content-type': 'text/plain' }, frames: ['CEF:0|a', 'CEF:0|b'] },
    { body: new Uint8Array(gzipSync(json)), frames: ['{"a":1}', '{"b":"x\\"y"}'] },
    { body: new Uint8Array(zstdCompressSync(json)), headers: { 'content-encoding': 'zstd' }, frames: ['{"a":1}', '{"b":"x\\"y"}'] },
    {
      body: new Uint8Array(gzipSync(json)),
      headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
      frames: ['{"a":1}', '{"b":"x\\"y"}']
    },
    { body: new Uint8Array(Buffer.concat([gzipSync('{"a":1}\n'), gzipSync('{"b":2}')])), frames: ['{"a":1}', '{"b":2}'] },
    { body: json, headers: { 'content-encoding': 'gzip' }, frames: ['{"a":1}', '{"b":"x\\"y"}'] },
    { body: '[{"a":1},{"broken":"x"y"},{"b":2}]', frames: ['{"a":1}', '{"broken":"x"y"}', '{"b":2}'] },
    { body: 'not a record at all', frames: ['not a record at all'] },
    { body: '', frames: [] }
  ]
  for (const { body, headers = {}, frames } of cases) {
    const answer = await post('/logs', body, { ...WITH_SECRET, ...headers })
    t.equal(answer.status, 200)
    t.strictSame(intakes.committed.splice(0), frames)
  }
  await stop(receiver)
})

t.test('curl posts a file, over TLS, with basic authentication; a connectivity test by GET is answered 200', async t => {
  const authority = new TestAuthority()
  const server = authority.issue('collector.example.com')
  const [certFile, keyFile] = [join(authority.dir, 'live.pem'), join(authority.dir, 'live.key')]
  copyFileSync(server.cert, certFile)
  copyFileSync(server.key, keyFile)
  const tls = {
    certFile,
    keyFile,
    clientCertificate: 'none' as const,
    clientNames: [],
    minVersion: 'TLSv1.2' as const,
    reloadIntervalMs: 20,
    sessionTickets: 'warn' as const
  }
  const { receiver, intakes, port, counters } = await started({ tls, basicUser: 'nss', basicPassword: 'p:ssword' })
  const body = join(authority.dir, 'body.json')
  writeFileSync(body, '{"a":1}\n'.repeat(1000))
  const curl = (...args: string[]) =>
    run('curl', [
      '-sS',
      '--cacert',
      authority.ca,
      '--resolve',
      `collector.example.com:${port}:127.0.0.1`,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `https://collector.example.com:${port}/logs`,
      ...args
    ])
  t.equal((await curl('-u', 'nss:p:ssword', '--data-binary', `@${body}`)).stdout, '200')
  t.equal(intakes.committed.length, 1000)
  t.equal((await curl('-u', 'nss:p:ssword')).stdout, '200')
  t.equal((await curl('-u', 'nss:wrong password')).stdout, '401')
  t.ok(receiver.status()[0]!.gauges!.tls_certificate_expiry_timestamp_seconds! > Date.now() / 1000)
  writeFileSync(certFile, 'broken')
  await intakes.until('refused', () => counters().certificate_reloads_failed_total! > 0)
  t.equal((await curl('-u', 'nss:p:ssword')).stdout, '200', 'the old pair stays')
  await stop(receiver)
})

t.test('requests without the secret, or from elsewhere, are refused and leave nothing', async t => {
  const { receiver, intakes, post, counters } = await started({
    paths: [
      { path: '/a', format: 'auto' },
      { path: '/b', format: 'auto', secret: 'another secret' }
    ]
  })
  const shown: [string, Record<string, string>, number][] = [
    ['/a', {}, 401],
    ['/a', { 'x-sluice-secret': 'wrong' }, 401],
    ['/a', { authorization: `Basic ${Buffer.from('user:').toString('base64')}` }, 401],
    ['/a', { authorization: `Bearer ${SECRET}x` }, 401],
    ['/b', WITH_SECRET, 401],
    ['/a', WITH_SECRET, 200],
    ['/b', { 'x-sluice-secret': 'another secret' }, 200],
    ['/nowhere', WITH_SECRET, 404]
  ]
  for (const [path, headers, status] of shown)
    t.equal((await post(path, '<1>x', headers)).status, status, `${path} ${JSON.stringify(headers)}`)
  t.equal(intakes.committed.length, 2)
  t.equal(counters().refused_credentials_total, 5)
  await stop(receiver)

  const elsewhere = await started({ allow: ['192.0.2.0/24'] })
  t.equal((await elsewhere.post('/logs', '<1>x')).status, 403)
  t.equal(elsewhere.intakes.opened, 0)
  await stop(elsewhere.receiver)
  t.throws(() => new HttpPushReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() }), /set secret or basicUser and basicPassword/)
})

t.test('a path binds what is posted to a source, and a trusted proxy names the client', async t => {
  const { receiver, intakes, post } = await started({
    proxies: ['127.0.0.1'],
    paths: [{ path: '/zia', source: 'Zscaler HQ', format: 'json' }]
  })
  await post('/zia', '[{"a":1}]', { ...WITH_SECRET, 'x-forwarded-for': '198.51.100.7' })
  t.strictSame(intakes.peers, [{ receiver: 'http-push', protocol: 'http', address: '198.51.100.7', source: 'Zscaler HQ' }])
  await stop(receiver)
})

t.test('Splunk HEC: text events become lines, object events stay, raw is lines', async t => {
  const { receiver, intakes, post, port } = await started()
  const hec = { authorization: `Splunk ${SECRET}` }
  const answer = await post('/services/collector/event', '{"event":"<134>one"}{"time":1,"event":{"a":\n1}}\n{"event":"two\\nlines"}', hec)
  t.strictSame(await answer.json(), { text: 'Success', code: 0 })
  t.strictSame(intakes.committed.splice(0), ['<134>one', '{"time":1,"event":{"a": 1}}', 'two', 'lines'])
  await post('/services/collector/raw?channel=x', '<134>a\n<134>b\n', hec)
  t.strictSame(intakes.committed.splice(0), ['<134>a', '<134>b'])
  t.equal((await fetch(`http://127.0.0.1:${port}/services/collector/health`)).status, 200)
  t.equal((await post('/services/collector', '{"event":"x"}', { authorization: 'Splunk wrong' })).status, 401)
  await stop(receiver)
  t.equal(hecLines(Buffer.from('{"event":"a}"} junk {"broken":')), 'a}\n{"broken":\n')
  t.equal(hecLines(Buffer.from('')), '')
})

t.test('when there is no room, or the commit fails, the sender is asked to come back', async t => {
  let isFull = true
  let isFailing = true
  const intakes = new MemoryIntakes({ failCommit: () => isFailing })
  const { receiver, post, counters } = await started({ retryAfterSeconds: 7 }, intakes, { isFull: () => isFull })
  const full = await post('/logs', '<1>a')
  t.strictSame([full.status, full.headers.get('retry-after')], [503, '7'])
  t.equal(intakes.opened, 0)
  t.match(receiver.status()[0], { state: 'paused', pauses: ['spool_full'] })
  isFull = false
  const failed = await post('/logs', '<1>a')
  t.strictSame([failed.status, failed.headers.get('retry-after')], [503, '7'])
  isFailing = false
  t.equal((await post('/logs', '<1>a')).status, 200)
  t.strictSame(intakes.committed, ['<1>a'])
  t.match(counters(), { put_off_total: 2, commit_failed_total: 1 })
  await stop(receiver)

  const slow = await started({ roomTimeoutMs: 30 }, new MemoryIntakes({ acceptDelayMs: 3000 }))
  t.equal((await slow.post('/logs', '<1>a\n<1>b')).status, 503)
  t.equal(slow.intakes.aborted, 1)
  await stop(slow.receiver)
})

t.test('requests over the limit are asked to come back, and the state says so', async t => {
  const { promise: commits, resolve } = Promise.withResolvers<void>()
  const { receiver, intakes, post, counters } = await started({ maxRequests: 1 }, new MemoryIntakes({ commits }))
  const first = post('/logs', '<1>a')
  await intakes.until('it is worked on', () => intakes.frames.length === 1)
  t.match(receiver.status()[0], { state: 'listening', pauses: ['request_limit'] })
  t.equal((await post('/logs', '<1>b')).status, 503)
  resolve()
  t.equal((await first).status, 200)
  t.strictSame(receiver.status()[0]!.pauses, [])
  t.equal(counters().put_off_total, 1)
  await stop(receiver)
})

t.test('bodies are bounded, as sent and inflated, and damaged gzip is told', async t => {
  const { receiver, intakes, post, counters } = await started({ bodyMaxBytes: 100_000, inflatedMaxBytes: 1_000_000 })
  t.equal((await post('/logs', 'x'.repeat(100_001))).status, 413)
  t.equal((await post('/logs', new Uint8Array(gzipSync(Buffer.alloc(50_000_000, 'x\n'))))).status, 413)
  const damaged = gzipSync('x\n'.repeat(1000))
  damaged.fill(0xff, 12)
  t.equal((await post('/logs', new Uint8Array(damaged))).status, 400)
  t.equal((await post('/logs', 'x', { ...WITH_SECRET, 'content-encoding': 'br' })).status, 415)
  const seven = await post('/logs', new Uint8Array([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4]))
  t.equal(seven.status, 415)
  t.match(await seven.text(), /7z is not read/)
  t.equal((await post('/logs', new Uint8Array(gzipSync(Buffer.alloc(900_000, 'x\n'))))).status, 200)
  t.equal(counters().bad_bodies_total, 5)
  t.equal(intakes.committed.length, 450_000)
  t.equal(receiver.status()[0]?.gauges?.buffered_bytes, 0)
  await stop(receiver)
})

t.test('a request that breaks off leaves nothing', async t => {
  const { receiver, intakes, port } = await started()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`POST /logs HTTP/1.1\r\nhost: x\r\nx-sluice-secret: ${SECRET}\r\ncontent-length: 1000\r\n\r\n<1>a\n<1>b\n`)
  await intakes.until('here', () => receiver.status()[0]!.gauges!.buffered_bytes! > 0)
  socket.destroy()
  await intakes.until('gone', () => receiver.status()[0]!.gauges!.buffered_bytes === 0 && receiver.status()[0]!.connections === 0)
  t.equal(intakes.opened, 0)
  await stop(receiver)
})

/** Bytes of a client that never comes to an end, one every few ms, until the server has closed. */
async function trickle(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  socket.on('error', () => {})
  socket.on('data', chunk => {
    said += chunk
  })
  let at = 0
  const timer = setInterval(() => at < bytes.length && socket.write(bytes[at++]!), 20)
  await new Promise(resolve => socket.once('close', resolve))
  clearInterval(timer)
  return said
}

t.test('silence, heads and bodies that trickle in, and handshakes that do not end are cut off and counted', async t => {
  const { receiver, intakes, port, counters } = await started({ requestTimeoutMs: 1000 })
  t.match(await trickle(port, ''), /^(HTTP\/1.1 408 |$)/, 'a connection that says nothing')
  t.equal(counters().idle_closed_total, 1)
  t.match(await trickle(port, `POST /logs HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(1000)}`), /^HTTP\/1.1 408 /)
  t.equal(counters().idle_closed_total, 2)
  const head = `POST /logs HTTP/1.1\r\nHost: a\r\nx-sluice-secret: ${SECRET}\r\nContent-Length: 9000\r\n\r\n`
  const slow = connect(port, '127.0.0.1')
  slow.on('error', () => {})
  slow.resume()
  slow.write(head)
  const drip = setInterval(() => slow.write('x'), 20)
  await new Promise(resolve => slow.once('close', resolve))
  clearInterval(drip)
  await intakes.until('the request is over', () => receiver.status()[0]!.gauges!.requests === 0)
  t.match(counters(), { idle_closed_total: 3, bad_bodies_total: 1 })
  t.match(await trickle(port, 'this is no HTTP\r\n\r\n'), /^HTTP\/1.1 400 /)
  t.equal(counters().connection_errors_total, 1)
  t.equal(intakes.opened, 0)
  t.equal(receiver.status()[0]!.gauges!.buffered_bytes, 0)
  await stop(receiver)

  const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
  const secure = await started({ requestTimeoutMs: 1000, tls: { certFile, keyFile } as never })
  t.equal(await trickle(secure.port, '\x16\x03\x01'), '')
  await secure.intakes.until('counted', () => secure.counters().handshake_failed_total === 1)
  await trickle(secure.port, 'GET / HTTP/1.1\r\n\r\n')
  await secure.intakes.until('counted', () => secure.counters().handshake_failed_total === 2)
  await stop(secure.receiver)
})

t.test('a stop answers the requests that are here', async t => {
  const { receiver, intakes, post } = await started({}, new MemoryIntakes({ commitDelayMs: 100 }))
  const answer = post('/logs', '<1>a')
  await intakes.until('taken', () => intakes.frames.length === 1)
  await stop(receiver)
  t.equal((await answer).status, 200)
  t.equal(receiver.status()[0]?.state, 'stopped')
})
