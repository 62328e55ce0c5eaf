/** Against Azurite, and against servers that behave as no real storage should. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BlobServiceClient, ContainerSASPermissions, generateBlobSASQueryParameters, StorageSharedKeyCredential } from '@azure/storage-blob'
import t, { type Test } from 'tap'
import { type AzureAccess, AzureBlobStore } from '../../../src/upload/archive/azure-blob.ts'
import { createDispatcher } from '../../../src/upload/http.ts'
import { StepFailure } from '../../../src/upload/retry.ts'
import { AZURITE_ACCOUNT, AZURITE_KEY, type Azurite, startAzurite } from '../../azurite/azurite.ts'
import { linesOfZst, setUp } from './kit.ts'

t.setTimeout(600_000)
const NEVER = new AbortController().signal

let azurite: Azurite
t.before(async () => {
  azurite = await startAzurite()
})
t.teardown(() => azurite?.stop())

const storeOf = (
  access: AzureAccess,
  container: string,
  more: { createContainer?: boolean; timeoutMs?: number; blockBytes?: number } = {}
): AzureBlobStore =>
  new AzureBlobStore({
    access,
    container,
    createContainer: false,
    timeoutMs: 20_000,
    dispatcher: createDispatcher({ proxyFromEnvironment: false }),
    ...more
  })

const byString = (): AzureAccess => ({ kind: 'connection-string', connectionString: azurite.connectionString })

async function blobsOf(container: string) {
  const client = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(container)
  const found: { name: string; lines: string[]; type: string | undefined; metadata: Record<string, string> | undefined; md5: boolean }[] =
    []
  for await (const { name, properties, metadata } of client.listBlobsFlat({ includeMetadata: true })) {
    const bytes = await client.getBlobClient(name).downloadToBuffer()
    found.push({ name, lines: linesOfZst(bytes), type: properties.contentType, metadata, md5: properties.contentMD5 !== undefined })
  }
  return found
}

/** The failure of a put, whatever it is. */
async function failureOf(work: Promise<void>): Promise<StepFailure> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause
  )
  if (!(error instanceof StepFailure)) throw new Error(`no StepFailure but ${String(error)}`)
  return error
}

t.test('a segment lies in the container as a zstd file, date and source in its name, also when it is stored twice', async t => {
  const store = storeOf(byString(), 'archive', { createContainer: true, blockBytes: 64 * 1024 })
  const { spool, segment, destination, stats } = await setUp(store)
  const lines = Array.from({ length: 200_000 }, (_, index) => `${index} ${Math.imul(index, 2654435761) >>> 0}`)
  const whole = await segment('HQ', lines)
  // The first try is stored, but the answer is lost with the process.
  const forgetful = { ...spool, done: async () => Promise.reject(new Error('killed')) }
  await t.rejects(destination.upload(whole, forgetful as never, NEVER), /killed/)
  await destination.upload(whole, spool, NEVER)
  const blobs = await blobsOf('archive')
  t.equal(blobs.length, 1, 'under the same name')
  const date = new Date(whole.createdMs).toISOString().slice(0, 10)
  t.match(blobs[0]!, { name: new RegExp(`^HQ/${date}/\\d{8}T\\d{9}Z-\\d{6}-9f3a2c11\\.cef\\.zst$`), type: 'application/zstd', md5: true })
  t.match(blobs[0]!.metadata, { source: 'HQ', format: 'cef', records: '200000' })
  t.ok(blobs[0]!.lines.length === lines.length && blobs[0]!.lines.every((line, index) => line === lines[index]), 'every line, in order')
  t.equal(stats.attempts.put.ok, 2)
  t.notMatch(store.place, AZURITE_KEY)
  await spool.close()
  await store.close()
})

t.test('a SAS token that may create and write is enough', async t => {
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString)
  await service.getContainerClient('with-sas').create()
  const sasToken = generateBlobSASQueryParameters(
    { containerName: 'with-sas', permissions: ContainerSASPermissions.parse('cw'), expiresOn: new Date(Date.now() + 600_000) },
    new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY)
  ).toString()
  for (const token of [sasToken, `?${sasToken}`]) {
    const store = storeOf({ kind: 'sas', accountUrl: azurite.url, sasToken: token }, 'with-sas')
    const { spool, segment, destination } = await setUp(store)
    await destination.upload(await segment('a', ['x']), spool, NEVER)
    await spool.close()
    await store.close()
  }
  t.equal((await blobsOf('with-sas')).length, 2)
})

t.test('a wrong key and a missing container pause the archive, and neither is a reason to set anything aside', async t => {
  const wrong = azurite.connectionString.replace(AZURITE_KEY, Buffer.from('another key').toString('base64'))
  const locked = storeOf({ kind: 'connection-string', connectionString: wrong }, 'archive')
  const { spool, segment } = await setUp(locked)
  const whole = await segment('a', ['x'])
  const file = { path: whole.path, bytes: whole.bytes, md5: Buffer.alloc(16) }
  const auth = await failureOf(locked.put('a', file, {}, NEVER))
  t.match(auth, { status: 403, decision: { kind: 'stop-all', state: 'auth' } })
  const missing = storeOf(byString(), 'not-there')
  const first = await failureOf(missing.put('a', file, {}, NEVER))
  t.match(first, { status: 404, message: /ContainerNotFound/, decision: { kind: 'stop-all', state: 'configuration' } })
  t.notMatch(first.message, AZURITE_KEY)
  await BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('not-there').create()
  await missing.put('a', file, {}, NEVER)
  await spool.close()
  await locked.close()
  await missing.close()
})

/** A storage on a port of its own that answers as it is told. */
async function server(t: Test, listener: RequestListener): Promise<AzureAccess> {
  const http = createServer(listener)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  return { kind: 'sas', accountUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/a`, sasToken: 'sig=hush' }
}

t.test('what the storage answers decides: once more, later, or until a person comes', async t => {
  for (const [status, kind] of [
    [500, 'retry'],
    [503, 'retry'],
    [408, 'retry'],
    [429, 'throttled'],
    [401, 'stop-all'],
    [403, 'stop-all'],
    [507, 'retry'],
    [413, 'stop-all'],
    [400, 'stop-all']
  ] as const) {
    const store = storeOf(
      await server(t, (request, response) => void request.resume().once('end', () => response.writeHead(status).end())),
      'c'
    )
    const { spool, segment } = await setUp(store)
    const { path, bytes } = await segment('a', ['x'])
    const failure = await failureOf(store.put('a', { path, bytes, md5: Buffer.alloc(16) }, {}, NEVER))
    t.match(failure, { status, decision: { kind } }, String(status))
    t.notMatch(failure.message, /hush/)
    await spool.close()
    await store.close()
  }
})

t.test('a storage that hangs, or breaks off, costs one try of bounded length', async t => {
  for (const [what, listener] of [
    ['hangs', () => undefined],
    ['breaks off', request => void request.socket.destroy()]
  ] as readonly [string, RequestListener][]) {
    const store = storeOf(await server(t, listener), 'c', { timeoutMs: 500 })
    const { spool, segment } = await setUp(store)
    const { path, bytes } = await segment('a', ['x'])
    const failure = await failureOf(store.put('a', { path, bytes, md5: Buffer.alloc(16) }, {}, NEVER))
    t.match(failure, { status: 0, decision: { kind: 'retry' } }, what)
    await spool.close()
    await store.close()
  }
})

t.test('a blob that may not be written over counts as stored only when it is the same', async t => {
  const md5 = Buffer.alloc(16, 7)
  let stored = md5
  const access = await server(t, (request, response) => {
    request.resume().once('end', () => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-md5': stored.toString('base64'), 'content-length': '0' }).end()
      else response.writeHead(409, { 'x-ms-error-code': 'BlobImmutableDueToPolicy' }).end()
    })
  })
  const store = storeOf(access, 'c')
  const { spool, segment } = await setUp(store)
  const { path, bytes } = await segment('a', ['x'])
  await store.put('a', { path, bytes, md5 }, {}, NEVER)
  stored = Buffer.alloc(16, 8)
  t.match(await failureOf(store.put('a', { path, bytes, md5 }, {}, NEVER)), { status: 409, decision: { kind: 'stop-all' } })
  await spool.close()
  await store.close()
})
