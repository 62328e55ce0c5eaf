import t from 'tap'
import { canonicalIp } from '../../src/lib/ip.ts'
import { noCorrections } from '../../src/process/corrections.ts'
import { canonicalHost, finalizeHost } from '../../src/process/host.ts'
import fc from '../property-kit.ts'
import { filled } from '../record-kit.ts'

function finalized(dstHost: string, dstIp?: string) {
  const fields = filled({ dstHost, ...(dstIp === undefined ? {} : { dstIp }) })
  const corrections = noCorrections()
  finalizeHost(fields, corrections)
  const record = fields.toRecord()
  return { host: record.dstHost, ip: record.dstIp, dropped: corrections.host_dropped }
}

t.test('hosts become lower-case ASCII names without port and dot', async t => {
  const cases: [logged: string, host: string | undefined][] = [
    ['www.example.com', 'www.example.com'],
    ['WWW.Example.COM', 'www.example.com'],
    ['www.example.com.', 'www.example.com'],
    ['www.example.com..', 'www.example.com'],
    ['www.example.com:443', 'www.example.com'],
    ['www.example.com.:443', 'www.example.com'],
    ['www.example.com:', 'www.example.com'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['intranet', 'intranet'],
    ['  www.example.com ', 'www.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['例え.テスト。', 'xn--r8jz45g.xn--zckzah'],
    ['－', undefined],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    [`${'A'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
    ['3com', '3com'],
    ['1.2.3.4.example', '1.2.3.4.example']
  ]
  for (const [logged, host] of cases) t.same(finalized(logged), { host, ip: undefined, dropped: 0 }, logged)
})

t.test('placeholders are no hosts and cost nothing', async t => {
  for (const logged of ['-', 'N/A', 'unknown', 'None', '(null)', '.', ':443', '-:443', '0.0.0.0:80', ' '])
    t.same(finalized(logged), { host: undefined, ip: undefined, dropped: 0 }, JSON.stringify(logged))
})

t.test('what is no host is dropped and counted', async t => {
  const logged = [
    'a b.example',
    'a/b',
    'a?b',
    'a@b',
    'http://a',
    'a"b',
    '=',
    '.example.com',
    `${'a.'.repeat(130)}com`,
    'x'.repeat(2000),
    'a%20b',
    'a\0b',
    '[::1',
    '[x]',
    '443',
    '10.1',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3:443'
  ]
  for (const text of logged) t.same(finalized(text), { host: undefined, ip: undefined, dropped: 1 }, JSON.stringify(text).slice(0, 40))
})

t.test('an address goes to the destination address, unless there is one', async t => {
  const cases: [logged: string, ip: string][] = [
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9:8080', '203.0.113.9'],
    ['203.0.113.9.', '203.0.113.9'],
    ['[2001:DB8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['２０３.0.113.9', '203.0.113.9']
  ]
  for (const [logged, ip] of cases) {
    t.same(finalized(logged), { host: undefined, ip, dropped: 0 }, logged)
    t.same(finalized(logged, '198.51.100.1'), { host: undefined, ip: '198.51.100.1', dropped: 0 }, `${logged} beside an address`)
  }
})

t.test('canonical hosts are fixed points, and nothing else comes out', { timeout: 600_000 }, async t => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.domain(), fc.string({ maxLength: 12 })), text => {
      const host = canonicalHost(text)
      if (host === undefined || host === '') return true
      return canonicalHost(host) === host && /^([a-z0-9_-][a-z0-9._-]*|[0-9a-f:]+)$/.test(host) && !host.endsWith('.')
    }),
    { numRuns: 5000 }
  )
  t.pass('no counterexample')
})

t.test('the way by bytes and the way by strings agree on hosts', async t => {
  const label = fc.constantFrom('www', 'WWW', 'Example', 'none', 'NA', '1', 'x_y', 'a-B', '')
  const logged = fc
    .tuple(fc.array(label, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '.', ':', ':443', ':443:1', ':x', ' ', 'é'))
    .map(([labels, end]) => labels.join('.') + end)
  fc.assert(
    fc.property(logged, text => {
      if (text === '') return true
      const host = canonicalHost(text)
      const isName = host !== undefined && host !== '' && canonicalIp(host) === undefined
      return finalized(text).host === (isName ? host : undefined) && finalized(text).dropped === (host === undefined ? 1 : 0)
    }),
    { numRuns: 5000 }
  )
  t.pass('no counterexample')
})
