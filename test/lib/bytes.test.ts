import fc from 'fast-check'
import t from 'tap'
import { find, needle } from '../../src/lib/bytes.ts'

t.test('a literal is found where Buffer finds it, in any range', async () => {
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
})

t.test('a literal at the very end of the range is found, and one that passes it is not', async t => {
  const buf = Buffer.from('xxCEF:')
  t.equal(find(buf, 0, 6, needle('CEF:')), 2)
  t.equal(find(buf, 0, 5, needle('CEF:')), -1)
  t.equal(find(buf, 3, 6, needle('CEF:')), -1)
})
