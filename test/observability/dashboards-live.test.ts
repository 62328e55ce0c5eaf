/**
 * Every query of the dashboards, asked of a real Prometheus that scrapes a real collector under load; and a picture of it all, made by
 * Chromium. SLUICE_PICTURES=FOLDER keeps it to be looked at.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'
import { CATALOGUE, PREFIX } from '../../src/telemetry/catalogue.ts'
import { until } from '../integration/collector-kit.ts'
import { S3Server } from '../receivers/s3-server.ts'
import { scratchDir } from '../test-dir.ts'
import { dashboards, panelsOf, substitute } from './dashboard.ts'
import { archiveInto, bucketReceiver, liveLine, sendUntil, startKnownCollector, startTestTenant } from './loaded-collector.ts'
import { drawDashboard } from './picture.ts'
import { startPrometheus } from './prometheus.ts'

const RULES = ['sluice-recording.yml', 'sluice-alerts.yml'].map(name => join(packageRoot(), 'config/prometheus', name))
const LOAD_MS = 12_000

t.setTimeout(600_000)

t.test('every panel has something to show of a collector under load', async t => {
  const dir = scratchDir('board')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const tenant = await startTestTenant(join(dir, 'service'))
  t.teardown(() => tenant.close())
  const s3 = await S3Server.start()
  t.teardown(() => s3.stop())
  s3.put('fw/1.log', liveLine(0))
  const collector = await startKnownCollector(t, dir, tenant.url, {
    receivers: [
      { type: 'http-push', name: 'push', secret: 'a'.repeat(32), paths: [{ path: '/logs' }] },
      { type: 'relp', name: 'relp' },
      bucketReceiver(s3)
    ],
    overrides: { archive: archiveInto(dir) }
  })
  const prometheus = await startPrometheus(t, dir, new URL(collector.adminUrl).host, RULES)
  const fromMs = Date.now()
  const load = new AbortController()
  const sending = sendUntil(collector, load.signal)
  t.teardown(() => load.abort())
  await sleep(LOAD_MS)
  await until('files were uploaded and archived under load', async () => {
    const { upload, archive } = await collector.status()
    return upload.uploadedFiles >= 2 && archive!.uploadedFiles >= 2
  })

  const unanswered = async (): Promise<string[]> => {
    const questions = dashboards().flatMap(dashboard =>
      panelsOf(dashboard).flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr: substitute(expr) })))
    )
    if (questions.length <= 80) throw new Error(`${questions.length} questions`)
    const silent: string[] = []
    // A quantile of what did not happen within the last seconds has no value then, so the whole time counts.
    for (const { title, expr } of questions) {
      const answer = await prometheus.queryRange(expr, fromMs, Date.now(), 1)
      const values = answer.flatMap(({ values = [] }) => values.map(([, value]) => Number(value)))
      if (!values.some(Number.isFinite)) silent.push(`${title}: ${expr}`)
    }
    return silent
  }
  let silent: string[] = []
  await until(
    'every query has an answer',
    async () => (silent = await unanswered()).length === 0,
    () => silent.join('\n')
  )

  t.test('the balance is 0 in every scrape under load', async t => {
    for (const border of ['received_frames', 'source_frames', 'records', 'delivery']) {
      const off = await prometheus.queryRange(`sluice:${border}:difference != 0`, fromMs, Date.now(), 1)
      t.same(off, [], border)
      t.not((await prometheus.query(`sluice:${border}:difference`)).length, 0, `${border} is recorded`)
    }
    const [frames] = await prometheus.query('sum(sluice_received_frames_total)')
    t.ok(Number(frames!.value![1]) > 1000, 'there was a load')
  })

  t.test('data sources that the tenant lists as we feed them are fine, and so is the collector', async t => {
    const { state, reasons, sources } = await collector.status()
    t.same({ state, reasons }, { state: 'healthy', reasons: [] })
    t.match(sources, [
      { name: 'branch', service: { state: 'fine' } },
      { name: 'HQ', service: { state: 'fine' } }
    ])
  })

  t.test('what is scraped is what the catalogue says, and nothing else of ours', async t => {
    const scraped = new Set([...(await collector.metrics()).matchAll(/^# TYPE (sluice_\S+)/gm)].map(([, name]) => name!))
    t.same(
      [...scraped].sort(),
      Object.keys(CATALOGUE)
        .map(name => PREFIX + name)
        .sort()
    )
  })

  t.test('drawn by Chromium, each panel stays in its place and shows its title', async t => {
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] }).catch(error => {
      throw new Error(`Chromium cannot be run; it is Debian's package chromium: ${String(error)}`)
    })
    t.teardown(() => browser.close())
    for (const dashboard of dashboards()) {
      const page = await browser.newPage({ viewport: { width: 1460, height: 900 } })
      const html = await drawDashboard(dashboard, prometheus, { fromMs, toMs: Date.now() })
      await page.setContent(html)
      t.equal(await page.locator('section').count(), panelsOf(dashboard).length)
      const cut = await page
        .locator('section, h3')
        .evaluateAll(parts =>
          parts
            .filter(part => part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1)
            .map(part => part.textContent?.slice(0, 60))
        )
      t.same(cut, [], 'nothing is cut off')
      const file = join(process.env.SLUICE_PICTURES ?? dir, `${dashboard.uid}.png`)
      const picture = await page.screenshot({ path: file, fullPage: true })
      t.ok(picture.length > 50_000, `a picture with something on it: ${file}`)
      if (process.env.SLUICE_PICTURES !== undefined) writeFileSync(file.replace(/png$/, 'html'), html)
    }
  })

  load.abort()
  await sending
})
