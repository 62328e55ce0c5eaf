import t from 'tap'
import { canonicalIp, IPV6_MAX_BYTES, ipv6Groups, isCanonicalIpv4, readIpv4, writeCanonicalIpv6 } from '../../src/lib/ip.ts'
import fc from '../property-kit.ts'

const isCanonical = (text: string): boolean => {
  const buf = Buffer.from(`x${text}x`) // what stands around must not matter
  return isCanonicalIpv4(buf, 1, buf.length - 1)
}

t.test('IPv4 in its canonical form is told by its bytes', async t => {
  for (const text of ['0.0.0.0', '1.2.3.4', '10.0.0.1', '192.0.2.255', '255.255.255.255']) t.ok(isCanonical(text), text)
  const others = ['', '1.2.3', '1.2.3.4.5', '1.2.3.', '.1.2.3', '1..2.3', '256.1.1.1', '1.2.3.999', '01.2.3.4', '1.2.3.04', '00.0.0.0']
  for (const text of [...others, '1.2.3.4 ', '1.2.3.a', '-1.2.3.4', '2001:db8::1', '1.2.3.4:80']) t.notOk(isCanonical(text), text)
})

t.test('IPv4 as a number', async t => {
  const read = (text: string): number => readIpv4(Buffer.from(text), 0, text.length)
  t.equal(read('0.0.0.0'), 0)
  t.equal(read('192.0.2.1'), 0xc0000201)
  t.equal(read('255.255.255.255'), 0xffffffff)
})

t.test('an address becomes canonical', async t => {
  const table: [string, string | undefined][] = [
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1 ', '192.0.2.1'],
    ['010.001.002.003', '10.1.2.3'],
    ['256.0.0.1', undefined],
    ['1.2.3', undefined],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    // RFC 5952 section 4.2: the first of the longest runs is shortened, a single group is not
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['::1', '::1'],
    ['1::', '1::'],
    // logs write these for "none"
    ['0.0.0.0', undefined],
    ['::', undefined],
    ['0:0:0:0:0:0:0:0', undefined],
    ['::ffff:0.0.0.0', undefined],
    ['', undefined],
    ['-', undefined],
    ['host.example', undefined],
    ['2001:db8::1::2', undefined],
    ['12345::1', undefined],
    ['192.0.2.1:80', undefined],
    ['192.0.2.0/24', undefined]
  ]
  for (const [text, expected] of table) t.equal(canonicalIp(text), expected, text)
})

t.test('the canonical text of any IPv6 address reads back as the same address, and is its own canonical text', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 }), groups => {
        const text = groups.map(group => group.toString(16)).join(':')
        const canonical = canonicalIp(text)
        if (groups.every(group => group === 0)) return canonical === undefined
        if (groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff) return canonical === undefined || isCanonical(canonical)
        return (
          canonical !== undefined && canonicalIp(canonical) === canonical && ipv6Groups(canonical).every((group, i) => group === groups[i])
        )
      })
    )
  )
})

t.test('no text makes it throw', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.%[]') })), text => {
        const canonical = canonicalIp(text)
        return canonical === undefined || canonicalIp(canonical) === canonical
      })
    )
  )
})

/** What the way by bytes writes; undefined when it leaves the text to strings. */
function byBytes(text: string): string | undefined {
  const buf = Buffer.alloc(text.length * 3 + 2 + IPV6_MAX_BYTES + 1, 'x') // what stands around must not matter
  const end = 1 + buf.write(text, 1)
  const written = writeCanonicalIpv6(buf, 1, end, end + 1)
  return written < 0 ? undefined : buf.toString('latin1', end + 1, written)
}

t.test('IPv6 by bytes is IPv6 by strings', async t => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8
  })
  const written = fc.tuple(groups, fc.boolean(), fc.boolean(), fc.nat(8), fc.nat(8)).map(([list, padded, upper, from, to]) => {
    const parts = list.map(group => group.toString(16).padStart(padded ? 4 : 1, '0'))
    const text = from < to ? `${parts.slice(0, from).join(':')}::${parts.slice(to).join(':')}` : parts.join(':')
    return upper ? text.toUpperCase() : text
  })
  const anything = fc.oneof(fc.ipV6(), fc.ipV4(), fc.string({ unit: fc.constantFrom(...'01af:::.%[]') }), fc.string({ unit: 'binary' }))
  let read = 0
  fc.assert(
    fc.property(fc.oneof(written, anything), text => {
      const bytes = byBytes(text)
      if (bytes === undefined) return true
      read++
      return bytes === canonicalIp(text)
    }),
    { numRuns: 20_000 }
  )
  t.ok(read > 5000, `${read} addresses were read by bytes`)
})

t.test('IPv6 as logs write it is read by bytes; the rest is left to strings', async t => {
  const read = ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', 'fe80::1', '::1', '1::', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '2001:0:0:1:0:0:0:1']
  for (const text of read) t.equal(byBytes(text), canonicalIp(text), text)
  const left = [
    '',
    ':',
    '::',
    ':::',
    '1',
    '1:',
    ':1',
    '1::2::3',
    '1:::2',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::g',
    '::ffff:c000:201'
  ]
  for (const text of [...left, '64:ff9b::192.0.2.33', 'fe80::1%eth0', '[::1]', '::1:2:3:4:5:6:7:8']) t.equal(byBytes(text), undefined, text)
})
