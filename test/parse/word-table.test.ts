import { equal } from 'node:assert/strict'
import t from 'tap'
import { KeyTable } from '../../src/parse/values/key-table.ts'
import { WordTable } from '../../src/parse/values/word-table.ts'
import fc from '../property-kit.ts'

const WORDS = 'ok no deny denied allow allowed blocked reset-both close client-rst 1 47 ipv6-icmp'.split(' ')

t.test('a word table finds what a key table finds, also after other words', async t => {
  const plain = new KeyTable(WORDS, { ignoreCase: true })
  const table = new WordTable(WORDS)
  const inAnyCase = fc.constantFrom(...WORDS).chain(word => fc.mixedCase(fc.constant(word)))
  const changed = fc.tuple(inAnyCase, fc.nat(), fc.constantFrom(...'adelnowy-\r\u0000M')).map(([word, place, sign]) => {
    const at = place % (word.length + 1)
    return word.slice(0, at) + sign + word.slice(at + 1)
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(fc.oneof(inAnyCase, changed), { minLength: 1, maxLength: 40 }), texts => {
        for (const text of texts) {
          const buf = Buffer.from(`deny${text}deny`)
          const [start, end] = [4, buf.length - 4]
          equal(table.indexOf(buf, start, end), plain.indexOf(buf, start, end), text)
        }
      })
    )
  )
  t.equal(table.indexOf(Buffer.from('allow'), 2, 2), -1, 'no bytes are no word')
})

t.test('words of the same ends and other lengths are kept apart', async t => {
  const table = new WordTable(['abcdabcd', 'abcd', 'abcdbcd', 'abcbcd'])
  for (let turn = 0; turn < 2; turn++) {
    for (const [word, index] of [
      ['abcdabcd', 0],
      ['abcd', 1],
      ['abcdbcd', 2],
      ['abcdebcd', -1],
      ['ABCD', 1]
    ] as const)
      t.equal(table.indexOf(Buffer.from(word), 0, word.length), index, word)
  }
})
