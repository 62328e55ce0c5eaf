import { cpSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ledgerLine, type PieceLine, parseLedger } from '../../src/spool/ledger.ts'
import type { SegmentSpool } from '../../src/spool/spool.ts'
import { blockOf, finishedLines, linesOf, openSpool, scratchDirectory } from './blocks.ts'
import { FaultyIo } from './faulty-io.ts'

const HEAD = 'time,host\n'
const options = { preludes: () => Buffer.from(HEAD) }
const BLOCKS = Array.from({ length: 6 }, (_, i) => Array.from({ length: 3 }, (_, j) => `${i}-${j} ${'x'.repeat(i * 5)}`))
const ALL = BLOCKS.flat()

interface Crashed {
  dir: string
  data: string
  ledger: string
  pieces: PieceLine[]
}

/** A spool as a power cut leaves it: six confirmed blocks of one source, nothing closed, the lock still there. */
async function crashed(): Promise<Crashed> {
  const live = scratchDirectory()
  const spool = await openSpool(live, options)
  for (const lines of BLOCKS) {
    spool.append(blockOf('HQ', lines, 'csv'))
    await spool.commit()
  }
  const copy = copyOf(live)
  await spool.close()
  return copy
}

function copyOf(from: string): Crashed {
  const dir = scratchDirectory()
  cpSync(from, dir, { recursive: true })
  const id = readdirSync(join(dir, 'open'))
    .find(name => name.endsWith('.gz'))!
    .slice(0, -3)
  const ledger = join(dir, 'open', `${id}.ledger`)
  return { dir, data: join(dir, 'open', `${id}.gz`), ledger, pieces: parseLedger(readFileSync(ledger)).pieces }
}

/** A disk that refuses the first rename of each path that fits. */
function failingOnce(fits: (path: string) => boolean): { io: FaultyIo; failures: () => number } {
  const io = new FaultyIo()
  const refused = new Set<string>()
  io.fault = (operation, path) => {
    if (operation !== 'rename' || !fits(path) || refused.has(path)) return undefined
    refused.add(path)
    return 'EIO'
  }
  return { io, failures: () => refused.size }
}

/** Opens, adds one more line, closes: the lines of the finished files, heads left out. */
async function reopened(dir: string): Promise<{ lines: string[]; spool: SegmentSpool }> {
  const spool = await openSpool(dir, options)
  spool.append(blockOf('HQ', ['after'], 'csv'))
  await spool.commit()
  const lines = (await finishedLines(spool)).filter(line => `${line}\n` !== HEAD && line !== 'after')
  for (const id of spool.waiting()) {
    const check = await spool.reader.check(id)
    if (!check.sound) throw new Error(check.fault)
  }
  return { lines, spool }
}

t.test('after a crash all goes on in the same file, with its head once', async t => {
  const { dir } = await crashed()
  const { lines, spool } = await reopened(dir)
  t.same(lines, [...ALL].sort())
  t.equal(spool.waiting().length, 1)
  t.match(spool.stats().recovery, { lostBlocks: 0, salvagedBlocks: 0, cutBytes: 0, setAside: 0 })
  const segment = await spool.segment(spool.waiting()[0]!)
  t.equal(segment?.recordCount, ALL.length + 1)
  await spool.close()
})

t.test('a data file cut at any byte keeps exactly the blocks that are whole', async t => {
  const base = await crashed()
  const size = readFileSync(base.data).length
  const wrong: string[] = []
  for (let end = 0; end < size; end += 3) {
    const { dir, data, pieces } = copyOf(base.dir)
    truncateSync(data, end)
    const { lines, spool } = await reopened(dir)
    const whole = pieces.filter(piece => piece.t === 'block' && piece.offset + piece.length <= end).length
    const wanted = BLOCKS.slice(0, whole).flat().sort()
    if (JSON.stringify(lines) !== JSON.stringify(wanted)) wrong.push(`cut at ${end}: ${lines.length} lines, expected ${wanted.length}`)
    await spool.close()
    rmSync(dir, { recursive: true })
  }
  t.same(wrong, [])
})

t.test('a ledger that lost its tail at any byte is made again from the data', async t => {
  const base = await crashed()
  const bytes = readFileSync(base.ledger)
  const firstLine = bytes.indexOf('\n') + 1
  const wrong: string[] = []
  for (let end = firstLine; end < bytes.length; end += 7) {
    const { dir, ledger } = copyOf(base.dir)
    truncateSync(ledger, end)
    const { lines, spool } = await reopened(dir)
    // The head of file may come twice when its own ledger line was lost, never a record.
    if (JSON.stringify(lines) !== JSON.stringify([...ALL].sort())) wrong.push(`cut at ${end}: ${lines.length} lines`)
    await spool.close()
    rmSync(dir, { recursive: true })
  }
  t.same(wrong, [])
})

t.test('a damaged line in the middle of the ledger costs no record', async t => {
  const { dir, ledger } = await crashed()
  const bytes = readFileSync(ledger)
  const lines = bytes.toString().split('\n')
  bytes[lines.slice(0, 4).join('\n').length + 30]! ^= 1
  writeFileSync(ledger, bytes)
  const { lines: got, spool } = await reopened(dir)
  t.same(got, [...ALL].sort())
  t.equal(spool.stats().recovery.salvagedBlocks, 1)
  await spool.close()
})

t.test('a flipped byte in a block costs that block only; the original is set aside and its lines can be read', async t => {
  const base = await crashed()
  const wrong: string[] = []
  for (const [index, piece] of base.pieces.filter(piece => piece.t === 'block').entries()) {
    const { dir, data } = copyOf(base.dir)
    const bytes = readFileSync(data)
    bytes[piece.offset + 4]! ^= 0xff
    writeFileSync(data, bytes)
    const { lines, spool } = await reopened(dir)
    const wanted = BLOCKS.filter((_, i) => i !== index)
      .flat()
      .sort()
    if (JSON.stringify(lines) !== JSON.stringify(wanted)) wrong.push(`block ${index}: ${lines.length} lines`)
    const isLast = index === BLOCKS.length - 1
    t.match(spool.stats(), { recovery: { lostBlocks: 1, lostRecords: 3 }, segments: { setAside: isLast ? 0 : 1 } })
    if (!isLast) {
      t.same((await linesOf(spool, ['set-aside'])).length, 15)
      for await (const segment of spool.reader.list(['set-aside'])) {
        t.match(segment, { reason: /are damaged/, carriedTo: /r$/ })
        await t.rejects(spool.replay(segment.id), { code: 'SEGMENT_DAMAGED' })
      }
    }
    await spool.close()
  }
  t.same(wrong, [])
})

t.test('a crash in the middle of a rescue doubles nothing', async t => {
  const { dir, data, pieces } = await crashed()
  const bytes = readFileSync(data)
  bytes[pieces[2]!.offset + 4]! ^= 0xff
  writeFileSync(data, bytes)
  // What the rescue writes before the original is moved.
  cpSync(data, data.replace('.gz', 'r.gz'))
  writeFileSync(data.replace('.gz', 'r.ledger'), 'half')
  writeFileSync(data.replace('.gz', 'r.ledger.new'), 'half')
  const { lines, spool } = await reopened(dir)
  t.equal(lines.length, 15)
  t.match(spool.stats().segments, { setAside: 1, open: 0 })
  await spool.close()
})

t.test('a missing ledger, or one whose first line is damaged, sets the segment aside with its lines readable', async t => {
  for (const damage of ['missing', 'damaged']) {
    const { dir, ledger } = await crashed()
    if (damage === 'missing') rmSync(ledger)
    else writeFileSync(ledger, readFileSync(ledger).fill('?', 10, 12))
    const { lines, spool } = await reopened(dir)
    t.same(lines, [])
    const aside = []
    for await (const segment of spool.reader.list(['set-aside'])) aside.push(segment)
    t.match(aside, [{ source: '', reason: /its source is not known/ }])
    const read = (await linesOf(spool, ['set-aside'])).filter(line => `${line}\n` !== HEAD)
    t.same(read, [...ALL].sort())
    await t.rejects(spool.replay(aside[0]!.id), { code: 'SEGMENT_DAMAGED' })
    await spool.close()
  }
})

t.test('a crash at each step of closing leaves the segment whole, once', async t => {
  const live = scratchDirectory()
  const spool = await openSpool(live, options)
  for (const lines of BLOCKS) spool.append(blockOf('HQ', lines, 'csv'))
  await spool.closeAll()
  const id = spool.waiting()[0]!
  await spool.close()
  const ledger = readFileSync(join(live, 'closed', `${id}.ledger`))
  const withoutClosed = ledger.subarray(0, ledger.lastIndexOf('\n', ledger.length - 2) + 1)
  const place = (dir: string, folder: string, kind: string): string => join(dir, folder, `${id}.${kind}`)
  const cases: Record<string, (dir: string) => void> = {
    'half a trailer': dir => {
      cpSync(place(dir, 'closed', 'gz'), place(dir, 'open', 'gz'))
      truncateSync(place(dir, 'open', 'gz'), readFileSync(place(dir, 'open', 'gz')).length - 4)
      rmSync(place(dir, 'closed', 'gz'))
      rmSync(place(dir, 'closed', 'ledger'))
      writeFileSync(place(dir, 'open', 'ledger'), withoutClosed)
    },
    'trailer, no closing line': dir => {
      cpSync(place(dir, 'closed', 'gz'), place(dir, 'open', 'gz'))
      rmSync(place(dir, 'closed', 'gz'))
      rmSync(place(dir, 'closed', 'ledger'))
      writeFileSync(place(dir, 'open', 'ledger'), withoutClosed)
    },
    'nothing moved': dir => {
      for (const kind of ['gz', 'ledger']) {
        cpSync(place(dir, 'closed', kind), place(dir, 'open', kind))
        rmSync(place(dir, 'closed', kind))
      }
    },
    'only the data moved': dir => {
      cpSync(place(dir, 'closed', 'ledger'), place(dir, 'open', 'ledger'))
      rmSync(place(dir, 'closed', 'ledger'))
    },
    'only the ledger moved': dir => {
      cpSync(place(dir, 'closed', 'gz'), place(dir, 'open', 'gz'))
      rmSync(place(dir, 'closed', 'gz'))
    },
    'both moved, and the names in open/ are there again': dir => {
      for (const kind of ['gz', 'ledger']) cpSync(place(dir, 'closed', kind), place(dir, 'open', kind))
    },
    'all moved': () => undefined
  }
  for (const [name, crash] of Object.entries(cases)) {
    const dir = scratchDirectory()
    cpSync(live, dir, { recursive: true })
    crash(dir)
    const { lines, spool } = await reopened(dir)
    t.same(lines, [...ALL].sort(), name)
    t.equal(spool.stats().segments.setAside, 0, name)
    await spool.close()
  }
})

t.test('a crash in the middle of done or set-aside is finished at the next start', async t => {
  const dir = scratchDirectory()
  let spool = await openSpool(dir)
  for (const source of ['a', 'b', 'c', 'd', 'e']) spool.append(blockOf(source, [source]))
  await spool.closeAll()
  const [a, b, c, d, e] = spool.waiting() as [string, string, string, string, string]
  await spool.close()
  const place = (folder: string, id: string, kind: string): string => join(dir, folder, `${id}.${kind}`)
  const move = (id: string, to: string, kind: string): void => {
    cpSync(place('closed', id, kind), place(to, id, kind))
    rmSync(place('closed', id, kind))
  }
  move(a, 'archive', 'gz')
  move(b, 'set-aside', 'gz')
  rmSync(place('closed', c, 'gz'))
  writeFileSync(place('closed', d, 'ledger'), ledgerLine({ t: 'step', step: 'done', atMs: 1 }), { flag: 'a' })
  rmSync(place('closed', e, 'ledger'))
  spool = await openSpool(dir)
  t.same(spool.waiting(), [], 'the service has d already')
  t.equal(await spool.segment(d), undefined)
  t.same([...spool.stats().settled.uploaded], [['d', 1]])
  t.match(await spool.reader.segment(a), { step: 'done', source: 'a' })
  t.match(await spool.reader.segment(b), { step: 'set-aside', source: 'b' })
  t.match(await spool.reader.segment(e), { step: 'set-aside', source: '', reason: /ledger is missing/ })
  t.same(readdirSync(join(dir, 'closed')), [])
  await spool.close()
})

/** A spool after a kill: `whole` is closed but not moved yet; six blocks of another source are open, one of them damaged. */
async function closedInPlace(): Promise<{ dir: string; whole: string; damaged: string }> {
  const dir = scratchDirectory()
  const spool = await openSpool(dir)
  spool.append(blockOf('whole', ['1', '2']))
  await spool.closeAll()
  const [whole] = spool.waiting() as [string]
  for (const lines of BLOCKS) {
    spool.append(blockOf('damaged', lines))
    await spool.commit()
  }
  const [damaged] = (await spool.reader.ids('open')) as [string]
  await spool.close()
  for (const kind of ['gz', 'ledger']) renameSync(join(dir, 'closed', `${whole}.${kind}`), join(dir, 'open', `${whole}.${kind}`))
  const data = join(dir, 'open', `${damaged}.gz`)
  const bytes = readFileSync(data)
  bytes[14]! ^= 0xff
  writeFileSync(data, bytes)
  return { dir, whole, damaged }
}

const SAVED = [...BLOCKS.slice(1).flat(), '1', '2'].sort()

t.test('a start whose second rename fails carries the ledger after the data in the same start', async t => {
  const { dir, damaged } = await closedInPlace()
  const { io, failures } = failingOnce(path => path.endsWith('.ledger'))
  const spool = await openSpool(dir, { io })
  t.equal(failures(), 2, 'that of the whole one to closed/, and that of the damaged one to set-aside/')
  t.match(spool.stats(), { unrecovered: { segments: 0, bytes: 0 }, recovery: { setAside: 1 }, segments: { setAside: 1 } })
  t.match(await spool.reader.segment(damaged), { step: 'set-aside', source: 'damaged', carriedTo: `${damaged}r` })
  t.same([...spool.stats().records.setAside], [['damaged', 3]], 'the damaged block')
  t.same(await finishedLines(spool), SAVED)
  await spool.close()
})

t.test('a ledger that the disk gives out at no try of a start waits for the next one, and nothing whole is set aside', async t => {
  const { dir, whole, damaged } = await closedInPlace()
  const io = new FaultyIo()
  io.fault = (operation, path) => (operation === 'rename' && path.endsWith(`${whole}.ledger`) ? 'EIO' : undefined)
  const first = await openSpool(dir, { io })
  const { records, segments } = first.stats()
  t.match(segments, { closed: 1, setAside: 1 })
  t.equal(records.unreadSegments, 1, 'it is not counted yet')
  t.equal(first.sourceOf(whole), undefined)
  await t.rejects(first.segment(whole), { code: 'SPOOL_IO', retryable: true })
  await first.close()

  const second = await openSpool(dir)
  t.match(second.stats(), { recovery: { setAside: 0 }, segments: { setAside: 1 }, records: { unreadSegments: 0 } })
  t.same((await second.reader.ids('set-aside')).join(), damaged)
  t.same(await finishedLines(second), SAVED)
  await second.close()
})

t.test('a replay whose second rename fails can be tried again, and a start finishes one that was cut short', async t => {
  for (const from of ['archive', 'set-aside'] as const) {
    const dir = scratchDirectory()
    const { io, failures } = failingOnce(path => path.includes(from) && path.endsWith('.ledger'))
    const spool = await openSpool(dir, { io })
    spool.append(blockOf('s', ['x']))
    await spool.closeAll()
    const [id] = spool.waiting() as [string]
    await (from === 'archive' ? spool.done(id) : spool.setAside(id, 'for a test'))
    await t.rejects(spool.replay(id), { code: 'SPOOL_IO', retryable: true })
    t.equal(failures(), 1)
    const cut = scratchDirectory()
    cpSync(dir, cut, { recursive: true })
    await spool.replay(id)
    await spool.close()
    for (const restarted of [dir, cut]) {
      const again = await openSpool(restarted)
      t.match(await again.segment(id), { step: 'closed', source: 's', recordCount: 1 })
      t.match(again.stats().segments, { closed: 1, archived: 0, setAside: 0 })
      t.same(await finishedLines(again), ['x'])
      await again.close()
    }
  }
})

t.test('check names the first fault of a closed segment, and a waiting one with a spoiled ledger is set aside', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir)
  for (const source of ['a', 'b']) for (const lines of BLOCKS) spool.append(blockOf(source, lines))
  await spool.closeAll()
  const [a, b] = spool.waiting() as [string, string]
  const path = (await spool.segment(a))!.path
  const bytes = readFileSync(path)
  const faulty = (at: number): Buffer => Buffer.from(bytes).fill(bytes[at]! ^ 0xff, at, at + 1)
  t.same(await spool.reader.check(a), { sound: true })
  for (const [damaged, fault] of [
    [faulty(0), /does not begin as a gzip/],
    [faulty(14), /piece 1 of 6, at byte 10, is not/],
    [faulty(bytes.length - 1), /trailer does not fit/],
    [bytes.subarray(0, -1), /has \d+ bytes, expected/]
  ] as const) {
    writeFileSync(path, damaged)
    t.match(await spool.reader.check(a), { sound: false, fault })
  }
  t.match(await spool.reader.check('../x'), { sound: false, fault: /no segment/ })
  writeFileSync(join(dir, 'closed', `${b}.ledger`), 'rubbish')
  t.equal(await spool.segment(b), undefined)
  t.match(await spool.reader.segment(b), { step: 'set-aside', reason: /ledger is damaged/ })
  await spool.close()
})
