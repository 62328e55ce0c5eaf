/** The four upload formats: the examples of record.md byte for byte, and every record read back by readers that know only the format. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ENCODE_ROOM_BYTES, ENCODED_LINE_MAX_BYTES, type Format } from '../../src/contracts.ts'
import { newEncoder } from '../../src/encode/encoder.ts'
import type { EncodeOptions } from '../../src/encode/options.ts'
import { noCorrections } from '../../src/process/corrections.ts'
import { finalize } from '../../src/process/finalize.ts'
import type { RecordFields, TrafficRecord } from '../../src/record.ts'
import fc from '../property-kit.ts'
import { EXAMPLES, filled, type RawRecord } from '../record-kit.ts'
import { fileLines, type Pairs, readCef, readCsv, readLeef, readW3c } from './readers.ts'

const FORMATS = ['cef', 'leef', 'w3c', 'csv'] as const
type Encoded = Exclude<Format, 'raw'>

/** A whole file with these records. */
function encoded(format: Encoded, records: readonly RecordFields[], options: EncodeOptions = {}): string {
  const encoder = newEncoder(format, { vendor: 'Example', ...options })
  const out = Buffer.alloc(ENCODE_ROOM_BYTES)
  const parts: Buffer[] = [encoder.prelude]
  for (const record of records) {
    const end = encoder.encode(record, out, 0)
    if (end < 0) throw new Error('The line is too long')
    parts.push(Buffer.from(out.subarray(0, end)))
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Key-value pairs of each record in a file. */
const READ: Record<Encoded, (text: string) => Pairs[]> = {
  cef: text => fileLines(text).map(line => readCef(line).extension),
  leef: text => fileLines(text).map(line => readLeef(line).attributes),
  w3c: readW3c,
  csv: readCsv
}

const percent = (text: string, what: RegExp): string =>
  text.replace(what, char => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** What each format should say of a record, by record.md sections 3 and 4. */
function told(format: Encoded, record: TrafficRecord): Pairs {
  const { time, srcIp, user, device, dstIp, dstPort, dstHost, uploadedBytes, downloadedBytes, totalBytes, action } = record
  const url = record.url ?? dstHost
  const [date, clock] = new Date(time).toISOString().slice(0, 19).split('T') as [string, string]
  const downloaded = downloadedBytes ?? (uploadedBytes === undefined ? totalBytes : undefined)
  const w3c = (text: string | undefined) => text && percent(text, /[\0- \x7f]/g)
  const csv = (text: string | undefined) => text && percent(text, /[,"]/g)
  const pairs: Record<Encoded, Record<string, string | number | undefined>> = {
    cef: {
      rt: time,
      src: srcIp,
      suser: user,
      shost: device,
      dst: dstIp,
      dpt: dstPort,
      dhost: dstHost,
      in: downloaded,
      out: uploadedBytes,
      act: action,
      request: url
    },
    leef: {
      devTime: `${MONTHS[Number(date.slice(5, 7)) - 1]} ${date.slice(8)} ${date.slice(0, 4)} ${clock} GMT`,
      devTimeFormat: 'MMM dd yyyy HH:mm:ss z',
      cat: action,
      src: srcIp,
      usrName: user,
      identHostName: device,
      dst: dstIp,
      dstPort,
      hostname: dstHost,
      srcBytes: uploadedBytes,
      dstBytes: downloaded,
      action,
      url
    },
    w3c: {
      date,
      time: clock,
      'c-ip': srcIp,
      'cs-username': w3c(user),
      'x-client-hostname': w3c(device),
      'r-ip': dstIp,
      'cs-host': dstHost,
      'cs-uri': url,
      'cs-bytes': uploadedBytes,
      'sc-bytes': downloaded,
      's-action': action
    },
    csv: {
      timestamp: `${date} ${clock}`,
      src_ip: srcIp,
      dst_ip: dstIp,
      dst_url: csv(url),
      user: csv(user),
      uploaded_bytes: uploadedBytes,
      downloaded_bytes: downloadedBytes,
      total_bytes: totalBytes,
      action
    }
  }
  return Object.fromEntries(Object.entries(pairs[format]).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])))
}

for (const format of FORMATS) {
  t.test(`${format}: the four examples are written byte for byte`, async t => {
    const golden = readFileSync(join(import.meta.dirname, 'golden', `${format}.txt`), 'utf8')
    t.equal(encoded(format, Object.values(EXAMPLES).map(filled)), golden)
  })
}

// ── any record, read back ──────────────────────────────────────────────────────────────────────────────────────────────────

const TRICKY = [
  ' src=1.2.3.4',
  '\t',
  '|',
  '=',
  '\\',
  '\n',
  '\r\n',
  '#Fields: a',
  ',',
  '"',
  '\0',
  '-',
  ' ',
  '%2C',
  '\u0085',
  '\u2028',
  '\ufeff',
  'é',
  '𝕏',
  '。',
  '://',
  '?',
  '#',
  '[',
  '@',
  'rt=',
  '\\n'
]
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 3,
    arbitrary: fc.array(fc.oneof(fc.constantFrom(...TRICKY), fc.string({ maxLength: 6 })), { maxLength: 12 }).map(parts => parts.join(''))
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 200, maxLength: 400 }) }
)
const anyUrl = fc.oneof(
  anyText,
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc
    .tuple(
      fc.constantFrom('http://', 'https://', 'ftp://', '', 'tunnel://'),
      fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.string({ unit: 'binary', maxLength: 8 })),
      fc.string({ unit: 'binary', maxLength: 3000 })
    )
    .map(([scheme, host, path]) => `${scheme}${host}/${path}`)
)
const anyCount = fc.option(
  fc.oneof(fc.maxSafeNat(), fc.nat(2000), fc.constantFrom(0, -1, 1.5, Number.MAX_SAFE_INTEGER, 2 ** 53, Number.NaN)),
  { nil: undefined }
)
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const anyRaw: fc.Arbitrary<RawRecord> = fc.record({
  time: fc.oneof(
    fc.integer({ min: 1, max: 253_402_300_799_999 }),
    fc.date({ min: new Date('2024-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }).map(Number)
  ),
  srcIp: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('::ffff:10.1.2.3')),
  user: optional(anyText),
  device: optional(anyText),
  dstIp: optional(fc.oneof(fc.ipV4(), fc.ipV6(), anyText)),
  dstPort: optional(fc.integer({ min: -1, max: 70_000 })),
  dstHost: optional(fc.oneof(fc.domain(), anyText)),
  url: optional(anyUrl),
  uploadedBytes: anyCount,
  downloadedBytes: anyCount,
  totalBytes: anyCount,
  action: fc.constantFrom('allowed', 'blocked', undefined)
}) as fc.Arbitrary<RawRecord>

for (const format of FORMATS) {
  t.test(`${format}: any record that passed finalize reads back as the same record`, { timeout: 600_000 }, async t => {
    let passed = 0
    fc.assert(
      fc.property(fc.array(anyRaw, { maxLength: 4 }), raws => {
        const records = raws.map(filled).filter(fields => finalize(fields, noCorrections()) === '')
        passed += records.length
        const got = READ[format](encoded(format, records))
        if (got.length !== records.length) throw new Error(`${got.length} records instead of ${records.length}`)
        records.forEach((record, index) => {
          const wanted = told(format, record.toRecord())
          for (const key of new Set([...Object.keys(wanted), ...Object.keys(got[index]!)])) {
            if (wanted[key] !== got[index]![key])
              throw new Error(`${key}: ${JSON.stringify(got[index]![key])} instead of ${JSON.stringify(wanted[key])}`)
          }
        })
      }),
      { numRuns: 1500 }
    )
    t.ok(passed > 500, `${passed} records passed finalize`)
  })
}

t.test('what finalize passes obeys the invariants of the record, whatever came in', { timeout: 600_000 }, async t => {
  const PLACEHOLDERS = /^(-|n\/a|na|none|null|\(null\)|unknown|0\.0\.0\.0|::)?$/i
  const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff]/
  const bad = (what: string, value: unknown): never => {
    throw new Error(`${what}: ${JSON.stringify(value)}`)
  }
  fc.assert(
    fc.property(anyRaw, raw => {
      const fields = filled(raw)
      if (finalize(fields, noCorrections()) !== '') return
      const record = fields.toRecord()
      if (!Number.isInteger(record.time)) bad('time', record.time)
      for (const key of ['user', 'device', 'dstHost', 'url', 'srcIp', 'dstIp'] as const) {
        const value = record[key]
        if (value === undefined) continue
        if (CONTROL.test(value) || value !== value.trim() || !value.isWellFormed()) bad(key, value)
        if (PLACEHOLDERS.test(value)) bad(`${key} is a placeholder`, value)
      }
      for (const key of ['user', 'device'] as const) if ([...(record[key] ?? '')].length > 256) bad(key, record[key])
      if (
        record.dstHost !== undefined &&
        (!/^[a-z0-9._-]+$/.test(record.dstHost) || record.dstHost.endsWith('.') || record.dstHost.length > 253)
      )
        bad('dstHost', record.dstHost)
      if (record.url !== undefined) {
        if (!/^(https?|ftp):\/\/[\x21-\x7e]+$/.test(record.url) || record.url.includes('#') || record.url.length > 2048)
          bad('url', record.url)
        const authority = record.url.slice(record.url.indexOf('://') + 3).split(/[/?]/)[0]!
        const host = authority.startsWith('[') ? undefined : authority.replace(/:\d+$/, '')
        if (authority.includes('@') || authority === '') bad('authority', record.url)
        if (host !== undefined && !/^\d+\.\d+\.\d+\.\d+$/.test(host) && host !== record.dstHost)
          bad('dstHost is not the host of the url', record)
      }
      if (record.url === undefined && record.dstHost === undefined && record.dstIp === undefined) bad('no destination', record)
      for (const key of ['uploadedBytes', 'downloadedBytes', 'totalBytes'] as const) {
        const value = record[key]
        if (value !== undefined && !Number.isSafeInteger(value)) bad(key, value)
      }
    }),
    { numRuns: 6000 }
  )
  t.pass('no counterexample')
})

t.test('values cannot make a line, key or column of their own', async t => {
  const attacks = [
    'a\nCEF:0|x|x|1|x|x|1|src=1.2.3.4',
    'a src=1.2.3.4',
    'a\tsrc=1.2.3.4',
    'a|b',
    '#Fields: x',
    'a,b',
    '"a,b"',
    'a\0b',
    'a\r\nb',
    'a\\',
    'a\u2028b',
    'a\u0085b'
  ]
  for (const [index, attack] of attacks.entries()) {
    for (const format of FORMATS) {
      const fields = filled({ ...EXAMPLES.A, user: attack, device: attack })
      t.equal(finalize(fields, noCorrections()), '')
      const text = encoded(format, [fields, filled(EXAMPLES.D)])
      const [first, second, ...more] = READ[format](text)
      t.strictSame(more, [], `${format}: attack ${index} makes no third record`)
      t.strictSame(first, told(format, fields.toRecord()), `${format}: attack ${index} stays in its value`)
      t.strictSame(second, told(format, filled(EXAMPLES.D).toRecord()), `${format}: the next record is unharmed`)
    }
  }
})

t.test('even a record that never passed finalize makes one line only', async t => {
  const dirty = filled({ ...EXAMPLES.A, user: 'a\nb\rc', device: 'x\ny', url: 'http://a/\n#Fields: b' })
  for (const format of FORMATS) t.equal(READ[format](encoded(format, [dirty])).length, 1, format)
})

t.test('a line longer than 8 KiB is refused, and one of exactly 8 KiB is written', async t => {
  for (const format of FORMATS) {
    const encoder = newEncoder(format)
    const out = Buffer.alloc(ENCODE_ROOM_BYTES)
    const withUrl = (bytes: number) => encoder.encode(filled({ ...EXAMPLES.A, url: `http://h/${'a'.repeat(bytes)}` }), out, 0)
    const rest = withUrl(0)
    t.equal(withUrl(ENCODED_LINE_MAX_BYTES - rest), ENCODED_LINE_MAX_BYTES, `${format}: exactly`)
    t.equal(withUrl(ENCODED_LINE_MAX_BYTES - rest + 1), -1, `${format}: one more`)
  }
})

t.test('a record of the longest values fits into the room that encoders are given', async t => {
  for (const char of ['=', '"', ',', ' ', '𝕏']) {
    const name = `x${char.repeat(254)}x`
    const fields = filled({ ...EXAMPLES.A, user: name, device: name, url: `http://h/${char === '𝕏' ? 'x' : encodeURI(char).repeat(1000)}` })
    t.equal(finalize(fields, noCorrections()), '')
    for (const format of FORMATS) t.ok(READ[format](encoded(format, [fields])).length === 1, `${format} ${char}`)
  }
})

// ── what the configuration changes ───────────────────────────────────────────────────────────────────────────────────────────

t.test('keys can be renamed and left out, in every format', async t => {
  const options: EncodeOptions = { keys: { user: 'who', action: null } }
  for (const format of FORMATS) {
    const [pairs] = READ[format](encoded(format, [filled(EXAMPLES.A)], options))
    t.equal(pairs!.who, 'alice@contoso.example', `${format}: renamed`)
    t.notOk(Object.values(pairs!).includes('allowed'), `${format}: left out`)
  }
})

t.test('the direction of the two byte keys of CEF can be turned', async t => {
  const [pairs] = READ.cef(encoded('cef', [filled(EXAMPLES.A)], { direction: 'in-is-upload' }))
  t.match(pairs, { in: '1834', out: '920113' })
})

t.test('a record with a total only is written as downloaded, or without bytes', async t => {
  for (const [format, key] of [
    ['cef', 'in'],
    ['leef', 'dstBytes'],
    ['w3c', 'sc-bytes']
  ] as const) {
    t.equal(READ[format](encoded(format, [filled(EXAMPLES.D)]))[0]![key], '48213', `${format}: as downloaded`)
    t.equal(READ[format](encoded(format, [filled(EXAMPLES.D)], { totalOnly: 'omit' }))[0]![key], undefined, `${format}: omitted`)
  }
  t.match(READ.csv(encoded('csv', [filled(EXAMPLES.D)], { totalOnly: 'omit' }))[0], { total_bytes: '48213' })
})

t.test('CEF time can be text, and the header escapes what the configuration says', async t => {
  const text = encoded('cef', [filled(EXAMPLES.A)], { cefTime: 'text', vendor: 'A|B\\C', product: 'P\nQ' })
  const { header, extension } = readCef(fileLines(text)[0]!)
  t.same(header, ['A|B\\C', 'P Q', '1', 'traffic', 'Web traffic', '1'])
  t.equal(extension.rt, 'Jan 05 2026 09:15:30')
})

t.test('LEEF headers hold no pipe and no TAB', async t => {
  const { header } = readLeef(fileLines(encoded('leef', [filled(EXAMPLES.A)], { vendor: 'A|B', product: 'P\tQ' }))[0]!)
  t.same(header, ['A B', 'P Q', '1', 'traffic'])
})
