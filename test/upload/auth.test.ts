import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Faults } from '../../src/tenant/faults.ts'
import { startTenant, type Tenant, type TenantOptions } from '../../src/tenant/tenant.ts'
import { type Auth, type AuthOptions, createAuth, rolesOf } from '../../src/upload/auth.ts'
import { createDispatcher } from '../../src/upload/http.ts'
import { scratchDir } from '../test-dir.ts'
import { FlyingClock, type TestHandle } from './world.ts'

const client = { tenantId: '11111111-2222-4333-8444-555555555555', clientId: '66666666-7777-4888-9999-000000000000', clientSecret: 'hush' }

const scratch = scratchDir('auth')
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))

/** A CA and a certificate for 127.0.0.1 signed by it. */
function makeCertificates(): { ca: string; cert: string; key: string } {
  const path = (name: string): string => join(scratch, name)
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' })
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...ec, '-keyout', path('ca.key'), '-out', path('ca.pem'), '-days', '2', '-subj', '/CN=Test CA')
  openssl('req', ...ec, '-keyout', path('s.key'), '-out', path('s.csr'), '-subj', '/CN=127.0.0.1')
  writeFileSync(path('ext'), 'subjectAltName=IP:127.0.0.1')
  openssl(
    'x509',
    '-req',
    '-in',
    path('s.csr'),
    '-CA',
    path('ca.pem'),
    '-CAkey',
    path('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    path('ext'),
    '-out',
    path('s.pem')
  )
  return { ca: readFileSync(path('ca.pem'), 'utf8'), cert: readFileSync(path('s.pem'), 'utf8'), key: readFileSync(path('s.key'), 'utf8') }
}

interface Setup {
  tenant: Tenant
  faults: Faults
  clock: FlyingClock
  auth: Auth
}

async function setUp(
  t: TestHandle,
  tenantOptions: Partial<TenantOptions> = {},
  authOptions: Partial<AuthOptions> = {},
  ca?: string
): Promise<Setup> {
  const dir = mkdtempSync(join(scratch, 'tenant-'))
  const faults = new Faults()
  const clock = new FlyingClock()
  const tenant = await startTenant({ dir, client, faults, ...tenantOptions })
  const dispatcher = createDispatcher({ proxyFromEnvironment: false, ...(ca ? { ca } : {}) })
  t.teardown(async () => {
    await tenant.close()
    await dispatcher.destroy()
  })
  const credential = { kind: 'client-secret' as const, ...client }
  return { tenant, faults, clock, auth: createAuth({ credential, dispatcher, authorityHost: tenant.url, clock, ...authOptions }) }
}

t.test('the Entra library gets a token over https with an own CA', async t => {
  const { ca, ...tls } = makeCertificates()
  const { tenant, auth } = await setUp(t, { tls }, {}, ca)
  const header = await auth.header()
  t.same(rolesOf(header.replace('Bearer ', '')), ['Discovery.manage'])
  t.equal(await auth.header(), header, 'the token is kept')
  t.equal(tenant.requests.token, 1)
  t.equal(auth.renew(), true)
  await auth.header()
  t.equal(tenant.requests.token, 2, 'renewing goes past the library’s own cache')
})

t.test('the Entra library refuses a certificate of an unknown CA, which may pass', async t => {
  const { ca: _, ...tls } = makeCertificates()
  const { auth } = await setUp(t, { tls })
  await t.rejects(auth.header(), { name: 'StepFailure', stage: 'token', decision: { kind: 'retry' } })
})

t.test('a wrong secret stops uploads, over https and directly', async t => {
  const { ca, ...tls } = makeCertificates()
  const credential = { kind: 'client-secret' as const, ...client, clientSecret: 'wrong' }
  const overTls = await setUp(t, { tls }, { credential }, ca)
  await t.rejects(overTls.auth.header(), { code: 'UPLOAD_AUTH', decision: { kind: 'stop-all', state: 'auth' }, message: /AADSTS7000215/ })
  const direct = await setUp(t, {}, { credential })
  await t.rejects(direct.auth.header(), { code: 'UPLOAD_AUTH', decision: { kind: 'stop-all', state: 'auth' }, message: /AADSTS7000215/ })
})

t.test('a certificate signs the request in place of a secret', async t => {
  const { ca, ...tls } = makeCertificates()
  // The library signs with RSA only.
  const file = join(scratch, 'app.pem')
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${file}.key`, '-out', `${file}.crt`, '-days', '2', '-subj', '/CN=app'],
    { stdio: 'pipe' }
  )
  writeFileSync(file, readFileSync(`${file}.key`, 'utf8') + readFileSync(`${file}.crt`, 'utf8'))
  const dir = mkdtempSync(join(scratch, 'tenant-'))
  const tenant = await startTenant({ dir, tls })
  const dispatcher = createDispatcher({ proxyFromEnvironment: false, ca })
  t.teardown(async () => {
    await tenant.close()
    await dispatcher.destroy()
  })
  const { tenantId, clientId } = client
  const credentials = [
    { kind: 'certificate', tenantId, clientId, certificateFile: file },
    { kind: 'workload-identity', tenantId, clientId, tokenFile: join(scratch, 'federated') }
  ] as const
  writeFileSync(join(scratch, 'federated'), 'e30.e30.')
  for (const credential of credentials) {
    const auth = createAuth({ credential, dispatcher, authorityHost: tenant.url })
    t.match(await auth.header(), /^Bearer /, credential.kind)
  }
  t.equal(tenant.requests.token, 2)
})

t.test('the identity of the machine is asked for where the machine says, for the one that is named', async t => {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${encoded({ alg: 'none' })}.${encoded({ roles: ['Discovery.manage'] })}.`
  const asked: { header: unknown; resource: string | null; clientId: string | null }[] = []
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://localhost')
    asked.push({
      header: request.headers['x-identity-header'],
      resource: searchParams.get('resource'),
      clientId: searchParams.get('client_id')
    })
    const expires = Math.floor(Date.now() / 1000) + 3600
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: token, expires_on: String(expires), resource: 'x', token_type: 'Bearer' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dispatcher = createDispatcher({ proxyFromEnvironment: false })
  // As App Service and Container Apps tell their processes.
  process.env.IDENTITY_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}/msi/token`
  process.env.IDENTITY_HEADER = 'header of the test'
  t.teardown(async () => {
    delete process.env.IDENTITY_ENDPOINT
    delete process.env.IDENTITY_HEADER
    server.close()
    await dispatcher.destroy()
  })
  for (const credential of [{ kind: 'managed-identity' }, { kind: 'managed-identity', clientId: client.clientId }] as const) {
    t.equal(await createAuth({ credential, dispatcher }).header(), `Bearer ${token}`)
  }
  const resource = '05a65629-4c1b-48c1-a78b-804c4abdd4af' // Microsoft Cloud App Security
  t.same(asked, [
    { header: 'header of the test', resource, clientId: null },
    { header: 'header of the test', resource, clientId: client.clientId }
  ])
})

t.test('a token without the permission is refused before it is used, with what to do', async t => {
  const { auth } = await setUp(t, { roles: ['Discovery.read'] })
  await t.rejects(auth.header(), { code: 'UPLOAD_AUTH', message: /only Discovery.read, expected Discovery.manage.*admin consent/ })
})

t.test('a token is replaced at four fifths of its life, and kept while the login host is down', async t => {
  const { tenant, faults, clock, auth } = await setUp(t)
  const first = await auth.header()
  clock.advance(2800_000)
  t.equal(await auth.header(), first)
  faults.push('token', { status: 503 })
  clock.advance(100_000)
  t.equal(await auth.header(), first, 'the old one is still good')
  t.equal(tenant.requests.token, 2)
  await auth.header()
  t.equal(tenant.requests.token, 3)
  faults.push('token', { close: true })
  clock.advance(3600_000)
  // Past its end there is nothing to use.
  await t.rejects(auth.header(), { name: 'StepFailure', decision: { kind: 'retry' } })
})

t.test('callers at the same time share one token request', async t => {
  const { tenant, auth } = await setUp(t)
  await Promise.all([auth.header(), auth.header(), auth.header()])
  t.equal(tenant.requests.token, 1)
})

t.test('the legacy token is sent as it is and cannot be renewed', async t => {
  const dispatcher = createDispatcher()
  t.teardown(() => dispatcher.destroy())
  const auth = createAuth({ credential: { kind: 'token', token: ' abc\n' }, dispatcher })
  t.equal(await auth.header(), 'Token abc')
  t.equal(auth.renew(), false)
})

t.test('texts that are no JWT have no roles to judge', async t => {
  t.equal(rolesOf('opaque'), undefined)
  t.same(rolesOf(`x.${Buffer.from('{"scp":"a"}').toString('base64url')}.`), [])
})
