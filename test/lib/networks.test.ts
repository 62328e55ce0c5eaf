import { BlockList } from 'node:net'
import t from 'tap'
import { isInternalIp, Networks } from '../../src/lib/networks.ts'
import fc from '../property-kit.ts'

const holds = (networks: Networks, address: string): boolean => {
  const padded = Buffer.from(`..${address}..`)
  return networks.contains(padded, 2, 2 + address.length)
}
const internal = (address: string): boolean => isInternalIp(Buffer.from(`x${address}9`), 1, 1 + address.length)

t.test('addresses that are no servers on the internet are internal, up to the borders of each range', async t => {
  const cases: [inside: string[], outside: string[]][] = [
    [['0.0.0.1', '0.255.255.255'], ['1.0.0.0']],
    [
      ['10.0.0.0', '10.255.255.255'],
      ['9.255.255.255', '11.0.0.0']
    ],
    [
      ['100.64.0.0', '100.127.255.255'],
      ['100.63.255.255', '100.128.0.0']
    ],
    [
      ['127.0.0.1', '127.255.255.255'],
      ['126.255.255.255', '128.0.0.0']
    ],
    [
      ['169.254.0.0', '169.254.255.255'],
      ['169.253.255.255', '169.255.0.0']
    ],
    [
      ['172.16.0.0', '172.31.255.255'],
      ['172.15.255.255', '172.32.0.0']
    ],
    [
      ['192.168.0.0', '192.168.255.255'],
      ['192.167.255.255', '192.169.0.0']
    ],
    [['224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'], ['223.255.255.255']],
    [
      ['::1', 'fe80::1', 'febf::1', 'fec0::1', 'feff::1', 'fc00::1', 'fdff:1::2', 'ff02::fb', 'ff0e::1'],
      ['fb00::1', 'fe00::1', '2001:db8::1', '::2', '::1:2', 'fe8::1', 'fd::1', '64:ff9b::1']
    ]
  ]
  for (const [inside, outside] of cases) {
    for (const address of inside) t.ok(internal(address), address)
    for (const address of outside) t.notOk(internal(address), address)
  }
})

t.test('lists hold what their networks hold, in any order, overlapping or not', async t => {
  const networks = new Networks([
    '192.0.2.7',
    '198.51.100.0/24',
    '198.51.101.0/24',
    '198.51.100.128/25',
    '203.0.113.77/28',
    '2001:db8::/32',
    '2001:db9::5'
  ])
  for (const address of ['192.0.2.7', '198.51.100.0', '198.51.101.255', '203.0.113.64', '203.0.113.79', '2001:db8:ffff::1', '2001:db9::5'])
    t.ok(holds(networks, address), address)
  for (const address of [
    '192.0.2.6',
    '192.0.2.8',
    '198.51.99.255',
    '198.51.102.0',
    '203.0.113.63',
    '203.0.113.80',
    '2001:dba::',
    '2001:db9::6',
    'no address',
    ''
  ])
    t.notOk(holds(networks, address), address)
  t.equal(networks.size, 7)
})

t.test('all of IPv4, and none', async t => {
  t.ok(holds(new Networks(['0.0.0.0/0']), '255.255.255.255'))
  t.notOk(holds(new Networks(['0.0.0.0/0']), '2001:db8::1'))
  t.notOk(holds(new Networks([]), '10.0.0.1'))
})

t.test('what is no network is refused by name', async t => {
  for (const entry of ['10.0.0.0/33', '2001:db8::/129', 'example.com', '10.0.0', '10.0.0.0/8/8', '10.0.0.0/', ''])
    t.throws(() => new Networks([entry]), { name: 'RangeError', message: new RegExp(`"${entry}"`) }, entry)
})

t.test('lists agree with the block list of Node for any networks and addresses', { timeout: 600_000 }, async t => {
  const near = fc.tuple(fc.constantFrom(10, 11), fc.constantFrom(0, 1), fc.nat(255), fc.nat(255)).map(parts => parts.join('.'))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(near, fc.integer({ min: 8, max: 32 })), { maxLength: 12 }),
      fc.array(near, { minLength: 1, maxLength: 20 }),
      (entries, addresses) => {
        const networks = new Networks(entries.map(([address, bits]) => `${address}/${bits}`))
        const list = new BlockList()
        for (const [address, bits] of entries) list.addSubnet(address, bits)
        return addresses.every(address => holds(networks, address) === list.check(address))
      }
    ),
    { numRuns: 1000 }
  )
  t.pass('no counterexample')
})
