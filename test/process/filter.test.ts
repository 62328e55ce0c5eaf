import t from 'tap'
import { Filter, type FilterOptions } from '../../src/process/filter.ts'
import { DST_HOST } from '../../src/record.ts'
import { filled, type RawRecord } from '../record-kit.ts'

const NOW = Date.parse('2026-02-01T00:00:00Z')
const DAY_MS = 86_400_000

const OFF: FilterOptions = {
  dropInternal: false,
  outboundOnly: false,
  ownDomains: [],
  ownNetworks: [],
  maxAgeMs: 0,
  maxFutureMs: 0
}

const verdict = (options: Partial<FilterOptions>, raw: RawRecord): string =>
  new Filter({ ...OFF, ...options }).apply(filled({ time: NOW, srcIp: '10.0.0.1', ...raw }), NOW)

t.test('with everything off every record stays', async t => {
  for (const raw of [{ dstIp: '10.0.0.2' }, { dstHost: 'intranet' }, { time: 1 }, { time: NOW * 2 }]) t.equal(verdict({}, raw), '')
})

t.test('the age rule is exact at its borders', async t => {
  const rule = { maxAgeMs: 90 * DAY_MS - 3_600_000, maxFutureMs: 600_000 }
  t.equal(verdict(rule, { time: NOW - rule.maxAgeMs, dstIp: '203.0.113.1' }), '')
  t.equal(verdict(rule, { time: NOW - rule.maxAgeMs - 1, dstIp: '203.0.113.1' }), 'too_old')
  t.equal(verdict(rule, { time: NOW + rule.maxFutureMs, dstIp: '203.0.113.1' }), '')
  t.equal(verdict(rule, { time: NOW + rule.maxFutureMs + 1, dstIp: '203.0.113.1' }), 'in_future')
})

t.test('destinations inside are dropped, those outside stay', async t => {
  const own = { dropInternal: true, ownDomains: ['Contoso.Example', 'corp.test'], ownNetworks: ['198.51.100.0/24', '2001:db8:5::/48'] }
  const cases: [raw: RawRecord, reason: string, why: string][] = [
    [{ dstIp: '10.1.2.3' }, 'internal', 'private'],
    [{ dstIp: '127.0.0.1' }, 'internal', 'loopback'],
    [{ dstIp: '169.254.1.1' }, 'internal', 'link-local'],
    [{ dstIp: '239.255.255.250' }, 'internal', 'multicast'],
    [{ dstIp: 'fe80::1' }, 'internal', 'IPv6 link-local'],
    [{ dstIp: 'fd12:3456::1' }, 'internal', 'IPv6 unique local'],
    [{ dstIp: '::1' }, 'internal', 'IPv6 loopback'],
    [{ dstIp: 'ff02::fb' }, 'internal', 'IPv6 multicast'],
    [{ dstIp: '198.51.100.7' }, 'internal', 'own network'],
    [{ dstIp: '2001:db8:5:1::9' }, 'internal', 'own IPv6 network'],
    [{ dstIp: '198.51.101.7' }, '', 'beside the own network'],
    [{ dstIp: '2001:db8:6::9' }, '', 'beside the own IPv6 network'],
    [{ dstIp: '203.0.113.9' }, '', 'public'],
    [{ dstIp: '2606:4700::1111' }, '', 'public IPv6'],
    [{ dstHost: 'contoso.example' }, 'internal', 'own domain'],
    [{ dstHost: 'wiki.contoso.example' }, 'internal', 'below the own domain'],
    [{ dstHost: 'a.b.corp.test' }, 'internal', 'far below the own domain'],
    [{ dstHost: 'notcontoso.example' }, '', 'ends like the own domain'],
    [{ dstHost: 'contoso.example.net' }, '', 'begins like the own domain'],
    [{ dstHost: 'example' }, 'internal', 'a name without a dot'],
    [{ dstHost: 'www', dstIp: '203.0.113.9' }, '', 'a name without a dot at a public address'],
    [{ dstHost: 'wiki.contoso.example', dstIp: '203.0.113.9' }, 'internal', 'own domain at a public address'],
    [{ dstHost: 'www.example.net', dstIp: '10.0.0.9' }, 'internal', 'a public name at a private address']
  ]
  for (const [raw, reason, why] of cases) t.equal(verdict(own, raw), reason, why)
})

t.test('only the bytes of the name decide whether it has a dot', async t => {
  const record = filled({ time: NOW, srcIp: '10.0.0.1', dstHost: 'a.intranet.b' })
  const filter = new Filter({ ...OFF, dropInternal: true })
  record.start[DST_HOST]! += 2
  record.end[DST_HOST]! -= 2
  t.equal(filter.apply(record, NOW), 'internal', 'dots stand beside it')
  record.start[DST_HOST]!--
  t.equal(filter.apply(record, NOW), '', 'its first byte is one')
  record.start[DST_HOST]!++
  record.end[DST_HOST]!++
  t.equal(filter.apply(record, NOW), '', 'its last byte is one')
})

t.test('outbound only keeps clients of the own networks, and means nothing without them', async t => {
  const own = { outboundOnly: true, ownNetworks: ['10.0.0.0/8', '2001:db8::/32'] }
  const cases: [srcIp: string, reason: string][] = [
    ['10.255.255.255', ''],
    ['11.0.0.0', 'not_outbound'],
    ['2001:db8:ffff::1', ''],
    ['2001:db9::1', 'not_outbound']
  ]
  for (const [srcIp, reason] of cases) t.equal(verdict(own, { srcIp, dstIp: '203.0.113.1' }), reason, srcIp)
  t.equal(verdict({ outboundOnly: true }, { srcIp: '203.0.113.5', dstIp: '203.0.113.1' }), '')
})

t.test('the first rule that speaks names the reason', async t => {
  const all = { dropInternal: true, outboundOnly: true, ownNetworks: ['10.0.0.0/8'], maxAgeMs: DAY_MS, maxFutureMs: 1 }
  t.equal(verdict(all, { time: NOW - 2 * DAY_MS, srcIp: '203.0.113.1', dstIp: '10.0.0.1' }), 'too_old')
  t.equal(verdict(all, { srcIp: '203.0.113.1', dstIp: '10.0.0.1' }), 'internal')
  t.equal(verdict(all, { srcIp: '203.0.113.1', dstIp: '203.0.113.9' }), 'not_outbound')
})
