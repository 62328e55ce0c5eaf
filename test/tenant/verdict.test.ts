import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { judgeFile, type Limits, type Verdict } from '../../src/tenant/verdict.ts'
import { scratchDir } from '../test-dir.ts'

const NOW = Date.UTC(2026, 10, 24, 12)
const DAY_MS = 24 * 3600_000
const dir = scratchDir('verdict')
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

let files = 0
function judge(bytes: Buffer | string, source = 'GENERIC_CEF', limits: Limits = {}): Promise<Verdict> {
  const path = join(dir, String(files++))
  writeFileSync(path, bytes)
  return judgeFile(path, source, NOW, limits)
}

const cef = (extension: string): string => `CEF:0|S|S|1|a|a|3|${extension}\n`
const GOOD = cef(`rt=${NOW} src=10.0.0.1 dhost=github.com in=1 out=2`)

/** A zip file of the given entries. */
function zip(...texts: string[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const text of texts) {
    const body = deflateRawSync(text)
    const local = Buffer.alloc(31)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(8, 8)
    local.writeUInt16LE(1, 26)
    local.write('a', 30)
    const entry = Buffer.alloc(47)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(8, 10)
    entry.writeUInt32LE(crc32(text), 16)
    entry.writeUInt32LE(body.length, 20)
    entry.writeUInt32LE(text.length, 24)
    entry.writeUInt16LE(1, 28)
    entry.writeUInt32LE(offset, 42)
    entry.write('a', 46)
    locals.push(local, body)
    central.push(entry)
    offset += local.length + body.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(texts.length, 8)
  end.writeUInt16LE(texts.length, 10)
  end.writeUInt32LE(47 * texts.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, ...central, end])
}

t.test('gzip, zip with one file, and text are taken', async t => {
  t.match(await judge(gzipSync(GOOD)), { accepted: true, reason: '', kind: 'gzip', lines: 1, newestEventMs: NOW, rawBytes: GOOD.length })
  t.match(await judge(zip(GOOD)), { accepted: true, kind: 'zip', lines: 1 })
  t.match(await judge(GOOD), { accepted: true, kind: 'text' })
})

t.test('other containers are unsupported', async t => {
  const gzip = gzipSync(GOOD)
  for (const [what, bytes, detail] of [
    ['two members', Buffer.concat([gzip, gzip]), /several members/],
    ['junk behind', Buffer.concat([gzip, Buffer.from('junk')]), /bytes behind/],
    ['two files in a zip', zip(GOOD, GOOD), /2 files/],
    ['no file in a zip', Buffer.concat([Buffer.from('PK\x03\x04'), zip()]), /0 files/],
    ['zstd', zstdCompressSync(GOOD), /zstd/],
    ['bzip2', Buffer.from('BZh91AY'), /bzip2/],
    ['binary', Buffer.from([1, 0, 2]), /NUL/],
    ['empty', Buffer.alloc(0), /empty/],
    ['byte-order mark', gzipSync(`\ufeff${GOOD}`), /byte-order mark/]
  ] as const) {
    t.match(await judge(bytes), { accepted: false, reason: 'Unsupported file type', detail }, what)
  }
})

t.test('damage does not pass', async t => {
  const gzip = gzipSync(GOOD.repeat(5000))
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(gzip)
    copy[at < 0 ? copy.length + at : at]! ^= 0xff
    return copy
  }
  const zipped = zip(GOOD)
  zipped[40]! ^= 0xff
  for (const [what, bytes] of [
    ['cut off', gzip.subarray(0, gzip.length >> 1)],
    ['without trailer', gzip.subarray(0, -8)],
    ['wrong checksum', flipped(-8)],
    ['wrong length', flipped(-1)],
    ['damaged inside', flipped(gzip.length >> 1)],
    ['header only', gzip.subarray(0, 12)],
    ['damaged zip', zipped]
  ] as const) {
    t.match(await judge(bytes), { accepted: false, reason: "The log format doesn't match" }, what)
  }
})

t.test('a small file that inflates beyond the limit is stopped there', async t => {
  const bomb = gzipSync(Buffer.alloc(20_000_000, 'x'))
  t.match(await judge(bomb, 'GENERIC_CEF', { rawMaxBytes: 1_000_000 }), { accepted: false, reason: 'File is too large' })
  t.match(await judge(gzipSync(GOOD), 'GENERIC_CEF', { fileMaxBytes: 10 }), { accepted: false, reason: 'File is too large' })
})

const LEEF = `LEEF:1.0|S|S|1|web|src=10.0.0.1\tdevTime=Nov 24 2026 11:00:00 UTC\turl=https://github.com/\tdstBytes=1\n`
const W3C = '#Version: 1.0\n#Fields: date time c-ip cs-host r-ip sc-bytes\n2026-11-24 11:00:00 10.0.0.1 github.com - 5\n'
const CSV = 'timestamp,src_ip,dst_ip,dst_url,user\n2026-11-24 11:00:00,10.0.0.1,,"https://github.com/a,b",x\n'

t.test('each format is taken under its own source string and no other', async t => {
  const samples = { GENERIC_CEF: GOOD, GENERIC_LEEF: LEEF, GENERIC_W3C: W3C, CUSTOM_PARSER: CSV }
  for (const [source, text] of Object.entries(samples)) {
    for (const other of Object.keys(samples)) {
      const verdict = await judge(text, other)
      t.equal(verdict.accepted, source === other, `${source} as ${other}: ${verdict.detail}`)
      if (source !== other) t.equal(verdict.reason, "The log format doesn't match")
      else t.ok(verdict.newestEventMs! >= NOW - 3600_000)
    }
  }
})

t.test('the line that does not match is named', async t => {
  t.match(await judge(`${GOOD}${GOOD}<14>Nov 24 host ${GOOD}`), { accepted: false, detail: /^line 3: .*<14>Nov/ })
  t.match(await judge(`<14>Nov 24 host ${GOOD}`, 'GENERIC_CEF_SYSLOG'), { accepted: true })
  t.match(await judge('CEF:0|too|short\n'), { accepted: false })
  t.match(await judge(`${GOOD}${'x'.repeat(70_000)}\n`), { accepted: false })
})

t.test('a file with nothing of the last 90 days fails, one new event saves it', async t => {
  const old = cef(`rt=${NOW - 91 * DAY_MS} src=10.0.0.1 dhost=github.com`)
  t.match(await judge(old), { accepted: false, reason: 'Transactions are more than 90 days old' })
  t.match(await judge(old + GOOD), { accepted: true })
  t.match(await judge(cef('rt=never src=10.0.0.1 dhost=github.com')), { accepted: false, detail: /no line has a time/ })
})

t.test('a file without any outbound transaction fails', async t => {
  for (const [extension, accepted] of [
    ['dst=10.1.1.1', false],
    ['dst=fe80::1', false],
    ['dst=10.1.1.1 dhost=printer', false],
    ['dst=8.8.8.8', true],
    ['dst=2606:4700::1111', true],
    ['request=https://10.0.0.1/x', false],
    ['request=https://github.com/x', true]
  ] as const) {
    const verdict = await judge(cef(`rt=${NOW} src=10.0.0.1 ${extension}`))
    t.equal(verdict.accepted, accepted, extension)
    if (!accepted) t.equal(verdict.reason, 'No transactions to cataloged cloud apps')
  }
})

t.test('lines of formats that are not public go unchecked', async t => {
  t.match(await judge('anything\n', 'FORTIGATE_SYSLOG'), { accepted: true, linesChecked: 0, lines: 1 })
})

t.test('hostile files end in a verdict', async t => {
  let seed = 12345
  const random = (max: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % max
  for (let index = 0; index < 200; index++) {
    const base = [gzipSync(GOOD), zip(GOOD), Buffer.from(W3C), Buffer.from(CSV)][index % 4]!
    const bytes = Buffer.from(base)
    for (let flips = 1 + random(6); flips > 0; flips--) bytes[random(bytes.length)] = random(256)
    const verdict = await judge(bytes.subarray(0, 1 + random(bytes.length)), ['GENERIC_CEF', 'GENERIC_W3C', 'CUSTOM_PARSER'][index % 3]!)
    t.equal(typeof verdict.accepted, 'boolean')
  }
})
