/** What vector code says of fields in the lane's memory is what the plain ways say, whatever lies around them. */
import { deepEqual, equal } from 'node:assert/strict'
import t from 'tap'
import { fastPaths } from '../../src/lib/fast-paths.ts'
import { isCanonicalIpv4 } from '../../src/lib/ip.ts'
import { laneBytes, laneInts, vectorCode } from '../../src/lib/lane-memory.ts'
import { laneRecordAt, newLaneRecord } from '../../src/lib/lane-record.ts'
import { HOST_IS_NAME, NOT_PLAIN, RECORD_FOUND, URL_SHIFT } from '../../src/lib/simd/program.ts'
import { noCorrections } from '../../src/process/corrections.ts'
import { finalize } from '../../src/process/finalize.ts'
import { Privacy } from '../../src/process/privacy.ts'
import {
  DEVICE,
  DST_HOST,
  DST_IP,
  DST_PORT,
  RecordFields,
  SCHEME_FTP,
  SCHEME_HTTP,
  SCHEME_HTTPS,
  SCHEME_UNKNOWN,
  SRC_IP,
  type TextField,
  TIME,
  URL,
  USER
} from '../../src/record.ts'
import fc from '../property-kit.ts'

const RUNS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 50_000 : 3000
const AREA_BYTES = 16 * 1024
const SCRATCH_BYTES = 64 * 1024
const found = laneInts(laneRecordAt + RECORD_FOUND, 4)

t.teardown(() => {
  fastPaths.isOn = true
})

/** Text of a few kinds of characters, of any length as often. */
const textOf = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc
    .integer({ min: 0, max: maxLength })
    .chain(length => fc.string({ unit: fc.constantFrom(...alphabet), minLength: length, maxLength: length }))
const octet = fc.oneof(
  fc.integer({ min: 0, max: 299 }).map(String),
  fc.constantFrom('00', '01', '001', '', '1000', '249', '250', '255', '256')
)
const addresses = fc.oneof(
  fc.tuple(octet, octet, octet, octet).map(parts => parts.join('.')),
  fc.array(octet, { minLength: 3, maxLength: 5 }).map(parts => parts.join('.')),
  textOf('0129.', 17),
  fc.constantFrom('1.2.3.4 ', ' 1.2.3.4', '2001:db8::1', '1.2.3.x', '/.2.3.4', '1.2.3.:', 'server.example')
)
const oneOdd = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      text,
      fc.nat(),
      fc.constantFrom('', '', ' ', '\u0000', '\u001f', '\u007f', '~', 'é', '界', 'A', '_', ':', '/', '?', '#', '.', '{', '`', '@')
    )
    .map(([whole, place, odd]) => {
      const at = place % (whole.length + 1)
      return whole.slice(0, at) + odd + whole.slice(at)
    })
/** Words of src/lib/placeholder.ts, and the user that is none. */
const NONE_WORDS = ['-', 'n/a', 'na', 'None', 'NULL', '(null)', 'unknown', 'not available', 'Not Found', '0.0.0.0', '::', 'Anonymous']
const names = fc.oneof(oneOdd(textOf('abcXYZ .@\\', 60)), oneOdd(textOf('ab', 300)), oneOdd(fc.constantFrom(...NONE_WORDS)))
const hosts = fc.oneof(oneOdd(textOf('abz019-_.', 60)), textOf('ab.', 300), addresses, fc.constantFrom('none', 'NA', 'a.example:443', 'na'))
const urls = fc.oneof(
  fc
    .tuple(fc.constantFrom('http://', 'https://', 'http:/', 'httpx://', 'HTTP://', 'ftp://', ''), hosts, oneOdd(textOf('/abc?=%#', 80)))
    .map(([scheme, host, path]) => `${scheme}${host}/${path}`),
  fc
    .tuple(hosts, fc.constantFrom('', ':443', ':80', ':0443', ':0', ':00', ':65536', ':', ':8443', '/a:443', ':443/'))
    .map(parts => parts.join('')),
  oneOdd(textOf('/abc?=', 3000).map(path => `https://a.example/${path}`)),
  oneOdd(fc.constantFrom('http://a', 'https://', 'http://a/', 'a.example:443', 'a.example', '/path?q'))
)
/** What lies between the fields: each byte is a sign that could be taken for part of one. */
const garbage = fc.constantFrom(0x00, 0x0a, 0x20, 0x2e, 0x2f, 0x30, 0x3f, 0x61, 0x80, 0xff)

/** Puts texts somewhere into a buffer, with garbage around; where each starts and ends. */
function place(buf: Buffer, texts: readonly string[], gap: number, fill: number): { start: number; end: number }[] {
  buf.fill(fill, 0, AREA_BYTES)
  let at = gap
  return texts.map(text => {
    const start = at
    const end = start + buf.write(text, start)
    at = end + gap
    return { start, end }
  })
}

/** What the plain way has to look at: words for none, and what begins like one and is as short. */
const mayMeanNone = (text: string): boolean => /^([u0(:-].{0,6}|n(.{0,3}|.{8}|.{12})|a.{8})$/is.test(text)
const HOST = /^(?=.{1,253}$)(?=.*[a-z_])(?!\.)[a-z0-9._-]*(?<!\.)$/s
const NAME = /^(?! )[\x20-\x7e]{1,256}(?<! )$/

const TEXT_FIELDS: readonly TextField[] = [USER, DEVICE, SRC_IP, DST_IP, DST_HOST]
const laneRecord = newLaneRecord()

/** What vector code says of a record with these texts. */
function plainTexts(texts: (readonly [TextField, { start: number; end: number }])[]): number {
  laneRecord.reset(laneBytes, 0, 0)
  for (const [field, { start, end }] of texts) {
    laneRecord.start[field] = start
    laneRecord.end[field] = end
  }
  return vectorCode!.plainTexts(laneRecordAt)
}

t.test('names, addresses and hosts', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(names, names, addresses, addresses, hosts, fc.nat(20), garbage, (user, device, srcIp, dstIp, host, gap, fill) => {
        const texts = [user, device, srcIp, dstIp, host]
        const ranges = place(laneBytes, texts, gap, fill)
        const plain = plainTexts(ranges.map((range, index) => [TEXT_FIELDS[index]!, range]))
        const isIpv4 = (text: string): boolean => isCanonicalIpv4(Buffer.from(text), 0, Buffer.byteLength(text))
        deepEqual(
          texts.map((_, i) => ((plain >> i) & 1) === 1),
          [NAME.test(user), NAME.test(device), isIpv4(srcIp), isIpv4(dstIp), HOST.test(host)].map((is, i) => is && !mayMeanNone(texts[i]!)),
          JSON.stringify(texts)
        )
      }),
      { numRuns: RUNS }
    )
  )
  t.equal(plainTexts([]), 31, 'absent fields are as they should be')
})

t.test('URLs', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(urls, fc.nat(20), garbage, (url, gap, fill) => {
        const [{ start, end }] = place(laneBytes, [url], gap, fill) as [{ start: number; end: number }]
        const kind = plainTexts([[URL, { start, end }]]) >> URL_SHIFT
        const parts = /^https?:\/\/([a-z0-9._-]+)(\/[!"$-~]*)(#.*)?$/s.exec(url)
        const host = parts?.[1] ?? ''
        const isAddress = isCanonicalIpv4(Buffer.from(host), 0, host.length)
        equal(kind !== NOT_PLAIN, parts !== null && (HOST.test(host) || isAddress) && !mayMeanNone(host), url)
        if (kind === NOT_PLAIN) return
        equal(kind === HOST_IS_NAME, !isAddress)
        const hostAt = url.indexOf(host, 'http://'.length)
        const pathEnd = hostAt + host.length + parts![2]!.length
        const query = url.slice(0, pathEnd).indexOf('?')
        deepEqual(
          [...found].map(at => at - start),
          [hostAt, hostAt + host.length, pathEnd, query < 0 ? pathEnd : query],
          url
        )
      }),
      { numRuns: RUNS }
    )
  )
})

t.test('a record comes out the same in the lane and elsewhere', async t => {
  const privacy = new Privacy({ stripQuery: true, userFormat: 'asIs', userDomains: {} })
  const elsewhere = Buffer.alloc(AREA_BYTES + SCRATCH_BYTES)
  const fields: readonly TextField[] = [SRC_IP, USER, DEVICE, DST_IP, DST_HOST, URL]
  const outcome = (
    buf: Buffer,
    texts: readonly (string | undefined)[],
    port: number,
    scheme: number,
    gap: number,
    fill: number
  ): unknown => {
    const record = buf === laneBytes ? newLaneRecord() : new RecordFields()
    record.reset(buf, AREA_BYTES, AREA_BYTES + SCRATCH_BYTES)
    const ranges = place(
      buf,
      texts.map(text => text ?? ''),
      gap,
      fill
    )
    ranges.forEach(({ start, end }, i) => {
      if (texts[i] !== undefined) record.set(fields[i]!, start, end)
    })
    record.numbers[TIME] = 1
    record.numbers[DST_PORT] = port
    record.scheme = scheme
    const corrections = noCorrections()
    const reject = finalize(record, corrections)
    const whole = record.toRecord()
    privacy.apply(record)
    return { reject, corrections, whole, stripped: record.toRecord() }
  }
  const maybe = (text: fc.Arbitrary<string>): fc.Arbitrary<string | undefined> => fc.option(text, { nil: undefined })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.tuple(maybe(addresses), maybe(names), maybe(names), maybe(fc.oneof(addresses, hosts)), maybe(hosts), maybe(urls)),
        fc.constantFrom(-1, 80, 443, 8080, 8443),
        fc.constantFrom(SCHEME_UNKNOWN, SCHEME_HTTP, SCHEME_HTTPS, SCHEME_FTP),
        fc.nat(20),
        garbage,
        (...args) => {
          const plain = outcome(elsewhere, ...args)
          deepEqual(outcome(laneBytes, ...args), plain)
          fastPaths.isOn = false
          deepEqual(outcome(laneBytes, ...args), plain)
          fastPaths.isOn = true
        }
      ),
      { numRuns: RUNS }
    )
  )
})
