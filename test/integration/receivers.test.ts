/**
 * Every way in by real senders: rsyslogd (TCP, TLS, RELP plain and with certificates), openssl s_client, curl, and datagrams.
 * What they send is numbered, and the local tenant gets each number once.
 */
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { spawn } from '../child-kit.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { testDir } from '../test-dir.ts'
import { numbersOf, type RunningCollector, startCollector, until } from './collector-kit.ts'

const LINES = 1000
const LONG = { timeout: 600_000 }
const SECRET = 'the-secret-of-the-sender'
const NAME = 'collector.example.com'

t.setTimeout(600_000)

/** The program's path. A machine without it fails the test, and is told what to install. */
function program(name: string, packages: string): string {
  const found = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin'].map(dir => join(dir, name)).find(path => existsSync(path))
  if (found === undefined) throw new Error(`${name} is missing: apt-get install ${packages}`)
  return found
}

const rsyslogd = program('rsyslogd', 'rsyslog rsyslog-relp rsyslog-openssl')
const openssl = program('openssl', 'openssl')
const curl = program('curl', 'curl')

const authority = new TestAuthority()
const server = authority.issue(NAME)
const sender = authority.issue('fw1.example.com')

const cef = (number: number): string =>
  `CEF:0|Example|Gateway|2.1|100|Web request|3|rt=${1767604530250 + number} src=192.0.2.10 suser=u${number} dst=203.0.113.10 dpt=443 dhost=files.example.com in=920113 out=1834 act=allowed request=https://files.example.com/${number}`
const zscaler = (number: number): string =>
  `{"sourcetype":"zscalernss-web","event":{"datetime":"2026-01-05 09:15:30","event_id":"${number}","protocol":"SSL","action":"Allowed","responsesize":"8","requestsize":"600","serverip":"203.0.113.12","ClientIP":"192.0.2.12","user":"u${number}","url":"cdn.example.com/a","vendor":"Zscaler","product":"NSS","hostname":"cdn.example.com"}}`

const numbers = Array.from({ length: LINES }, (_, index) => index)
const syslogText = numbers.map(number => `<134>Jan  5 09:15:31 gw1 ${cef(number)}\n`).join('')

const NAMES = ['udp', 'tcp', 'tls', 'relp', 'relp-tls', 'push'] as const

/** A copy of the server's files, so that a test can replace them. */
function serverFiles(dir: string): { cert_file: string; key_file: string } {
  mkdirSync(dir, { recursive: true })
  copyFileSync(server.cert, join(dir, 'cert.pem'))
  copyFileSync(server.key, join(dir, 'key.pem'))
  return { cert_file: join(dir, 'cert.pem'), key_file: join(dir, 'key.pem') }
}

function start(t: Test, cwd: string): Promise<RunningCollector> {
  const tls = { ...serverFiles(join(cwd, 'tls')), reload_interval: '100ms' }
  const clients = { client_ca_file: authority.ca, client_certificate: 'required', client_names: ['fw1.example.com'] }
  return startCollector(t, cwd, {
    receivers: [
      { name: 'udp', protocols: ['udp'] },
      { name: 'tcp', protocols: ['tcp'] },
      { type: 'syslog-tls', name: 'tls', tls },
      { type: 'relp', name: 'relp' },
      { type: 'relp', name: 'relp-tls', tls: { ...tls, ...clients } },
      {
        type: 'http-push',
        name: 'push',
        tls,
        secret: SECRET,
        paths: [{ path: '/logs' }, { path: '/zscaler', source: 'zscaler' }]
      }
    ],
    sources: [...NAMES.map(name => ({ name, receiver: name })), { name: 'zscaler', receiver: 'push', appliance: 'zscaler-nss' }]
  })
}

/** Waits for all numbers of a source and compares: none lost, none twice. */
async function arrives(t: Test, collector: RunningCollector, source: string, expected: readonly number[]): Promise<void> {
  await until(
    `${expected.length} lines of ${source} are with the tenant`,
    () => numbersOf(collector.files(source)).length >= expected.length,
    () => `but it has ${numbersOf(collector.files(source)).length}`
  )
  t.same(
    numbersOf(collector.files(source)).sort((a, b) => a - b),
    expected,
    `${source}: every line once`
  )
}

async function startRsyslog(t: Test, cwd: string, collector: RunningCollector): Promise<void> {
  const input = join(cwd, 'input.log')
  mkdirSync(join(cwd, 'work'), { recursive: true })
  writeFileSync(input, syslogText)
  const target = (port: number) => `target="127.0.0.1" port="${port}" template="raw"`
  const config = join(cwd, 'rsyslog.conf')
  writeFileSync(
    config,
    `global(workDirectory="${join(cwd, 'work')}" defaultNetstreamDriverCAFile="${authority.ca}")
module(load="imfile") module(load="omrelp" tls.tlslib="openssl")
template(name="raw" type="string" string="%msg%")
input(type="imfile" File="${input}" Tag="t" ruleset="send")
ruleset(name="send") {
  action(type="omfwd" ${target(collector.port('tcp', 'syslog-tcp'))} protocol="tcp" TCP_Framing="octet-counted")
  action(type="omfwd" ${target(collector.port('tls', 'syslog-tls'))} protocol="tcp" StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="${NAME}")
  action(type="omrelp" ${target(collector.port('relp', 'relp'))})
  action(type="omrelp" ${target(collector.port('relp-tls', 'relp'))} tls="on" tls.caCert="${authority.ca}" tls.myCert="${sender.cert}" tls.myPrivKey="${sender.key}" tls.authMode="name" tls.permittedPeer=["${NAME}"])
}
`
  )
  const child = spawn(rsyslogd, ['-n', '-f', config, '-i', join(cwd, 'rsyslogd.pid')], { stdio: ['ignore', 'inherit', 'inherit'] })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
  })
}

/** Posts by curl, which checks the certificate; returns the status of the answer. */
function post(collector: RunningCollector, path: string, body: string | Buffer, ...headers: string[]): string {
  const port = collector.port('push', 'http')
  const { stdout, stderr, status } = spawnSync(
    curl,
    [
      ...['--silent', '--show-error', '--cacert', authority.ca, '--resolve', `${NAME}:${port}:127.0.0.1`, '--noproxy', '*'],
      ...['--data-binary', '@-', '--output', '/dev/null', '--write-out', '%{http_code}'],
      ...headers.flatMap(header => ['--header', header]),
      `https://${NAME}:${port}${path}`
    ],
    { input: body, encoding: 'utf8' }
  )
  if (status !== 0) throw new Error(`curl failed: ${stderr}`)
  return stdout
}

const range = (from: number, to: number): number[] => numbers.slice(from, to)
const linesOf = (from: number, to: number, line: (number: number) => string): string =>
  range(from, to)
    .map(number => `${line(number)}\n`)
    .join('')

t.test('every way in delivers each line once, and the balance holds', LONG, async t => {
  const cwd = testDir(t)
  const collector = await start(t, cwd)

  await t.test('the log says where each listens, and until when its certificate counts', async t => {
    const said = collector.log.map(({ msg }) => msg).filter(msg => msg.startsWith('listening: '))
    t.match(said, [
      /^listening: syslog-udp on 127\.0\.0\.1:\d+$/,
      /^listening: syslog-tcp on 127\.0\.0\.1:\d+$/,
      /^listening: syslog-tls on 127\.0\.0\.1:\d+, TLS certificate until 20/,
      /^listening: relp on 127\.0\.0\.1:\d+$/,
      /^listening: relp on 127\.0\.0\.1:\d+, TLS certificate until 20/,
      /^listening: http on 127\.0\.0\.1:\d+, TLS certificate until 20/
    ])
    t.equal(said.length, NAMES.length)
  })

  await t.test('rsyslogd sends over TCP, TLS, RELP, and RELP with certificates', LONG, async t => {
    await startRsyslog(t, cwd, collector)
    for (const name of ['tcp', 'tls', 'relp', 'relp-tls']) await arrives(t, collector, name, numbers)
  })

  await t.test('datagrams arrive', LONG, async t => {
    const socket = createSocket('udp4')
    const port = collector.port('udp', 'syslog-udp')
    // In small batches: the kernel of this machine may grant a small buffer.
    for (const number of numbers) {
      await new Promise(resolve => socket.send(`<134>Jan  5 09:15:31 gw1 ${cef(number)}`, port, '127.0.0.1', resolve))
      if (number % 50 === 49) await new Promise(resolve => setTimeout(resolve, 10))
    }
    socket.close()
    await arrives(t, collector, 'udp', numbers)
  })

  await t.test('openssl s_client sends into the TLS listener', LONG, async t => {
    const more = Array.from({ length: 200 }, (_, index) => LINES + index)
    const port = String(collector.port('tls', 'syslog-tls'))
    const client = spawn(
      openssl,
      ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-CAfile', authority.ca, '-verify_return_error'],
      {
        stdio: ['pipe', 'ignore', 'ignore']
      }
    )
    const exited = once(client, 'exit')
    client.stdin.write(more.map(number => `<134>Jan  5 09:15:31 gw1 ${cef(number)}\n`).join(''))
    await arrives(t, collector, 'tls', [...numbers, ...more])
    client.kill()
    await exited
  })

  await t.test('curl pushes lines, gzip and HEC, and who lacks the secret is refused', LONG, async t => {
    const secret = `x-sluice-secret: ${SECRET}`
    t.equal(post(collector, '/logs', linesOf(0, 200, cef), secret), '200', 'lines')
    t.equal(post(collector, '/logs', gzipSync(linesOf(200, 400, cef)), secret, 'content-encoding: gzip'), '200', 'gzip')
    t.equal(post(collector, '/logs', gzipSync(linesOf(400, 600, cef)), secret), '200', 'gzip that no header tells of')
    const hec = range(600, 800).map(number => JSON.stringify({ event: cef(number) }))
    t.equal(post(collector, '/services/collector/event', hec.join(''), `authorization: Splunk ${SECRET}`), '200', 'HEC events')
    t.equal(post(collector, '/services/collector/raw', linesOf(800, LINES, cef), `authorization: Splunk ${SECRET}`), '200', 'HEC raw')
    t.equal(post(collector, '/logs', linesOf(0, 5, cef)), '401', 'no secret')
    await arrives(t, collector, 'push', numbers)
    t.equal(post(collector, '/zscaler', linesOf(0, 500, zscaler), secret), '200', 'NDJSON')
    const array = `[${range(500, LINES).map(zscaler).join(',')}]`
    t.equal(post(collector, '/zscaler', gzipSync(array), secret), '200', 'array, gzip')
    await arrives(t, collector, 'zscaler', numbers)
  })

  const total = 7 * LINES + 200
  const status = await collector.statusUntil('all is uploaded', ({ balance }) => balance.delivery.uploaded >= total)
  t.ok(status.balance.balanced, JSON.stringify(status.balance))
  t.equal(status.balance.delivery.uploaded, total)

  await t.test('metrics tell of each listener', async t => {
    const metrics = await collector.metrics()
    for (const expected of [
      /^sluice_receiver_up\{receiver="relp-tls",protocol="relp"\} 1$/m,
      /^sluice_connections_total\{receiver="tls",protocol="syslog-tls"\} [2-9]/m,
      /^sluice_tls_certificate_expiry_timestamp_seconds\{receiver="tls",protocol="syslog-tls"\} \d{10}$/m,
      /^sluice_tls_certificate_expiry_timestamp_seconds\{receiver="push",protocol="http"\} \d{10}$/m,
      /^sluice_receiver_paused\{receiver="relp",protocol="relp",reason="spool_full"\} 0$/m,
      /^sluice_udp_receive_buffer_bytes\{receiver="udp",protocol="syslog-udp",kind="asked"\} 8388608$/m,
      /^sluice_udp_receive_buffer_bytes\{receiver="udp",protocol="syslog-udp",kind="granted"\} \d+$/m,
      /^sluice_udp_kernel_dropped_datagrams_total\{receiver="udp",protocol="syslog-udp"\} 0$/m,
      /^sluice_requests_total\{receiver="push",protocol="http"\} 8$/m,
      /^sluice_refused_credentials_total\{receiver="push",protocol="http"\} 1$/m,
      /^sluice_answered_total\{receiver="relp",protocol="relp"\} \d{4}$/m
    ])
      t.match(metrics, expected)
  })

  await t.test('new certificate files are used without a restart, broken ones are not', LONG, async t => {
    const listeners = [collector.port('tls', 'syslog-tls'), collector.port('push', 'http')]
    const renewed = authority.issue('renewed.example.com')
    const shown = () => Promise.all(listeners.map(commonNameOf))
    t.same(await shown(), [NAME, NAME])
    writeFileSync(join(cwd, 'tls', 'cert.pem'), 'no certificate')
    await until('the broken file was looked at', async () =>
      /sluice_certificate_reloads_failed_total\{receiver="push",[^\n]* [1-9]/.test(await collector.metrics())
    )
    t.same(await shown(), [NAME, NAME])
    copyFileSync(renewed.key, join(cwd, 'tls', 'key.pem'))
    copyFileSync(renewed.cert, join(cwd, 'tls', 'cert.pem'))
    await until('the renewed certificate is shown', async () => (await shown()).every(name => name === 'renewed.example.com'))
  })

  t.same(await collector.stop(), [0, null])
})

/** The common name of the certificate that a listener shows. */
async function commonNameOf(port: number): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}
