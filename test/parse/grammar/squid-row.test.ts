/**
 * Rows of Squid in their usual form are read by vector code in one call. Whatever a row holds, the record must be that of the plain way;
 * `isFinal` tells which way was taken.
 */

import t from 'tap'
import { FrameReader } from '../../../src/frame-reader.ts'
import { fastPaths } from '../../../src/lib/fast-paths.ts'
import { loadParsers } from '../../../src/parse/load.ts'
import { UTC } from '../../../src/parse/values/zone.ts'
import fc from '../../property-kit.ts'

const parsers = await loadParsers()

function readerOf(isOn: boolean): (line: string) => { isRow: boolean; record: string } {
  const reader = new FrameReader(parsers, [UTC])
  const intake = reader.identifier.open(0, [{ source: 0, parser: parsers.find(({ id }) => id === 'squid-native')! }])
  return line => {
    fastPaths.isOn = isOn
    const outcome = reader.readLine(intake, Buffer.from(line))
    fastPaths.isOn = true
    const { fields, reject } = reader
    return {
      isRow: fields.isFinal,
      record: outcome === 'parsed' ? JSON.stringify([reject, fields.toRecord()]) : `${outcome} ${fields.reason}`
    }
  }
}

const fast = readerOf(true)
const plain = readerOf(false)
const HEAD = '1767604530.250     13 10.4.251.246 TCP_MISS/200 2544'
const URL = 'GET http://app1838.example.com/path/720743/index.html'

const USUAL = {
  'of a request': `${HEAD} ${URL} bob@contoso.example HIER_DIRECT/203.0.113.253 text/html`,
  'without a user': `${HEAD} ${URL} - HIER_DIRECT/203.0.113.253 text/html`,
  'a long elapsed time and a size of fifteen digits': `1767604530.250 1234567 10.4.251.246 TCP_MISS/200 123456789012345 ${URL} - HIER_DIRECT/203.0.113.253 text/html`,
  'from the cache, without a peer': `${HEAD.replace('MISS', 'HIT')} ${URL} - HIER_NONE/- text/html`,
  'denied, without a type': `${HEAD.replace('MISS/200', 'DENIED/403')} ${URL} - HIER_NONE/- -`,
  'by a parent': `${HEAD} ${URL} - FIRSTUP_PARENT/10.0.0.9 text/html`,
  'of a tunnel': `${HEAD.replace('MISS', 'TUNNEL')} CONNECT www.example.com:443 bob HIER_DIRECT/203.0.113.9 -`,
  'of a server without a name': `${HEAD} GET http://198.51.100.7/a?b=c bob HIER_NONE/- text/html`,
  'of a server without a name, with a peer': `${HEAD} GET https://198.51.100.7/ bob HIER_DIRECT/203.0.113.9 text/html`,
  'after a syslog header': `<134>Jan  5 09:15:30 proxy squid[12]: ${HEAD} ${URL} - HIER_DIRECT/203.0.113.253 text/html`
}

for (const [name, line] of Object.entries(USUAL)) {
  t.test(`a row ${name} is read at once when its words are known`, async t => {
    fast(line)
    const { isRow, record } = fast(line)
    t.ok(isRow)
    t.equal(record, plain(line).record)
  })
}

t.test('the manager and icons of the cache are no traffic in such a row', async t => {
  const line = `${HEAD} GET http://proxy.example.com/squid-internal-static/icons/SN.png - HIER_NONE/- image/png`
  fast(USUAL['from the cache, without a peer'])
  t.equal(fast(line).record, 'skipped appliance_itself')
  t.equal(plain(line).record, 'skipped appliance_itself')
})

t.test('a hierarchy that was cut before its slash says nothing of the whole one', async t => {
  const line = USUAL['of a request']
  fast(line)
  fast(line.slice(0, line.indexOf('/203.0.113.253')))
  fast(line.replace('/203.0.113.253', ':203.0.113.253'))
  t.equal(fast(line).record, plain(line).record)
})

/** Of each word what is usual, and what is near it. */
const WORDS: readonly (readonly string[])[] = [
  ['1767604530.250', '1767604530.25', '176760453.250', '1767604530,250', '17676045a0.250', '9999999999.999', '0000000000.000'],
  ['13', '     13', '-1', '', '1234567890', '12345678901234567890', '1a', '-'],
  ['10.4.251.246', '2001:db8::1', '10.4.251.256', '0.0.0.0', 'client.example.com', '-', '10.4.251.246 1234'],
  ['TCP_MISS/200', 'TCP_DENIED/407', 'NONE/000', 'UDP_MISS/000', 'TCP_MISS/20', 'tcp_miss/200', 'TCP_MISS_ABORTED/000', 'NONE_NONE/400'],
  ['2544', '0', '123456789', '999999999999999', '9007199254740993', '12345678901234567', '-', '2544 300', '1e3'],
  ['GET', 'CONNECT', 'POST', '-', 'get', 'PROPFIND', '400'],
  [
    'http://app1838.example.com/path',
    'https://a/',
    'www.example.com:443',
    'host1:443',
    'host:0',
    'host:65536',
    'host:123456',
    '192.0.2.7:443',
    '[2001:db8::1]:443',
    'http://192.0.2.7/?q',
    'http://192.0.2.7',
    'http://a.example/#top',
    'http://A.example/',
    'http://a.example:8080/',
    'http://bob:secret@a.example/',
    `http://a.example/${'x'.repeat(2040)}`,
    'http://a.example/ä',
    'cache_object://localhost/info',
    'http://p.example/squid-internal-mgr/menu',
    'error:invalid-request',
    'ftp://a.example/',
    'a-:443'
  ],
  ['bob@contoso.example', '-', 'anonymous', 'n/a', 'CONTOSO%5Cbob', 'ä', `${'u'.repeat(257)}`, 'b'],
  [
    'HIER_DIRECT/203.0.113.253',
    'HIER_DIRECT',
    'HIER_DIRECT:1',
    'HIER_NONE/-',
    'DIRECT/203.0.113.9',
    'FIRSTUP_PARENT/10.0.0.9',
    'HIER_DIRECT/a.example',
    'HIER_DIRECT/0.0.0.0',
    'HIER_DIRECT/2001:db8::2',
    'hier/1',
    'PINNED/203.0.113.9',
    `${'H'.repeat(40)}/10.0.0.1`,
    '-'
  ],
  ['text/html', '-', '443', 'text/html 12', 'text/html\tDEFAULT', 'text/html DEFAULT_CASE', 'text/html ', '', 'a\u0001b']
]

t.test('rows of all words near the usual ones give the record of the plain way', async t => {
  let rows = 0
  fc.assert(
    fc.property(
      fc.tuple(
        ...WORDS.map(words =>
          fc.oneof({ weight: 5, arbitrary: fc.constant(words[0]!) }, { weight: 1, arbitrary: fc.constantFrom(...words) })
        )
      ),
      fc.constantFrom(' ', ' ', ' ', '  ', '\t'),
      fc.nat(WORDS.length - 2),
      (words, separator, place) => {
        const line = words.reduce((row, word, index) => row + (index - 1 === place ? separator : ' ') + word)
        fast(line)
        const { isRow, record } = fast(line)
        if (isRow) rows++
        return record === plain(line).record || t.fail(line)
      }
    ),
    { numRuns: process.env.SLUICE_TEST_NIGHTLY === '1' ? 500_000 : 20_000 }
  )
  t.ok(rows > 1000, `${rows} rows were read at once`)
})
