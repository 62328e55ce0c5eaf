import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import type { AdminOptions } from '../../src/admin/source.ts'
import { fakeSource } from './fake-source.ts'

const TOKEN = '0123456789abcdef'

async function start(t: Test, options: Partial<AdminOptions> = {}) {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0, ...options })
  t.teardown(() => server.close())
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${new URL(server.url).port}${path}`, init)
  return { source, server, get }
}

/** fetch sets the Host header by itself. */
async function statusWithHost(url: string, host: string): Promise<number> {
  const asked = request(`${url}/health`, { headers: { host } }).end()
  const [response] = await once(asked, 'response')
  response.resume()
  return response.statusCode
}

t.test('health and readiness answer 200, or 503 with the check that fails, under all their names', async t => {
  const { source, get } = await start(t)
  const paths = ['/health', '/healthz', '/livez', '/ready', '/readyz']
  for (const path of paths) t.equal((await get(path)).status, 200, path)
  source.current.spool.full = true
  source.current.lanes[0]!.alive = false
  for (const path of paths) {
    const response = await get(path)
    t.equal(response.status, 503, path)
    const { checks } = (await response.json()) as { checks: { ok: boolean; detail?: string }[] }
    t.match(
      checks.filter(({ ok }) => !ok).map(({ detail }) => detail),
      path.startsWith('/r') ? [/the spool holds 4096 of 8192 bytes/] : [/does not answer/]
    )
  }
})

t.test('the API shows the status and its parts as they are', async t => {
  const { source, get } = await start(t)
  const { current } = source
  const expected = {
    status: current,
    sources: current.sources,
    receivers: current.receivers,
    segments: current.spool.list,
    uploads: current.upload.recent
  }
  for (const [path, value] of Object.entries(expected))
    t.same(await (await get(`/api/v1/${path}`)).json(), JSON.parse(JSON.stringify(value)), path)
  const metrics = await get('/metrics')
  t.match(metrics.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  const text = await metrics.text()
  t.match(text, /^sluice_healthy 1$/m)
  t.match(text, /^process_cpu_seconds_total /m)
})

t.test('the log level can be read and set, to known levels only', async t => {
  const { source, get } = await start(t)
  const put = (body: string) => get('/api/v1/loglevel', { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
  t.same(await (await put('{"level":"debug"}')).json(), { level: 'debug' })
  t.equal(source.logLevel, 'debug')
  for (const body of ['{"level":"loud"}', '{}', '[]', 'x', '{"level":"debug"']) t.equal((await put(body)).status, 400, body)
  t.equal((await put(`{"level":"${'x'.repeat(20_000)}"}`)).status, 413)
  t.same(await (await get('/api/v1/loglevel')).json(), { level: 'debug' })
})

t.test('a reload answers with what happened', async t => {
  const { source, get } = await start(t)
  const reload = () => get('/api/v1/reload', { method: 'POST' })
  t.equal((await reload()).status, 200)
  source.reloadOk = false
  const refused = await reload()
  t.equal(refused.status, 422)
  t.match(await refused.json(), { ok: false, messages: [/unknown key/] })
  t.equal(source.reloads, 2)
  t.equal((await get('/api/v1/reload')).status, 404, 'reading a page never reloads')
})

t.test('a segment is uploaded again on request; unknown, damaged and malformed ids are told apart', async t => {
  const { source, get } = await start(t)
  const replay = (id: string) => get(`/api/v1/segments/${id}/replay`, { method: 'POST' })
  const id = '01790000000000-000003'
  const answer = await replay(id)
  t.equal(answer.status, 200)
  t.same(await answer.json(), { id, waiting: true })
  const missing = await replay('00000000000000-000000')
  t.equal(missing.status, 404)
  t.match(await missing.json(), { code: 'SPOOL_IO', message: /Cannot find segment/ })
  const damaged = await replay('11110000000000-000000')
  t.equal(damaged.status, 409)
  t.match(await damaged.json(), { code: 'SEGMENT_DAMAGED', message: /piece 1 of 1/ })
  t.equal((await replay('..%2f..%2fetc')).status, 400)
  t.equal((await get(`/api/v1/segments/${id}/replay`)).status, 404, 'reading a page uploads nothing')
  t.same(source.replayed, [id])
})

t.test('the OpenAPI document lists every route of the API', async t => {
  const { get } = await start(t)
  const document = (await (await get('/openapi.json')).json()) as { openapi: string; paths: Record<string, unknown> }
  t.match(document.openapi, /^3\./)
  const paths = ['status', 'sources', 'receivers', 'segments', 'uploads', 'loglevel', 'reload', 'segments/{id}/replay'].map(
    name => `/api/v1/${name}`
  )
  t.same(
    ['/health', '/ready', '/metrics', ...paths].filter(path => !(path in document.paths)),
    []
  )
})

t.test('the page is static, loads nothing from elsewhere and allows no inline script', async t => {
  const { get } = await start(t)
  const page = await get('/')
  t.match(page.headers.get('content-type'), 'text/html')
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(policy, "default-src 'none'")
  t.notMatch(policy, 'unsafe')
  t.equal(page.headers.get('x-content-type-options'), 'nosniff')
  const html = await page.text()
  t.notMatch(html, /https?:|<script(?![^>]*\bsrc=)|\son[a-z]+=|style=/i)
  const assets = [...html.matchAll(/(?:src|href)="(\/page\.[a-z]+)"/g)].map(match => match[1]!)
  t.same(assets.sort(), ['/page.css', '/page.js'])
  for (const path of assets) t.equal((await get(path)).status, 200, path)
  const asset = await get('/page.js')
  t.match(asset.headers.get('content-type'), 'text/javascript')
  const script = await asset.text()
  t.notMatch(script, /dangerouslySetInnerHTML:|insertAdjacentHTML|document\.write|\beval\(|new Function/, 'values never become markup')
  const known = await get('/page.js', { headers: { 'if-none-match': asset.headers.get('etag') ?? '' } })
  t.equal(known.status, 304, 'what the browser has is not sent again')
})

t.test('with a token everything but checks and page wants it', async t => {
  const { get } = await start(t, { token: TOKEN })
  for (const path of ['/health', '/ready', '/', '/page.js']) t.equal((await get(path)).status, 200, path)
  t.notMatch(await (await get('/ready')).text(), 'detail')
  for (const path of ['/api/v1/status', '/metrics', '/openapi.json', '/nothing', '/health/../metrics', '//health'])
    t.equal((await get(path)).status, 401, path)
  const withToken = (authorization: string) => get('/api/v1/status', { headers: { authorization } })
  t.equal((await withToken(`Bearer ${TOKEN}`)).status, 200)
  t.equal((await withToken(`bearer ${TOKEN}`)).status, 200)
  for (const wrong of [`Bearer ${TOKEN}x`, 'Bearer', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN.slice(1)}`])
    t.equal((await withToken(wrong)).status, 401, wrong)
})

t.test('beyond loopback the server does not start without a token', async t => {
  await t.rejects(startAdmin(fakeSource(), { host: '0.0.0.0', port: 0 }), { code: 'CONFIG_INVALID', message: /admin\.token/ })
  const { get } = await start(t, { host: '0.0.0.0', token: TOKEN })
  t.equal((await get('/metrics')).status, 401)
})

t.test('on loopback a foreign name in the Host header is refused', async t => {
  const { server } = await start(t, { hosts: ['sluice.example'] })
  for (const host of ['evil.example', 'evil.example:9600', '127.0.0.1.evil.example', 'localhost.evil.example', '127.0.0.1@evil'])
    t.equal(await statusWithHost(server.url, host), 421, host)
  for (const host of ['localhost:9600', '127.0.0.1', '[::1]:9600', 'sluice.example', 'SLUICE.example:80'])
    t.equal(await statusWithHost(server.url, host), 200, host)
})

t.test('an address in use is a clear failure', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  await t.rejects(startAdmin(fakeSource(), { host: '127.0.0.1', port }), { code: 'LISTEN_FAILED', message: /admin\.listen/ })
})

t.test('a failure inside is told without its insides', async t => {
  const { source, get } = await start(t)
  source.status = () => {
    throw new Error('secret inside')
  }
  const response = await get('/api/v1/status')
  t.equal(response.status, 500)
  t.notMatch(await response.text(), 'secret')
})
