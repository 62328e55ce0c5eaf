/** The page in a real Chromium, fed by a running collector. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { CLIENTS_MAX } from '../../src/admin/live.ts'
import { startAdmin } from '../../src/admin/server.ts'
import { startCollector } from '../../src/cli/collector.ts'
import { loadConfig } from '../../src/config/load.ts'
import { startPipeline } from '../../src/pipeline.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { startTenant } from '../../src/tenant/tenant.ts'
import { numberedLine } from '../integration/collector-kit.ts'
import { testDir } from '../test-dir.ts'
import { launchBrowser, openPage, overflow, THEMES, violations, WIDTHS } from './browser-kit.ts'
import { fakeSource } from './fake-source.ts'

const TOKEN = '0123456789abcdef'
/** Chromium beside other work is slow to start and to draw. */
const LONG = { timeout: 600_000 }

t.setTimeout(LONG.timeout)

// Not in a hook: an open browser keeps the process alive, and hooks of the file wait for its end.
const browser = await launchBrowser()

/** A tenant and a collector in this process, with one receiver per source. */
async function startAll(t: Test) {
  const cwd = testDir(t)
  const tenant = await startTenant({ dir: join(cwd, 'tenant') })
  const listen = '127.0.0.1:0'
  const receiver = (name: string) => ({ type: 'syslog', name, protocols: ['tcp'], listen })
  const source = (name: string) => ({ name, from: { receivers: [name] } })
  const config = {
    tenant: { url: tenant.url, auth: { token: '0'.repeat(64) } },
    receivers: [receiver('HQ'), receiver('Branch')],
    sources: [source('HQ'), { ...source('Branch'), silent_after: '12s' }],
    process: { max_age: 'off', one_per_connection: false },
    spool: { dir: join(cwd, 'spool'), min_free_bytes: '1MiB' },
    upload: { flush_interval: '500ms' },
    lanes: 1,
    admin: { listen }
  }
  writeFileSync(join(cwd, 'sluice.yaml'), JSON.stringify(config)) // JSON is YAML
  const load = () => loadConfig({ env: {}, cwd })
  const log = createLogger({ destination: new PassThrough().resume() })
  const collector = await startCollector({ loaded: load(), load, log, version: '0.1.0', startPipeline })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (!isStopped) await collector.stop(60_000)
    isStopped = true
  }
  t.teardown(async () => {
    await stop()
    await tenant.close()
  })
  const send = async (receiver: string, text: string): Promise<void> => {
    const { address } = collector.status().receivers.find(({ name }) => name === receiver)!
    const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1')
    socket.end(text)
    await once(socket.resume(), 'close')
  }
  return { tenant, collector, send, stop }
}

const lines = (from: number, count: number): string => Array.from({ length: count }, (_, index) => numberedLine(from + index)).join('')

await t.test('the page shows what a running collector does, and what is wrong with it', LONG, async t => {
  const { tenant, collector, send, stop } = await startAll(t)
  const { page, errors } = await openPage(t, browser, collector.adminUrl)
  const verdict = page.locator('#verdict')
  const card = (name: string) => page.locator('details.source', { has: page.getByRole('heading', { name, exact: true }) })
  /** Waits until the text is on the page. */
  const seen = async (t: Test, text: string | RegExp, within = page.locator('main')): Promise<void> => {
    await within.getByText(text).first().waitFor()
    t.pass(`the page shows ${text}`)
  }

  await t.test('before the first line it says what to do next', LONG, async t => {
    await verdict.getByText('Waiting for the first line').waitFor()
    const port = collector.status().receivers[0]!.address.split(':').at(-1)!
    await seen(t, `logger --server 127.0.0.1 --port ${port} --tcp`)
    await seen(t, /sluice guide fortinet-fortigate/)
    await page.locator('.link', { hasText: 'live' }).waitFor()
  })

  await t.test('lines appear in the flow, which balances, and are uploaded', LONG, async t => {
    await send('HQ', `${lines(0, 200)}no parser knows this <img src=x onerror=alert(1)>\n`)
    await send('Branch', lines(1000, 20))
    const stages = card('HQ').locator('.stage b')
    await stages.nth(3).getByText('200', { exact: true }).waitFor()
    t.same(await stages.allTextContents(), ['201', '200', '200', '200'])
    await seen(t, '1 unidentified', card('HQ'))
    t.same(await card('HQ').locator('.sum').allTextContents(), ['balanced', 'balanced', 'balanced'])
    t.match(
      await card('HQ').locator('svg.wide').getAttribute('aria-label'),
      /^HQ: 201 = 200 \+ 0 skipped \+ 0 malformed \+ 1 unidentified; 200 = 200/
    )
    await seen(t, 'recognised: fortinet-fortigate', card('HQ'))
    await seen(t, /accepted in/)
    await verdict.getByText('Data reaches the tenant').waitFor()
    t.match(await page.title(), /Data reaches the tenant/)
  })

  await t.test('a rejected line is shown as text, with the verdict and the remedy', LONG, async t => {
    await seen(t, 'Unidentified: no parser knows it')
    await seen(t, /Cloud Discovery would say .*The log format doesn’t match/)
    await seen(t, /name the appliance in the configuration/)
    await seen(t, 'no parser knows this <img src=x onerror=alert(1)>')
  })

  await t.test('receivers show their senders', LONG, async t => {
    await page.getByText('Who sends to HQ by syslog-tcp (1)').click()
    await seen(t, '127.0.0.1', page.getByRole('table', { name: 'Senders of HQ' }))
  })

  await t.test('what records lack is told with its cost', LONG, async t => {
    await card('HQ')
      .getByText(/What is missing/)
      .click()
    await seen(t, /apps on shared addresses are not told apart/, card('HQ'))
  })

  await t.test('both themes at three widths have no violation and nothing to scroll sideways', LONG, async t => {
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 })
        t.same(await violations(page), [], `${colorScheme}, ${width} px`)
        t.equal(await overflow(page), 0, `${colorScheme}, ${width} px`)
      }
    }
  })

  await t.test('the keyboard goes from the skip link through all that can be done, in the order of the page', LONG, async t => {
    await page.mouse.click(2, 2) // the order begins where the last click was
    await page.evaluate('window.stops = []; addEventListener("focusin", event => stops.push(event.target))')
    for (let count = 0; count < 12; count++) await page.keyboard.press('Tab')
    t.match(await page.evaluate('stops[0].textContent'), 'Skip to the content')
    t.ok(await page.evaluate('stops.length >= 10'))
    t.ok(
      await page.evaluate(
        'stops.every((stop, index) => index === 0 || stops[index - 1].compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING)'
      )
    )
    t.ok(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle === "solid"'), 'where the focus is can be seen')
    const summary = card('Branch').locator('summary').first()
    await summary.focus()
    await page.keyboard.press('Enter')
    t.equal(await card('Branch').getAttribute('open'), null, 'a card is closed by the keyboard')
  })

  await t.test('a source that goes silent turns visible', LONG, async t => {
    await seen(t, /silent for \d+\ss/, card('Branch'))
    await seen(t, /^Branch is silent since/)
    await send('Branch', lines(2000, 1))
    await seen(t, 'flowing', card('Branch'))
  })

  await t.test('a stopped tenant turns visible, with what to do', LONG, async t => {
    await tenant.close()
    for (let turn = 0; turn < 4; turn++) await send('HQ', lines(3000 + turn, 1))
    await verdict.getByText(/^Uploads fail since \d/).waitFor()
    await seen(t, /ECONNREFUSED/, page.locator('.hero'))
    await seen(t, /The spool keeps all|the spool keeps all/, page.locator('.hero'))
    await seen(t, /unreachable, /)
    t.ok(collector.status().balance.delivery.spooled > 0)
  })

  t.same(errors, [], 'nothing broke the content security policy, and nothing failed')

  await t.test('a collector that is gone turns visible', LONG, async t => {
    await stop()
    await verdict.getByText(/^No answer since \d/).waitFor()
    t.equal(await page.locator('.link').textContent(), 'no answer')
  })
})

await t.test('with a token the page asks for it, says when it is wrong, and keeps it for the tab', LONG, async t => {
  const server = await startAdmin(fakeSource(), { host: '127.0.0.1', port: 0, token: TOKEN })
  t.teardown(() => server.close())
  const { page, errors } = await openPage(t, browser, server.url)
  const token = page.getByLabel('Token')
  await token.fill('wrong')
  t.same(await violations(page), [])
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText('This is not the token').waitFor()
  await token.fill(TOKEN)
  await page.getByRole('button', { name: 'Show the page' }).click()
  await page.getByRole('heading', { name: 'HQ-FortiGate', exact: true }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'HQ-FortiGate', exact: true }).waitFor()
  t.same(
    errors.filter(text => !/status of 401/.test(text)),
    []
  )
})

await t.test('when all streams are taken the page asks instead, and shows what is new', LONG, async t => {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  for (let count = 0; count < CLIENTS_MAX; count++) await fetch(`${server.url}/api/v1/live`, { signal: abort.signal })
  const { page } = await openPage(t, browser, server.url)
  await page.locator('.link', { hasText: 'every few seconds' }).waitFor()
  source.current.sources[0]!.frames.received = 4711
  await page.getByText('4,711', { exact: true }).waitFor()
  t.equal(await page.locator('.link').textContent(), 'every few seconds')
})

await t.test('with many sources only those in trouble are open at first', LONG, async t => {
  const source = fakeSource()
  const [first] = source.current.sources
  const { drift: _, service: _service, ...fine } = first!
  source.current.sources = Array.from({ length: 40 }, (_, index) => ({
    ...fine,
    drift: [],
    name: `source-${index}`,
    ...(index === 7 ? { silence: { sinceMs: 1, limitMs: 1 } } : {})
  }))
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const { page, errors } = await openPage(t, browser, server.url)
  await page.getByRole('heading', { name: 'source-39', exact: true }).waitFor()
  t.equal(await page.locator('details.source').count(), 40)
  t.same(await page.locator('details.source[open] h3').allTextContents(), ['source-7'])
  await page.getByRole('heading', { name: 'source-39', exact: true }).click()
  await page.locator('details.source[open]', { hasText: 'source-39' }).locator('.stage').first().waitFor()
  t.same(errors, [])
})

await browser.close()
