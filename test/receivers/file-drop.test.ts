import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { type FileDropOptions, FileDropReceiver } from '../../src/receivers/file-drop.ts'
import type { FileServerDeps } from '../../src/receivers/ftp.ts'
import { scratchDir } from '../test-dir.ts'
import { checkReceiverContract } from './contract.ts'
import { delay, MemoryIntakes, memoryLog } from './memory-intake.ts'

const newFolder = (): string => scratchDir('drop')
const FAST = { ageMs: 0, scanIntervalMs: 30, after: 'delete' } as const
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `10:00:00 line ${i} ${'x'.repeat(i % 90)}`)

async function started(options: Partial<FileDropOptions> = {}, intakes = new MemoryIntakes(), deps: Partial<FileServerDeps> = {}) {
  const folder = options.folder ?? newFolder()
  const log = memoryLog()
  const receiver = new FileDropReceiver({ ...FAST, ...options, folder }, { log, ...deps })
  await receiver.start(intakes.open)
  /** Puts a file as a careful writer does: under another name first. */
  const drop = (name: string, content: string | Buffer): string => {
    const path = join(folder, name)
    writeFileSync(`${path}.tmp`, content)
    renameSync(`${path}.tmp`, path)
    return path
  }
  return {
    receiver,
    folder,
    intakes,
    log,
    drop,
    counters: () => receiver.status()[0]!.counters,
    gauges: () => receiver.status()[0]!.gauges!
  }
}

const stop = (receiver: FileDropReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

{
  const folder = newFolder()
  let receiver: FileDropReceiver
  checkReceiverContract(t, 'file-drop', {
    create: () => {
      receiver = new FileDropReceiver({ ...FAST, folder, scanIntervalMs: 200 }, { log: memoryLog() })
      return receiver
    },
    send: async (_port, records) => {
      const path = join(folder, 'contract.log')
      writeFileSync(`${path}.tmp`, records.join('\n'))
      const failures = receiver.status()[0]!.counters.commit_failed_total!
      renameSync(`${path}.tmp`, path)
      while (existsSync(path)) {
        if (receiver.status()[0]!.counters.commit_failed_total! > failures) {
          unlinkSync(path)
          return []
        }
        await delay(1)
      }
      return records
    },
    hasReceipt: true
  })
}

t.test('files of every packing are read by their content, and their folder is the source', async t => {
  const { receiver, folder, intakes, drop, counters } = await started({ sources: ['HQ', 'Branch 1'] })
  const lines = numbered(3000)
  const text = lines.join('\n')
  const plain = join(newFolder(), 'p.log')
  writeFileSync(plain, text)
  execFileSync('bzip2', ['-k', plain])
  execFileSync('zip', ['-qj', `${plain}.zip`, plain])
  const contents = [
    text,
    Buffer.concat([gzipSync(text.slice(0, 500)), gzipSync(text.slice(500))]),
    zstdCompressSync(text),
    readFileSync(`${plain}.bz2`),
    readFileSync(`${plain}.zip`)
  ]
  for (const [i, content] of contents.entries()) {
    const path = drop(join('Branch 1', `file-${i}.log`), content)
    await intakes.until(`file ${i}`, () => !existsSync(path))
    t.strictSame(intakes.committed.splice(0), lines)
    t.strictSame(intakes.peers.at(-1), { receiver: 'file-drop', protocol: 'file', address: `Branch 1/file-${i}.log`, source: 'Branch 1' })
  }
  drop('at-root.json', '[{"a":1},\n{"b":2}]')
  await intakes.until('json', () => counters().files_total === contents.length + 1)
  t.strictSame(intakes.committed, ['{"a":1}', '{"b":2}'])
  t.equal(intakes.peers.at(-1)!.source, undefined)
  t.strictSame(readdirSync(join(folder, 'Branch 1')), [])
  t.strictSame(JSON.parse(readFileSync(join(folder, '.sluice-state.json'), 'utf8')).files, {}, 'nothing is left to remember')
  await stop(receiver)
})

t.test('a file is left alone while it grows, has a temporary name, or lacks its marker', async t => {
  const { receiver, folder, intakes, gauges } = await started({ ageMs: 1500 })
  const path = join(folder, 'growing.log')
  for (let i = 0; i < 20; i++) {
    appendFileSync(path, `line ${i}\n`)
    await delay(100) // 2 s in all
    t.equal(intakes.opened, 0)
  }
  t.equal(gauges().files_waiting, 1)
  await intakes.until('taken', () => intakes.committed.length === 20)
  writeFileSync(join(folder, 'x.log.part'), 'x\n')
  writeFileSync(join(folder, '.hidden'), 'x\n')
  await delay(2000)
  t.equal(intakes.opened, 1)
  await stop(receiver)

  const marked = await started({ complete: 'marker', markerSuffix: '.ok' })
  writeFileSync(join(marked.folder, 'b.log'), 'marked\n')
  await delay(200)
  t.equal(marked.intakes.opened, 0)
  writeFileSync(join(marked.folder, 'b.log.ok'), '')
  await marked.intakes.until('taken', () => marked.counters().files_total === 1)
  t.strictSame(marked.intakes.committed, ['marked'])
  t.strictSame(
    readdirSync(marked.folder).filter(name => !name.startsWith('.')),
    [],
    'the marker goes as well'
  )
  await stop(marked.receiver)
})

t.test('read files are archived or renamed, and never written over', async t => {
  const archived = await started({ after: 'archive', sources: ['HQ'] })
  for (const content of ['one\n', 'two\n']) {
    const path = archived.drop('HQ/a.log', content)
    await archived.intakes.until('taken', () => !existsSync(path))
  }
  t.equal(readFileSync(join(archived.folder, '.taken/HQ/a.log'), 'utf8'), 'one\n')
  t.equal(readFileSync(join(archived.folder, '.taken/HQ/a.log.1'), 'utf8'), 'two\n')
  await stop(archived.receiver)
  const renamed = await started({ after: 'rename' })
  for (const content of ['one\n', 'two\n']) {
    const path = renamed.drop('a.log', content)
    await renamed.intakes.until('taken', () => !existsSync(path))
  }
  await delay(150)
  t.strictSame(renamed.intakes.committed, ['one', 'two'])
  t.strictSame(
    readdirSync(renamed.folder).filter(name => !name.startsWith('.')),
    ['a.log.1.taken', 'a.log.taken']
  )
  await stop(renamed.receiver)
})

t.test('links, pipes and folders that are no source are left alone', async t => {
  const secret = join(newFolder(), 'secret')
  writeFileSync(secret, 'not to be read\n')
  const folder = newFolder()
  symlinkSync(secret, join(folder, 'link.log'))
  symlinkSync(join(secret, '..'), join(folder, 'HQ link'))
  execFileSync('mkfifo', [join(folder, 'pipe.log')])
  mkdirSync(join(folder, 'other'))
  writeFileSync(join(folder, 'other/a.log'), 'elsewhere\n')
  const { receiver, intakes, drop, gauges, log } = await started({ folder })
  drop('z.log', 'good\n')
  await intakes.until('taken', () => intakes.committed.length === 1)
  await intakes.until('all are seen', () => gauges().refused_entries === 3 && gauges().unknown_folders === 1)
  await delay(100)
  t.strictSame(intakes.committed, ['good'])
  t.equal(gauges().refused_entries, 3)
  t.equal(gauges().unknown_folders, 1)
  t.equal(log.entries.filter(({ message }) => /left alone/.test(message)).length, 1)
  await stop(receiver)
  for (const source of ['..', 'a/b', '.'])
    t.throws(() => new FileDropReceiver({ folder, sources: [source] }, { log }), /cannot be a folder/)
})

t.test('files that cannot be read are put aside by name and counted', async t => {
  const { receiver, folder, drop, counters, intakes } = await started({ unpackedMaxBytes: 1000 })
  const gz = gzipSync(numbered(500).join('\n'))
  drop('cut.gz', gzipSync('some lines\n').subarray(0, 20))
  drop('packed.log', Buffer.from('377abcaf271c0004', 'hex')) // 7z
  drop('large.gz', gz)
  await intakes.until(
    'all',
    () => counters().damaged_files_total! + counters().unsupported_files_total! + counters().oversized_files_total! === 3
  )
  const visible = (): string[] => readdirSync(folder).filter(name => !name.startsWith('.'))
  await intakes.until('renamed', () => visible().every(name => name.endsWith('.rejected')))
  t.strictSame(visible(), ['cut.gz.rejected', 'large.gz.rejected', 'packed.log.rejected'])
  t.equal(counters().files_total, 0)
  await stop(receiver)
})

t.test('stopped in the middle of a file, it goes on at the next line after a restart, with the header again', async t => {
  const folder = newFolder()
  for (const [name, pack] of [
    ['plain', (text: string) => Buffer.from(text)],
    ['gzip', (text: string) => gzipSync(text)]
  ] as const) {
    const lines = numbered(60_000)
    const header = '#Version: 1.0\n#Fields: a b\n'
    writeFileSync(join(folder, 'big.log'), pack(header + lines.join('\n')))
    const intakes = new MemoryIntakes({ acceptDelayMs: 2 })
    const first = await started({ folder, checkpointBytes: 100_000 }, intakes)
    await intakes.until('some', () => intakes.committed.length > 5000)
    await stop(first.receiver)
    const atStop = intakes.committed.length
    t.ok(atStop < lines.length, `${name}: ${atStop} lines at the stop`)
    renameSync(join(folder, 'big.log'), join(folder, 'renamed.log'))
    const second = await started({ folder }, intakes)
    await intakes.until('rest', () => second.counters().files_total === 1)
    await stop(second.receiver)
    const directives = intakes.committed.filter(line => line.startsWith('#'))
    t.strictSame(directives, ['#Version: 1.0', '#Fields: a b', '#Version: 1.0', '#Fields: a b'])
    t.strictSame(
      intakes.committed.filter(line => !line.startsWith('#')),
      lines,
      `${name}: none lost, none doubled`
    )
    t.strictSame(intakes.violations, [])
  }
})

t.test('after a crash at most what followed the last checkpoint is read again; what was finished is only put away', async t => {
  const folder = newFolder()
  const lines = numbered(60_000)
  writeFileSync(join(folder, 'big.log'), lines.join('\n'))
  const intakes = new MemoryIntakes({ acceptDelayMs: 2 })
  const first = await started({ folder, checkpointBytes: 100_000 }, intakes)
  const state = (): Record<string, { position: number; step: string }> =>
    JSON.parse(readFileSync(join(folder, '.sluice-state.json'), 'utf8')).files
  await intakes.until('checkpoint', () => existsSync(join(folder, '.sluice-state.json')) && Object.values(state())[0]!.position > 1_000_000)
  const crashed = readFileSync(join(folder, '.sluice-state.json'))
  await stop(first.receiver)
  const { position } = (Object.values(JSON.parse(crashed.toString()).files) as { position: number }[])[0]!
  writeFileSync(join(folder, '.sluice-state.json'), crashed)
  const again = new MemoryIntakes()
  const second = await started({ folder }, again)
  await again.until('rest', () => second.counters().files_total === 1)
  await stop(second.receiver)
  t.equal(again.committed.join('\n'), lines.join('\n').slice(position), 'it goes on at the checkpoint')

  writeFileSync(join(folder, 'big.log'), 'finished, but not deleted\n')
  const third = await started({ folder }, new MemoryIntakes(), {})
  await third.intakes.until('taken', () => third.counters().files_total === 1)
  await stop(third.receiver)
  const finished = {
    ...Object.values(JSON.parse(crashed.toString()).files as object)[0],
    headBytes: 26,
    size: 26,
    position: 26,
    step: 'finished',
    header: ''
  }
  const { createHash } = await import('node:crypto')
  const key = createHash('sha256').update('finished, but not deleted\n').digest('hex')
  writeFileSync(join(folder, '.sluice-state.json'), JSON.stringify({ version: 1, files: { [key]: finished } }))
  writeFileSync(join(folder, 'big.log'), 'finished, but not deleted\n')
  const fourth = await started({ folder })
  await fourth.intakes.until('put away', () => !existsSync(join(folder, 'big.log')))
  t.equal(fourth.intakes.opened, 0)
  await stop(fourth.receiver)
})

t.test('a full spool pauses the scans; a folder or state that cannot be used is said at start', async t => {
  let isFull = true
  const { receiver, intakes, drop } = await started({}, new MemoryIntakes(), { isFull: () => isFull })
  drop('a.log', 'later\n')
  await intakes.until('the state says so', () => receiver.status()[0]!.state === 'paused')
  await delay(100)
  t.equal(intakes.opened, 0)
  t.match(receiver.status()[0], { state: 'paused', pauses: ['spool_full'] })
  isFull = false
  await intakes.until('taken', () => intakes.committed.length === 1)
  await stop(receiver)
  await t.rejects(started({ folder: '/nonexistent/folder' }), { code: 'LISTEN_FAILED' })
  const folder = newFolder()
  writeFileSync(join(folder, '.sluice-state.json'), '{"version":9}')
  await t.rejects(started({ folder }), { code: 'CONFIG_INVALID' })
})

t.test('a folder that goes away is said while it is gone, and scans go on when it is back', async t => {
  const { receiver, folder, intakes, drop, counters } = await started()
  renameSync(folder, `${folder}-away`)
  await intakes.until('noticed', () => counters().scan_errors_total! > 0)
  t.match(receiver.status()[0], { state: 'listening', reason: /^the folder cannot be read: /, pauses: ['upstream_error'] })
  renameSync(`${folder}-away`, folder)
  drop('a.log', 'a\n')
  await intakes.until('taken', () => intakes.committed.length === 1)
  t.strictSame(receiver.status()[0]!.pauses, [])
  await stop(receiver)
})

t.test('a scan takes a bounded number of files, the oldest first', async t => {
  const folder = newFolder()
  for (let i = 0; i < 25; i++) writeFileSync(join(folder, `f${String(i).padStart(2, '0')}.log`), `line ${i}\n`)
  const { receiver, intakes, counters } = await started({ folder, maxFilesPerScan: 10 })
  await intakes.until('all', () => counters().files_total === 25)
  t.ok(counters().scans_total! >= 3)
  t.strictSame([...intakes.committed].sort(), Array.from({ length: 25 }, (_, i) => `line ${i}`).sort())
  await stop(receiver)
})
