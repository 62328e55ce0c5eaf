import t from 'tap'
import { noCorrections } from '../../src/process/corrections.ts'
import { normalizeUrl } from '../../src/process/url.ts'
import { SCHEME_HTTPS } from '../../src/record.ts'
import { filled, type RawRecord } from '../record-kit.ts'

function normalized(raw: RawRecord, scheme = 0) {
  const fields = filled(raw)
  fields.scheme = scheme as typeof fields.scheme
  const corrections = noCorrections()
  normalizeUrl(fields, corrections)
  const { url, dstHost, dstIp, dstPort } = fields.toRecord()
  return { url, dstHost, dstIp, dstPort, cut: corrections.url_cut, dropped: corrections.url_dropped }
}

t.test('URLs become absolute ASCII, and the host comes from them', async t => {
  const cases: [logged: string, url: string, host: string][] = [
    ['https://www.example.com/a?b=c', 'https://www.example.com/a?b=c', 'www.example.com'],
    ['HTTPS://WWW.Example.com/A', 'https://www.example.com/A', 'www.example.com'],
    ['http://www.example.com', 'http://www.example.com/', 'www.example.com'],
    ['http://www.example.com?a', 'http://www.example.com/?a', 'www.example.com'],
    ['http://www.example.com/a#frag?x', 'http://www.example.com/a', 'www.example.com'],
    ['https://www.example.com/#', 'https://www.example.com/', 'www.example.com'],
    ['https://bob:secret@www.example.com/a', 'https://www.example.com/a', 'www.example.com'],
    ['https://bob@evil@www.example.com/a', 'https://www.example.com/a', 'www.example.com'],
    ['https://www.example.com/a@b', 'https://www.example.com/a@b', 'www.example.com'],
    ['https://www.example.com:443/a', 'https://www.example.com/a', 'www.example.com'],
    ['http://www.example.com:80/a', 'http://www.example.com/a', 'www.example.com'],
    ['http://www.example.com:8080/a', 'http://www.example.com:8080/a', 'www.example.com'],
    ['www.example.com/a/b', 'http://www.example.com/a/b', 'www.example.com'],
    ['www.example.com:443', 'https://www.example.com/', 'www.example.com'],
    ['www.example.com:8443', 'https://www.example.com:8443/', 'www.example.com'],
    ['//www.example.com/a', 'http://www.example.com/a', 'www.example.com'],
    ['tunnel://www.example.com:443/', 'https://www.example.com/', 'www.example.com'],
    ['wss://www.example.com/socket', 'https://www.example.com/socket', 'www.example.com'],
    ['ftp://files.example.com/a b', 'ftp://files.example.com/a%20b', 'files.example.com'],
    ['http://bücher.example/größe', 'http://xn--bcher-kva.example/gr%C3%B6%C3%9Fe', 'xn--bcher-kva.example'],
    ['http://www.example.com/a\tb\u0000c', 'http://www.example.com/a%09b%00c', 'www.example.com'],
    ['http://www.example.com./a', 'http://www.example.com/a', 'www.example.com']
  ]
  for (const [logged, url, host] of cases)
    t.match(normalized({ url: logged }), { url, dstHost: host, dropped: 0, cut: 0 }, JSON.stringify(logged))
})

t.test('an address in the URL is the destination address, unless there is one', async t => {
  t.match(normalized({ url: 'http://203.0.113.9:8080/a' }), {
    url: 'http://203.0.113.9:8080/a',
    dstIp: '203.0.113.9',
    dstPort: 8080,
    dstHost: undefined
  })
  t.match(normalized({ url: 'https://[2001:DB8::0:1]/a' }), { url: 'https://[2001:db8::1]/a', dstIp: '2001:db8::1' })
  t.match(normalized({ url: 'https://[2001:db8::1]:8443/a' }), { url: 'https://[2001:db8::1]:8443/a', dstIp: '2001:db8::1', dstPort: 8443 })
  t.match(normalized({ url: 'http://203.0.113.9/a', dstIp: '198.51.100.1' }), { url: 'http://203.0.113.9/a', dstIp: '198.51.100.1' })
})

t.test('a path alone takes host, port and scheme from the rest of the line', async t => {
  t.match(normalized({ url: '/a?b', dstHost: 'www.example.com' }), { url: 'http://www.example.com/a?b', dstHost: 'www.example.com' })
  t.match(normalized({ url: '/a', dstHost: 'www.example.com', dstPort: 443 }), { url: 'https://www.example.com/a' })
  t.match(normalized({ url: '/a', dstHost: 'www.example.com', dstPort: 8080 }), { url: 'http://www.example.com:8080/a' })
  t.match(normalized({ url: '?q', dstHost: 'www.example.com' }), { url: 'http://www.example.com/?q' })
  t.match(normalized({ url: '/a', dstIp: '203.0.113.9' }), { url: 'http://203.0.113.9/a' })
  t.match(normalized({ url: '/a', dstIp: '2001:db8::1' }), { url: 'http://[2001:db8::1]/a' })
  t.match(normalized({ url: 'www.example.com/a' }, SCHEME_HTTPS), { url: 'https://www.example.com/a' })
  t.match(normalized({ url: 'http:///a', dstHost: 'www.example.com' }), { url: 'http://www.example.com/a' })
  t.match(normalized({ url: '/a' }), { url: undefined, dropped: 1 })
  t.match(normalized({ url: 'http:///a' }), { url: undefined, dropped: 1 })
})

t.test('the URL wins over another host', async t => {
  for (const url of ['https://www.example.com/a', 'HTTPS://www.example.com/a'])
    t.match(normalized({ url, dstHost: 'proxy.example.net' }), { dstHost: 'www.example.com' })
})

t.test('what is no URL is dropped and counted, and leaves the host alone', async t => {
  for (const url of [
    '-',
    'about:blank',
    'data:text/html,a',
    'javascript://x',
    'http://',
    'http://a b/c',
    'http://a:0/',
    'http://a:99999/',
    'http://-/',
    'about://blank'
  ])
    t.match(normalized({ url, dstHost: 'www.example.com' }), { url: undefined, dstHost: 'www.example.com', dropped: 1 }, url)
})

t.test('a URL over 2048 bytes loses its query, else all but its host', async t => {
  const long = 'x'.repeat(3000)
  t.match(normalized({ url: `https://www.example.com/a?${long}` }), { url: 'https://www.example.com/a', cut: 1 })
  t.match(normalized({ url: `https://www.example.com/${long}?a` }), { url: 'https://www.example.com/', cut: 1 })
  t.match(normalized({ url: `http://h.example/${long}` }), { url: 'http://h.example/', cut: 1 })
  t.match(normalized({ url: `ftp://a/${long}/b` }), { url: 'ftp://a/', cut: 1 }, 'the shortest host')
  t.match(normalized({ url: `http://[2001:db8::1]:8080/${long}` }), { url: 'http://[2001:db8::1]:8080/', cut: 1 })
  const exact = `https://www.example.com/${'x'.repeat(2048 - 'https://www.example.com/'.length)}`
  t.match(normalized({ url: exact }), { url: exact, cut: 0 })
  t.match(normalized({ url: `${exact}x` }), { url: 'https://www.example.com/', cut: 1 })
  t.match(normalized({ url: `https://www.example.com/${'x'.repeat(100_000)}` }), { url: 'https://www.example.com/', cut: 1 })
})
