/**
 * Alerts that fire in earnest: a real Prometheus scrapes a real collector, and then the token is refused, the tenant is stopped, and a
 * source falls silent. The rules are those we ship but for their durations, which are cut so that nobody waits for half an hour.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'
import { startCollector, until } from '../integration/collector-kit.ts'
import { loadSetup, sendUntil, startTestTenant } from './loaded-collector.ts'
import { type FiringAlert, startPrometheus } from './prometheus.ts'

t.setTimeout(240_000)

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

t.test('the token is refused, the tenant goes away, a source falls silent: each is seen firing, and ends', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-alerts-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const service = join(dir, 'service')
  let tenant = await startTestTenant(service, 0, 'cd'.repeat(32)) // takes another token than ours
  t.teardown(() => tenant.close())
  const { url } = tenant
  const collector = await startCollector(t, dir, loadSetup(url))
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
  const firing = async (name: string): Promise<FiringAlert[]> =>
    (await prometheus.alerts()).filter(({ labels, state }) => labels.alertname === name && state === 'firing')
  const fires = (name: string): Promise<void> =>
    until(
      `${name} fires`,
      async () => (await firing(name)).length > 0,
      () => `port ${url}`
    )
  const ends = (name: string): Promise<void> => until(`${name} ends`, async () => (await firing(name)).length === 0)

  const load = new AbortController()
  const sending = sendUntil(collector, load.signal)
  t.teardown(() => load.abort())

  await fires('SluiceTokenRefused')
  t.match(await firing('SluiceTokenRefused'), [
    {
      labels: { severity: 'critical', reason: 'auth', job: 'sluice' },
      annotations: { summary: 'The tenant refuses our credentials', runbook_url: 'docs/operations.md#sluicetokenrefused' }
    }
  ])
  await fires('SluiceNoUpload')
  t.match((await firing('SluiceNoUpload'))[0]!.annotations.description, /^The last file was taken \d.* ago/)

  // The tenant is there again and takes our token; a reload makes the collector try at once.
  await tenant.close()
  tenant = await startTestTenant(service, Number(new URL(url).port))
  t.equal((await fetch(`${collector.adminUrl}api/v1/reload`, { method: 'POST' })).status, 200)
  await ends('SluiceTokenRefused')
  await ends('SluiceNoUpload')
  t.ok((await collector.status()).upload.uploadedFiles > 0, 'and files are uploaded')

  // An outage; the lines go on.
  await tenant.close()
  await fires('SluiceNoUpload')
  t.same(await firing('SluiceTokenRefused'), [], 'for another reason')
  t.same(await firing('SluiceSourceSilent'), [], 'the sources still send')

  load.abort()
  await sending
  await fires('SluiceSourceSilent')
  const silent = (await firing('SluiceSourceSilent')).map(({ labels }) => labels.source)
  t.ok(silent.length > 0 && silent.every(source => source === 'HQ' || source === 'branch'), `silent: ${silent.join()}`)
  t.same(await firing('SluiceBalanceBroken'), [], 'nothing was lost in all that')
})
