import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { Format } from '../../src/contracts.ts'
import fc from '../property-kit.ts'
import { blockOf, finishedLines, linesOf, openSpool, pythonGunzip, scratchDirectory, until, zcat } from './blocks.ts'

const HEAD: Partial<Record<Format, string>> = { csv: 'time,srcIp\n', w3c: '#Version: 1.0\n#Fields: date time\n' }
const preludes = (_source: string, format: Format): Buffer => Buffer.from(HEAD[format] ?? '')

t.test('its bytes are those of its files, whatever they are on their way to', async t => {
  const dir = scratchDirectory()
  const onDisk = (...folders: string[]): number =>
    folders.flatMap(folder => readdirSync(join(dir, folder)).map(name => statSync(join(dir, folder, name)).size)).reduce((a, b) => a + b, 0)
  const first = await openSpool(dir)
  for (const source of ['a', 'b', 'a']) {
    first.append(blockOf(source, ['one', 'two']))
    await first.commit()
    t.equal(first.stats().bytes, onDisk('open'), 'written')
  }
  await first.close()
  const second = await openSpool(dir)
  t.equal(second.stats().bytes, onDisk('open'), 'open since an earlier process')
  second.append(blockOf('b', ['three']))
  await second.commit()
  t.equal(second.stats().bytes, onDisk('open'), 'which goes on')
  await second.closeAll()
  t.equal(onDisk('open'), 0)
  t.equal(second.stats().bytes, onDisk('closed'), 'closed')
  await second.close()
})

t.test('every finished file is one gzip that holds the head and the lines of one source, in order', async t => {
  const name = fc.constantFrom('HQ', 'Zürich/../../etc', 'x'.repeat(64))
  const format = fc.constantFrom<Format>('cef', 'csv', 'w3c')
  const lines = fc.array(
    fc.string({ maxLength: 300 }).map(text => text.replace(/[\r\n]/g, ' ')),
    { minLength: 1, maxLength: 20 }
  )
  const blocks = fc.array(fc.record({ name, format, lines, commits: fc.boolean() }), { minLength: 1, maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(blocks, fc.integer({ min: 300, max: 5000 }), fc.boolean(), async (blocks, segmentMaxBytes, restarts) => {
      const dir = scratchDirectory()
      const options = { preludes, segmentMaxBytes, commitIntervalMs: 1 }
      let spool = await openSpool(dir, options)
      const expected = new Map<string, string>()
      for (const [index, { name, format, lines, commits }] of blocks.entries()) {
        if (restarts && index === blocks.length >> 1) {
          await spool.close()
          spool = await openSpool(dir, options)
        }
        const key = `${name} ${format}`
        expected.set(key, (expected.get(key) ?? '') + lines.map(line => `${line}\n`).join(''))
        spool.append(blockOf(name, lines, format))
        if (commits) await spool.commit()
      }
      await spool.closeAll()
      const got = new Map<string, string>()
      for (const id of spool.waiting()) {
        const segment = (await spool.segment(id))!
        const content = gunzipSync(readFileSync(segment.path))
        if (!zcat(segment.path).equals(content)) throw new Error('zcat reads something else')
        const head = HEAD[segment.format] ?? ''
        if (!content.toString().startsWith(head)) throw new Error('the head is missing')
        if (content.length !== segment.rawBytes || statSync(segment.path).size !== segment.bytes) throw new Error('sizes differ')
        const key = `${segment.source} ${segment.format}`
        got.set(key, (got.get(key) ?? '') + content.toString().slice(head.length))
        const check = await spool.reader.check(id)
        if (!check.sound) throw new Error(check.fault)
      }
      await spool.close()
      t.same(Object.fromEntries(got), Object.fromEntries(expected))
    }),
    { numRuns: 25 }
  )
})

t.test('python reads a segment of many blocks', async t => {
  const spool = await openSpool(scratchDirectory(), { preludes })
  const blocks = Array.from({ length: 40 }, (_, i) => Array.from({ length: 50 }, (_, j) => `${i},${j},${'v'.repeat(j)}`))
  for (const lines of blocks) spool.append(blockOf('HQ', lines, 'csv'))
  await spool.closeAll()
  const segment = (await spool.segment(spool.waiting()[0]!))!
  t.equal(
    pythonGunzip(segment.path).toString(),
    HEAD.csv +
      blocks
        .flat()
        .map(line => `${line}\n`)
        .join('')
  )
  t.equal(segment.recordCount, 2000)
  await spool.close()
})

t.test('a segment closes before it grows beyond the size, the raw size, and when it is old', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir, { segmentMaxBytes: 400, segmentMaxRawBytes: 1000 })
  for (let i = 0; i < 20; i++) spool.append(blockOf('small', [`line ${i} ${Math.random()} ${Math.random()}`]))
  for (let i = 0; i < 4; i++) spool.append(blockOf('raw', ['z'.repeat(400)]))
  await spool.closeAll()
  for (const id of spool.waiting()) {
    const segment = (await spool.segment(id))!
    t.ok(segment.bytes <= 400 && segment.rawBytes <= 1000, `${segment.bytes} bytes, ${segment.rawBytes} raw`)
  }
  t.ok(spool.waiting().length > 4)
  const before = spool.waiting().length
  spool.append(blockOf('old', ['x']))
  await spool.commit()
  spool.flushIntervalMs = 1
  await until(() => spool.waiting().length > before)
  t.equal(spool.waiting().length, before + 1)
  await spool.close()
})

t.test('a change of the head of file begins a new segment, also across a restart', async t => {
  const dir = scratchDirectory()
  let head = 'a,b\n'
  const options = { preludes: () => Buffer.from(head) }
  let spool = await openSpool(dir, options)
  spool.append(blockOf('s', ['1,2'], 'csv'))
  head = 'a,b,c\n'
  spool.append(blockOf('s', ['1,2,3'], 'csv'))
  await spool.close()
  spool = await openSpool(dir, options)
  spool.append(blockOf('s', ['4,5,6'], 'csv'))
  await spool.close()
  head = 'd\n'
  spool = await openSpool(dir, options)
  spool.append(blockOf('s', ['7'], 'csv'))
  await spool.closeAll()
  const contents: string[] = []
  for (const id of spool.waiting()) contents.push(gunzipSync(readFileSync((await spool.segment(id))!.path)).toString())
  t.same(contents, ['a,b\n1,2\n', 'a,b,c\n1,2,3\n4,5,6\n', 'd\n7\n'])
  await spool.close()
})

t.test('commit covers all that was appended before it, with few syncs for many waiters', async t => {
  const spool = await openSpool(scratchDirectory(), { commitIntervalMs: 20 })
  const waits: Promise<void>[] = []
  for (let i = 0; i < 200; i++) {
    spool.append(blockOf('s', [String(i)]))
    waits.push(spool.commit())
  }
  await Promise.all(waits)
  t.equal(spool.stats().sources[0]?.writtenRecords, 200)
  t.ok(spool.stats().sync.count <= 4, `${spool.stats().sync.count} syncs`)
  await spool.commit()
  await spool.close()
})

t.test('each step is persisted, and done moves the segment to a bounded archive', async t => {
  const dir = scratchDirectory()
  let spool = await openSpool(dir, { archiveCount: 2 })
  for (const source of ['a', 'b', 'c', 'd']) spool.append(blockOf(source, [source]))
  await spool.closeAll()
  const ids = spool.waiting()
  await spool.advance(ids[0]!, 'issued', { uploadUrl: 'https://blob/secret', provider: 'azure' })
  await spool.advance(ids[0]!, 'stored')
  await spool.advance(ids[0]!, 'finalising')
  await spool.close()
  spool = await openSpool(dir, { archiveCount: 2 })
  t.match(await spool.segment(ids[0]!), {
    step: 'finalising',
    uploadUrl: 'https://blob/secret',
    provider: 'azure',
    ambiguousFinalises: 1,
    source: 'a'
  })
  t.equal(spool.stats().segments.finalising, 1)
  await spool.advance(ids[0]!, 'closed')
  t.notOk('uploadUrl' in (await spool.segment(ids[0]!))!, 'back at the begin there is no url')
  for (const id of ids.slice(0, 3)) await spool.done(id)
  t.same(spool.waiting(), [ids[3]])
  t.same(readdirSync(join(dir, 'archive')).length, 4, 'two segments of two files')
  t.equal(await spool.segment(ids[0]!), undefined)
  await t.rejects(spool.advance(ids[0]!, 'stored'), { code: 'SPOOL_IO' })
  await spool.setAside(ids[3]!, 'refused: 413')
  t.match(await spool.reader.segment(ids[3]!), { step: 'set-aside', reason: 'refused: 413' })
  t.match(spool.stats(), { segments: { closed: 0, archived: 2, setAside: 1 }, doneTotal: 3, setAsideTotal: 1 })
  await spool.replay(ids[3]!)
  await spool.replay(ids[2]!)
  t.same(spool.waiting(), [ids[2], ids[3]])
  t.match(await spool.segment(ids[3]!), { step: 'closed' })
  await t.rejects(spool.replay('../../etc/passwd'), { code: 'SPOOL_IO' })
  await spool.close()
})

t.test('an archived segment goes when it is too old, also when nothing was uploaded since', async t => {
  const dir = scratchDirectory()
  let nowMs = Date.UTC(2026, 0, 1)
  const options = { archiveMaxAgeMs: 3 * 86_400_000, now: () => nowMs }
  let spool = await openSpool(dir, options)
  const upload = async (): Promise<string> => {
    spool.append(blockOf('a', ['x']))
    await spool.closeAll()
    const id = spool.waiting()[0]!
    await spool.done(id)
    return id
  }
  await upload()
  nowMs += 2 * 86_400_000
  const young = await upload()
  t.equal(spool.stats().segments.archived, 2)
  nowMs += 2 * 86_400_000
  await spool.close()
  spool = await openSpool(dir, options)
  t.same(await spool.reader.ids('archive'), [young])
  await spool.close()
  spool = await openSpool(dir, { ...options, archiveMaxAgeMs: 0 })
  nowMs += 900 * 86_400_000
  await upload()
  t.equal(spool.stats().segments.archived, 2, 'without that bound only number and size count')
  await spool.close()
})

t.test('without an archive, uploaded segments are removed', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir, { archiveCount: 0 })
  spool.append(blockOf('a', ['x']))
  await spool.closeAll()
  await spool.done(spool.waiting()[0]!)
  t.same([readdirSync(join(dir, 'closed')), readdirSync(join(dir, 'archive'))], [[], []])
  t.equal(spool.stats().bytes, 0)
  await spool.close()
})

t.test('above the high-water mark the spool is full until it is below the low one, and the archive goes first', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir, { maxBytes: 20_000 })
  const seen: boolean[] = []
  spool.onFullChange(full => seen.push(full))
  const noise = (): string => Array.from({ length: 150 }, () => Math.random().toString(36)).join('')
  const put = async (): Promise<void> => {
    spool.append(blockOf('s', [noise()]))
    await spool.closeAll()
  }
  while (spool.waiting().length < 4) await put()
  t.equal(spool.full, false)
  for (const id of spool.waiting().slice(0, 2)) await spool.done(id)
  while (!spool.full) await put()
  const { bytes, highWaterBytes } = spool.stats()
  t.ok(bytes >= highWaterBytes)
  await spool.commit()
  for (const id of spool.waiting()) if (spool.full) await spool.done(id)
  await until(() => !spool.full)
  t.same(seen, [true, false])
  await until(() => spool.stats().bytes < highWaterBytes) // the archive is cut down too
  t.ok(spool.waiting().length > 2, 'it was not emptied to get there')
  await spool.close()
})

t.test('nobody but the owner may read the spool, and names of sources are no paths', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir)
  spool.append(blockOf('../../../evil', ['x']))
  await spool.closeAll()
  t.equal(statSync(dir).mode & 0o777, 0o700)
  t.equal(statSync(join(dir, 'closed')).mode & 0o777, 0o700)
  for (const name of readdirSync(join(dir, 'closed'))) {
    t.match(name, /^\d{14}-\d{6}\.(gz|ledger)$/)
    t.equal(statSync(join(dir, 'closed', name)).mode & 0o777, 0o600)
  }
  t.same(await linesOf(spool), ['x'])
  await spool.close()
})

t.test('ids grow though the clock goes back, and a jump forward closes nothing', async t => {
  const dir = scratchDirectory()
  let nowMs = 1_800_000_000_000
  const options = { now: () => nowMs }
  let spool = await openSpool(dir, options)
  spool.append(blockOf('a', ['first']))
  await spool.closeAll()
  nowMs -= 86_400_000
  spool.append(blockOf('a', ['second']))
  await spool.closeAll()
  await spool.close()
  spool = await openSpool(dir, options)
  spool.append(blockOf('a', ['third']))
  await spool.closeAll()
  const sources: string[] = []
  for (const id of spool.waiting()) for await (const line of spool.reader.lines(id)) sources.push(line.toString())
  t.same(sources, ['first', 'second', 'third'])
  spool.append(blockOf('a', ['fourth']))
  await spool.commit()
  nowMs += 10 * 86_400_000
  await sleep(600)
  t.equal(spool.stats().segments.open, 1)
  await spool.close()
})

t.test('a spool of another version, or one without a version, is refused and left as it is', async t => {
  const { mkdirSync, writeFileSync } = await import('node:fs')
  const dir = scratchDirectory()
  mkdirSync(join(dir, 'closed'), { recursive: true })
  await t.rejects(openSpool(dir), { code: 'SPOOL_VERSION', message: /no VERSION file/ })
  writeFileSync(join(dir, 'VERSION'), 'sluice-spool 7\n')
  await t.rejects(openSpool(dir), { code: 'SPOOL_VERSION', message: /version 7, this program reads version 1/ })
  writeFileSync(join(dir, 'VERSION'), 'something')
  await t.rejects(openSpool(dir), { code: 'SPOOL_VERSION' })
  t.notOk(existsSync(join(dir, 'open')))
})

t.test('a block that is no whole piece of deflate is refused instead of spoiling the file', async t => {
  const spool = await openSpool(scratchDirectory())
  const good = blockOf('s', ['good'])
  t.equal(spool.append(good), true)
  t.equal(spool.append({ ...good, bytes: good.bytes.subarray(0, 4) }), false)
  await t.rejects(spool.commit(), { code: 'SPOOL_FULL' })
  t.match(spool.stats().sources, [{ appendedBlocks: 2, shedBlocks: 1 }])
  t.same(await finishedLines(spool), ['good'])
  await spool.commit()
  await spool.close()
})
