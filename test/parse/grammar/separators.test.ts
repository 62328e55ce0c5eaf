/** Rows in the lane's memory, read by vector code, have the columns and words that a look at each byte finds. */
import t from 'tap'
import { random } from '../../../bench/lines.ts'
import { laneBytes } from '../../../src/lib/lane-memory.ts'
import { CSV, columnMap, type DelimitedSyntax, scanDelimited, TSV } from '../../../src/parse/grammar/delimited.ts'
import { SEPARATORS_MAX, Words } from '../../../src/parse/grammar/separators.ts'
import { Line, Value } from '../../../src/parse/values/line.ts'

const ROUNDS = 3000
/** Bytes of a row, and of what lies behind it. */
const ROW_MAX = 300
const BEHIND = 100
/** Separators, what differs from them by one or by the highest bit, quotes, and other control characters. */
const BYTES = Buffer.from('2c2c2c2b2dacabad2009200920a0890022222141227aff7f801f210a0c', 'hex')
const ALPHABETS = [
  BYTES,
  ...['abcdefgh, ', 'abcdefgh\t  "', 'abc,",",', 'a,"', 'abcdefghijklmnopqrstuvwxyz', ', \t'].map(text => Buffer.from(text))
]

/** A row somewhere in the lane's memory, and its copy where no vector code reads; other bytes lie before and behind it. */
function* rows(seed: number): Generator<{ copy: Buffer; start: number; end: number }> {
  const next = random(seed)
  const below = (limit: number): number => Math.floor(next() * limit)
  for (let round = 0; round < ROUNDS; round++) {
    const alphabet = ALPHABETS[below(ALPHABETS.length)]!
    const start = below(80)
    // the ends of 64 bytes now and then
    const end = start + (next() < 0.2 ? 64 * below(4) : below(ROW_MAX))
    for (let at = 0; at < end + BEHIND; at++) laneBytes[at] = alphabet[below(alphabet.length)]!
    yield { copy: Buffer.from(laneBytes.subarray(0, end + BEHIND)), start, end }
  }
}

t.test('words lie between blanks and TABs, those that a row lacks at its end', async t => {
  for (const max of [1, 3, 24]) {
    const words = new Words(max)
    const read = (buf: Buffer, start: number, end: number): string => {
      const count = words.find(buf, start, end)
      return JSON.stringify([count, [...words.starts.subarray(0, count + 8)], [...words.ends.subarray(0, count + 8)]])
    }
    for (const { copy, start, end } of rows(max)) {
      const row = copy.toString('latin1', start, end)
      const inRow = [...row.matchAll(/[^ \t]+/g)].slice(0, max)
      const starts = inRow.map(({ index }) => start + index)
      const ends = inRow.map(({ index, 0: word }) => start + index + word.length)
      const absent = new Array<number>(8).fill(end)
      const wanted = JSON.stringify([inRow.length, [...starts, ...absent], [...ends, ...absent]])
      for (const buf of [laneBytes, copy]) {
        const got = read(buf, start, end)
        if (got !== wanted) t.equal(got, wanted, row)
      }
    }
  }
  t.pass('no row differs')
})

t.test('columns are the same wherever the row lies and quotes stand, however many are wanted', async t => {
  const syntaxes: DelimitedSyntax[] = [CSV, TSV, { ...CSV, quote: 0x61 }]
  for (const syntax of syntaxes) {
    for (const columns of [1, 3, 40, SEPARATORS_MAX]) {
      // each third column is not wanted
      const map = columnMap(new Map(Array.from({ length: columns }, (_, column) => [column - (column % 3 === 2 ? 1 : 0), column])))
      const read = (buf: Buffer, start: number, end: number): string => {
        const values = Array.from({ length: columns }, () => new Value(new Line()))
        const count = scanDelimited(buf, start, end, map, values, syntax)
        return JSON.stringify([count, values.map(value => [value.start, value.end, value.escape])])
      }
      for (const { copy, start, end } of rows(columns)) {
        const [vectors, bytes] = [read(laneBytes, start, end), read(copy, start, end)]
        if (vectors !== bytes) t.equal(vectors, bytes, copy.toString('latin1', start, end))
      }
    }
  }
  t.pass('no row differs')
})

t.test('a row of more columns than are looked for by vectors is read as well', async t => {
  const row = Buffer.from(`${'a,'.repeat(2 * SEPARATORS_MAX)}b`)
  row.copy(laneBytes)
  const value = new Value(new Line())
  t.equal(scanDelimited(laneBytes, 0, row.length, columnMap(new Map([[2 * SEPARATORS_MAX, 0]])), [value], CSV), 2 * SEPARATORS_MAX + 1)
  t.same([value.start, value.end], [row.length - 1, row.length])
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
