import t from 'tap'
import { marksOf } from '../../src/lib/marks.ts'
import fc from '../property-kit.ts'

const firstOf = (marks: number): number => (marks === 0 ? -1 : (31 - Math.clz32(marks & -marks)) >> 3)
const word = fc.uint8Array({ minLength: 4, maxLength: 4 })
const readWord = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true)

t.test('the first byte that is looked for is found, whatever stands beside it', async t => {
  fc.assert(
    fc.property(word, fc.integer({ min: 0, max: 127 }), (bytes, byte) => {
      t.equal(firstOf(marksOf(readWord(bytes), byte)), bytes.indexOf(byte))
    })
  )
  fc.assert(
    fc.property(word, fc.integer({ min: 0, max: 3 }), (bytes, at) => {
      t.equal(firstOf(marksOf(readWord(bytes), bytes[at]!)), bytes.indexOf(bytes[at]!))
    })
  )
})
