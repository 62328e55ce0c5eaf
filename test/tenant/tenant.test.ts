import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { startTenant, type Tenant, type TenantOptions } from '../../src/tenant/tenant.ts'
import { scratchDir } from '../test-dir.ts'

const TOKEN = 'b2'.repeat(32)
const GOOD = gzipSync(`CEF:0|S|S|1|a|a|3|rt=${Date.now()} src=10.0.0.1 dhost=github.com in=1 out=2\n`)

const scratch = scratchDir('tenant')
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))

interface Teardown {
  teardown(end: () => Promise<void>): void
}

async function start(t: Teardown, options: Partial<TenantOptions> = {}): Promise<Tenant> {
  const tenant = await startTenant({ dir: mkdtempSync(join(scratch, 't-')), ...options })
  t.teardown(() => tenant.close())
  return tenant
}

interface Answer {
  status: number
  body: Record<string, unknown>
}

async function call(tenant: Tenant, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(tenant.url + path, { ...init, headers: { authorization: `Token ${TOKEN}`, ...init.headers } })
  const text = await response.text()
  return { status: response.status, body: text ? (JSON.parse(text) as Record<string, unknown>) : {} }
}

const uploadUrl = (tenant: Tenant, filename = 'a.log.gz', source = 'GENERIC_CEF'): Promise<Answer> =>
  call(tenant, `/api/v1/discovery/upload_url/?${new URLSearchParams({ filename, source })}`)

const put = (url: string, body: Buffer, headers: Record<string, string> = { 'x-ms-blob-type': 'BlockBlob' }): Promise<Response> =>
  fetch(url, { method: 'PUT', headers, body })

const finalise = (tenant: Tenant, body: object): Promise<Answer> =>
  call(tenant, '/api/v1/discovery/done_upload/', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

async function send(tenant: Tenant, stream: string, bytes: Buffer = GOOD, filename = 'a.log.gz', source = 'GENERIC_CEF'): Promise<Answer> {
  const { url } = (await uploadUrl(tenant, filename, source)).body as { url: string }
  await put(url, bytes)
  return finalise(tenant, { uploadUrl: url, inputStreamName: stream })
}

t.test('a file sent by the three calls is kept as it was sent, judged and counted', async t => {
  const tenant = await start(t)
  t.match(await send(tenant, 'HQ'), { status: 200, body: { success: true, inputStreamId: /^[0-9a-f]{24}$/ } })
  await send(tenant, 'HQ', Buffer.from('nonsense'), '../../evil name.log')
  await tenant.settled()
  const [good, bad] = tenant.uploads()
  t.ok(readFileSync(tenant.path(good!)).equals(GOOD))
  t.equal(good?.file, 'HQ/a.log.gz')
  t.equal(bad?.file, 'HQ/__.._evil_name.log')
  t.match(bad?.verdict, { accepted: false, reason: "The log format doesn't match" })
  const list = await call(tenant, '/api/discovery/streams/')
  t.match(list.body, {
    data: [{ displayName: 'HQ', logType: 179, logFilesHistoryCount: 2, logFilesFailsCount: 1 }],
    total: 1,
    hasNext: false
  })
})

t.test('the first call wants a known source string, a file name and credentials', async t => {
  const tenant = await start(t, { token: TOKEN })
  for (const source of ['GENERIC_CEF', 'FORTIGATE_SYSLOG', 'CUSTOM_PARSER']) t.equal((await uploadUrl(tenant, 'a', source)).status, 200)
  for (const source of ['', 'generic_cef', 'CORRATA_SYSLOG', 'CISCO_ASA_FIREPOWER'])
    t.equal((await uploadUrl(tenant, 'a', source)).status, 400)
  t.equal((await uploadUrl(tenant, '')).status, 400)
  const path = '/api/v1/discovery/upload_url/?filename=a&source=GENERIC_CEF'
  for (const authorization of ['', 'Token abc', `Token ${'c'.repeat(64)}`, 'Bearer x.y.z', `Bearer ${TOKEN}`])
    t.equal((await call(tenant, path, { headers: { authorization } })).status, 401, authorization)
})

t.test('an access token needs the permission and ends', async t => {
  let nowMs = Date.now()
  const client = { tenantId: 'guid', clientId: 'app', clientSecret: 'hush' }
  const ask = async (tenant: Tenant, secret: string): Promise<Answer> =>
    call(tenant, '/guid/oauth2/v2.0/token', {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'app', client_secret: secret, scope: 'x' })
    })
  const tenant = await start(t, { client, now: () => nowMs })
  t.match(await ask(tenant, 'wrong'), { status: 401, body: { error: 'invalid_client' } })
  const { access_token: token } = (await ask(tenant, 'hush')).body
  const status = async (tenant: Tenant, bearer: unknown): Promise<number> =>
    (await call(tenant, '/api/discovery/streams/', { headers: { authorization: `Bearer ${bearer}` } })).status
  t.equal(await status(tenant, token), 200)
  nowMs += 3600_000
  t.equal(await status(tenant, token), 401)
  const weak = await start(t, { client, roles: ['Discovery.read'] })
  t.equal(await status(weak, (await ask(weak, 'hush')).body.access_token), 403)
})

t.test('the storage wants blob type, length, a good signature in time, and the right MD5', async t => {
  let nowMs = Date.now()
  const tenant = await start(t, { now: () => nowMs })
  const { url } = (await uploadUrl(tenant)).body as { url: string }
  t.equal((await put(url, GOOD, {})).status, 400)
  t.equal((await put(url.replace('sig=', 'sig=x'), GOOD)).status, 403)
  t.equal((await put(url.replace('a.log.gz', 'b.log.gz'), GOOD)).status, 403)
  const headers = { 'x-ms-blob-type': 'BlockBlob' }
  t.equal((await put(url, GOOD, { ...headers, 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' })).status, 400)
  const chunked = await new Promise<number | undefined>(resolve => {
    const outgoing = request(url, { method: 'PUT', headers: { ...headers, 'transfer-encoding': 'chunked' } }, response =>
      resolve(response.statusCode)
    )
    outgoing.end(GOOD)
  })
  t.equal(chunked, 411)
  t.equal((await finalise(tenant, { uploadUrl: url, inputStreamName: 'HQ' })).status, 400, 'nothing is stored so far')
  t.equal((await put(url, GOOD, { ...headers, 'content-md5': createHash('md5').update(GOOD).digest('base64') })).status, 201)
  t.equal((await put(url, GOOD)).status, 201, 'the same again is fine')
  nowMs += 2 * 3600_000
  t.equal((await put(url, GOOD)).status, 403, 'expired')
})

t.test('finalise refuses foreign URLs, bad names and unknown data sources', async t => {
  const tenant = await start(t, { streams: [{ name: 'HQ' }] })
  const { url } = (await uploadUrl(tenant)).body as { url: string }
  await put(url, GOOD)
  for (const body of [
    {},
    { uploadUrl: 'https://x.example/blob', inputStreamName: 'HQ' },
    { uploadUrl: url, inputStreamName: 'a b' },
    { uploadUrl: url, inputStreamName: '../HQ' },
    { uploadUrl: url, inputStreamName: 'x'.repeat(65) }
  ]) {
    t.equal((await finalise(tenant, body)).status, 400)
  }
  t.match(await finalise(tenant, { uploadUrl: url, inputStreamName: 'Other' }), {
    status: 400,
    body: { errorMessageCode: /PARSE_LOG_TASK_ERROR_NOT_FOUND_INPUT_STREAM$/ }
  })
  t.equal(tenant.uploads().length, 0)
  t.equal((await finalise(tenant, { uploadUrl: url, inputStreamName: 'HQ' })).status, 200)
  t.equal((await finalise(tenant, { uploadUrl: url, inputStreamName: 'HQ' })).status, 200)
  t.match(tenant.uploads(), [{ finalised: 2 }])
})

t.test('a snapshot makes its own report, feeds no data source and takes no syslog form', async t => {
  const tenant = await start(t, { streams: [] })
  const { url } = (await uploadUrl(tenant)).body as { url: string }
  await put(url, GOOD)
  t.equal((await finalise(tenant, { uploadUrl: url, inputStreamName: 'Snap', uploadAsSnapshot: true })).status, 200)
  t.match(tenant.uploads(), [{ snapshot: true, stream: 'Snap' }])
  t.same(tenant.streams(), [])
  const syslog = (await uploadUrl(tenant, 'a', 'GENERIC_CEF_SYSLOG')).body as { url: string }
  await put(syslog.url, GOOD)
  t.equal((await finalise(tenant, { uploadUrl: syslog.url, inputStreamName: 'Snap', uploadAsSnapshot: true })).status, 400)
})

t.test('more than thirty requests a minute are throttled when asked for', async t => {
  let nowMs = Date.now()
  const tenant = await start(t, { requestsPerMinute: 30, now: () => nowMs })
  const statuses = await Promise.all(Array.from({ length: 40 }, () => uploadUrl(tenant)))
  t.equal(statuses.filter(answer => answer.status === 429).length, 10)
  t.match(statuses.find(answer => answer.status === 429)?.body, { detail: /throttled/ })
  nowMs += 60_001
  t.equal((await uploadUrl(tenant)).status, 200)
})

t.test('a restart forgets no file, no count and no issued URL', async t => {
  const dir = mkdtempSync(join(scratch, 't-'))
  const before = await startTenant({ dir })
  await send(before, 'HQ')
  const { url } = (await uploadUrl(before)).body as { url: string }
  await put(url, GOOD)
  await before.close()
  const after = await start(t, { dir })
  t.equal(after.uploads().length, 1)
  t.equal((await finalise(after, { uploadUrl: url, inputStreamName: 'HQ' })).status, 200)
  await after.settled()
  t.match(after.streams(), [{ name: 'HQ', files: 2, failedFiles: 0 }])
  t.same(readdirSync(join(dir, 'HQ')).sort(), ['2-a.log.gz', 'a.log.gz'])
  t.match(after.uploads(), [{ verdict: { accepted: true } }, { verdict: { accepted: true } }])
})

t.test('files of one name that end at the same time are all kept', async t => {
  const tenant = await start(t)
  const bodies = Array.from({ length: 20 }, (_, number) =>
    gzipSync(`CEF:0|S|S|1|a|a|3|rt=${Date.now()} src=10.0.0.1 dhost=github.com in=${number} out=2\n`)
  )
  const urls = await Promise.all(bodies.map(async () => ((await uploadUrl(tenant)).body as { url: string }).url))
  await Promise.all(urls.map((url, index) => put(url, bodies[index]!)))
  await Promise.all(urls.map(url => finalise(tenant, { uploadUrl: url, inputStreamName: 'HQ' })))
  const kept = tenant.uploads().map(upload => readFileSync(tenant.path(upload)).toString('hex'))
  t.same(kept.sort(), bodies.map(body => body.toString('hex')).sort())
})

t.test('the folder stays bounded: the oldest files go first', async t => {
  const tenant = await start(t, { limits: { maxKeptBytes: GOOD.length * 2, maxEntries: 3 } })
  for (const name of ['1', '2', '3', '4']) await send(tenant, 'HQ', GOOD, name)
  t.same(
    tenant.uploads().map(upload => [upload.file, upload.removed ?? false, existsSync(tenant.path(upload))]),
    [
      ['HQ/2', true, false],
      ['HQ/3', false, true],
      ['HQ/4', false, true]
    ]
  )
})

t.test('an address that is taken and a folder that cannot be are told apart', async t => {
  const tenant = await start(t)
  const port = Number(new URL(tenant.url).port)
  await t.rejects(startTenant({ dir: mkdtempSync(join(scratch, 't-')), port }), { code: 'LISTEN_FAILED' })
  await t.rejects(startTenant({ dir: join(tenant.path(await firstUpload(tenant)), 'x') }), { code: 'SPOOL_IO' })
})

async function firstUpload(tenant: Tenant) {
  await send(tenant, 'HQ')
  return tenant.uploads()[0]!
}
