/** Rows read 32 bytes at a time have the columns and words that a look at each byte finds. */
import t from 'tap'
import { random } from '../../../bench/lines.ts'
import { fastPaths } from '../../../src/lib/fast-paths.ts'
import { CSV, columnMap, type DelimitedSyntax, scanDelimited, TSV } from '../../../src/parse/grammar/delimited.ts'
import { findWords, STEP_BYTES } from '../../../src/parse/grammar/separators.ts'
import { Line, Value } from '../../../src/parse/values/line.ts'

const WORDS_MAX = 24
const ROUNDS = 3000
/** Separators, what differs from them by one or by the highest bit, quotes, and what may not end a word. */
const BYTES = Buffer.from('2c2c2c2b2dacabad2009200920a089002141227aff7f801f210a0c', 'hex')

t.teardown(() => {
  fastPaths.isOn = true
})

/** A row somewhere in a buffer of such bytes, with enough of them behind it. */
function rows(seed: number): { buf: Buffer; start: number; end: number }[] {
  const next = random(seed)
  const below = (limit: number): number => Math.floor(next() * limit)
  return Array.from({ length: ROUNDS }, () => {
    const alphabet = next() < 0.5 ? BYTES : Buffer.from(next() < 0.5 ? 'abcdefgh, ' : 'abcdefgh\t  "')
    const start = below(9)
    const end = start + below(200)
    const buf = Buffer.from(Array.from({ length: end + STEP_BYTES }, () => alphabet[below(alphabet.length)]!))
    return { buf, start, end }
  })
}

t.test('words lie between blanks and TABs; a row with another control character is left to who asks', async t => {
  const starts = new Int32Array(WORDS_MAX)
  const ends = new Int32Array(WORDS_MAX)
  for (const { buf, start, end } of rows(1)) {
    const row = buf.toString('latin1', start, end)
    const words = [...row.matchAll(/[^ \t]+/g)]
      .slice(0, WORDS_MAX)
      .map(({ index, 0: word }) => [start + index, start + index + word.length])
    const count = findWords(buf, start, end, WORDS_MAX, starts, ends)
    const hasControl = /[\x00-\x08\x0a-\x1f]/.test(row)
    if (count < 0 && !hasControl) t.fail(`left alone: ${row}`)
    if (count >= 0) {
      const got = words.map((_, i) => [starts[i], ends[i]])
      if (count !== words.length || JSON.stringify(got) !== JSON.stringify(words)) t.same([count, got], [words.length, words], row)
    }
  }
  t.pass('no row differs')
})

t.test('columns are the same, byte by byte or in steps, wherever quotes stand and however many are wanted', async t => {
  const syntaxes: DelimitedSyntax[] = [CSV, TSV]
  for (const syntax of syntaxes) {
    for (const columns of [1, 3, 40]) {
      const map = columnMap(new Map(Array.from({ length: columns }, (_, column) => [column, column])))
      const read = (buf: Buffer, start: number, end: number, isOn: boolean): string => {
        fastPaths.isOn = isOn
        const values = Array.from({ length: columns }, () => new Value(new Line()))
        const count = scanDelimited(buf, start, end, map, values, syntax)
        return JSON.stringify([count, values.map(value => [value.start, value.end, value.escape])])
      }
      for (const { buf, start, end } of rows(columns)) {
        const [fast, plain] = [read(buf, start, end, true), read(buf, start, end, false)]
        if (fast !== plain) t.equal(fast, plain, buf.toString('latin1', start, end))
      }
    }
  }
  t.pass('no row differs')
})

t.test('a row at the very end of its buffer is read without a byte behind it', async t => {
  const values = [new Value(new Line()), new Value(new Line())]
  const map = columnMap(new Map(values.map((_, column) => [column, column])))
  const buf = new Uint8Array(Buffer.from('ab,cd'))
  t.equal(scanDelimited(buf, 0, buf.length, map, values, CSV), 2)
  t.same(
    values.map(({ start, end }) => [start, end]),
    [
      [0, 2],
      [3, 5]
    ]
  )
})
