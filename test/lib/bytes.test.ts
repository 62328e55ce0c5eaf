import t from 'tap'
import { find, findLastByte, findLastByteFar, needle, readDigits, readFourDigits } from '../../src/lib/bytes.ts'
import { laneBytes } from '../../src/lib/lane-memory.ts'
import fc from '../property-kit.ts'

t.test('a literal is found where Buffer finds it, in any range', async t => {
  const few = fc.stringMatching(/^[ab:=é]{1,12}$/)
  fc.assert(
    fc.property(fc.array(few, { maxLength: 40 }), few, fc.nat(200), fc.nat(200), (words, word, from, length) => {
      const buf = Buffer.from(words.join(''))
      const start = Math.min(from, buf.length)
      const end = Math.min(start + length, buf.length)
      const expected = buf.subarray(start, end).indexOf(word)
      return find(buf, start, end, needle(word)) === (expected < 0 ? -1 : start + expected)
    })
  )
  t.pass('held for all literals')
})

t.test('a literal at the very end of the range is found, and one that passes it is not', async t => {
  const buf = Buffer.from('xxCEF:')
  t.equal(find(buf, 0, 6, needle('CEF:')), 2)
  t.equal(find(buf, 0, 5, needle('CEF:')), -1)
  t.equal(find(buf, 3, 6, needle('CEF:')), -1)
})

t.test('four digits are read as one by one, and four other bytes are none', async t => {
  const digits = fc.constantFrom(...Buffer.from('0123456789'))
  const any = fc.oneof({ weight: 9, arbitrary: digits }, { weight: 1, arbitrary: fc.nat(255) })
  fc.assert(
    fc.property(fc.array(any, { minLength: 4, maxLength: 4 }), bytes => {
      const buf = Buffer.from([0x31, ...bytes, 0x31])
      return readFourDigits(new DataView(buf.buffer, buf.byteOffset, buf.byteLength), 1) === readDigits(buf, 1, 4)
    }),
    { numRuns: 2000 }
  )
  t.pass('held for all bytes')
})

t.test('the last such byte is found in any range, in the memory of a lane and elsewhere', async t => {
  const bytes = fc.array(
    fc.oneof({ weight: 100, arbitrary: fc.constantFrom(0xd4, 0x53, 0x00) }, { weight: 1, arbitrary: fc.constant(0x54) }),
    { maxLength: 300 }
  )
  fc.assert(
    fc.property(bytes, fc.nat(80), fc.nat(300), (bytes, start, end) => {
      const buf = Buffer.from(bytes)
      // it stands before and behind the range as well
      laneBytes.fill(0x54, 0, bytes.length + 100)
      buf.copy(laneBytes)
      const expected = findLastByte(buf, start, Math.min(end, buf.length), 0x54)
      return [laneBytes, buf].every(memory => findLastByteFar(memory, start, Math.min(end, buf.length), 0x54) === expected)
    }),
    { numRuns: 2000 }
  )
  t.pass('held for all ranges')
})
