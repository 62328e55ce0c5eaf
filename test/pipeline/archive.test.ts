/** The archive's thread beside a receiving thread: it takes what it can, and nobody waits for it. */
import { mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { ArchiveConfig } from '../../src/config/archive-schema.ts'
import { loadConfig } from '../../src/config/load.ts'
import { Archive } from '../../src/pipeline/archive.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { blockOf } from '../spool/blocks.ts'
import { scratchDir } from '../test-dir.ts'
import { readLines } from '../upload/archive/kit.ts'

t.setTimeout(600_000)

const { config } = loadConfig({ env: {}, cwd: tmpdir() })

function start(t: Test, changes: Partial<ArchiveConfig> = {}, preludes = new Map<string, Buffer>()) {
  const dir = scratchDir('archive')
  const given = {
    type: 'directory',
    folder: join(dir, 'out'),
    content: 'records',
    sources: [],
    path: '{source}/{id}.{format}.zst',
    compression_level: 1,
    flush_interval: 200,
    dir: join(dir, 'buffer'),
    max_bytes: 1e9,
    min_free_bytes: 0,
    ...changes
  } as ArchiveConfig
  const workers: Worker[] = []
  const onWorker = (worker: Worker) => void workers.push(worker)
  process.on('worker', onWorker)
  const archive = new Archive({ config: { ...config, archive: given }, preludes, log: createLogger({ level: 'silent' }) })
  archive.start()
  t.teardown(async () => {
    process.off('worker', onWorker)
    await archive.stop(60_000)
  })
  return { archive, dir, workers }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 2400) throw new Error(`Waited in vain until ${what}`)
    await sleep(50)
  }
}

const filesOf = (dir: string, source: string): string[] =>
  readdirSync(join(dir, 'out', source))
    .sort()
    .map(name => join(dir, 'out', source, name))

const only = (archive: Archive) => archive.status().sources[0]!

t.test('blocks become files, with the head that files of their format have', async t => {
  const preludes = new Map([['a csv', Buffer.from('head\n')]])
  const { archive, dir } = start(t, {}, preludes)
  archive.append(blockOf('a', ['1', '2'], 'csv'))
  archive.append(blockOf('b', ['3']))
  archive.append({ ...blockOf('a', ['as it came']), forArchive: true })
  await archive.commit()
  await until(
    'all is archived',
    () => archive.status().sources.every(({ waiting }) => waiting === 0) && archive.status().uploadedFiles === 2
  )
  t.same(readLines(filesOf(dir, 'a')[0]!), ['head', '1', '2'])
  t.same(readLines(filesOf(dir, 'b')[0]!), ['3'])
  const { running, troubles, sources } = archive.status()
  t.match({ running, troubles }, { running: true, troubles: [] })
  t.match(sources[0], { name: 'a', taken: 2, uploaded: 2, shed: 0 }, 'the lines as they came are for an archive of lines')
})

t.test('only the sources that are named, and of an archive of lines only lines', async t => {
  const { archive, dir } = start(t, { content: 'lines', sources: ['b'] })
  t.same([archive.takesLinesOf('a'), archive.takesLinesOf('b')], [false, true])
  archive.append(blockOf('b', ['a record']))
  archive.append({ ...blockOf('a', ['another source'], 'raw'), forArchive: true })
  archive.append({ ...blockOf('b', ['<13>as it came'], 'raw'), forArchive: true })
  await until('it is archived', () => archive.status().uploadedFiles === 1)
  t.same(readLines(filesOf(dir, 'b')[0]!), ['<13>as it came'])
  t.same(readdirSync(join(dir, 'out')), ['b'])
})

t.test('without room it sheds, counts by source, and nobody waits; with room again it goes on', async t => {
  const file = join(scratchDir('archive'), 'in-the-way')
  writeFileSync(file, '')
  const { archive } = start(t, { folder: join(file, 'out'), max_bytes: 2 * 1024 * 1024 })
  await archive.opened()
  const noise = (): string[] => Array.from({ length: 2000 }, () => Math.random().toString(36).repeat(2))
  let sent = 0
  const began = performance.now()
  while (only(archive)?.shed === undefined || only(archive).shed === 0) {
    archive.append(blockOf('a', noise()))
    sent += 2000
    await archive.commit()
    await sleep(5)
    if (performance.now() - began > 300_000) throw new Error('it never shed')
  }
  const { taken, waiting, shed } = only(archive)
  t.equal(taken, sent)
  t.equal(waiting + shed, sent, 'every record waits or is shed')
  t.ok(waiting > 2000, 'what it has it keeps')
  await until('the status says so', () => archive.status().full)
  t.match(archive.status().troubles.join('\n'), /no room/)
})

t.test('what waits when it stops is archived by the next one, and shed is only what never came to the disk', async t => {
  const file = join(scratchDir('archive'), 'in-the-way')
  writeFileSync(file, '')
  const first = start(t, { folder: join(file, 'out') })
  first.archive.append(blockOf('a', ['1', '2', '3']))
  await first.archive.commit()
  await until('it failed', () => first.archive.status().waitingFiles === 1)
  await first.archive.stop(60_000)
  const second = start(t, { dir: join(first.dir, 'buffer') })
  await until('all is archived', () => second.archive.status().uploadedFiles === 1)
  t.same(readLines(filesOf(second.dir, 'a')[0]!), ['1', '2', '3'])
  t.match(only(second.archive), { taken: 0, recovered: 3, uploaded: 3, waiting: 0, shed: 0 })
})

t.test('a segment of its buffer that the disk refuses is a trouble until a start reads it', async t => {
  const first = start(t, { flush_interval: 3_600_000 })
  first.archive.append(blockOf('a', ['1', '2']))
  await first.archive.commit()
  await first.archive.stop(60_000)
  const open = join(first.dir, 'buffer', 'open')
  const ledger = join(open, readdirSync(open).find(name => name.endsWith('.ledger'))!)
  renameSync(ledger, `${ledger}-away`)
  mkdirSync(ledger) // cannot be read as a file, by nobody
  const second = start(t, { dir: join(first.dir, 'buffer') })
  await until('the trouble shows', () => second.archive.status().troubles.length > 0)
  t.match(second.archive.status(), { running: true, troubles: [/the disk refused 1 of its segments/], sources: [] })
  await second.archive.stop(60_000)
  rmdirSync(ledger)
  renameSync(`${ledger}-away`, ledger)
  const third = start(t, { dir: join(first.dir, 'buffer') })
  await until('all is archived', () => third.archive.status().uploadedFiles === 1)
  t.match(third.archive.status(), { troubles: [], sources: [{ recovered: 2, uploaded: 2 }] })
})

t.test('moves of its buffer that were broken off between data and ledger are finished, and every line is archived once', async t => {
  const folder = join(scratchDir('archive'), 'in-the-way')
  writeFileSync(folder, '')
  const first = start(t, { folder })
  for (const source of ['a', 'b']) first.archive.append(blockOf(source, ['1', '2']))
  await first.archive.commit()
  await until('both wait', () => first.archive.status().waitingFiles === 2)
  await first.archive.stop(60_000)
  const buffer = join(first.dir, 'buffer')
  const [one, other] = readdirSync(join(buffer, 'closed')).filter(name => name.endsWith('.gz')) as [string, string]
  for (const name of [one.replace('.gz', '.ledger'), other]) renameSync(join(buffer, 'closed', name), join(buffer, 'open', name))
  const second = start(t, { dir: buffer })
  await until('all is archived', () => second.archive.status().uploadedFiles === 2)
  for (const source of ['a', 'b']) t.same(filesOf(second.dir, source).flatMap(readLines), ['1', '2'])
  t.match(second.archive.status(), {
    troubles: [],
    sources: [
      { recovered: 2, uploaded: 2 },
      { recovered: 2, uploaded: 2 }
    ]
  })
  t.same(readdirSync(join(buffer, 'set-aside')), [])
})

t.test('a thread that ends costs what was on the way; receipts and the tenant go on', async t => {
  const { archive, workers, dir } = start(t, { flush_interval: 3_600_000 })
  await archive.opened()
  archive.append(blockOf('a', ['1', '2']))
  await archive.commit()
  archive.append(blockOf('a', ['3']))
  const receipt = archive.commit()
  await workers[0]!.terminate()
  await receipt
  archive.append(blockOf('a', ['4']))
  await archive.commit()
  t.match(archive.status(), { running: false, troubles: [/not running/] })
  t.match(only(archive), { taken: 4 })
  t.ok(only(archive).shed >= 1, 'what came while it was down')
  archive.start() // sooner than its timer would
  await until('it runs again', () => archive.status().running)
  const { taken, recovered, uploaded, waiting, shed } = only(archive)
  t.equal(taken + recovered, uploaded + waiting + shed)
  t.ok(waiting >= 2, 'what was durable is still there')
  t.same(readdirSync(dir), ['buffer'])
})

t.test('an archive that can not open its buffer is a trouble, not an end', async t => {
  const file = join(scratchDir('archive'), 'in-the-way')
  writeFileSync(file, '')
  const { archive } = start(t, { dir: join(file, 'buffer') })
  archive.append(blockOf('a', ['1']))
  await archive.commit()
  await until('the trouble shows', () => archive.status().troubles.length > 0)
  t.match(archive.status().troubles[0], /not running: Cannot use the spool directory/)
  t.match(only(archive), { taken: 1, shed: 1, waiting: 0 })
})

t.test('a receipt waits a second for a thread that does not answer, and the next ones not at all', async t => {
  const { archive, workers } = start(t)
  await archive.opened()
  // The thread hears nothing more, as if it hung in a call of its disk.
  const { postMessage } = workers[0]!
  workers[0]!.postMessage = () => undefined
  await archive.commit()
  let turns = 0
  const counting = setInterval(() => turns++, 1)
  for (let receipt = 0; receipt < 1000; receipt++) await archive.commit()
  clearInterval(counting)
  t.equal(turns, 0, 'a thousand receipts in one turn of the event loop')
  // 32 MiB may be on the way to it, no more.
  const block = { ...blockOf('a', ['x']), bytes: Buffer.alloc(1024 * 1024) }
  for (let count = 0; count < 40; count++) archive.append(block)
  t.match(only(archive), { taken: 40, shed: 8 })
  workers[0]!.postMessage = postMessage
})

t.test('the file that is archived is whole, whatever reader takes it', async t => {
  const { archive, dir } = start(t, { compression_level: 19 })
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}`)
  for (let at = 0; at < lines.length; at += 100) archive.append(blockOf('a', lines.slice(at, at + 100)))
  await until('all is archived', () => only(archive)?.uploaded === 5000)
  t.same(
    filesOf(dir, 'a').flatMap(file => readLines(file)),
    lines
  )
})
