import { createHash } from 'node:crypto'
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { createZstdCompress } from 'node:zlib'
import t from 'tap'
import { packSegment } from '../../../src/upload/archive/pack.ts'
import type { ArchiveStore } from '../../../src/upload/archive/store.ts'
import { chooseZstd } from '../../../src/upload/archive/zstd.ts'
import { readLines, setUp, zstdTest } from './kit.ts'

const NOWHERE: ArchiveStore = { place: 'nowhere', put: async () => undefined, close: async () => undefined }
const LINES = Array.from({ length: 30_000 }, (_, index) => `line ${index} of ${index * 7919}`)

t.test('a segment becomes one zstd file with the same lines, which zstd finds sound', async t => {
  const { spool, segment, dir } = await setUp(NOWHERE)
  const to = join(dir, 'a.zst')
  writeFileSync(to, 'left by a crash, and longer than nothing')
  const packed = await packSegment(await segment('a', LINES), to, chooseZstd(), 3)
  t.same(readLines(to), LINES)
  zstdTest(to)
  const bytes = readFileSync(to)
  t.equal(packed.bytes, bytes.length)
  t.ok(packed.md5.equals(createHash('md5').update(bytes).digest()))
  await spool.close()
})

t.test('a segment that is not what its ledger says is no archive file', async t => {
  const { spool, segment, dir } = await setUp(NOWHERE)
  const whole = await segment('a', LINES)
  const to = join(dir, 'a.zst')
  await t.rejects(packSegment({ ...whole, rawBytes: whole.rawBytes + 1 }, to, chooseZstd(), 1), { code: 'SEGMENT_DAMAGED' })
  const bytes = readFileSync(whole.path)
  bytes[bytes.length >> 1]! ^= 0x55
  writeFileSync(whole.path, bytes)
  await t.rejects(packSegment(whole, to, chooseZstd(), 1), { code: 'SEGMENT_DAMAGED' })
  truncateSync(whole.path, 100)
  await t.rejects(packSegment(whole, to, chooseZstd(), 1), { code: 'SEGMENT_DAMAGED' })
  await spool.close()
})

t.test('a disk that fails while it is written is no damage of the segment', async t => {
  const { spool, segment } = await setUp(NOWHERE)
  const whole = await segment('a', LINES)
  await t.rejects(packSegment(whole, '/dev/full', chooseZstd(), 1), { code: 'ENOSPC' })
  await spool.close()
})

t.test('nothing is left on the way, whether it was stored or not', async t => {
  let fails = true
  const seen: string[] = []
  const store: ArchiveStore = {
    ...NOWHERE,
    async put(name, { path }) {
      seen.push(path)
      if (fails) throw new Error(`no room for ${name}`)
    }
  }
  const { spool, segment, destination } = await setUp(store)
  const whole = await segment('a', LINES)
  const never = new AbortController().signal
  await t.rejects(destination.upload(whole, spool, never), /no room for a\//)
  t.same(spool.waiting(), [whole.id], 'it still waits')
  fails = false
  await destination.upload(whole, spool, never)
  t.same(spool.waiting(), [])
  t.notOk(seen.some(existsSync))
  t.ok(destination.bytes > 0 && destination.rawBytes === whole.rawBytes)
  await spool.close()
})

t.test('zstd-napi is taken where it can be loaded, and node:zlib otherwise, saying why', async t => {
  class CompressStream extends Transform {
    readonly #inner = createZstdCompress()
    readonly parameters: object
    constructor(parameters: object) {
      super()
      this.parameters = parameters
      this.#inner.on('data', chunk => this.push(chunk))
    }
    override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
      this.#inner.write(chunk, done)
    }
    override _flush(done: () => void): void {
      this.#inner.once('end', done).end()
    }
  }
  const native = chooseZstd(() => ({ CompressStream }))
  t.equal(native.library, 'zstd-napi')
  t.same((native.compressor(7) as CompressStream).parameters, { compressionLevel: 7, checksumFlag: true })
  const { spool, segment, dir } = await setUp(NOWHERE)
  await packSegment(await segment('a', LINES), join(dir, 'a.zst'), native, 1)
  t.same(readLines(join(dir, 'a.zst')), LINES)
  await spool.close()
  const missing = chooseZstd(() => {
    throw Object.assign(new Error("Cannot find module 'zstd-napi'"), { code: 'MODULE_NOT_FOUND' })
  })
  t.match(missing, { library: 'node:zlib', description: 'node:zlib (zstd-napi is not installed)' })
  const broken = chooseZstd(() => {
    throw new Error('binding.node: invalid ELF header\nsomewhere')
  })
  t.match(broken, { library: 'node:zlib', description: /cannot be loaded: binding.node: invalid ELF header\)$/ })
})
