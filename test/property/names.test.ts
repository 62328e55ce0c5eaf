/** Names from outside (sources, files, accounts, ids) never choose where on the disk something is written or read. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import t from 'tap'
import type { Segment, UploadQueue } from '../../src/contracts.ts'
import { resolvePath } from '../../src/receivers/ftp-tree.ts'
import { dataPath, isSegmentId, ledgerPath, readName } from '../../src/spool/layout.ts'
import { SpoolReader } from '../../src/spool/reader.ts'
import { safeName } from '../../src/tenant/store.ts'
import { uploadFileName } from '../../src/upload/cloud-discovery.ts'
import { DirectoryDestination } from '../../src/upload/directory.ts'
import { UploadStats } from '../../src/upload/stats.ts'
import fc from '../property-kit.ts'
import { blockOf, openSpool, scratchDirectory } from '../spool/blocks.ts'

/** Any text, and texts made of what paths are made of. */
const nasty = fc.oneof(
  fc.string({ maxLength: 80, unit: 'binary' }),
  fc
    .array(fc.constantFrom('..', '/', '\\', '.', '~', '\0', '%2e%2e', '%2f', 'a', '-', '\n', 'CON', 'C:', ' ', 'ü', '‮', '$(x)'), {
      maxLength: 12
    })
    .map(parts => parts.join(''))
)
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/
const segmentOf = (source: string, id: string): Segment => ({
  id,
  source,
  format: 'cef',
  step: 'closed',
  path: '',
  createdMs: 0,
  closedMs: 0,
  bytes: 1,
  rawBytes: 1,
  recordCount: 1,
  firstTime: 0,
  lastTime: 0,
  ambiguousFinalises: 0
})

t.test('an upload file has a plain name, whatever source and data source are called', async t => {
  fc.assert(
    fc.property(nasty, nasty, (source, stream) => {
      const name = uploadFileName(segmentOf(source, '01790000000000-000001'), `x${stream}`)
      return PLAIN.test(name) && name.length < 160
    })
  )
  t.pass('for all names that were tried')
})

t.test('the folder destination and the local tenant write below their folder', async t => {
  const base = scratchDirectory()
  const dir = join(base, 'inner', 'out')
  mkdirSync(dir, { recursive: true })
  const path = join(base, 'segment.gz')
  writeFileSync(path, 'x')
  const queue = { done: async () => {} } as unknown as UploadQueue
  const destination = new DirectoryDestination({ dir, stats: new UploadStats() })
  await fc.assert(
    fc.asyncProperty(nasty, async source => {
      await destination.upload({ ...segmentOf(source, '01790000000000-000001'), path }, queue, new AbortController().signal)
      const kept = safeName(source)
      if (!resolve(dir, kept).startsWith(dir + sep) || kept.includes('/')) throw new Error(`the tenant would write to ${kept}`)
    }),
    { numRuns: 60 }
  )
  t.same(readdirSync(base).toSorted(), ['inner', 'segment.gz'], 'nothing is beside it')
  t.same(readdirSync(join(base, 'inner')), ['out'])
})

t.test('no source name reaches the names in the spool', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir)
  await fc.assert(
    fc.asyncProperty(nasty, async source => {
      spool.append(blockOf(source, ['x']))
      await spool.commit()
    }),
    { numRuns: 40 }
  )
  await spool.closeAll()
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(name => name.includes('/'))
  t.ok(files.length > 20)
  t.same(
    files.filter(name => readName(name.slice(name.indexOf('/') + 1)) === undefined),
    []
  )
  await spool.close()
})

t.test('an id from outside finds a segment or nothing, never another file', async t => {
  const dir = scratchDirectory()
  const spool = await openSpool(dir)
  const reader = new SpoolReader(dir)
  const tries = fc.oneof(
    nasty,
    nasty.map(text => `../${text}`),
    nasty.map(text => `01790000000000-000001${text}`)
  )
  await fc.assert(
    fc.asyncProperty(tries, async id => {
      if (isSegmentId(id)) {
        for (const path of [dataPath(dir, 'closed', id), ledgerPath(dir, 'closed', id)])
          if (dirname(path) !== join(dir, 'closed')) throw new Error(path)
      }
      if ((await reader.segment(id)) !== undefined) throw new Error(`found ${id}`)
      if ((await reader.check(id)).sound) throw new Error(`sound ${id}`)
      for await (const _ of reader.lines(id)) throw new Error(`lines of ${id}`)
      if ((await spool.segment(id)) !== undefined) throw new Error(`waits: ${id}`)
      const isRefused = await spool.replay(id).then(
        () => false,
        () => true
      )
      if (!isRefused) throw new Error(`replayed ${id}`)
    }),
    { numRuns: 200 }
  )
  await spool.close()
  t.pass('for all ids that were tried')
})

t.test('a path that an FTP or SFTP client gives stays in its tree, which is not on the disk', async t => {
  fc.assert(
    fc.property(fc.array(nasty, { maxLength: 3 }), nasty, (from, text) => {
      const path = resolvePath(resolvePath([], from.join('/')) ?? [], text)
      return path === undefined || path.every(part => part !== '..' && part !== '.' && part !== '' && !/[/\0]/.test(part))
    })
  )
  t.pass('for all paths that were tried')
})
