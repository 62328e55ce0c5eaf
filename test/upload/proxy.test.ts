/** Uploads through real CONNECT proxies to a tenant that speaks TLS. Needs openssl. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { startTenant, type Tenant } from '../../src/tenant/tenant.ts'
import { DiscoveryApi } from '../../src/upload/api.ts'
import { createAuth } from '../../src/upload/auth.ts'
import { putBlob } from '../../src/upload/blob.ts'
import { createDispatcher, type HttpOptions } from '../../src/upload/http.ts'
import { RequestBudget } from '../../src/upload/rate-limit.ts'
import { memoryIo } from '../cli/memory-io.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { ConnectProxy, type ConnectProxyOptions } from './connect-proxy.ts'
import { cefLine, type TestHandle, TOKEN } from './world.ts'

const HOST = 'contoso.us2.portal.cloudappsecurity.com'
const STORAGE = 'prod03use2console1.blob.core.windows.net'
const NAMES = `DNS:${HOST},DNS:${STORAGE},IP:127.0.0.1`
const service = new TestAuthority('Service CA')
const inspecting = new TestAuthority('Inspecting Proxy CA')
const pem = ({ cert, key }: { cert: string; key: string }): { cert: string; key: string } => ({
  cert: readFileSync(cert, 'utf8'),
  key: readFileSync(key, 'utf8')
})
const serviceTls = pem(service.issue('service', 30, NAMES))
const proxyTls = pem(inspecting.issue('proxy', 30, NAMES))
const bothCas = `${readFileSync(service.ca, 'utf8')}${readFileSync(inspecting.ca, 'utf8')}`
const LINES = `${cefLine(1)}\n${cefLine(2)}\n`

interface Site {
  tenant: Tenant
  proxy: ConnectProxy
  proxyUrl: string
  dir: string
}

async function startSite(t: TestHandle, options: ConnectProxyOptions = {}): Promise<Site> {
  const dir = scratchDir('proxy')
  const streams = [
    { name: 'HQ', sourceString: 'GENERIC_CEF' },
    { name: 'Odd', sourceString: 'PALO_ALTO' }
  ]
  const tenant = await startTenant({ dir: join(dir, 'tenant'), tls: serviceTls, token: TOKEN, streams })
  const proxy = new ConnectProxy(Number(new URL(tenant.url).port), options)
  const proxyUrl = await proxy.start()
  t.teardown(async () => {
    proxy.close()
    await tenant.close()
  })
  return { tenant, proxy, proxyUrl, dir }
}

/** The three calls to the names of the service, the bytes to its storage host. */
async function upload({ dir }: Site, options: HttpOptions): Promise<void> {
  const dispatcher = createDispatcher(options)
  try {
    const auth = createAuth({ credential: { kind: 'token', token: TOKEN }, dispatcher })
    const api = new DiscoveryApi({
      baseUrl: `https://${HOST}`,
      auth,
      dispatcher,
      budget: new RequestBudget(),
      version: '1'
    })
    const bytes = gzipSync(LINES)
    const path = join(dir, 'file.gz')
    writeFileSync(path, bytes)
    const target = await api.uploadUrl('x.log.gz', 'GENERIC_CEF')
    const url = new URL(target.url)
    url.host = `${STORAGE}:443`
    await putBlob({ path, bytes: bytes.length, url: url.href, provider: target.provider, mayBeStored: false }, { dispatcher })
    await api.doneUpload(target.url, 'HQ', false)
  } finally {
    await dispatcher.destroy()
  }
}

t.test('all three calls go through a proxy, to the names of the service', async t => {
  const site = await startSite(t)
  await upload(site, { proxyUrl: site.proxyUrl, caFile: service.ca })
  await site.tenant.settled()
  t.match(site.tenant.uploads(), [{ stream: 'HQ', verdict: { accepted: true, lines: 2 } }])
  t.same(new Set(site.proxy.asked.map(({ target }) => target)), new Set([`${HOST}:443`, `${STORAGE}:443`]))
  t.ok(site.proxy.asked.every(({ credentials }) => credentials === undefined))
})

t.test('a proxy that wants a password gets it, from the URL or from the settings beside it', async t => {
  const site = await startSite(t, { credentials: 'me:p@ss/word' })
  const withPassword = site.proxyUrl.replace('http://', 'http://me:p%40ss%2Fword@')
  await upload(site, { proxyUrl: withPassword, caFile: service.ca })
  await upload(site, { proxyUrl: site.proxyUrl, proxyUser: 'me', proxyPassword: 'p@ss/word', caFile: service.ca })
  t.equal(site.tenant.uploads().length, 2)
})

t.test('a proxy that refuses the password makes the upload wait, and the message tells of 407 but not of the password', async t => {
  const site = await startSite(t, { credentials: 'me:right' })
  const wrong = { proxyUrl: site.proxyUrl, proxyUser: 'me', proxyPassword: 'secret-but-wrong', caFile: service.ca }
  const error = await upload(site, wrong).catch(error => error)
  t.match(error, { code: 'TENANT_UNREACHABLE', retryable: true, message: /407/ })
  t.notMatch(`${error.message}${error.stack}${JSON.stringify(error)}`, /secret-but-wrong/)
})

t.test('the proxy of the environment is heeded, and NO_PROXY', async t => {
  const site = await startSite(t)
  const { HTTPS_PROXY } = process.env
  t.teardown(() => {
    if (HTTPS_PROXY === undefined) delete process.env.HTTPS_PROXY
    else process.env.HTTPS_PROXY = HTTPS_PROXY
  })
  process.env.HTTPS_PROXY = site.proxyUrl
  await upload(site, { caFile: service.ca })
  t.equal(site.tenant.uploads().length, 1)
  await t.rejects(upload(site, { caFile: service.ca, noProxy: [HOST] }), { code: 'TENANT_UNREACHABLE' }, 'nobody is at that name')
})

t.test('an inspecting proxy is refused until its authority is given', async t => {
  const site = await startSite(t, { inspect: proxyTls })
  await t.rejects(upload(site, { proxyUrl: site.proxyUrl, caFile: service.ca }), { code: 'TENANT_UNREACHABLE', message: /certificate/i })
  await upload(site, { proxyUrl: site.proxyUrl, ca: bothCas })
  await site.tenant.settled()
  t.match(site.tenant.uploads(), [{ verdict: { accepted: true } }])
})

async function validate(site: Site, tenant: object, sources: object[]): Promise<{ code: number; out: string }> {
  const path = join(site.dir, 'sluice.yaml')
  const auth = { token: TOKEN }
  const listen = '127.0.0.1:0'
  const config = {
    tenant: { url: `https://${HOST}`, auth, proxy: site.proxyUrl, ...tenant },
    receivers: [{ type: 'syslog', protocols: ['tcp'], listen }],
    sources,
    spool: { dir: join(site.dir, 'spool') },
    admin: { listen }
  }
  writeFileSync(path, JSON.stringify(config))
  const io = memoryIo(site.dir)
  const code = await runCommandLine(['validate', '--network', '-c', path], io)
  return { code, out: `${io.out()}${io.err()}` }
}

t.test('validate --network names who issued the certificate of each host, signs in and finds the data sources', async t => {
  const site = await startSite(t)
  const { code, out } = await validate(site, { ca_file: service.ca }, [{ name: 'HQ' }])
  t.match(out, new RegExp(`network: tenant ${HOST}: certificate issued by CN=Service CA, until `))
  t.match(out, new RegExp(`network: storage ${STORAGE}: certificate issued by CN=Service CA, until `))
  t.match(out, /network: data source HQ: is there, with the log type of our files/)
  t.equal(code, 0)
  t.notMatch(out, TOKEN)
})

t.test('validate --network shows an inspecting proxy by its issuer', async t => {
  const site = await startSite(t, { inspect: proxyTls })
  const { code, out } = await validate(site, { ca_file: service.ca }, [{ name: 'HQ' }])
  t.match(
    out,
    /issued by CN=Inspecting Proxy CA is not trusted \(.+\); if that is your inspecting proxy, give its authority as tenant\.ca_file/
  )
  t.equal(code, 1)
  const both = join(site.dir, 'both.pem')
  writeFileSync(both, bothCas)
  const trusted = await validate(site, { ca_file: both }, [{ name: 'HQ' }])
  t.match(trusted.out, /issued by CN=Inspecting Proxy CA, until /)
  t.equal(trusted.code, 0)
})

t.test('validate --network tells of a missing data source, one of another log type, and credentials that are refused', async t => {
  const site = await startSite(t)
  const odd = await validate(site, { ca_file: service.ca }, [{ name: 'Odd', from: { peers: ['192.0.2.1'] } }, { name: 'Nowhere' }])
  t.match(odd.out, /network: data source Odd: the data source has log type \d+, our files are GENERIC_CEF/)
  t.match(odd.out, /network: data source Nowhere: the tenant has no data source "Nowhere"/)
  t.equal(odd.code, 1)
  const refused = await validate(site, { ca_file: service.ca, auth: { token: 'b2'.repeat(32) } }, [{ name: 'HQ' }])
  t.match(refused.out, /network: data sources: Cannot list the data sources: the answer was 401/)
  t.equal(refused.code, 1)
})

t.test('validate --network says when a proxy wants other credentials, or a name is not known', async t => {
  const site = await startSite(t, { credentials: 'me:right' })
  const wrong = await validate(site, { ca_file: service.ca }, [{ name: 'HQ' }])
  t.match(wrong.out, /cannot be reached: .*407.*; the proxy wants other credentials/)
  const unknown = await validate(site, { url: 'https://contoso.invalid', no_proxy: ['contoso.invalid'] }, [{ name: 'HQ' }])
  t.match(unknown.out, /cannot be reached: .*; the name is not resolved/)
})
