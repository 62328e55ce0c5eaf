/**
 * Alerts that fire in earnest: a real Prometheus scrapes one real collector to which everything happens that can be made to happen within
 * a minute or two. The rules are those we ship but for their durations, which are cut so that nobody waits for half an hour.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'
import { connectTo, type RunningCollector, startCollector, until, write } from '../integration/collector-kit.ts'
import { freePort } from '../port-kit.ts'
import { S3Server } from '../receivers/s3-server.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { archiveInto, bucketReceiver, liveLine, loadSetup, sendUntil, startTestTenant, TOKEN } from './loaded-collector.ts'
import { type FiringAlert, startPrometheus } from './prometheus.ts'

t.setTimeout(600_000)

const DAY_MS = 86_400_000
/** A spool that is full within seconds. */
const SPOOL_BYTES = 4 * 1024 * 1024

/** A copy of a file of rules with shorter times. Each pattern must be found, so that a change of the rules is noticed here. */
function hastened(dir: string, name: string, times: readonly (readonly [RegExp, string])[]): string {
  let text = readFileSync(join(packageRoot(), 'config/prometheus', name), 'utf8')
  for (const [pattern, shorter] of times) {
    if (text.search(pattern) < 0) throw new Error(`${name} does not hold ${pattern}`)
    text = text.replaceAll(pattern, shorter)
  }
  const file = join(dir, name)
  writeFileSync(file, text)
  return file
}

/** One line of now, ahead by so many seconds, with or without its user. */
function lineOfClock(number: number, { aheadSeconds = 0, user = true }: { aheadSeconds?: number; user?: boolean }): string {
  const eventTime = BigInt(Date.now() + aheadSeconds * 1000) * 1_000_000n
  const line = liveLine(700 * number).replace(/eventtime=\d+/, `eventtime=${eventTime}`)
  return user ? line : line.replace(/ user="[^"]*"/, '')
}

/** Lines that hardly deflate. */
function noise(count: number): string {
  const word = (): string => Math.random().toString(36).slice(2)
  return Array.from({ length: count }, () =>
    liveLine(0).replace('user="', `hostname="${word()}${word()}.example.org" user="${word()}`)
  ).join('')
}

/** More datagrams than any receive buffer holds, while nobody reads. */
async function flood(ports: readonly number[]): Promise<void> {
  const udp = createSocket('udp4')
  for (let number = 0; number < 4000; number++)
    for (const port of ports) await new Promise(resolve => udp.send(liveLine(0), port, '127.0.0.1', resolve))
  udp.close()
}

/** The first file that waits for its upload is not what its ledger says any more. */
function damageSegment(collector: RunningCollector, id: string): void {
  const dir = join(collector.cwd, 'spool')
  const name = readdirSync(dir, { recursive: true, encoding: 'utf8' }).find(path => path.includes(id) && path.endsWith('.gz'))
  if (name === undefined) throw new Error(`No file of segment ${id} in ${readdirSync(dir, { recursive: true }).join()}`)
  const bytes = readFileSync(join(dir, name))
  writeFileSync(join(dir, name), bytes.fill(0x2a, bytes.length >> 2, bytes.length >> 1))
}

t.test('what can be made to happen is seen firing', async t => {
  const dir = scratchDir('alerts')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const service = join(dir, 'service')
  let tenant = await startTestTenant(service, await freePort(), 'cd'.repeat(32)) // takes another token than ours
  t.teardown(() => tenant.close())
  const { url } = tenant
  const s3 = await S3Server.start()
  t.teardown(() => s3.stop())
  s3.fault = () => ({ status: 503 })
  writeFileSync(join(dir, 'archive'), 'no folder') // nothing can be archived there
  const soon = new TestAuthority().issue('soon.example.org', 5)
  const udp = (name: string, more: object) => ({ type: 'syslog', name, protocols: ['udp'], receive_buffer: '64KiB', ...more })
  const setup = loadSetup(url, {
    receivers: [
      udp('udp-native', { udp: 'native' }),
      udp('udp-dgram', { udp: 'dgram' }),
      udp('udp-limited', { max_frames_per_second_per_peer: 5 }),
      { name: 'clock', protocols: ['tcp'] },
      { type: 'syslog-tls', name: 'soon', tls: { cert_file: soon.cert, key_file: soon.key } },
      bucketReceiver(s3)
    ],
    overrides: {
      tenant: { url, auth: { token: TOKEN, secret_ends: new Date(Date.now() + 10 * DAY_MS).toISOString().slice(0, 10) } },
      spool: { dir: join(dir, 'spool'), min_free_bytes: '1MiB', max_bytes: SPOOL_BYTES },
      archive: archiveInto(dir)
    }
  })
  const collector = await startCollector(t, dir, { ...setup, sources: [{ name: 'clock', receiver: 'clock' }, ...setup.sources] })
  const rules = [
    hastened(dir, 'sluice-recording.yml', [
      [/\[5m\]/g, '[4s]'],
      [/\[6h\]/g, '[1m]']
    ]),
    hastened(dir, 'sluice-alerts.yml', [
      [/for: \d+[mh]/g, 'for: 2s'],
      [/age_seconds > 1800/g, 'age_seconds > 10']
    ])
  ]
  const prometheus = await startPrometheus(t, dir, new URL(collector.adminUrl).host, rules)
  const seen = new Set<string>()
  const firing = async (name: string): Promise<FiringAlert[]> => {
    const alerts = (await prometheus.alerts()).filter(({ state }) => state === 'firing')
    for (const { labels } of alerts) seen.add(labels.alertname!)
    return alerts.filter(({ labels }) => labels.alertname === name)
  }
  const fires = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> => {
    const isIt = (alert: FiringAlert): boolean => Object.entries(labels).every(([label, value]) => alert.labels[label] === value)
    const what = `${name} fires ${Object.values(labels).join(' ')}`
    await until(what, async () => (await firing(name)).some(isIt))
    t.pass(what)
  }
  const ends = (name: string): Promise<void> => until(`${name} ends`, async () => (await firing(name)).length === 0)

  const load = new AbortController()
  const sending = sendUntil(collector, load.signal)
  t.teardown(() => load.abort())
  const clock = await connectTo(collector.port('clock', 'syslog-tcp'))
  const limited = createSocket('udp4')
  let isAhead = true
  const ticking = setInterval(() => {
    for (let number = 0; number < 40; number++) clock.write(lineOfClock(number, isAhead ? { aheadSeconds: 400 } : { user: false }))
    for (let number = 0; number < 20; number++) limited.send(liveLine(0), collector.port('udp-limited', 'syslog-udp'), '127.0.0.1')
  }, 200)
  const stopTicking = (): void => {
    clearInterval(ticking)
    clock.destroy()
  }
  t.teardown(() => {
    stopTicking()
    limited.close()
  })

  // The tenant refuses our token; and what is so from the start.
  await fires('SluiceTokenRefused')
  t.match(await firing('SluiceTokenRefused'), [
    {
      labels: { severity: 'critical', reason: 'auth', job: 'sluice' },
      annotations: { summary: 'The tenant refuses our credentials', runbook_url: 'docs/operations.md#sluicetokenrefused' }
    }
  ])
  await fires('SluiceNoUpload')
  t.match((await firing('SluiceNoUpload'))[0]!.annotations.description, /^The last file was taken \d.* ago/)
  await fires('SluiceSecretExpires', { secret: 'token' })
  await fires('SluiceCertificateExpires', { receiver: 'soon' })
  await fires('SluiceArchiveFailing')
  await fires('SluicePullFailing', { receiver: 'bucket' })
  await fires('SluiceRejectRatio', { source: 'HQ' })
  await fires('SluiceClockSkew', { source: 'clock' })
  await fires('SluiceDatagramsOverLimit', { receiver: 'udp-limited' })

  // The clock is right now, and an attribute is gone.
  isAhead = false
  await fires('SluiceDrift', { source: 'clock', attribute: 'user' })

  // The tenant is there again and takes our token; a reload makes the collector try at once.
  await tenant.close()
  tenant = await startTestTenant(service, Number(new URL(url).port))
  t.equal((await fetch(`${collector.adminUrl}api/v1/reload`, { method: 'POST' })).status, 200)
  await ends('SluiceTokenRefused')
  await ends('SluiceNoUpload')
  t.ok((await collector.status()).upload.uploadedFiles > 0, 'and files are uploaded')

  // Nobody reads the sockets for a while, neither those of the admin server; both ways to receive UDP lose datagrams in the kernel.
  process.kill(collector.child.pid!, 'SIGSTOP')
  await flood([collector.port('udp-native', 'syslog-udp'), collector.port('udp-dgram', 'syslog-udp')])
  await fires('SluiceCollectorDown').finally(() => process.kill(collector.child.pid!, 'SIGCONT'))
  await fires('SluiceKernelDrops', { receiver: 'udp-native' })
  await fires('SluiceKernelDrops', { receiver: 'udp-dgram' })
  await ends('SluiceCollectorDown')

  // A new certificate that is none, and a new configuration that is none.
  writeFileSync(soon.cert, 'no certificate')
  await fires('SluiceCertificateNotTaken', { receiver: 'soon' })
  const config = readFileSync(join(dir, 'sluice.yaml'))
  writeFileSync(join(dir, 'sluice.yaml'), 'lanes: many\n')
  t.equal((await fetch(`${collector.adminUrl}api/v1/reload`, { method: 'POST' })).status, 422)
  await fires('SluiceReloadFailed')
  writeFileSync(join(dir, 'sluice.yaml'), config)

  // Something else answers in the tenant's place.
  await tenant.close()
  const stranger = createServer((_request, response) => response.writeHead(404).end('<h1>nothing here</h1>'))
  await once(stranger.listen(Number(new URL(url).port), '127.0.0.1'), 'listening')
  t.teardown(() => stranger.close())
  await fires('SluiceTenantAddressWrong')
  const waiting = await collector.statusUntil('a file waits', ({ spool }) => spool.list.some(({ step }) => step === 'closed'))
  damageSegment(collector, waiting.spool.list.find(({ step }) => step === 'closed')!.id)
  stranger.closeAllConnections()
  await new Promise(resolve => stranger.close(resolve))
  tenant = await startTestTenant(service, Number(new URL(url).port))
  t.equal((await fetch(`${collector.adminUrl}api/v1/reload`, { method: 'POST' })).status, 200)
  await fires('SluiceSegmentsSetAside')

  // An outage; the lines go on, until the spool is full.
  await tenant.close()
  await fires('SluiceNoUpload')
  t.same(await firing('SluiceTokenRefused'), [], 'for another reason')
  t.same(await firing('SluiceSourceSilent'), [], 'the sources still send')
  const flooding = await connectTo(collector.port('syslog', 'syslog-tcp'))
  flooding.on('error', () => undefined)
  t.teardown(() => flooding.destroy())
  const filling = (async () => {
    while (!(await collector.status()).spool.full) {
      await Promise.race([write(flooding, noise(2000)), sleep(1000)])
    }
  })()
  await fires('SluiceSpoolFilling')
  await filling
  await fires('SluiceSpoolFull')
  await fires('SluiceReceiverPaused', { reason: 'spool_full' })

  load.abort()
  stopTicking()
  flooding.destroy()
  await sending
  await fires('SluiceSourceSilent')
  const silent = (await firing('SluiceSourceSilent')).map(({ labels }) => labels.source)
  t.ok(silent.length > 0 && silent.every(source => ['HQ', 'branch', 'clock'].includes(source!)), `silent: ${silent.join()}`)
  t.same(await firing('SluiceBalanceBroken'), [], 'nothing was lost in all that')
  t.comment(`seen firing: ${[...seen].sort().join(' ')}`)
})
