import t from 'tap'
import { SenderTable } from '../../src/receivers/udp-senders.ts'
import { readSockaddr, SOCKADDR_BYTES, writeSockaddr } from '../../src/receivers/udp-sockaddr.ts'
import fc from '../property-kit.ts'

const fields = new DataView(new ArrayBuffer(SOCKADDR_BYTES + 4))
/** Not at the start, as the addresses of a batch are not. */
const AT = 4

function at(address: string): [DataView, number] {
  writeSockaddr(new DataView(fields.buffer, AT), address, 514)
  return [fields, AT]
}

t.test('addresses are written and read back; the port and the mapped form do not matter to the table', async t => {
  for (const address of ['127.0.0.1', '203.0.113.255', '2001:db8::1', 'fe80::1', '::1', '::']) {
    t.same(readSockaddr(...at(address)), { address, port: 514 })
  }
  t.same(readSockaddr(...at('::ffff:10.1.2.3')), { address: '10.1.2.3', port: 514 })
  t.equal(readSockaddr(...at('fe80::7%3')).address, 'fe80::7')
  const table = new SenderTable(4)
  t.equal(table.find(...at('10.1.2.3'), 0), -1)
  const number = table.add(0, () => t.fail('there is room'))
  t.equal(table.find(...at('::ffff:10.1.2.3'), 1), number)
  t.equal(table.find(...at('::10.1.2.3'), 1), -1, 'the same four bytes in another network')
  table.find(...at('fe80::7%3'), 2)
  const zoned = table.add(2, () => t.fail('there is room'))
  t.equal(table.find(...at('fe80::7%4'), 2), -1, 'another link')
  t.equal(table.find(...at('fe80::7%3'), 2), zoned)
})

/** What the table must be like, written plainly: a Map keeps the order of silence. */
class PlainTable {
  readonly known = new Map<string, { number: number; seenMs: number }>()
  readonly forgotten: number[] = []
  #next = 0

  see(address: string, nowMs: number, max: number): number {
    const entry = this.known.get(address) ?? this.#add(max)
    this.known.delete(address)
    this.known.set(address, { number: entry.number, seenMs: nowMs })
    return entry.number
  }

  #add(max: number): { number: number } {
    const [oldest] = this.known
    if (this.known.size === max && oldest !== undefined) this.#forget(oldest[0])
    return { number: this.#next++ }
  }

  expire(beforeMs: number): void {
    for (const [address, { seenMs }] of this.known) {
      if (seenMs >= beforeMs) return
      this.#forget(address)
    }
  }

  #forget(address: string): void {
    this.forgotten.push(this.known.get(address)!.number)
    this.known.delete(address)
  }
}

t.test('it knows whom a plain map would know, and forgets the longest silent first', async t => {
  const step = fc.record({ host: fc.nat(40), expire: fc.integer({ min: 0, max: 9 }) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 300 }), (max, steps) => {
      const table = new SenderTable(max)
      const plain = new PlainTable()
      const forgotten: number[] = []
      const onForgotten = (number: number): void => void forgotten.push(number)
      steps.forEach(({ host, expire }, nowMs) => {
        if (expire === 0) {
          table.expire(nowMs - 20, onForgotten)
          plain.expire(nowMs - 20)
        }
        const address = host % 2 === 0 ? `10.0.${host}.1` : `2001:db8::${host}`
        const found = table.find(...at(address), nowMs)
        const number = found >= 0 ? found : table.add(nowMs, onForgotten)
        if (number !== plain.see(address, nowMs, max)) throw new Error(`step ${nowMs}: ${address} is ${number}`)
        if (table.size !== plain.known.size) throw new Error(`step ${nowMs}: ${table.size} senders`)
      })
      if (String(forgotten) !== String(plain.forgotten)) throw new Error(`forgotten: ${forgotten}, should be ${plain.forgotten}`)
    }),
    { numRuns: 300 }
  )
  t.pass('no difference')
})
