import t from 'tap'
import { FRAME_MAX_BYTES } from '../src/contracts.ts'
import { LineReader, type LineReaderOptions } from '../src/line-reader.ts'
import { loadParsers } from '../src/parse/load.ts'
import { readCsv, readW3c } from './encode/readers.ts'
import { FIXTURE_NOW, fixtures } from './parse/fixtures.ts'
import fc from './property-kit.ts'

const parsers = await loadParsers()
const SQUID =
  '1767604530.250    120 192.0.2.10 TCP_MISS/200 4512 GET http://www.example.com/index.html alice HIER_DIRECT/203.0.113.10 text/html'

const newReader = (options: Partial<LineReaderOptions> = {}) =>
  new LineReader({ parsers, appliance: 'auto', timeZone: 'UTC', now: FIXTURE_NOW, format: undefined, ...options })
const answers = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Record<string, unknown>)
const readAll = (bytes: Buffer, options: Partial<LineReaderOptions> = {}) => {
  const reader = newReader(options)
  return reader.feed(bytes) + reader.end().text
}

t.test('every line has one answer, whatever it is', async t => {
  const lines = [SQUID, '', 'no log line', '\0\xff', `${SQUID}\r`, '   ']
  const got = answers(readAll(Buffer.from(lines.map(line => `${line}\n`).join(''), 'latin1')))
  t.same(
    got.map(({ outcome }) => outcome),
    ['parsed', 'skipped', 'unidentified', 'unidentified', 'parsed', got[5]!.outcome]
  )
  t.match(got[0], { parser: 'squid-native', record: { time: '2026-01-05T09:15:30.250Z', srcIp: '192.0.2.10', user: 'alice' } })
  t.match(got[1], { reason: 'empty' })
  t.match(got[2], { reason: 'unidentified' })
})

t.test('a last line without line feed is answered at the end, once', async t => {
  const reader = newReader()
  t.equal(reader.feed(Buffer.from(SQUID)), '')
  t.equal(answers(reader.end().text).length, 1)
  t.equal(reader.end().text, '')
})

t.test('a row of the Squid family that ends in a word of unknown origin is read where the source is named, not guessed', async t => {
  const line = Buffer.from(`${SQUID} Business_and_Economy\n`)
  t.match(answers(readAll(line)), [{ outcome: 'unidentified' }])
  t.match(answers(readAll(line, { appliance: 'squid-native' })), [{ outcome: 'parsed', record: { user: 'alice' } }])
})

const NSS = (user: string): string =>
  JSON.stringify({
    sourcetype: 'zscalernss-web',
    event: {
      datetime: 'Mon Jan  5 09:15:30 2026',
      tz: 'GMT',
      cip: '192.0.2.10',
      login: user,
      eurl: 'www.example.com/[a],{b}',
      action: 'Allowed'
    }
  })
const usersOf = (text: string): unknown[] =>
  answers(text).map(answer => (answer.record as { user?: string } | undefined)?.user ?? answer.reason)

t.test('each object of a JSON document has an answer, as where it is pushed by HTTP', async t => {
  const [alice, bob] = [NSS('alice@example.com'), NSS('bob@example.com')]
  const laidOut = (text: string): string => JSON.stringify(JSON.parse(text), undefined, 2)
  const documents = {
    'an array on one line': `[${alice},${bob}]`,
    'an array, an object a line': `[\n${alice},\n${bob}\n]\n`,
    'an array with a mark and blanks before it': `\ufeff \n[ \n ${alice} , ${bob} ]`,
    'an array laid out': laidOut(`[${alice},${bob}]`),
    'objects laid out, one after another': `${laidOut(alice)}\n${laidOut(bob)}\n`,
    'arrays one after another': `[${alice}]\n[${bob}]\n`
  }
  for (const [name, text] of Object.entries(documents)) {
    const bytes = Buffer.from(text)
    for (const size of [1, 2, 300, bytes.length]) {
      const reader = newReader()
      let got = ''
      for (let at = 0; at < bytes.length; at += size) got += reader.feed(bytes.subarray(at, at + size))
      const { text: last, discardedBytes } = reader.end()
      t.same(usersOf(got + last), ['alice@example.com', 'bob@example.com'], `${name}, by ${size} bytes`)
      t.equal(discardedBytes, 0)
    }
  }
})

t.test('what no JSON document is stays lines, each with its answer', async t => {
  const alice = NSS('alice@example.com')
  t.same(usersOf(readAll(Buffer.from(`${alice}\nno log line\n\n${alice}\n`))), [
    'alice@example.com',
    'unidentified',
    'empty',
    'alice@example.com'
  ])
  for (const text of ['[', '{', ' ', '\n', '[09:15:30] a\n[09:15:31] b\n', '{"a":\n1}'])
    t.equal(answers(readAll(Buffer.from(text))).length, text.trimEnd().split('\n').length, JSON.stringify(text))
})

t.test('what a JSON document holds beside its objects is counted, and the next file is read by its own first bytes', async t => {
  const reader = newReader()
  const got = reader.feed(Buffer.from(`[${NSS('alice@example.com')}, rubbish`))
  const { text, discardedBytes } = reader.end()
  t.same([usersOf(got + text), discardedBytes], [['alice@example.com'], 'rubbish'.length])
  const lines = reader.feed(Buffer.from(`${SQUID}\n${SQUID}\n`)) + reader.end().text
  t.same(usersOf(lines), ['alice', 'alice'])
})

t.test('how the bytes are cut into chunks changes nothing', { timeout: 600_000 }, async t => {
  const all = Buffer.concat(fixtures().map(({ bytes }) => bytes))
  const whole = readAll(all)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 5, maxLength: 50 }), sizes => {
      const reader = newReader()
      let text = ''
      for (let at = 0, index = 0; at < all.length; at += sizes[index++ % sizes.length]!) {
        text += reader.feed(all.subarray(at, at + sizes[index % sizes.length]!))
      }
      return text + reader.end().text === whole
    }),
    { numRuns: 5 }
  )
  t.ok(answers(whole).length > 100)
})

t.test('a line beyond the cap is cut, answered once, and the next line is unharmed', async t => {
  const long = Buffer.alloc(FRAME_MAX_BYTES * 4, 'x')
  const got = answers(readAll(Buffer.concat([Buffer.from('y'), long, Buffer.from(`\n${SQUID}\n`)])))
  t.same(
    got.map(({ outcome }) => outcome),
    ['unidentified', 'parsed']
  )
})

t.test('with a format, only records come, with their head once', async t => {
  const bytes = Buffer.from(`${SQUID}\nnonsense\n${SQUID}\n`)
  t.equal(readW3c(readAll(bytes, { format: 'w3c' })).length, 2)
  t.equal(readCsv(readAll(bytes, { format: 'csv' })).length, 2)
  t.match(readAll(bytes, { format: 'cef' }), /^CEF:0\|[^\n]+\nCEF:0\|[^\n]+\n$/)
})

t.test('one parser can be asked for, and clocks without offset are in the zone that was named', async t => {
  t.match(answers(readAll(Buffer.from(`${SQUID}\n`), { appliance: 'fortinet-fortigate' }))[0], { parser: 'fortinet-fortigate' })
  const line =
    'date=2026-01-15 time=10:11:12 devname="fw" devid="FG100" logid="0000000013" type="traffic" subtype="forward" level="notice" srcip=10.0.0.7 dstip=203.0.113.9 action="close" sentbyte=1 rcvdbyte=2\n'
  t.match(answers(readAll(Buffer.from(line), { timeZone: 'Europe/Berlin' }))[0], { record: { time: '2026-01-15T09:11:12.000Z' } })
  t.throws(() => newReader({ timeZone: 'Nowhere/Land' }), RangeError)
})
