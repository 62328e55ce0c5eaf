/**
 * A container that is read as an Entra application, and by the managed identity of an Azure machine: the real libraries, a stand-in
 * for the token endpoints, and Azurite, which looks at audience, issuer and times of the token.
 */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import t, { type Test } from 'tap'
import { BlobPullReceiver } from '../../src/receivers/blob-pull.ts'
import type { AzureBlobOptions } from '../../src/receivers/object-store-azure.ts'
import { AZURITE_ACCOUNT, AZURITE_KEY, startAzurite } from '../azurite/azurite.ts'
import { scratchDir } from '../test-dir.ts'
import { MemoryIntakes, memoryLog } from './memory-intake.ts'
import { TestAuthority } from './tls-kit.ts'

t.setTimeout(600_000)

const TENANT = '11111111-2222-4333-8444-555555555555'
const CLIENT = '66666666-7777-4888-9999-000000000000'
const SECRET = 'hush, a secret of the test'
const STORAGE = 'https://storage.azure.com'

const authority = new TestAuthority()
const pair = authority.issue('127.0.0.1', 30, 'IP:127.0.0.1')
setDefaultCACertificates([...getCACertificates(), readFileSync(authority.ca, 'utf8')])

/** Unsigned, in the shape of Entra's. */
function token(audience: string): { access_token: string; expires_on: number } {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { aud: audience, iss: `https://sts.windows.net/${TENANT}/`, iat: now - 60, nbf: now - 60, exp: now + 3600, ver: '1.0' }
  return { access_token: [part({ alg: 'RS256', typ: 'JWT' }), part(claims), part({ none: 1 })].join('.'), expires_on: now + 3600 }
}

async function listening(t: Test, server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

/** For the length of a test. */
function environment(t: Test, values: Record<string, string>): void {
  Object.assign(process.env, values)
  t.teardown(() => {
    for (const name of Object.keys(values)) delete process.env[name]
  })
}

const azurite = await startAzurite(pair)
t.teardown(() => azurite.stop())
const container = new BlobServiceClient(azurite.url, new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY)).getContainerClient(
  'logs'
)
await container.create()
await container.getBlockBlobClient('a.log').upload('line 1\nline 2\n', 14)

async function pulling(t: Test, azure: Partial<AzureBlobOptions>) {
  const intakes = new MemoryIntakes()
  const log = memoryLog()
  const ledgerFile = join(scratchDir('entra'), 'a.ledger')
  const receiver = new BlobPullReceiver(
    {
      azure: { managedIdentity: false, containerUrl: `${azurite.url}/logs`, ...azure },
      ledgerFile,
      intervalMs: 50,
      backoffMinMs: 50,
      backoffMaxMs: 100
    },
    { log }
  )
  await receiver.start(intakes.open)
  t.teardown(() => receiver.stop(AbortSignal.timeout(60_000)))
  return { intakes, log, status: () => receiver.status()[0]! }
}

t.test('an Entra application signs in with its secret, at the authority of the environment', async t => {
  const asked: URLSearchParams[] = []
  const answer: RequestListener = async (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url?.includes('openid-configuration')) {
      const base = `https://${request.headers.host}/${TENANT}`
      const issuer = `${base}/v2.0`
      response.end(JSON.stringify({ issuer, authorization_endpoint: `${base}/a`, token_endpoint: `${base}/t`, jwks_uri: `${base}/k` }))
      return
    }
    const form = new URLSearchParams(await textOf(request))
    asked.push(form)
    const isGood = form.get('client_id') === CLIENT && form.get('client_secret') === SECRET
    if (!isGood) response.statusCode = 401
    const refusal = { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret provided.' }
    response.end(JSON.stringify(isGood ? { token_type: 'Bearer', expires_in: 3599, ...token(STORAGE) } : refusal))
  }
  const tls = { cert: readFileSync(pair.cert), key: readFileSync(pair.key) }
  const entra = await listening(t, createHttpsServer(tls, answer) as unknown as Server)
  environment(t, { AZURE_AUTHORITY_HOST: `https://${entra}` })

  const good = await pulling(t, { tenantId: TENANT, clientId: CLIENT, clientSecret: SECRET })
  await good.intakes.until('taken', () => good.intakes.committed.length === 2)
  t.strictSame(good.intakes.committed, ['line 1', 'line 2'])
  t.equal(asked[0]!.get('grant_type'), 'client_credentials')
  t.match(asked[0]!.get('scope'), /^https:\/\/storage\.azure\.com\/\.default/)

  const bad = await pulling(t, { tenantId: TENANT, clientId: CLIENT, clientSecret: 'another secret' })
  await bad.intakes.until('refused', () => bad.status().pauses!.includes('upstream_error'))
  t.match(bad.status(), { state: 'listening', reason: /AADSTS7000215/, gauges: { pull_failing: 1 } })
  t.notMatch(JSON.stringify(bad.log.entries), /another secret/)
})

t.test('the managed identity of the machine, system-assigned and user-assigned', async t => {
  const asked: URL[] = []
  const endpoint = await listening(
    t,
    createHttpServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://127.0.0.1')
      asked.push(url)
      response.setHeader('content-type', 'application/json')
      if (request.headers['x-identity-header'] !== SECRET) response.statusCode = 401
      response.end(JSON.stringify({ token_type: 'Bearer', resource: STORAGE, client_id: CLIENT, ...token(STORAGE) }))
    })
  )
  environment(t, { IDENTITY_ENDPOINT: `http://${endpoint}/msi/token`, IDENTITY_HEADER: SECRET })
  for (const options of [{}, { clientId: CLIENT }]) {
    const { intakes } = await pulling(t, { managedIdentity: true, ...options })
    await intakes.until('taken', () => intakes.committed.length === 2)
    t.strictSame(intakes.committed, ['line 1', 'line 2'])
  }
  t.strictSame(
    asked.map(({ searchParams }) => [searchParams.get('resource'), searchParams.get('client_id')]),
    [
      [STORAGE, null],
      [STORAGE, CLIENT]
    ]
  )
})
