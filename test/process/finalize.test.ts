import t from 'tap'
import { type Correction, noCorrections } from '../../src/process/corrections.ts'
import { cleanText, finalize } from '../../src/process/finalize.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  ACTION_UNKNOWN,
  DEVICE,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  RecordFields,
  SCHEME_HTTPS,
  SRC_IP,
  TIME,
  TOTAL,
  type TrafficRecord,
  UPLOADED,
  URL,
  USER
} from '../../src/record.ts'
import fc from '../property-kit.ts'

const NOW = Date.parse('2026-01-05T09:15:30.250Z')
const LINE_BYTES = 64 * 1024

/** What a parser hands over, as far as it matters: texts as bytes of the line, counts with -1 for absent. */
interface Given {
  time?: number
  srcIp?: string
  user?: string
  device?: string
  dstIp?: string
  dstHost?: string
  url?: string
  dstPort?: number
  up?: number
  down?: number
  total?: number
  action?: number
  scheme?: number
}

interface Answer {
  reject: string
  record: TrafficRecord
  corrections: Partial<Record<Correction, number>>
}

/** Lays the texts out as a line, as a parser would leave them, and finalizes. */
function run(given: Given): Answer {
  const buf = Buffer.alloc(LINE_BYTES * 2 + 1)
  const out = new RecordFields()
  out.reset(buf, LINE_BYTES + 1, buf.length)
  let at = 0
  const texts = [
    [SRC_IP, given.srcIp ?? '192.0.2.10'],
    [USER, given.user],
    [DEVICE, given.device],
    [DST_IP, given.dstIp],
    [DST_HOST, given.dstHost],
    [URL, given.url]
  ] as const
  for (const [field, text] of texts) {
    if (text === undefined) continue
    const length = buf.write(text, at, 'utf8')
    out.set(field, at, at + length)
    at += length
    buf[at++] = 0x20
  }
  out.numbers[TIME] = given.time ?? NOW
  out.numbers[DST_PORT] = given.dstPort ?? -1
  out.numbers[UPLOADED] = given.up ?? -1
  out.numbers[DOWNLOADED] = given.down ?? -1
  out.numbers[TOTAL] = given.total ?? -1
  out.action = given.action ?? 0
  out.scheme = given.scheme ?? 0
  const corrections = noCorrections()
  const reject = finalize(out, corrections)
  const counted = Object.fromEntries(Object.entries(corrections).filter(([, count]) => count > 0))
  return { reject, record: out.toRecord(), corrections: counted }
}

const withHost = (given: Given): Answer => run({ dstHost: 'www.example.com', ...given })

t.test('rule 1: a time is an integer within the calendar', async t => {
  t.equal(withHost({ time: NOW + 0.75 }).record.time, NOW)
  for (const time of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY, 253_402_300_800_000]) {
    t.equal(withHost({ time }).reject, 'bad_time', String(time))
  }
})

t.test('rule 2: a record without a client address is refused, others have it in canonical form', async t => {
  const table: [string, string | undefined][] = [
    ['192.0.2.10', '192.0.2.10'],
    ['192.000.002.010', '192.0.2.10'],
    ['::ffff:192.0.2.10', '192.0.2.10'],
    ['2001:DB8::0:15', '2001:db8::15'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['0.0.0.0', undefined],
    ['::', undefined],
    ['-', undefined],
    ['host-7', undefined],
    ['999.1.1.1', undefined],
    ['1'.repeat(70), undefined]
  ]
  for (const [srcIp, expected] of table) {
    const { reject, record } = withHost({ srcIp })
    t.equal(reject, expected === undefined ? 'no_source' : '', srcIp)
    t.equal(record.srcIp, expected, srcIp)
  }
})

t.test('rule 3: a record needs a URL, a host or a server address', async t => {
  t.equal(run({}).reject, 'no_destination')
  t.equal(run({ dstIp: '0.0.0.0' }).reject, 'no_destination')
  t.equal(run({ dstHost: '-' }).reject, 'no_destination')
  t.equal(run({ url: '/path/only' }).reject, 'no_destination')
  t.equal(run({ dstIp: '203.0.113.1' }).reject, '')
  t.equal(run({ dstHost: 'www.example.com' }).reject, '')
  t.equal(run({ url: 'http://www.example.com/' }).reject, '')
})

t.test('rule 4: words that stand for nothing are absent', async t => {
  for (const word of ['-', 'N/A', 'NA', 'None', 'null', '(null)', 'unknown', 'UNKNOWN', ' - ', '-\t', '\u0000-', '0.0.0.0', '::']) {
    const { record } = withHost({ user: word, device: word, dstIp: word })
    t.same([record.user, record.device, record.dstIp], [undefined, undefined, undefined], JSON.stringify(word))
    t.equal(record.dstHost, 'www.example.com')
  }
  t.equal(withHost({ user: 'anonymous' }).record.user, undefined)
  t.equal(withHost({ user: 'Anonymous' }).record.user, undefined)
  t.equal(withHost({ user: 'nathan' }).record.user, 'nathan', 'a name that begins like a placeholder stays')
  t.equal(withHost({ device: 'anonymous' }).record.device, 'anonymous', 'only users are anonymous')
  t.equal(run({ dstHost: 'unknown', dstIp: '203.0.113.1' }).record.dstHost, undefined)
})

t.test('rules 5 and 7: a zero stays, an unknown count stays unknown, two counts give the third', async t => {
  const counts = (given: Given): (number | undefined)[] => {
    const { record } = withHost(given)
    return [record.uploadedBytes, record.downloadedBytes, record.totalBytes]
  }
  t.same(counts({}), [undefined, undefined, undefined])
  t.same(counts({ up: 5 }), [5, undefined, undefined])
  t.same(counts({ down: 7 }), [undefined, 7, undefined])
  t.same(counts({ total: 9 }), [undefined, undefined, 9])
  t.same(counts({ up: 5, down: 7 }), [5, 7, 12])
  t.same(counts({ up: 5, total: 9 }), [5, 4, 9])
  t.same(counts({ down: 7, total: 9 }), [2, 7, 9])
  t.same(counts({ up: 5, down: 7, total: 20 }), [5, 7, 20], 'a larger total holds headers')
  t.same(counts({ up: 5, down: 7, total: 9 }), [5, 7, 12], 'a smaller total is no total')
  t.same(withHost({ up: 5, down: 7, total: 9 }).corrections, { bytes_inconsistent: 1 })
  t.same(withHost({ up: 5, down: 7, total: 12 }).corrections, {})
  t.same(counts({ up: 0 }), [0, undefined, undefined])
  t.same(counts({ up: 0, down: 0 }), [0, 0, 0])
  t.same(counts({ up: 0, total: 9 }), [0, 9, 9])
  t.same(counts({ up: 9, total: 5 }), [9, undefined, 5], 'no negative count')
  t.same(counts({ down: 9, total: 5 }), [undefined, 9, 5])
})

t.test('rule 6: what is no count of bytes is dropped and counted', async t => {
  const max = Number.MAX_SAFE_INTEGER
  for (const bad of [1.5, Number.NaN, -7, max + 1, Number.POSITIVE_INFINITY]) {
    const { record, corrections } = withHost({ up: bad, down: 3 })
    t.same([record.uploadedBytes, record.downloadedBytes, record.totalBytes], [undefined, 3, undefined], String(bad))
    t.same(corrections, { count_dropped: 1 })
  }
  t.equal(withHost({ up: max }).record.uploadedBytes, max)
  t.equal(withHost({ up: max, down: max }).record.totalBytes, undefined, 'a sum beyond what is exact is no count')
  t.equal(withHost({ up: max, down: max, total: 1 }).record.totalBytes, undefined)
})

t.test('a port is 1 to 65535', async t => {
  for (const port of [0, 65_536, -5, Number.NaN]) t.equal(withHost({ dstPort: port }).record.dstPort, undefined, String(port))
  for (const port of [1, 443, 65_535]) t.equal(withHost({ dstPort: port }).record.dstPort, port)
})

t.test('rule 8: the host is that of the URL', async t => {
  t.equal(run({ dstHost: 'proxy-7', url: 'http://files.example.com/a' }).record.dstHost, 'files.example.com')
  t.equal(run({ dstHost: 'proxy-7', url: 'HTTPS://User:pw@Files.Example.COM:8443/a' }).record.dstHost, 'files.example.com')
  t.equal(run({ url: 'http://203.0.113.5/a' }).record.dstHost, undefined)
})

t.test('rule 9: a host that is an address is the server address', async t => {
  const table: [string, string][] = [
    ['203.0.113.5', '203.0.113.5'],
    ['203.0.113.5:443', '203.0.113.5'],
    ['2001:db8::5', '2001:db8::5'],
    ['[2001:DB8::5]', '2001:db8::5'],
    ['[2001:db8::5]:443', '2001:db8::5']
  ]
  for (const [dstHost, dstIp] of table) {
    const { record } = run({ dstHost })
    t.same([record.dstHost, record.dstIp], [undefined, dstIp], dstHost)
  }
  t.equal(run({ url: 'https://[2001:DB8::5]:8443/x' }).record.url, 'https://[2001:db8::5]:8443/x')
  t.equal(run({ url: 'https://[2001:DB8::5]:8443/x' }).record.dstIp, '2001:db8::5')
  t.equal(run({ dstHost: '203.0.113.5', dstIp: '203.0.113.6' }).record.dstIp, '203.0.113.6', 'the address that was logged wins')
  const named = run({ dstIp: 'files.example.com' }).record
  t.same([named.dstIp, named.dstHost], [undefined, 'files.example.com'], 'a name in the place of the address is the host')
})

t.test('hosts are lower case ASCII without port and trailing dot', async t => {
  const table: [string, string | undefined][] = [
    ['WWW.Example.COM', 'www.example.com'],
    ['www.example.com.', 'www.example.com'],
    ['www.example.com:8080', 'www.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['host_7', 'host_7'],
    ['a b.example', undefined],
    ['.example', undefined],
    ['exa"mple.com', undefined],
    [`${'a'.repeat(60)}.`.repeat(5), undefined],
    ['a'.repeat(2000), undefined]
  ]
  for (const [dstHost, expected] of table) {
    const { record, corrections } = run({ dstHost, dstIp: '203.0.113.1' })
    t.equal(record.dstHost, expected, dstHost.slice(0, 80))
    t.same(corrections, expected === undefined ? { host_dropped: 1 } : {}, dstHost.slice(0, 80))
  }
})

t.test('URLs are absolute ASCII without credentials, fragment and default port', async t => {
  const table: [Given, string | undefined][] = [
    [{ url: 'http://www.example.com/a?b=c' }, 'http://www.example.com/a?b=c'],
    [{ url: 'http://www.example.com' }, 'http://www.example.com/'],
    [{ url: 'http://www.example.com?a=b' }, 'http://www.example.com/?a=b'],
    [{ url: 'HTTP://WWW.Example.com:80/A' }, 'http://www.example.com/A'],
    [{ url: 'https://www.example.com:443/' }, 'https://www.example.com/'],
    [{ url: 'https://www.example.com:8443/' }, 'https://www.example.com:8443/'],
    [{ url: 'https://bob:secret@www.example.com/' }, 'https://www.example.com/'],
    [{ url: 'https://www.example.com/a#part' }, 'https://www.example.com/a'],
    [{ url: 'https://www.example.com/a b"c' }, 'https://www.example.com/a%20b"c'],
    [{ url: 'https://www.example.com/größe' }, 'https://www.example.com/gr%C3%B6%C3%9Fe'],
    [{ url: 'https://bücher.example/' }, 'https://xn--bcher-kva.example/'],
    [{ url: 'https://www.example.com/\u0000\n' }, 'https://www.example.com/%00'],
    [{ url: 'www.example.com/a' }, 'http://www.example.com/a'],
    [{ url: 'www.example.com:443' }, 'https://www.example.com/'],
    [{ url: 'www.example.com/a', scheme: SCHEME_HTTPS }, 'https://www.example.com/a'],
    [{ url: 'www.example.com/a', dstPort: 443 }, 'https://www.example.com/a'],
    [{ url: 'tunnel://www.example.com:443/' }, 'https://www.example.com/'],
    [{ url: '/a?b', dstHost: 'www.example.com' }, 'http://www.example.com/a?b'],
    [{ url: '/a?b', dstHost: 'www.example.com', dstPort: 8080 }, 'http://www.example.com:8080/a?b'],
    [{ url: '/a', dstIp: '2001:db8::5', scheme: SCHEME_HTTPS }, 'https://[2001:db8::5]/a'],
    [{ url: 'gopher://www.example.com/', dstIp: '203.0.113.1' }, undefined],
    [{ url: 'http://www.example.com:99999/', dstIp: '203.0.113.1' }, undefined],
    [{ url: 'http:///a', dstIp: '203.0.113.1' }, 'http://203.0.113.1/a'],
    [{ url: '-', dstIp: '203.0.113.1' }, undefined]
  ]
  for (const [given, expected] of table) t.equal(run(given).record.url, expected, JSON.stringify(given))
})

t.test('rule 10: control characters and their like become blanks and go at the ends', async t => {
  const table: [string, string | undefined][] = [
    ['  alice ', 'alice'],
    ['al\u0000ice', 'al ice'],
    ['al\nice\r', 'al ice'],
    ['al\u0085ice', 'al ice'],
    ['al\u2028ice', 'al ice'],
    ['\ufeffalice', 'alice'],
    ['CONTOSO\\bob', 'CONTOSO\\bob'],
    ['Müller, Jörg|x', 'Müller, Jörg|x'],
    ['山田', '山田'],
    ['\u0001\u0002', undefined],
    ['   ', undefined]
  ]
  for (const [text, expected] of table) {
    const { record } = withHost({ user: text, device: text })
    t.same([record.user, record.device], [expected, expected], encodeURI(text))
  }
})

t.test('rule 11: what is too long is cut and counted', async t => {
  const exact = 'é'.repeat(256)
  t.equal(withHost({ user: exact }).record.user, exact)
  t.same(withHost({ user: exact }).corrections, {})
  t.equal(withHost({ user: `${exact}x` }).record.user, exact)
  t.same(withHost({ user: `${exact}x` }).corrections, { name_cut: 1 })
  t.equal(withHost({ device: '😀'.repeat(300) }).record.device, '😀'.repeat(256), 'a character is never cut in two')

  const url = `https://www.example.com/${'a'.repeat(2048 - 24)}`
  t.equal(run({ url }).record.url, url, 'exactly as long as allowed')
  const table: [string, string][] = [
    [`${url}a`, 'https://www.example.com/'],
    [`https://www.example.com/path?${'q'.repeat(3000)}`, 'https://www.example.com/path'],
    [`https://www.example.com/${'ü'.repeat(500)}`, 'https://www.example.com/'],
    [`http://a/${'x'.repeat(3000)}`, 'http://a/'],
    [`ftp://a/${'x'.repeat(3000)}`, 'ftp://a/'],
    [`https://www.example.com/${'x'.repeat(40_000)}`, 'https://www.example.com/']
  ]
  for (const [long, short] of table) {
    const { record, corrections } = run({ url: long })
    t.equal(record.url, short, `${long.slice(0, 40)}… of ${long.length}`)
    t.same(corrections, { url_cut: 1 })
  }
})

t.test('rule 12: an action is allowed or blocked, an unknown word is counted', async t => {
  t.equal(withHost({ action: ACTION_ALLOWED }).record.action, 'allowed')
  t.equal(withHost({ action: ACTION_BLOCKED }).record.action, 'blocked')
  t.equal(withHost({}).record.action, undefined)
  const unknown = withHost({ action: ACTION_UNKNOWN })
  t.equal(unknown.record.action, undefined)
  t.same(unknown.corrections, { unknown_action: 1 })
})

t.test('whatever a parser hands over, what stands obeys the rules, and finalizing it again changes nothing', async t => {
  const word = fc.constantFrom(
    '-',
    'unknown',
    'www.example.com',
    '203.0.113.5',
    '2001:db8::1',
    '/path',
    'http://',
    'a:443',
    '[',
    '@',
    '%',
    '?'
  )
  const text = fc.option(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 40 }), fc.webUrl({ withFragments: true }), fc.domain()), {
    nil: undefined
  })
  const number = fc.option(fc.oneof(fc.integer({ min: -2, max: 70_000 }), fc.double(), fc.maxSafeInteger()), { nil: undefined })
  const given = fc.record(
    { user: text, device: text, dstIp: text, dstHost: text, url: text, dstPort: number, up: number, down: number, total: number },
    { noNullPrototype: true }
  )
  const defined = (object: object): Given => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(given, some => {
        const { reject, record } = run(defined(some))
        if (reject !== '') return true
        const { user, device, dstHost, url, dstIp, dstPort, uploadedBytes, downloadedBytes, totalBytes } = record
        for (const name of [user, device]) {
          if (name !== undefined && (name !== name.trim() || name === '' || /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/.test(name)))
            return false
        }
        if (url === undefined && dstHost === undefined && dstIp === undefined) return false
        if (dstHost !== undefined && (!/^[a-z0-9._-]{1,253}$/.test(dstHost) || dstHost.endsWith('.'))) return false
        if (url !== undefined && (!/^(https?|ftp):\/\/[^\s/@#]+\/[\u0021-\u007e]*$/.test(url) || url.length > 2048 || url.includes('#')))
          return false
        if (dstPort !== undefined && !(Number.isInteger(dstPort) && dstPort >= 1 && dstPort <= 65_535)) return false
        for (const count of [uploadedBytes, downloadedBytes, totalBytes])
          if (count !== undefined && !Number.isSafeInteger(count)) return false
        if (uploadedBytes !== undefined && downloadedBytes !== undefined && totalBytes !== undefined) {
          if (totalBytes < uploadedBytes + downloadedBytes) return false
        }
        const again = run(
          defined({ user, device, dstHost, url, dstIp, dstPort, up: uploadedBytes, down: downloadedBytes, total: totalBytes })
        ).record
        return JSON.stringify(again) === JSON.stringify(record)
      }),
      { numRuns: 2000 }
    )
  )
})

t.test('user names of any script are as the rules make them, read by bytes or by strings', async t => {
  const letter = fc.constantFrom(
    'a',
    'Ø',
    'ß',
    'ж',
    'م',
    'か',
    '山',
    '한',
    '\u3000',
    '\u2028',
    '\u00a0',
    '\u1680',
    '\ufeff',
    '\u0085',
    ' ',
    '😀',
    '\ud800'
  )
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: letter, maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 })), text => {
      const logged = `u${text}`
      return run({ user: logged }).record.user === (cleanText(Buffer.from(logged).toString()) || undefined)
    }),
    { numRuns: 3000 }
  )
  t.equal(run({ user: `${'\u3000'}山田${'\u3000'}` }).record.user, '山田')
})

t.test('bytes that are cut in the middle of a character are told from characters', async t => {
  for (const hex of ['75c3', '75e5b1', '75e5b175', '75c375', '75ff']) t.match(finalizedUser(Buffer.from(hex, 'hex')), /^u.*\ufffd/, hex)
})

/** The user that becomes of bytes. */
function finalizedUser(bytes: Buffer): string | undefined {
  const buf = Buffer.alloc(4096)
  const out = new RecordFields()
  out.reset(buf, 1024, buf.length)
  bytes.copy(buf)
  out.set(USER, 0, bytes.length)
  finalize(out, noCorrections())
  return out.text(USER)
}
