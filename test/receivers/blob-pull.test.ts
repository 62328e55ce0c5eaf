import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { BlobServiceClient, ContainerSASPermissions, generateBlobSASQueryParameters, StorageSharedKeyCredential } from '@azure/storage-blob'
import t, { type Test } from 'tap'
import { type BlobPullOptions, BlobPullReceiver } from '../../src/receivers/blob-pull.ts'
import { AZURITE_ACCOUNT, AZURITE_KEY, startAzurite } from '../azurite/azurite.ts'
import { scratchDir } from '../test-dir.ts'
import { delay, type IntakeFaults, MemoryIntakes, memoryLog } from './memory-intake.ts'
import { checkPullContract, type PullSubject } from './pull-contract.ts'
import { S3Server } from './s3-server.ts'

const newLedger = (): string => join(scratchDir('pull'), 'pulls', 'a.ledger')
const FAST = { intervalMs: 30, backoffMinMs: 20, backoffMaxMs: 100, requestTimeoutMs: 120_000 } as const
const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `10:00:00 line ${from + i} ${'x'.repeat(i % 90)}`)

async function s3Server(t: Test): Promise<S3Server> {
  const server = await S3Server.start()
  t.teardown(() => server.stop())
  return server
}

async function started(
  t: Test,
  options: Partial<BlobPullOptions>,
  { intakes = new MemoryIntakes(), isFull = (): boolean => false }: { intakes?: MemoryIntakes; isFull?: () => boolean } = {}
) {
  const log = memoryLog()
  const receiver = new BlobPullReceiver({ ...FAST, ledgerFile: newLedger(), ...options }, { log, isFull })
  await receiver.start(intakes.open)
  t.teardown(() => stop(receiver))
  const status = () => receiver.status()[0]!
  return { receiver, intakes, log, status, counters: () => status().counters, gauges: () => status().gauges! }
}

const stop = (receiver: BlobPullReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

t.test('objects of every packing are taken once, and new ones are found', async t => {
  const server = await s3Server(t)
  server.pageObjects = 2
  const lines = numbered(3000)
  const text = lines.join('\n')
  const plain = join(scratchDir('pull'), 'p.log')
  writeFileSync(plain, text)
  execFileSync('bzip2', ['-k', plain])
  execFileSync('zip', ['-qj', `${plain}.zip`, plain])
  const contents = [text, gzipSync(text), zstdCompressSync(text), readFileSync(`${plain}.bz2`), readFileSync(`${plain}.zip`)]
  for (const [i, content] of contents.entries()) server.put(`web/2026/a ${i}+(é).log`, content)
  server.put('other/b.log', 'not asked for\n')
  server.put('web/folder/', '')
  server.put('web/manifest.json', '{}')
  const { intakes, counters, gauges, status } = await started(t, {
    s3: server.options,
    prefix: 'web/',
    suffixes: ['.log'],
    source: 'Zscaler'
  })
  await intakes.until('all taken', () => counters().objects_total === contents.length)
  t.strictSame(intakes.committed.splice(0), [...lines, ...lines, ...lines, ...lines, ...lines])
  t.strictSame(intakes.peers[0], { receiver: 'blob-pull', protocol: 's3', address: 'web/2026/a 0+(é).log', source: 'Zscaler' })
  server.put('web/2026/0 before.log', 'one\ntwo')
  server.put('web/2026/a 0+(é).log', 'replaced\n')
  await intakes.until('new ones', () => counters().objects_total === contents.length + 2)
  t.strictSame(intakes.committed, ['one', 'two', 'replaced'])
  const rounds = counters().rounds_total!
  await intakes.until('two more rounds', () => counters().rounds_total! >= rounds + 2)
  t.equal(counters().objects_total, contents.length + 2, 'nothing is taken twice')
  t.match(status(), { state: 'listening', protocol: 's3', address: /\/logs$/ })
  t.match(gauges(), { pull_failing: 0, objects_waiting: 0, objects_known: contents.length + 1 })
  t.ok(gauges().pull_lag_seconds! < 60)
})

t.test('what was taken is known after a restart, and what is gone is forgotten', async t => {
  const server = await s3Server(t)
  const ledgerFile = newLedger()
  for (let i = 0; i < 5; i++) server.put(`${i}.log`, `line ${i}\n`)
  const first = await started(t, { s3: server.options, ledgerFile })
  await first.intakes.until('taken', () => first.counters().objects_total === 5)
  await stop(first.receiver)
  writeFileSync(ledgerFile, `${readFileSync(ledgerFile, 'utf8')}["taken","torn`) // a crash in the middle of a line
  server.objects.delete('0.log')
  server.put('5.log', 'line 5\n')
  const second = await started(t, { s3: server.options, ledgerFile })
  await second.intakes.until('the new one', () => second.counters().objects_total === 1)
  t.strictSame(second.intakes.committed, ['line 5'])
  await second.intakes.until('forgotten', () => second.gauges().objects_known === 5)
})

t.test('a stop in the middle of an object goes on at the next line after the restart', async t => {
  const server = await s3Server(t)
  const ledgerFile = newLedger()
  const lines = ['#Fields: a b', ...numbered(200_000)]
  server.put('big.log.gz', gzipSync(lines.join('\n')))
  const intakes = new MemoryIntakes({ acceptDelayMs: 5 })
  const first = await started(t, { s3: server.options, ledgerFile }, { intakes })
  await intakes.until('some', () => intakes.frames.length > 20_000)
  await stop(first.receiver)
  const before = intakes.committed.length
  t.ok(before > 0 && before < lines.length)
  const second = await started(t, { s3: server.options, ledgerFile })
  await second.intakes.until('the rest', () => second.counters().objects_total === 1)
  t.strictSame(second.intakes.committed[0], '#Fields: a b', 'the directive comes again')
  t.strictSame([...intakes.committed, ...second.intakes.committed.slice(1)], lines)
})

t.test('a connection that breaks in the middle of an object goes on where it was', async t => {
  const server = await s3Server(t)
  const lines = numbered(50_000)
  let breaks = 0
  server.fault = (method, key) => (method === 'GET' && key !== '' && breaks++ < 3 ? { cut: 300_000 } : undefined)
  server.put('a.json', JSON.stringify(lines.map(line => ({ line })))) // JSON has no line to go on at
  const { intakes, counters } = await started(t, { s3: server.options })
  await intakes.until('taken', () => counters().objects_total === 1)
  t.strictSame(
    intakes.committed.map(text => JSON.parse(text).line),
    lines
  )
  t.equal(breaks, 4)
  t.equal(counters().object_errors_total, 0)
})

t.test('a store that fails is asked later and later, and never makes the receiver fail', async t => {
  const server = await s3Server(t)
  let asked = 0
  server.fault = () =>
    asked++ < 3 ? { status: 503, headers: { 'retry-after': '0' }, body: '<Error><Code>SlowDown</Code></Error>' } : undefined
  server.put('a.log', 'one\n')
  const { intakes, counters, log, status } = await started(t, { s3: server.options })
  await intakes.until('failing', () => status().gauges!.pull_failing === 1)
  t.match(status(), { state: 'listening', reason: /the list: the server answers 503 \(SlowDown\)/ })
  await intakes.until('taken', () => counters().objects_total === 1)
  await intakes.until('recovered', () => status().gauges!.pull_failing === 0)
  t.equal(counters().pull_errors_total, 3)
  t.equal(log.entries.filter(({ level }) => level === 'warn').length, 3)
  t.equal(status().reason, undefined)
})

t.test('a wrong secret is said, and is in no log', async t => {
  const server = await s3Server(t)
  const { intakes, status, log } = await started(t, { s3: { ...server.options, secretAccessKey: 'not-the-secret' } })
  await intakes.until('failing', () => status().gauges!.pull_failing === 1)
  t.match(status().reason, /403 \(SignatureDoesNotMatch/)
  t.notMatch(JSON.stringify(log.entries), /not-the-secret/)
  t.strictSame(server.requests, [])
})

t.test('an object that cannot be had does not keep the others from being taken', async t => {
  const server = await s3Server(t)
  server.fault = (_method, key) => (key === 'b.log' ? { status: 403, body: '<Error><Code>InvalidObjectState</Code></Error>' } : undefined)
  for (const name of ['a', 'b', 'c']) server.put(`${name}.log`, `${name}\n`)
  server.put('d.gz', Buffer.concat([gzipSync('x'.repeat(100)).subarray(0, 20), Buffer.alloc(20)]))
  const { intakes, counters, gauges, status } = await started(t, { s3: server.options })
  await intakes.until('the others', () => counters().objects_total === 2 && counters().object_errors_total! > 1)
  t.strictSame(intakes.committed, ['a', 'c'])
  t.equal(counters().damaged_objects_total, 1, 'a damaged one is not tried again')
  t.equal(gauges().objects_waiting, 1)
  t.equal(gauges().pull_failing, 1)
  t.match(status(), { state: 'listening', pauses: ['upstream_error'] })
})

t.test('nothing is fetched while there is no room, and it goes on by itself', async t => {
  const server = await s3Server(t)
  server.put('a.log', 'a\n')
  let full = true
  const { intakes, counters, status } = await started(t, { s3: server.options }, { isFull: () => full })
  await intakes.until('the state says so', () => status().state === 'paused')
  await delay(100)
  t.match(status(), { state: 'paused', pauses: ['spool_full'] })
  t.strictSame(server.requests, [])
  full = false
  await intakes.until('taken', () => counters().objects_total === 1)
  t.equal(status().state, 'listening')
  t.equal(counters().pauses_total, 1)
})

t.test('taken objects are removed when that is asked for, and only those', async t => {
  const server = await s3Server(t)
  server.put('a.log', 'a\n')
  server.put('b.gz', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]))
  server.put('c.log', 'c\n')
  let isFailing = true
  const intakes = new MemoryIntakes({ failCommit: () => isFailing })
  const { counters } = await started(t, { s3: server.options, after: 'delete' }, { intakes })
  await intakes.until('a failed commit', () => counters().commit_failed_total! > 0)
  t.equal(server.objects.size, 3)
  isFailing = false
  await intakes.until('removed', () => counters().deleted_objects_total === 2)
  t.strictSame([...server.objects.keys()], ['b.gz'])
  t.strictSame(intakes.committed, ['a', 'c'])
})

t.test('the ledger is bounded, and the oldest objects are let go of', async t => {
  const server = await s3Server(t)
  for (let i = 0; i < 40; i++) server.put(`${i}.log`, `${i}\n`, new Date(1_700_000_000_000 + i * 1000))
  const { intakes, counters, gauges } = await started(t, { s3: server.options, ledgerMaxObjects: 20 })
  await intakes.until('taken', () => counters().rounds_total! > 3)
  t.ok(gauges().objects_known! <= 20)
  const taken = counters().objects_total!
  const rounds = counters().rounds_total!
  await intakes.until('more rounds', () => counters().rounds_total! > rounds + 2)
  t.equal(counters().objects_total, taken, 'nothing is taken twice')
  t.equal(new Set(intakes.committed).size, intakes.committed.length)
})

t.test('a ledger that cannot be understood is an error at the start', async t => {
  const server = await s3Server(t)
  const ledgerFile = join(scratchDir('pull'), 'a.ledger')
  writeFileSync(ledgerFile, 'nonsense\n')
  const receiver = new BlobPullReceiver({ ...FAST, ledgerFile, s3: server.options }, { log: memoryLog() })
  await t.rejects(receiver.start(new MemoryIntakes().open), { code: 'CONFIG_INVALID', message: /remove it to take all objects again/ })
  t.equal(receiver.status()[0]!.state, 'failed')
  t.throws(() => new BlobPullReceiver({ ledgerFile }, { log: memoryLog() }), /either s3 or azure/)
})

{
  let server: S3Server
  const subject: PullSubject = {
    begin: async t => {
      server = await s3Server(t)
    },
    create: (state, isFull) =>
      new BlobPullReceiver({ ...FAST, s3: server.options, ledgerFile: state, checkpointBytes: 4096 }, { log: memoryLog(), isFull }),
    offer: (records, number) => server.put(`batch-${number}.log.gz`, gzipSync(records.join('\n')))
  }
  checkPullContract(t, 'blob-pull', subject)
}

t.test('containers of Azure are read by connection string and by SAS', async t => {
  const azurite = await startAzurite()
  t.teardown(() => azurite.stop())
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('logs')
  await container.create()
  const lines = numbered(2000)
  const put = (name: string, content: Buffer | string) => container.getBlockBlobClient(name).upload(content, content.length)
  for (let i = 0; i < 5; i++) await put(`web/${i} é.log.gz`, gzipSync(lines.slice(i * 400, i * 400 + 400).join('\n')))
  await put('other.log', 'no\n')
  const faults: IntakeFaults = {}
  const byString = await started(t, {
    azure: { container: 'logs', connectionString: azurite.connectionString, managedIdentity: false },
    prefix: 'web/'
  })
  await byString.intakes.until('taken', () => byString.counters().objects_total === 5)
  t.strictSame(byString.intakes.committed, lines)
  t.match(byString.status(), { protocol: 'azure-blob', address: `${azurite.url}/logs` })
  await put('web/0 é.log.gz', gzipSync('replaced'))
  await byString.intakes.until('the replaced one', () => byString.counters().objects_total === 6)
  t.equal(byString.intakes.committed.at(-1), 'replaced')
  await stop(byString.receiver)

  const key = new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY)
  const permissions = ContainerSASPermissions.parse('rld')
  const sas = generateBlobSASQueryParameters({ containerName: 'logs', permissions, expiresOn: new Date(Date.now() + 3_600_000) }, key)
  const azure = { containerUrl: `${azurite.url}/logs`, sas: `?${sas}`, managedIdentity: false }
  const bySas = await started(t, { azure, prefix: 'web/', after: 'delete' }, { intakes: new MemoryIntakes(faults) })
  await bySas.intakes.until('removed', () => bySas.counters().deleted_objects_total === 5)
  t.strictSame(bySas.intakes.committed, ['replaced', ...lines.slice(400)])
  const left: string[] = []
  for await (const { name } of container.listBlobsFlat()) left.push(name)
  t.strictSame(left, ['other.log'])

  const refused = await started(t, { azure: { ...azure, sas: `${sas}`.replace(/sig=[^&]+/, 'sig=AAAA') } })
  await refused.intakes.until('refused', () => refused.gauges().pull_failing === 1)
  t.match(refused.status(), { state: 'listening', reason: /the list: the server answers 403/ })
  t.notMatch(JSON.stringify(refused.log.entries), /sig=/)
})
