/**
 * A bucket and the log export of Menlo Security into a running collector that is killed in the middle: every line is with the
 * tenant, and no more than one object of the bucket is there twice.
 */
import t from 'tap'
import { MENLO_TOKEN, MenloServer } from '../receivers/menlo-server.ts'
import { S3Server } from '../receivers/s3-server.ts'
import { testDir } from '../test-dir.ts'
import { linesOf, numberedLine, numbersOf, type Setup, startCollector, tenantFiles, until } from './collector-kit.ts'

const LONG = { timeout: 600_000 }
const OBJECTS = 30
const OBJECT_LINES = 200

t.setTimeout(600_000)

t.test('pulls go on after kill -9, and status, metrics and readiness tell how they are', LONG, async t => {
  const cwd = testDir(t)
  const s3 = await S3Server.start()
  const menlo = await MenloServer.start()
  t.teardown(() => Promise.all([s3.stop(), menlo.stop()]))
  for (let object = 0; object < OBJECTS; object++) {
    const lines = Array.from({ length: OBJECT_LINES }, (_, i) => numberedLine(object * OBJECT_LINES + i))
    s3.put(`fw/${String(object).padStart(3, '0')}.log`, lines.join(''))
  }
  const { bucket, region, endpoint, accessKeyId, secretAccessKey } = s3.options
  const pull = { interval: '200ms', backoff_min: '100ms', backoff_max: '200ms' }
  const setup: Setup = {
    receivers: [
      {
        type: 'blob-pull',
        name: 'bucket',
        s3: { bucket, region, endpoint, access_key_id: accessKeyId, secret_access_key: secretAccessKey },
        prefix: 'fw/',
        source: 'fw',
        ...pull
      },
      { type: 'menlo-pull', name: 'menlo', url: menlo.url, token: MENLO_TOKEN, trail: '2s', source: 'menlo', ...pull }
    ],
    sources: [
      { name: 'fw', appliance: 'fortinet-fortigate' },
      { name: 'menlo', appliance: 'menlo' }
    ]
  }
  // The store lets the rest be seen only after the crash.
  s3.fault = (_method, key) => (key > 'fw/020.log' ? { status: 403 } : undefined) // 5xx is tried again for 20 s first
  const first = await startCollector(t, cwd, setup)
  await until('objects are taken', async () => (await first.status()).receivers[0]!.counters.objects_total! >= 10)
  const said = first.log.map(({ msg }) => msg).filter(msg => /^(pulling|listening): /.test(msg))
  t.match(said, [/^pulling: s3 from http:/, /^pulling: menlo from http:/], 'what fetches does not listen')
  await until('a store that fails is shown by its word', async () =>
    /^sluice_receiver_paused\{receiver="bucket",protocol="s3",reason="upstream_error"\} 1$/m.test(await first.metrics())
  )
  await first.kill()

  menlo.events = Array.from({ length: 50 }, (_, i) => ({
    event_time: new Date(Date.now() + i * 20).toISOString().replace('Z', '000'),
    product: 'MSIP',
    vendor: 'Menlo Security',
    'x-client-ip': '192.0.2.13',
    domain: 'www.example.com',
    url: `https://www.example.com/${i}`,
    userid: `m${i}@example.com`,
    pe_action: 'allow'
  }))
  const second = await startCollector(t, cwd, setup)
  const failing = await second.statusUntil('the store fails', ({ reasons }) =>
    reasons.some(reason => /Receiver bucket cannot fetch/.test(reason))
  )
  t.equal(failing.state, 'degraded')
  t.match(await second.metrics(), /^sluice_pull_failing{receiver="bucket",protocol="s3"} 1$/m)
  t.match(await second.metrics(), /^sluice_pull_lag_seconds{receiver="menlo",protocol="menlo"} [\d.]+$/m)
  t.equal((await fetch(`${second.adminUrl}ready`)).status, 200, 'a store that fails makes nobody unready')
  s3.fault = () => undefined
  const all = Array.from({ length: OBJECTS * OBJECT_LINES }, (_, number) => number)
  await until('all lines are with the tenant', () => new Set(numbersOf(second.files('fw'))).size === all.length)
  const users = () => linesOf(second.files('menlo')).map(line => / suser=(m\d+)@/.exec(line)?.[1])
  await until('all events are with the tenant', () => users().length === 50)
  t.strictSame(
    users(),
    Array.from({ length: 50 }, (_, i) => `m${i}`)
  )
  const status = await second.statusUntil('it works again', ({ state, balance }) => state === 'healthy' && balance.balanced)
  t.match(status.receivers[0], { state: 'listening', protocol: 's3', gauges: { objects_waiting: 0 } })
  await second.stop()
  const numbers = numbersOf(tenantFiles(cwd, 'fw'))
  t.strictSame(
    [...new Set(numbers)].sort((a, b) => a - b),
    all
  )
  t.ok(numbers.length - all.length <= OBJECT_LINES, `${numbers.length - all.length} lines are there twice`)
})
