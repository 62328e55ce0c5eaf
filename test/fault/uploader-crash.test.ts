/**
 * The uploader over the real spool: crash before every file operation of an upload, and lose every answer of the service, then start
 * again. What must hold: the file arrives once, nothing is set aside, nothing waits.
 */
import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { SegmentSpool } from '../../src/spool/spool.ts'
import { type Fault, Faults, type TenantCall } from '../../src/tenant/faults.ts'
import { startTenant, type Tenant } from '../../src/tenant/tenant.ts'
import { DiscoveryApi } from '../../src/upload/api.ts'
import { createAuth } from '../../src/upload/auth.ts'
import { CloudDiscovery } from '../../src/upload/cloud-discovery.ts'
import { createDispatcher } from '../../src/upload/http.ts'
import { RequestBudget } from '../../src/upload/rate-limit.ts'
import { UploadStats } from '../../src/upload/stats.ts'
import { Uploader } from '../../src/upload/uploader.ts'
import { blockOf, openSpool, scratchDirectory, until } from '../spool/blocks.ts'
import { FaultyIo } from '../spool/faulty-io.ts'
import { cefLine, FlyingClock, TOKEN } from '../upload/world.ts'

const LINES = [cefLine(1), cefLine(2), cefLine(3)]

/** Uploads what waits, until `isOver` says so; `faults` are those of the tenant. */
async function upload(spool: SegmentSpool, tenant: Tenant, isOver: () => boolean, timeoutMs = 60_000): Promise<UploadStats> {
  const dispatcher = createDispatcher({ proxyFromEnvironment: false })
  const clock = new FlyingClock()
  const stats = new UploadStats()
  const auth = createAuth({ credential: { kind: 'token', token: TOKEN }, dispatcher })
  const budget = new RequestBudget({ clock })
  const api = new DiscoveryApi({ baseUrl: tenant.url, auth, dispatcher, budget, version: '9.9.9', clock, timeoutMs })
  const sources = (name: string) => ({ inputStreamName: name, sourceString: 'GENERIC_CEF' })
  const destination = new CloudDiscovery({ api, blob: { dispatcher, timeoutMs }, sources, stats, clock })
  const uploader = new Uploader({ queue: spool, destination, stats, clock, random: () => 0.5 })
  uploader.start()
  await until(isOver)
  await uploader.stop(AbortSignal.abort())
  await dispatcher.destroy()
  return stats
}

/** A spool with one closed segment, and a copy of its directory for each use. */
async function closedSpool(): Promise<string> {
  const dir = scratchDirectory()
  const spool = await openSpool(dir)
  for (const line of LINES) spool.append(blockOf('HQ', [line]))
  await spool.closeAll()
  await spool.close()
  return dir
}

function copyOf(dir: string): string {
  const copy = scratchDirectory()
  cpSync(dir, copy, { recursive: true })
  return copy
}

const linesWith = (tenant: Tenant): string[] =>
  tenant.uploads().flatMap(upload =>
    gunzipSync(readFileSync(tenant.path(upload)))
      .toString()
      .split('\n')
      .slice(0, -1)
  )

const ALL_IN_ONE = { lines: LINES, archived: 1, setAside: 0 }

/** Halves of a split segment are open for a moment. */
const isOver = (spool: SegmentSpool): boolean => spool.waiting().length === 0 && spool.stats().segments.open === 0

interface Crash {
  /** Largest file that the tenant takes. */
  fileMaxBytes?: number
  /** What must be in the end. @default all lines in one file */
  end?: { lines: string[]; archived: number; setAside: number }
  /** The operation before which the process dies, counted from 0; Infinity: it does not. */
  at: number
  fault?: readonly [TenantCall, Fault]
}

/** Uploads and dies, starts again on the files as they were, uploads; what arrived, and how many operations there were. */
async function crashAndGoOn(
  base: string,
  { at, fault, fileMaxBytes, end = ALL_IN_ONE }: Crash
): Promise<{ problems: string[]; operations: number }> {
  const faults = new Faults()
  const limit = fileMaxBytes === undefined ? {} : { limits: { fileMaxBytes } }
  const tenant = await startTenant({ dir: join(scratchDirectory(), 'tenant'), faults, token: TOKEN, ...limit })
  const first = copyOf(base)
  const io = new FaultyIo()
  const spool = await openSpool(first, { io })
  if (fault) faults.push(...fault)
  let operations = 0
  let frozen: string | undefined
  io.fault = operation => {
    if (operation === 'freeBytes') return undefined // by the clock
    if (frozen === undefined && operations++ === at) frozen = copyOf(first) // as the dead process leaves the files
    return frozen === undefined ? undefined : 'EIO'
  }
  const timeoutMs = fault?.[1].hang ? 1500 : undefined
  await upload(spool, tenant, () => frozen !== undefined || isOver(spool), timeoutMs)
  io.fault = () => undefined
  await spool.close()

  faults.clear()
  const again = await openSpool(frozen ?? first)
  await again.closeAll() // what was rescued goes on as an open segment
  const { sources } = await upload(again, tenant, () => isOver(again))
  const { segments, settled, records } = again.stats()
  const recovered = records.recovered.get('HQ') ?? 0
  const { archived, setAside } = segments
  const counted = (sources.get('HQ')?.records ?? 0) + (settled.uploaded.get('HQ') ?? 0)
  await again.close()
  const problems: string[] = []
  const arrived = linesWith(tenant)
  if (arrived.sort().join() !== end.lines.join()) problems.push(`${arrived.length} lines arrived, expected ${end.lines.length}`)
  if (archived !== end.archived || setAside !== end.setAside) problems.push(`${archived} archived, ${setAside} set aside`)
  const aside = records.setAside.get('HQ') ?? 0
  if (counted + aside !== recovered) problems.push(`${recovered} records waited, ${counted} are counted as uploaded, ${aside} as set aside`)
  await tenant.close()
  return { problems, operations }
}

/** Every operation of an undisturbed upload, then each of them as the last. */
async function crashEverywhere(more: Omit<Crash, 'at'> = {}, base?: string): Promise<{ operations: number; wrong: string[] }> {
  base ??= await closedSpool()
  const { operations, problems } = await crashAndGoOn(base, { at: Number.POSITIVE_INFINITY, ...more })
  const wrong = problems.map(problem => `without a crash: ${problem}`)
  for (let at = 0; at < operations; at++) {
    const run = await crashAndGoOn(base, { at, ...more })
    wrong.push(...run.problems.map(problem => `crash before operation ${at} of ${operations}: ${problem}`))
  }
  return { operations, wrong }
}

t.setTimeout(900_000)

t.test('a crash before any file operation of an upload: the file arrives once, nothing is left', { timeout: 600_000 }, async t => {
  const { operations, wrong } = await crashEverywhere()
  t.ok(operations > 15, `${operations} operations: steps issued, stored, finalising, done, and the moves`)
  t.same(wrong, [])
})

t.test('the same while the answer to the finalise call is lost', { timeout: 600_000 }, async t => {
  const { wrong } = await crashEverywhere({ fault: ['done_upload', { worked: true, close: true }] })
  t.same(wrong, [])
})

t.test('the same while the file is too large and goes in parts of one block each', { timeout: 600_000 }, async t => {
  const spool = await openSpool(await closedSpool())
  const { bytes = 0 } = (await spool.segment(spool.waiting()[0]!)) ?? {}
  await spool.close()
  const { operations, wrong } = await crashEverywhere({
    fileMaxBytes: Math.ceil(bytes / 2),
    end: { ...ALL_IN_ONE, archived: LINES.length }
  }) // one and a half blocks
  t.ok(operations > 60, `${operations} operations: two splits, three uploads`)
  t.same(wrong, [])
})

t.test(
  'the same while a block of the file is damaged: the others arrive once, the damaged one is never sent',
  { timeout: 600_000 },
  async t => {
    const base = await closedSpool()
    const spool = await openSpool(base)
    const id = spool.waiting()[0]!
    const { path = '' } = (await spool.segment(id)) ?? {}
    const [, hit] = (await spool.reader.ledger(id, 'closed')).pieces
    await spool.close()
    const bytes = readFileSync(path)
    bytes[hit!.offset + 20]! ^= 0x10
    writeFileSync(path, bytes)
    const { operations, wrong } = await crashEverywhere({ end: { lines: [LINES[0]!, LINES[2]!], archived: 1, setAside: 1 } }, base)
    t.ok(operations > 40, `${operations} operations: a rescue and an upload`)
    t.same(wrong, [])
  }
)

t.test('a lost answer of any call, or a gateway that gave up: the file arrives once', async t => {
  const base = await closedSpool()
  for (const call of ['upload_url', 'put', 'done_upload'] as const) {
    for (const fault of [{ worked: true, close: true }, { worked: true, hang: true }, { worked: true, status: 504 }, { close: true }]) {
      const { problems } = await crashAndGoOn(base, { at: Number.POSITIVE_INFINITY, fault: [call, fault] })
      t.same(problems, [], `${call} ${JSON.stringify(fault)}`)
    }
  }
})

t.test('a closed segment that was cut short is never uploaded; its whole blocks are, and it is set aside', async t => {
  const dir = scratchDirectory()
  const tenant = await startTenant({ dir: join(scratchDirectory(), 'tenant'), token: TOKEN })
  const spool = await openSpool(dir)
  for (const line of LINES) spool.append(blockOf('HQ', [line]))
  await spool.closeAll()
  const { path = '', bytes = 0 } = (await spool.segment(spool.waiting()[0]!)) ?? {}
  truncateSync(path, bytes - 15) // the trailer and a part of the last block
  await upload(spool, tenant, () => spool.waiting().length === 0 && spool.stats().segments.open === 0)
  t.same(linesWith(tenant), LINES.slice(0, 2))
  const { segments, records } = spool.stats()
  t.equal(segments.setAside, 1)
  t.same([...records.setAside], [['HQ', 1]])
  for await (const { reason, carriedTo, recordCount } of spool.reader.list(['set-aside'])) {
    t.match(reason, /piece 3 of 3.*1 records in 1 blocks are lost/)
    t.match(carriedTo, /r$/)
    t.equal(recordCount, 1, 'the record that is nowhere else')
  }
  await spool.close()
  await tenant.close()
})
