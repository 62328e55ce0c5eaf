import t from 'tap'
import { CidrList, plainAddress } from '../../src/lib/cidr.ts'

t.test('a list holds the addresses of its networks and no others', async t => {
  const list = new CidrList(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32', '::1'])
  for (const address of ['10.1.0.0', '10.1.255.255', '192.0.2.7', '2001:db8::1', '::1', '::ffff:10.1.2.3'])
    t.ok(list.contains(address), address)
  for (const address of ['10.2.0.0', '192.0.2.8', '2001:db9::1', '::2', '', 'host', '10.1.0.0/16', '/run/x'])
    t.notOk(list.contains(address), address)
})

t.test('a network of all addresses of one version', async t => {
  const list = new CidrList(['0.0.0.0/0'])
  t.ok(list.contains('203.0.113.9'))
  t.notOk(list.contains('2001:db8::1'))
})

t.test('an empty list holds nothing', async t => {
  t.notOk(new CidrList([]).contains('10.0.0.1'))
})

t.test('what is no network is named', async t => {
  for (const entry of ['10.1.0.0/33', '10.1.0/16', 'host', '', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '10.0.0.0/-1']) {
    t.throws(
      () => new CidrList([entry]),
      new RangeError(`Cannot read network "${entry}": expected an IP address or CIDR such as 10.1.0.0/16`)
    )
  }
})

t.test('addresses of dual-stack sockets become plain', async t => {
  t.equal(plainAddress('::ffff:10.1.2.3'), '10.1.2.3')
  t.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  t.equal(plainAddress('2001:db8::1'), '2001:db8::1')
})
