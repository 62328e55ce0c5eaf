/** The archive of a real collector: Azurite, kill -9, and storages that fail while the tenant's path goes on. */

import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BlobServiceClient } from '@azure/storage-blob'
import t, { type Test } from 'tap'
import { startAzurite } from '../azurite/azurite.ts'
import { scratchDir } from '../test-dir.ts'
import { linesOfZst } from '../upload/archive/kit.ts'
import { numberedLine, numbersOf, type RunningCollector, type Setup, startCollector, until } from './collector-kit.ts'

t.setTimeout(600_000)

const setup = (archive: object): Setup => ({
  receivers: [{ type: 'http-push', name: 'push', anonymous: true }],
  sources: [{ name: 'fw', appliance: 'fortinet-fortigate' }],
  overrides: { archive: { flush_interval: '1s', min_free_bytes: '1MiB', ...archive } }
})

/** Posts numbered lines; true when they were receipted. */
async function push(collector: RunningCollector, from: number, count: number, more = ''): Promise<boolean> {
  const body = Array.from({ length: count }, (_, index) => numberedLine(from + index)).join('') + more
  try {
    const response = await fetch(`http://127.0.0.1:${collector.port('push', 'http')}/logs`, { method: 'POST', body })
    return response.status === 200
  } catch {
    return false
  }
}

/** Lines of all zstd files below the folder. */
function linesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.zst'))
    .sort()
    .flatMap(name => linesOfZst(readFileSync(join(folder, name))))
}

t.test('all lines come into the container as they were received, and the records to the tenant', async t => {
  const azurite = await startAzurite()
  t.teardown(() => azurite.stop())
  const cwd = scratchDir('archive')
  const access = { type: 'azure-blob', container: 'logs', connection_string: azurite.connectionString, create_container: true }
  const collector = await startCollector(t, cwd, setup({ ...access, dir: join(cwd, 'archive'), content: 'lines' }))
  t.ok(await push(collector, 0, 3000, 'a line that nobody knows\n'))
  const status = await collector.statusUntil('all is archived', ({ archive }) => archive?.sources[0]?.uploaded === 3001)
  t.match(status.archive, {
    type: 'azure-blob',
    running: true,
    troubles: [],
    content: 'lines',
    sources: [{ name: 'fw', taken: 3001, waiting: 0, shed: 0 }]
  })
  t.match(await collector.metrics(), /sluice_archived_records_total\{source="fw"\} 3001/)
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('logs')
  const lines: string[] = []
  for await (const { name } of container.listBlobsFlat()) {
    t.match(name, /^fw\/\d{4}\/\d\d\/\d\d\/fw-\d{8}T\d{9}Z-\d{6}-[0-9a-f]{8}\.raw\.zst$/)
    lines.push(...linesOfZst(await container.getBlobClient(name).downloadToBuffer()))
  }
  const wanted = Array.from({ length: 3000 }, (_, number) => numberedLine(number).trimEnd())
  t.same(new Set(lines), new Set([...wanted, 'a line that nobody knows']))
  t.equal(lines.length, 3001, 'none twice')
  await until('the tenant has the records', () => numbersOf(collector.files('fw')).length === 3000)
  const said = JSON.stringify([collector.log, status])
  t.notMatch(said, /AccountKey|Eby8vdM02x/, 'no secret in log or status')
})

t.test('kill -9, again and again: what was receipted is in the archive as it is in the tenant', async t => {
  const cwd = scratchDir('archive')
  const out = join(cwd, 'out')
  const archive = { type: 'directory', folder: out, dir: join(cwd, 'archive'), flush_interval: '1s' }
  const receipted: number[] = []
  /** Receipted while the archive's disk answered in time. */
  const covered: number[] = []
  let next = 0
  for (const killAfterMs of [700, 1500, 2300]) {
    const collector = await startCollector(t, cwd, setup(archive))
    let isKilled = false
    const life: number[] = []
    const kill = (async () => {
      await sleep(killAfterMs)
      while (life.length < 200) await sleep(20)
      isKilled = true
      await collector.kill()
    })()
    while (!isKilled) {
      const from = next
      next += 100
      if (await push(collector, from, 100)) for (let number = from; number < next; number++) life.push(number)
    }
    await kill
    receipted.push(...life)
    if (!collector.log.some(({ msg }) => msg.includes('its disk is slow'))) covered.push(...life)
  }
  const last = await startCollector(t, cwd, setup(archive))
  t.ok(await push(last, next, 1), 'a fresh one gets through')
  receipted.push(next)
  covered.push(next)
  await last.statusUntil('all is archived', ({ archive }) => archive?.sources.every(({ waiting }) => waiting === 0) ?? false)
  await until('the tenant has the fresh one', () => numbersOf(last.files('fw')).includes(next))
  t.ok(receipted.length > 300, `${receipted.length} lines were receipted`)
  const missing = (wanted: readonly number[], got: readonly number[]): number => {
    const seen = new Set(got)
    return wanted.filter(number => !seen.has(number)).length
  }
  t.equal(missing(receipted, numbersOf(last.files('fw'))), 0, 'none is missing in the tenant')
  const archived = numbersOf([`${linesBelow(out).join('\n')}\n`])
  t.equal(missing(covered, archived), 0, 'none is missing in the archive')
  t.equal(new Set(archived).size, archived.length, 'and none is there twice')
  await last.stop()
})

/** A storage on a port of its own. */
async function storage(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`
}

for (const [what, listener] of [
  ['hangs', () => undefined],
  ['refuses the key', (request, response) => void request.resume().once('end', () => response.writeHead(403).end())]
] as readonly [string, RequestListener][])
  t.test(`a storage that ${what}, and a buffer that is full, cost the archive and nobody else`, async t => {
    const cwd = scratchDir('archive')
    const access = { type: 'azure-blob', container: 'logs', account_url: await storage(t, listener), sas_token: 'sig=hush' }
    const collector = await startCollector(
      t,
      cwd,
      setup({ ...access, dir: join(cwd, 'archive'), content: 'lines', max_bytes: '1MiB', timeout: '2s' })
    )
    let sent = 0
    const isShedding = async () => ((await collector.status()).archive?.sources[0]?.shed ?? 0) > 0
    await until('the archive has no room', async () => {
      t.ok(await push(collector, sent, 2000), 'each is receipted')
      sent += 2000
      return isShedding()
    })
    await until('the tenant has all', () => numbersOf(collector.files('fw')).length === sent)
    const { archive, balance, reasons } = await collector.statusUntil('it is at rest', ({ balance }) => balance.delivery.spooled === 0)
    t.ok(balance.balanced)
    const { taken, waiting, shed, uploaded } = archive!.sources[0]!
    t.same([taken, uploaded, waiting + shed], [sent, 0, sent])
    t.ok(waiting > 0)
    t.match(reasons.join('\n'), /the archive has no room/)
    t.equal((await fetch(`${collector.adminUrl}ready`)).status, 200, 'it is ready all the same')
    t.notMatch(JSON.stringify([collector.log, archive]), /hush/)
    t.same(await collector.stop(), [0, null])
  })
