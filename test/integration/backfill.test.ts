/** `sluice upload` as a process, with real files and the real local tenant, and interrupted in every way. */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { FileReport } from '../../src/pipeline/backfill-report.ts'
import { Faults } from '../../src/tenant/faults.ts'
import { startTenant, type Tenant } from '../../src/tenant/tenant.ts'
import { spawn } from '../child-kit.ts'
import { testDir } from '../test-dir.ts'
import { until } from './collector-kit.ts'

const LONG = { timeout: 600_000 }
t.setTimeout(900_000)

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** A line of Squid whose user names its number; an hour old. */
const line = (number: number, timeMs = Date.now() - 3_600_000): string =>
  `${(timeMs / 1000).toFixed(3)}    217 192.0.2.10 TCP_MISS/200 18342 GET http://files.example.com/r${number}.pdf u${number} HIER_DIRECT/203.0.113.10 application/pdf\n`

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
const log = (from: number, to: number): string =>
  numbers(from, to)
    .map(number => line(number))
    .join('')

interface World {
  cwd: string
  tenant: Tenant
  faults: Faults
  /** Starts the command. */
  begin(...args: string[]): ChildProcess
  run(...args: string[]): Promise<{ code: number; out: string; err: string }>
  /** Runs with --json. */
  report(...args: string[]): Promise<{ code: number; files: FileReport[] }>
  /** Numbers of all records that the tenant has, sorted. */
  arrived(): number[]
  configure(more?: object): void
}

async function setUp(t: Test, more: object = {}): Promise<World> {
  const cwd = testDir(t)
  const faults = new Faults()
  // Another process has the local tenant's address, as a running collector has.
  const tenant = await startTenant({ dir: join(cwd, 'tenant'), faults })
  t.teardown(() => tenant.close())
  const configure = (changes: object = {}): void => {
    const config = {
      tenant: { local: { listen: new URL(tenant.url).host, dir: join(cwd, 'unused') } },
      spool: { dir: join(cwd, 'spool'), min_free_bytes: '1MiB', segment_max_bytes: '64KiB' },
      sources: [{ name: 'HQ', appliance: 'squid-native' }],
      ...more,
      ...changes
    }
    writeFileSync(join(cwd, 'sluice.yaml'), JSON.stringify(config))
  }
  configure()
  const begin = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [MAIN, 'upload', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => void child.kill('SIGKILL'))
    return child
  }
  const run = (...args: string[]) => ended(begin(...args))
  return {
    cwd,
    tenant,
    faults,
    begin,
    run,
    configure,
    async report(...args) {
      const { code, out, err } = await run(...args, '--json')
      if (out === '') throw new Error(`No report: ${err}`)
      return { code, files: (JSON.parse(out) as { files: FileReport[] }).files }
    },
    arrived: () =>
      tenant
        .uploads()
        .flatMap(upload =>
          gunzipSync(readFileSync(tenant.path(upload)))
            .toString()
            .split('\n')
            .slice(0, -1)
        )
        .map(text => Number(/ suser=u(\d+) /.exec(text)?.[1] ?? -1))
        .sort((a, b) => a - b)
  }
}

async function ended(child: ChildProcess): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  child.stdout!.on('data', chunk => (out += chunk))
  child.stderr!.on('data', chunk => (err += chunk))
  const [code] = await once(child, 'close')
  return { code: code ?? -1, out, err }
}

/** Records in the ledgers of all spools of files under way. */
function spooledRecords(cwd: string): number {
  const root = join(cwd, 'spool/backfill')
  if (!existsSync(root)) return 0
  const ledgers = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ledger'))
  const pieces = ledgers.flatMap(name => [...readFileSync(join(root, name), 'utf8').matchAll(/"t":"block".*?"recordCount":(\d+)/g)])
  return pieces.reduce((sum, [, records]) => sum + Number(records), 0)
}

/** What is wrong with sorted numbers that should be 0 to `count`, each once: the first ten of each kind. */
function faultsOf(arrived: readonly number[], count: number) {
  const seen = new Set(arrived)
  return {
    missing: numbers(0, count)
      .filter(number => !seen.has(number))
      .slice(0, 10),
    doubled: arrived.filter((number, index) => number === arrived[index - 1]).slice(0, 10),
    foreign: arrived.filter(number => number < 0 || number >= count).slice(0, 10)
  }
}

const backfillOf = (cwd: string): string[] => readdirSync(join(cwd, 'spool/backfill')).sort()

t.test('plain, gzip of several members, zstd and xz arrive, every record once, and nothing is left behind', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 3000))
  writeFileSync(join(world.cwd, 'b.log.1'), Buffer.concat([gzipSync(log(3000, 4000)), gzipSync(log(4000, 6000))]))
  writeFileSync(join(world.cwd, 'c'), zstdCompressSync(log(6000, 9000)))
  writeFileSync(join(world.cwd, 'd.log'), execFileSync('xz', ['-c'], { input: log(9000, 10_000) }))
  const { code, out, err } = await world.run('a.log', 'b.log.1', 'c', 'd.log', '--source', 'HQ')
  t.equal(code, 0, err)
  t.same(world.arrived(), numbers(0, 10_000))
  t.match(out, /a\.log: 3000 records uploaded to data source HQ/)
  t.match(out, /lines: 3000, 3000 parsed, 0 skipped, 0 malformed, 0 unidentified/)
  t.match(err, /\] 100% {2}.* uploading d.log, /, 'plain lines where no terminal is')
  t.notMatch(err, '\r')
  t.same(backfillOf(world.cwd), ['done.jsonl'])
})

t.test('what was uploaded is refused under any name and compression, unless --again, or into a snapshot', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 10))
  writeFileSync(join(world.cwd, 'a.log.1.gz'), gzipSync(readFileSync(join(world.cwd, 'a.log'))))
  t.equal((await world.run('a.log')).code, 0)
  const { code, out } = await world.run('a.log.1.gz')
  t.equal(code, 1)
  t.match(out, /not taken, as it was uploaded on .* as .*a\.log to data source HQ; --again takes it once more/)
  t.equal(world.tenant.uploads().length, 1)
  t.match(await world.report('a.log.1.gz', '--again'), { code: 0, files: [{ outcome: 'uploaded', uploaded: { records: 10 } }] })
  t.match(await world.report('a.log', '--snapshot', 'Old_logs'), { code: 0, files: [{ outcome: 'uploaded' }] })
  t.same(
    world.tenant.uploads().map(({ stream, snapshot }) => [stream, snapshot]),
    [
      ['HQ', false],
      ['HQ', false],
      ['Old_logs', true]
    ]
  )
  t.equal((await world.run('a.log', '--snapshot', 'Old_logs')).code, 1, 'a snapshot is remembered, too')
})

t.test('what was not uploaded is counted with the reason, the 90-day rule among them', LONG, async t => {
  const world = await setUp(t)
  const old = Date.now() - 100 * 86_400_000
  writeFileSync(join(world.cwd, 'a.log'), `${log(0, 20)}${line(97, old)}${line(98, old)}rubbish\n${line(99)}`)
  writeFileSync(join(world.cwd, 'old.log'), line(1, old))
  const mixed = await world.report('a.log')
  t.equal(mixed.code, 0)
  t.match(mixed.files[0], {
    outcome: 'uploaded',
    counts: { lines: 24, parsed: 23, malformed: 1, written: 21, dropped: { too_old: 2 } },
    uploaded: { files: 1, records: 21 }
  })
  const { code, out } = await world.run('old.log')
  t.equal(code, 1, 'nothing could be uploaded')
  t.match(out, /nothing in it can be uploaded/)
  t.match(out, /dropped: 1 record: 1 too_old \(.*90 days\)/)
  t.same(world.arrived(), [...numbers(0, 20), 99])
})

t.test('killed at any moment, again and again, the next runs bring every record once', LONG, async t => {
  const world = await setUp(t)
  const count = 200_000
  writeFileSync(join(world.cwd, 'a.log.gz'), gzipSync(log(0, count)))
  const { tenant } = world
  const moments: [what: string, progress: () => number][] = [
    ['blocks were spooled', () => spooledRecords(world.cwd)],
    ['a segment was stored', () => tenant.requests.put],
    ['an upload ended', () => tenant.uploads().length],
    ['another one ended', () => tenant.uploads().length]
  ]
  for (const [what, progress] of moments) {
    const before = progress()
    const child = world.begin('a.log.gz')
    await until(what, () => progress() > before || child.exitCode !== null)
    t.equal(child.exitCode, null, `killed when ${what}`)
    child.kill('SIGKILL')
    await once(child, 'close')
    if (before === 0 && what === 'blocks were spooled') t.ok(spooledRecords(world.cwd) < count, 'killed while the file was read')
  }
  const { code, files } = await world.report('a.log.gz')
  t.equal(code, 0)
  const [report] = files
  t.match(report, { outcome: 'uploaded', counts: { lines: count, written: count }, uploaded: { records: count } })
  t.ok(report!.knownRecords > 0, `resumed: ${report!.knownRecords} records were there`)
  t.same(faultsOf(world.arrived(), count), { missing: [], doubled: [], foreign: [] })
  const repeated = world.tenant.uploads().filter(({ finalised }) => finalised > 1).length
  t.ok(repeated <= report!.ambiguousFinalises, `${repeated} finalises were repeated, ${report!.ambiguousFinalises} counted`)
  t.same(backfillOf(world.cwd), ['done.jsonl'])
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} in the middle ends it soon, and the same command goes on`, LONG, async t => {
    const world = await setUp(t)
    const count = 40_000
    writeFileSync(join(world.cwd, 'a.log'), log(0, count))
    const child = world.begin('a.log')
    const end = ended(child)
    await until('an upload ended', () => world.tenant.uploads().length > 0)
    child.kill(signal)
    const { code, out } = await end
    t.equal(code, 1)
    t.match(out, /a\.log: interrupted; the same command goes on/)
    const before = world.arrived().length
    t.ok(before < count, `${before} records were uploaded by then`)
    const { files } = await world.report('a.log')
    t.match(files[0], { outcome: 'uploaded', uploaded: { records: count }, ambiguousFinalises: 0 })
    t.ok(files[0]!.knownRecords >= before)
    t.same(faultsOf(world.arrived(), count), { missing: [], doubled: [], foreign: [] })
  })
}

t.test('a spool with less room than the file needs is filled and emptied in turn, and no record is refused', LONG, async t => {
  const world = await setUp(t, { upload: { requests_per_minute: 30 } })
  const room = { dir: join(world.cwd, 'spool'), min_free_bytes: '1MiB', segment_max_bytes: '512KiB', max_bytes: '2MiB' }
  world.configure({ spool: room })
  const count = 40_000
  const noisy = numbers(0, count).map(number => line(number).replace('.pdf', `-${randomBytes(60).toString('hex')}.pdf`))
  writeFileSync(join(world.cwd, 'a.log'), noisy.join(''))
  const { code, files } = await world.report('a.log')
  t.match(files, [{ outcome: 'uploaded', uploaded: { records: count } }], files[0]?.reason ?? '')
  t.ok(files[0]!.uploaded.bytes > 1.2 * 2 * 1024 * 1024, `${files[0]!.uploaded.bytes} bytes were more than it holds`)
  t.equal(code, 0)
  t.same(faultsOf(world.arrived(), count), { missing: [], doubled: [], foreign: [] })
})

t.test('a header row far ahead of the interruption is not forgotten', LONG, async t => {
  const world = await setUp(t, { sources: [{ name: 'HQ', appliance: 'auto' }] })
  const count = 30_000
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
  const rows = numbers(0, count).map(
    number => `${day} 10:00:00 192.0.2.7 u${number} GET http files.example.com 80 /r${number} 200 1000 300\n`
  )
  const head =
    '#Software: Example\n#Version: 1.0\n#Fields: date time c-ip cs-username cs-method cs-uri-scheme cs-host cs-uri-port cs-uri-path sc-status sc-bytes cs-bytes\n'
  writeFileSync(join(world.cwd, 'w3c.log'), head + rows.join(''))
  const child = world.begin('w3c.log')
  await until('an upload ended', () => world.tenant.uploads().length > 0 || child.exitCode !== null)
  child.kill('SIGKILL')
  await once(child, 'close')
  const { code, files } = await world.report('w3c.log')
  t.equal(code, 0)
  t.match(files[0], { counts: { lines: count + 3, parsed: count, skipped: 3 } })
  t.same(faultsOf(world.arrived(), count), { missing: [], doubled: [], foreign: [] })
})

t.test('a lost answer to the last call is told, as the service may count the file twice', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 100))
  world.faults.push('done_upload', { worked: true, close: true })
  const { code, out } = await world.run('a.log')
  t.equal(code, 0)
  t.match(out, /1 calls that end an upload got no answer and were repeated; the service may count those files twice/)
  t.same(world.arrived(), numbers(0, 100))
})

t.test('without credentials it says what waits, and goes on when they are good', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 100))
  writeFileSync(join(world.cwd, 'b.log'), log(100, 200))
  world.faults.push('upload_url', { status: 401 })
  const { code, out } = await world.run('a.log', 'b.log')
  t.equal(code, 1)
  t.match(out, /a\.log: not all could be uploaded: .*401/)
  t.match(out, /waiting: 100 records in 1 file; run the same command again/)
  t.match(out, /b\.log: not begun/)
  t.same(world.arrived(), [])
  t.match(await world.report('a.log', 'b.log'), { code: 0, files: [{ knownRecords: 100 }, { knownRecords: 0 }] })
  t.same(world.arrived(), numbers(0, 200))
})

t.test('a tenant that does not answer is waited for as long as was said', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 100))
  world.faults.push('upload_url', ...Array.from({ length: 100 }, () => ({ status: 503 })))
  const { code, out } = await world.run('a.log', '--wait', '1s')
  t.equal(code, 1)
  t.match(out, /not all could be uploaded: .*503/)
  world.faults.clear()
  t.equal((await world.run('a.log')).code, 0)
  t.same(world.arrived(), numbers(0, 100))
})

t.test('what the service refuses is set aside with its reason, and tried once more by the next run', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 100))
  world.faults.push('upload_url', { status: 400, body: '{"detail":"no such format"}' })
  const { code, out } = await world.run('a.log')
  t.equal(code, 1)
  t.match(out, /not all was taken: .*400/)
  t.match(out, /set aside: 100 records in 1 file: /)
  t.match(await world.report('a.log'), { code: 0, files: [{ outcome: 'uploaded', knownRecords: 100 }] })
  t.same(world.arrived(), numbers(0, 100))
})

t.test('a damaged file is refused before anything of it is uploaded, and the others are taken', LONG, async t => {
  const world = await setUp(t)
  const packed = gzipSync(log(0, 5000))
  writeFileSync(join(world.cwd, 'cut.gz'), packed.subarray(0, packed.length - 20))
  writeFileSync(join(world.cwd, 'empty.log'), '')
  writeFileSync(join(world.cwd, 'good.log'), log(5000, 5010))
  const { code, files } = await world.report('cut.gz', 'none.log', '.', 'empty.log', 'good.log')
  t.equal(code, 1, 'as not all files were taken')
  t.match(files, [
    { outcome: 'failed', reason: /end|damaged/ },
    { outcome: 'failed', reason: /ENOENT/ },
    { outcome: 'failed', reason: /no plain file/ },
    { outcome: 'empty' },
    { outcome: 'uploaded' }
  ])
  t.same(world.arrived(), numbers(5000, 5010))
})

t.test('a configuration that changed since the interruption is not mixed with the former one', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 100))
  world.faults.push('upload_url', { status: 401 })
  await world.run('a.log')
  world.configure({ sources: [{ name: 'HQ', appliance: 'squid-native', format: 'leef' }] })
  t.match(await world.report('a.log'), {
    code: 1,
    files: [{ outcome: 'failed', reason: /configuration of the source.*was changed.*--again/ }]
  })
  t.same(world.tenant.uploads(), [])
  t.match(await world.report('a.log', '--again'), { code: 0, files: [{ outcome: 'uploaded', uploaded: { records: 100 } }] })
  t.equal(world.tenant.uploads()[0]!.sourceString, 'GENERIC_LEEF')
})

t.test('a second upload at the same time is refused', LONG, async t => {
  const world = await setUp(t)
  writeFileSync(join(world.cwd, 'a.log'), log(0, 10))
  world.faults.push('upload_url', { hang: true })
  const first = world.begin('a.log')
  await until('the first one uploads', () => world.tenant.requests.upload_url > 0)
  const { code, err } = await world.run('a.log')
  t.equal(code, 1)
  t.match(err, /uses it .*\(SPOOL_UNUSABLE\)/)
  first.kill('SIGKILL')
  await once(first, 'close')
  t.equal((await world.run('a.log')).code, 0, 'the lock of a dead process is taken over')
  t.same(world.arrived(), numbers(0, 10))
})
