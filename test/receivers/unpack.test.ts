import { execFile } from 'node:child_process'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { packingOf, UnpackError, unpacked } from '../../src/receivers/unpack.ts'
import { ChunkReader } from '../../src/receivers/unpack-reader.ts'
import { unxzed } from '../../src/receivers/unpack-xz.ts'
import { scratchDir } from '../test-dir.ts'

t.setTimeout(600_000)

const run = promisify(execFile)
const LIMITS = { unpackedMaxBytes: 1024 ** 3, unpackedMaxRatio: 300 }
const dir = scratchDir('unpack')
/** Lines that compress like logs, longer than a bzip2 block. */
const LINES = Buffer.from(
  Array.from(
    { length: 30_000 },
    (_, i) => `date=2026-10-01 srcip=10.0.${i % 256}.${(i * 7) % 256} msg="${((i * 2654435761) >>> 0).toString(36)}"`
  ).join('\n')
)
const plain = join(dir, 'traffic.log')
writeFileSync(plain, LINES)

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function unpack(bytes: Buffer, size = 64 * 1024, limits = LIMITS): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of unpacked(cut(bytes, size), limits)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

const faultOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    error => (error instanceof UnpackError ? `${error.kind}: ${error.message}` : String(error))
  )

/** Output of a command line tool, made in the folder of the test. */
async function made(name: string, command: string, ...args: string[]): Promise<Buffer> {
  await run(command, args, { cwd: dir })
  return readFileSync(join(dir, name))
}

t.test('what the common tools pack comes out as it was, however it is cut', async t => {
  const half = LINES.length >> 1
  const files: Record<string, Buffer> = {
    plain: LINES,
    gzip: gzipSync(LINES),
    'gzip by its tool, with name': await made('traffic.log.gz', 'gzip', '-k', 'traffic.log'),
    'gzip, three members': Buffer.concat([gzipSync(LINES.subarray(0, half)), gzipSync(''), gzipSync(LINES.subarray(half))]),
    'gzip, zeros after it': Buffer.concat([gzipSync(LINES), Buffer.alloc(1000)]),
    zstd: zstdCompressSync(LINES),
    'zstd by its tool': await made('traffic.log.zst', 'zstd', '-q', '-19', 'traffic.log'),
    'zstd, two frames and a skippable one': Buffer.concat([
      zstdCompressSync(LINES.subarray(0, half)),
      Buffer.from('502a4d1803000000aabbcc', 'hex'),
      zstdCompressSync(LINES.subarray(half))
    ]),
    zip: await made('one.zip', 'zip', '-q', 'one.zip', 'traffic.log'),
    'zip, stored': await made('stored.zip', 'zip', '-q', '-0', 'stored.zip', 'traffic.log'),
    'zip written to a pipe': await made('piped.zip', 'sh', '-c', 'cat traffic.log | zip -q - - | cat > piped.zip'),
    bzip2: await made('traffic.log.bz2', 'bzip2', '-k', 'traffic.log'),
    'bzip2, two streams of small blocks': await made(
      'two.bz2',
      'sh',
      '-c',
      `head -c ${half} traffic.log | bzip2 -1 > two.bz2; tail -c +${half + 1} traffic.log | bzip2 -1 >> two.bz2`
    ),
    xz: await made('traffic.log.xz', 'xz', '-k', 'traffic.log'),
    'xz with its largest dictionary': await made('nine.xz', 'sh', '-c', 'xz -9e -c traffic.log > nine.xz'),
    'xz of several blocks by threads': await made('blocks.xz', 'sh', '-c', 'xz -T2 --block-size=300000 -c traffic.log > blocks.xz'),
    'xz, checked by SHA-256, filtered': await made('sha.xz', 'sh', '-c', 'xz --check=sha256 --x86 --lzma2 -c traffic.log > sha.xz'),
    'xz, two streams of other checks, padding between and after them': await made(
      'two.xz',
      'sh',
      '-c',
      `(head -c ${half} traffic.log | xz -1 --check=crc32; head -c 8 /dev/zero; tail -c +${half + 1} traffic.log | xz -0 --check=none; head -c 4 /dev/zero) > two.xz`
    ),
    'xz by Python': await made(
      'python.xz',
      'python3',
      '-c',
      'import lzma; lzma.open("python.xz", "w").write(open("traffic.log", "rb").read())'
    )
  }
  for (const [title, bytes] of Object.entries(files)) {
    for (const size of [64 * 1024, 1000, bytes.length]) t.ok((await unpack(bytes, size)).equals(LINES), `${title} in chunks of ${size}`)
  }
  const small = Buffer.from('one\ntwo\n')
  for (const bytes of [gzipSync(small), zstdCompressSync(small), Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]), small]) {
    for (let size = 1; size <= bytes.length; size++) t.ok((await unpack(bytes, size)).equals(small), `${bytes.length} bytes by ${size}`)
  }
})

t.test('long runs of one byte come back from bzip2', async t => {
  for (const length of [3, 4, 5, 255, 259, 260, 5000]) {
    writeFileSync(join(dir, 'run.txt'), 'x'.repeat(length))
    const bytes = await made('run.txt.bz2', 'bzip2', '-kf', 'run.txt')
    t.equal((await unpack(bytes)).toString(), 'x'.repeat(length))
  }
  writeFileSync(join(dir, 'empty.txt'), '')
  t.equal((await unpack(await made('empty.txt.bz2', 'bzip2', '-k', 'empty.txt'))).length, 0)
})

t.test('a file that breaks off is a fault, wherever it does', async t => {
  const small = Buffer.from('line one\nline two\n'.repeat(20))
  writeFileSync(join(dir, 'small.log'), small)
  const whole = [
    gzipSync(small),
    zstdCompressSync(small),
    await made('small.zip', 'zip', '-q', 'small.zip', 'small.log'),
    await made('small.log.bz2', 'bzip2', '-k', 'small.log'),
    await made('small.log.xz', 'xz', '-k', 'small.log')
  ]
  for (const bytes of whole) {
    const packing = packingOf(bytes)
    for (let length = 10; length < bytes.length - (packing === 'zip' ? 22 : 0); length++) {
      t.match(await faultOf(unpack(bytes.subarray(0, length))), /^damaged/, `${packing} cut after ${length} of ${bytes.length}`)
    }
  }
})

t.test('a flipped bit is found by the checksum', async t => {
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff))
  writeFileSync(join(dir, 'noise.log'), noise)
  const whole = [
    gzipSync(noise),
    await made('noise.zip', 'zip', '-q', '-0', 'noise.zip', 'noise.log'),
    await made('noise.log.bz2', 'bzip2', '-k', 'noise.log'),
    await made('noise.log.xz', 'xz', '-k', 'noise.log')
  ]
  for (const bytes of whole) {
    const bad = Buffer.from(bytes)
    bad[bytes.length >> 1]! ^= 4
    t.match(await faultOf(unpack(bad)), /^damaged/, packingOf(bytes))
  }
  t.match(await faultOf(unpack(Buffer.concat([gzipSync('a'), Buffer.from('more')]))), /something else after/)
})

t.test('a bomb is stopped by the size and by the ratio', async t => {
  const zeros = Buffer.alloc(40 * 1024 * 1024)
  const nested = Buffer.concat(Array.from({ length: 20 }, () => zstdCompressSync(zeros)))
  t.match(await faultOf(unpack(gzipSync(zeros), 100)), /^limit: .* more than 300 times/)
  t.match(await faultOf(unpack(nested, 1024)), /^limit: .* more than 300 times/)
  t.match(await faultOf(unpack(gzipSync(LINES), 1000, { ...LIMITS, unpackedMaxBytes: 100_000 })), /^limit: .*100000 bytes/)
  writeFileSync(join(dir, 'zeros'), zeros)
  t.match(await faultOf(unpack(await made('zeros.bz2', 'bzip2', '-k', 'zeros'))), /^limit/)
  const wide = await made('wide.zst', 'sh', '-c', 'zstd -q --long=27 --stream-size=200000000 < zeros > wide.zst')
  t.match(await faultOf(unpack(wide)), /^limit: .*window .* pack it again/, 'a window that would take much memory')
  t.match(await faultOf(unpack(await made('zeros.xz', 'xz', '-k0', 'zeros'))), /^limit: .* more than 300 times/)
  // Block header, after 12 bytes: its length in fours less one, flags, filter 0x21, length of its properties 1, dictionary 2^(n/2+12), CRC-32.
  const greedy = await made('greedy.xz', 'sh', '-c', 'xz -c small.log > greedy.xz')
  const headerEnd = 12 + greedy[12]! * 4
  t.equal(greedy.indexOf(Buffer.from([0x21, 1]), 12), 14)
  greedy[16] = 36
  greedy.writeUInt32LE(crc32(greedy.subarray(12, headerEnd)), headerEnd)
  t.match(await faultOf(unpack(greedy)), /^limit: the xz file wants 10\d\d MiB of memory/)
})

t.test('of xz files with large dictionaries four are read at a time, the others wait, and none is forgotten', async t => {
  const large = await made('large.xz', 'sh', '-c', 'xz -9 -c traffic.log > large.xz')
  const readers = Array.from({ length: 6 }, () => unpacked(cut(large, 1000), LIMITS))
  let begun = 0
  const firsts = readers.map(reader => reader.next().then(() => begun++))
  await Promise.all(firsts.slice(0, 4))
  t.ok((await unpack(await made('modest.xz', 'sh', '-c', 'xz -c traffic.log > modest.xz'))).equals(LINES), 'a usual one need not wait')
  t.equal(begun, 4)
  await readers[0]!.return(undefined)
  await readers[1]!.return(undefined)
  await Promise.all(firsts)
  t.equal(begun, 6)
  for (const reader of readers) await reader.return(undefined)
  for (let i = 0; i < 5; i++) t.ok((await unpack(large)).equals(LINES), 'their places are free again')
})

t.test('what follows xz data, a check and a filter that nobody knows are faults', async t => {
  writeFileSync(join(dir, 'few.log'), 'few')
  const few = await made('few.xz', 'sh', '-c', 'xz --check=crc32 -c few.log > few.xz')
  t.match(await faultOf(unpack(Buffer.concat([few, Buffer.from('more than that')]))), /^damaged: .*something else after it/)
  t.match(await faultOf(unpack(Buffer.concat([few, Buffer.alloc(3)]))), /^damaged/, 'padding is in fours')
  // Header: magic 6, flags 2 of which the last is the check, CRC-32 of the flags.
  const unknown = Buffer.from(few)
  unknown[7] = 0x0f
  unknown.writeUInt32LE(crc32(unknown.subarray(6, 8)), 8)
  t.match(await faultOf(unpack(unknown)), /^unsupported: .*checksum/)
})

t.test('archives that hold several files, and formats that are not read, are refused by name', async t => {
  writeFileSync(join(dir, 'b.log'), 'second\n')
  const two = await made('two.zip', 'zip', '-q', 'two.zip', 'traffic.log', 'b.log')
  t.match(await faultOf(unpack(two)), /^unsupported: .*more than one file/)
  await run('mkdir', ['-p', '__MACOSX', 'folder'], { cwd: dir })
  writeFileSync(join(dir, '__MACOSX/._b.log'), 'junk')
  const mac = await made('mac.zip', 'zip', '-qr', 'mac.zip', 'folder', '__MACOSX', 'b.log')
  t.equal((await unpack(mac)).toString(), 'second\n')
  t.match(await faultOf(unpack(await made('none.zip', 'zip', '-qr', 'none.zip', 'folder'))), /no file inside/)
  t.match(await faultOf(unpack(await made('secret.zip', 'zip', '-q', '-P', 'pw', 'secret.zip', 'b.log'))), /encrypted/)
  t.match(await faultOf(unpack(await made('a.tar', 'tar', '-cf', 'a.tar', 'b.log'))), /tar archives/)
  t.match(await faultOf(unpack(await made('a.tgz', 'tar', '-czf', 'a.tgz', 'b.log'))), /tar archives/)
  for (const [head, name, remedy] of [
    ['377abcaf271c', '7z', '7z x'],
    ['526172211a0701', 'rar', 'unrar x'],
    ['04224d18', 'lz4', 'lz4 -dc'],
    ['02214c18', 'lz4', 'lz4 -dc'],
    ['4c5a495001', 'lzip', 'lzip -dc'],
    ['1f9d90', 'compress', 'gzip -dc']
  ] as const) {
    const fault = await faultOf(unpack(Buffer.from(head, 'hex')))
    t.match(fault, new RegExp(`^unsupported: ${name}.* is not read; send it plain.*\\(${remedy} FILE`))
  }
})

t.test('text that only begins like an archive stays plain', async t => {
  for (const text of ['', 'P', 'PK is a name', 'BZh91 is no archive', '\x1f']) t.equal((await unpack(Buffer.from(text))).toString(), text)
})

t.test('a reader that stops early lets go of the file, and nothing is read ahead without bound', async t => {
  let given = 0
  let isClosed = false
  const bytes = gzipSync(Buffer.from(Array.from({ length: 4_000_000 }, (_, i) => (i * i * 31 + (i >> 5)) & 0xff)))
  async function* source(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of cut(bytes, 1024)) {
        given += chunk.length
        yield chunk
      }
    } finally {
      isClosed = true
    }
  }
  const pieces = unpacked(source(), LIMITS)
  await pieces.next()
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(given < bytes.length / 2, `${given} of ${bytes.length}`)
  await pieces.return(undefined)
  t.ok(isClosed)
  t.equal(await faultOf(unpacked(createReadStream(join(dir, 'absent')), LIMITS).next()).then(text => /ENOENT/.test(text)), true)
})

t.test('raw deflate without a header is nothing that is recognised', async t => {
  t.equal(packingOf(deflateRawSync('x')), 'plain')
})

t.test('without liblzma an xz file is refused with what would help', async t => {
  const file = readFileSync(join(dir, 'traffic.log.xz'))
  await t.rejects(unxzed(new ChunkReader(cut(file, 1000)), ['libnone.so.5']).next(), {
    kind: 'unsupported',
    message: 'xz is not read here, liblzma.so.5 (of the package liblzma5) is not installed; send it as gzip (xz -dc FILE | gzip > FILE.gz)'
  })
})
