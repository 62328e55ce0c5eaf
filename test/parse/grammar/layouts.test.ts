/** Lines of one kind, whose values change and are sometimes hostile: a layout reads them as the grammar's own scan does. */
import t, { type Test } from 'tap'
import { random } from '../../../bench/lines.ts'
import { laneBytes } from '../../../src/lib/lane-memory.ts'
import { scanCefExtension } from '../../../src/parse/grammar/cef.ts'
import { JsonLevel, scanJson } from '../../../src/parse/grammar/json.ts'
import { KEY_VALUE_SYNTAX, scanKeyValue } from '../../../src/parse/grammar/key-value.ts'
import { Layouts } from '../../../src/parse/grammar/layouts.ts'
import { scanLeef } from '../../../src/parse/grammar/leef.ts'
import { KeyTable } from '../../../src/parse/values/key-table.ts'
import { Line, Value } from '../../../src/parse/values/line.ts'

const SEEDS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 200 : 8
const LINES = 1000
const WANTED = ['user', 'src', 'dst', 'sent', 'last', 'twice']

type Scan = (buf: Buffer, end: number, values: readonly Value[], layouts?: Layouts) => number
type Next = () => number

/** Values that the scan found, as text to compare. */
function scanned(scan: Scan, buf: Buffer, end: number, values: readonly Value[], layouts?: Layouts): string {
  for (const value of values) value.start = -1
  const found = scan(buf, end, values, layouts)
  return `${found} ${values.map(({ start, end, escape }) => (start < 0 ? '-' : `${start}…${end} ${escape}`)).join(', ')}`
}

/** A value: of a few words, of digits, of changing length; once in a while with bytes that mean something. */
function valueOf(next: Next, hostile: readonly string[], isBare: boolean): string {
  const below = (limit: number): number => Math.floor(next() * limit)
  const text = next() < 0.2 ? '' : next() < 0.5 ? 'abc'.slice(below(3)) : String(below(10 ** (1 + below(9))))
  if (next() < 0.02) return `${text}${hostile[below(hostile.length)]!}${text}`
  return isBare || next() < 0.7 ? text : `${text} ${text}!`
}

function compare(t: Test, name: string, scan: Scan, lineOf: (next: Next) => string): void {
  const values = WANTED.map(() => new Value(new Line()))
  let fitted = 0
  const differences: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const next = random(seed)
    const layouts = new Layouts(new Line())
    for (let i = 0; i < LINES; i++) {
      const text = lineOf(next)
      const buf = laneBytes
      const end = buf.write(`${text}\n`, 'latin1') - 1
      const learns = layouts.learnt
      const fast = scanned(scan, buf, end, values, layouts)
      if (layouts.learnt === learns && layouts.wantsTrace) fitted++
      const plain = scanned(scan, buf, end, values)
      if (fast !== plain) differences.push(`${JSON.stringify(text)}\n  fast  ${fast}\n  plain ${plain}`)
    }
  }
  t.same(differences.slice(0, 3), [], `${name}: ${differences.length} lines differ`)
  t.ok(fitted > (SEEDS * LINES) / 4, `${name}: layouts read many of the lines (${fitted})`)
}

const keys = new KeyTable(WANTED)

t.test('key=value', async t => {
  const hostile = ['"', '\\', '\\"', '\\\\', '=', ' ', ' user=', '" user="', '\t', '\0', '\r', '"x', 'é', '\\']
  compare(
    t,
    'key=value',
    (buf, end, values, layouts) => scanKeyValue(buf, 0, end, keys, values, KEY_VALUE_SYNTAX, layouts),
    next => {
      const value = (): string => valueOf(next, hostile, false)
      const bare = (): string => valueOf(next, hostile, true)
      const optional = next() < 0.1 ? ` extra="${value()}"` : ''
      const end = next() < 0.02 ? '"' : next() < 0.02 ? ' ' : ''
      return `date=2026 user="${value()}" twice=1 src=${bare()} dst="x" other=${bare()} sent=${bare()}${optional} twice="${value()}" constant="DOM\\\\name" word last=${bare()}${end}`
    }
  )
})

t.test('CEF', async t => {
  const hostile = ['=', '\\', '\\=', ' \\', '\\ user=', ' user=', 'http://x/?a=b', ' a,b=c', '\t', '\0', ' ', '  ', '\\\\', 'é', '=user=']
  compare(
    t,
    'CEF',
    (buf, end, values, layouts) => scanCefExtension(buf, 0, end, keys, values, layouts),
    next => {
      const value = (): string => valueOf(next, hostile, false) || (next() < 0.05 ? '' : 'x')
      const optional = next() < 0.1 ? ` extra=${value()}` : ''
      const end = next() < 0.02 ? '\\' : next() < 0.02 ? ' ' : next() < 0.02 ? '=' : ''
      return `rt=1 user=${value()} twice=1 src=${value()} dst=x\\=y other=${value()} sent=${value()}${optional} twice=${value()} constant=a b c=d last=${value()}${end}`
    }
  )
})

t.test('LEEF', async t => {
  const hostile = ['=', '\t', '\tuser=', ' ', ' \t ', '\0', '\r', 'é', '\tword', '\t=']
  compare(
    t,
    'LEEF',
    (buf, end, values, layouts) => scanLeef(buf, 0, end, 0x09, keys, values, layouts),
    next => {
      const value = (): string => valueOf(next, hostile, false)
      const optional = next() < 0.1 ? `\textra=${value()}` : ''
      const end = next() < 0.02 ? '\t' : next() < 0.02 ? ' ' : ''
      return `devTime=1\tuser=${value()}\ttwice=1\tsrc=${value()}\tdst=x y\tother=${value()}\tsent=${value()}${optional}\ttwice=${value()}\tword\tlast=${value()}${end}`
    }
  )
})

t.test('JSON', async t => {
  const hostile = ['"', '\\', '\\"', '\\\\', '","user":"', '{', '}', '[', ',', '\t', '\0', '\r', 'é', '\\u0041', ':', '"}']
  // whole and nested paths, as the words of a table
  const paths = WANTED.map(word => (word === 'last' ? 'event.last' : word))
  compare(
    t,
    'JSON',
    (buf, end, values, layouts) => {
      const wanted = new Map(paths.map((path, i) => [path, values[i]!]))
      const level = new JsonLevel(wanted, layouts === undefined ? undefined : { values, layouts })
      return scanJson(buf, 0, end, level) < 0 ? -1 : 1
    },
    next => {
      const value = (): string => valueOf(next, hostile, false)
      const bare = (): string =>
        next() < 0.02
          ? ['null', 'true', '[]', '["x","y"]', '[7]', '{"user":"z"}', '-', '1e5', '12a', '"5"', ''][Math.floor(next() * 11)]!
          : `${next() < 0.1 ? '-' : ''}${Math.floor(next() * 10 ** (1 + Math.floor(next() * 9)))}${next() < 0.2 ? '.5' : ''}`
      const optional = next() < 0.1 ? `,"extra":"${value()}"` : ''
      const end = next() < 0.02 ? '' : next() < 0.02 ? '} x' : next() < 0.02 ? ' ]' : '}'
      return `{"date":"2026", "user":"${value()}","twice":1,"src":${next() < 0.1 ? 'true' : bare()},"dst":"x\\"y","other":${bare()},"none":null,"list":[1,{"user":"no"}],"event":{"last":"${value()}","id":${bare()}},"sent": ${bare()}${optional},"twice":"${value()}"${end}`
    }
  )
})

t.test('a layout whose memory went to others fits no line any more, and its lines are learnt anew', async t => {
  const differences: string[] = []
  /** A table that wants these keys; tells whether a layout has read the line. */
  const reader = (wanted: string[]): ((text: string) => boolean) => {
    const table = new KeyTable(wanted)
    const values = wanted.map(() => new Value(new Line()))
    const layouts = new Layouts(new Line())
    const scan: Scan = (buf, end, values, layouts) => scanKeyValue(buf, 0, end, table, values, KEY_VALUE_SYNTAX, layouts)
    return text => {
      const end = laneBytes.write(`${text}\n`, 'latin1') - 1
      const before = layouts.learnt
      const fast = scanned(scan, laneBytes, end, values, layouts)
      const isRead = layouts.learnt === before
      const plain = scanned(scan, laneBytes, end, values)
      if (fast !== plain) differences.push(`${wanted}: ${text}: ${fast}, not ${plain}`)
      return isRead
    }
  }
  const lineOf = (round: number): string => `user=u${round} src=10.0.0.1 sent=${round * 7} own=x last=l`
  const first = reader(WANTED)
  // The same line, of which they want something else; more of them than there is memory for.
  const others = Array.from({ length: 300 }, () => reader(['last', 'own']))
  for (const round of [1, 2]) first(lineOf(round))
  t.ok(first(lineOf(3)), 'it reads the third line')
  for (const other of others) for (const round of [1, 2]) other(lineOf(round))
  t.ok(others.at(-1)!(lineOf(3)), 'so does the last')
  t.notOk(first(lineOf(4)), 'the first lost its memory')
  first(lineOf(5))
  t.ok(first(lineOf(6)), 'and has another')
  for (let round = 7; round < 10; round++) for (const read of [first, ...others]) read(lineOf(round))
  t.same(differences.slice(0, 3), [], 'and all are read as by the scan')
})
