import t from 'tap'
import type { Frame, Parser } from '../../src/contracts.ts'
import { Identifier } from '../../src/identify/identifier.ts'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { UTC } from '../../src/parse/values/zone.ts'
import { Chance } from '../fault/chance.ts'
import { fixtures } from '../parse/fixtures.ts'

/** A parser that recognises lines by their first word and counts how often it was asked. */
function byWord(id: string, word: string, more: Partial<Parser> = {}): Parser & { asked: number } {
  const parser = {
    id,
    appliance: id,
    asked: 0,
    recognizes(frame: Frame) {
      parser.asked++
      return frame.buf.toString('latin1', frame.body, frame.end).startsWith(word)
    },
    parse: () => 'parsed' as const,
    ...more
  }
  return parser
}

const frame = newFrame(UTC)
function at(line: string): Frame {
  const buf = Buffer.from(`${line}\n`)
  readHeader(frame, buf, 0, buf.length - 1)
  return frame
}

t.test('a line that fits the last parser asks no other', async t => {
  const [a, b] = [byWord('a', 'alpha'), byWord('b', 'beta')]
  const identifier = new Identifier([a, b])
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  t.equal(identifier.identify(intake, at('beta 1'))?.parser, b)
  a.asked = 0
  t.equal(identifier.identify(intake, at('beta 2'))?.parser, b)
  t.equal(a.asked, 0)
})

t.test('a relay that mixes appliances is told apart per frame', async t => {
  const identifier = new Identifier([byWord('a', 'alpha'), byWord('b', 'beta')])
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  const ids = ['alpha', 'beta', 'gamma', 'alpha', 'beta'].map(word => identifier.identify(intake, at(`${word} x`))?.parser.id ?? null)
  t.same(ids, ['a', 'b', null, 'a', 'b'])
  t.equal(intake.known.length, 2, 'one binding per parser')
})

t.test('a relay that goes on with appliances it has shown asks the parsers of those only', async t => {
  const parsers = ['alpha', 'beta', 'gamma', 'delta'].map(word => byWord(word, word))
  const identifier = new Identifier(parsers)
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  for (const word of ['delta', 'beta']) identifier.identify(intake, at(word))
  for (const parser of parsers) parser.asked = 0
  for (const word of ['delta', 'beta', 'delta', 'beta']) t.equal(identifier.identify(intake, at(word))?.parser.id, word)
  t.same(
    parsers.map(({ asked }) => asked),
    [0, 3, 0, 3],
    'each is asked once in vain; after that whoever read a line that begins alike is asked first'
  )
  t.equal(identifier.identify(intake, at('gamma'))?.parser.id, 'gamma', 'and a new one is still found')
})

t.test('lines that begin alike are told apart although the one that read the last of them is asked first', async t => {
  const [a, b, c] = [byWord('a', 'date alpha'), byWord('b', 'date beta'), byWord('c', 'x')]
  const identifier = new Identifier([a, b, c])
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  const lines = ['date alpha', 'date beta', 'date beta', 'x', 'date alpha', 'x', 'date beta', 'date gamma', 'date beta']
  const ids = lines.map(line => identifier.identify(intake, at(line))?.parser.id ?? null)
  t.same(ids, ['a', 'b', 'b', 'c', 'a', 'c', 'b', null, 'b'])
})

t.test('a parser with a header row claims no line before all others were asked', async t => {
  const specific = byWord('specific', 'mark vendor')
  const rows = byWord('rows', 'mark', { newState: () => ({}) })
  const other = byWord('other', 'plain')
  const identifier = new Identifier([specific, rows, other])
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  const ids = ['mark row', 'plain', 'mark vendor', 'plain', 'mark row'].map(line => identifier.identify(intake, at(line))?.parser.id)
  t.same(ids, ['rows', 'other', 'specific', 'other', 'rows'])
})

t.test('in a relay of all appliances each line is found as if it came alone', async t => {
  const parsers = await loadParsers()
  const stateful = new Set(parsers.filter(({ newState }) => newState !== undefined).map(({ id }) => id))
  const lines = fixtures().flatMap(({ parser, lines }) => (stateful.has(parser) ? [] : lines.map(line => ({ parser, line }))))
  const relay = new Identifier(parsers)
  const intake = relay.open(0, [{ source: 0, parser: null }])
  const chance = new Chance(5)
  for (let i = 0; i < 3 * lines.length; i++) {
    const { parser, line } = chance.pick(lines)
    const alone = new Identifier(parsers)
    const wanted = alone.identify(alone.open(0, [{ source: 0, parser: null }]), at(line))?.parser.id
    const found = relay.identify(intake, at(line))?.parser.id
    if (found !== wanted) t.equal(found, wanted, `${parser}: ${line}`)
  }
  t.equal(intake.known.length, parsers.length - stateful.size)
})

t.test('a generic parser takes no lines from a specific one, whatever came last', async t => {
  const generic = byWord('generic', 'mark', { generic: true })
  const specific = byWord('specific', 'mark vendor')
  const identifier = new Identifier([specific, generic])
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  const ids = ['mark other', 'mark vendor', 'mark other', 'mark vendor'].map(line => identifier.identify(intake, at(line))?.parser.id)
  t.same(ids, ['generic', 'specific', 'generic', 'specific'])
})

t.test('a generic parser with a signature asks the others only when it changes', async t => {
  const generic = byWord('generic', 'mark', { generic: true, signature: ({ buf, body }) => buf[body + 5]! })
  const specific = byWord('specific', 'mark vendor')
  const identifier = new Identifier([specific, generic])
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  identifier.identify(intake, at('mark other 1'))
  specific.asked = 0
  t.equal(identifier.identify(intake, at('mark other 2'))?.parser, generic)
  t.equal(specific.asked, 0)
  t.equal(identifier.identify(intake, at('mark vendor'))?.parser, specific)
})

t.test('a source that names its parser guesses nothing', async t => {
  const [a, b] = [byWord('a', 'alpha'), byWord('b', 'beta')]
  const identifier = new Identifier([a, b])
  const intake = identifier.open(0, [{ source: 3, parser: b }])
  t.match(identifier.identify(intake, at('alpha')), { source: 3, parser: { id: 'b' } })
  t.equal(a.asked + b.asked, 0)
})

t.test('sources that name parsers come before the one that takes all; without one, other lines are unidentified', async t => {
  const [a, b] = [byWord('a', 'alpha'), byWord('b', 'beta')]
  const identifier = new Identifier([a, b])
  const both = identifier.open(0, [
    { source: 0, parser: null },
    { source: 1, parser: b }
  ])
  t.equal(identifier.identify(both, at('beta'))?.source, 1)
  t.equal(identifier.identify(both, at('alpha'))?.source, 0)
  const named = identifier.open(1, [
    { source: 0, parser: a },
    { source: 1, parser: b }
  ])
  t.equal(identifier.identify(named, at('gamma')), null)
})

t.test('a hostile relay gets no unbounded list of parsers', async t => {
  const parsers = Array.from({ length: 100 }, (_, index) => byWord(`p${index}`, `word${index} `))
  const identifier = new Identifier(parsers)
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  for (let index = 0; index < 100; index++) identifier.identify(intake, at(`word${index} x`))
  t.equal(intake.known.length, 64)
})

t.test('lines of one unknown product, whatever their values, are offered to all parsers once', async t => {
  let asked = 0
  const counted = (parser: Parser): Parser => ({
    ...parser,
    recognizes(frame, state) {
      asked++
      return parser.recognizes(frame, state)
    }
  })
  const parsers = (await loadParsers()).map(parser => (parser.generic === true ? parser : counted(parser)))
  const identifier = new Identifier(parsers)
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  const keyValue = (n: number): Frame =>
    at(`<134>Jan  5 09:15:30 gate time=2026-01-05T09:15:3${n}Z srcip=192.0.2.${n} dstip=203.0.113.${n} dstport=443 sent=${n}`)
  t.equal(identifier.identify(intake, keyValue(1))?.parser.id, 'generic-key-value')
  const once = asked
  t.ok(once > 30)
  for (let n = 2; n < 10; n++) t.equal(identifier.identify(intake, keyValue(n))?.parser.id, 'generic-key-value')
  t.equal(asked, once)
})

t.test('an intake that is opened again keeps the state of the parsers that still have a source', async t => {
  const [a, b] = [byWord('a', 'alpha', { newState: () => ({}) }), byWord('b', 'beta', { newState: () => ({}) })]
  const first = new Identifier([a, b])
  const intake = first.open(7, [{ source: 0, parser: null }])
  first.identify(intake, at('alpha 1'))
  const before = first.identify(intake, at('beta 1'))!
  before.hasEnds = true
  const next = new Identifier([a, b])
  const again = next.reopen(intake, [{ source: 4, parser: b }])
  t.equal(again.last?.fixed, true, 'one source that names its parser')
  t.match(again.last, { source: 4, parser: b, hasEnds: true })
  t.equal(again.last?.state, before.state)
  t.equal(again.known.length, 1, 'nobody wants the other parser any more')
  t.same(next.changed.includes(again), true, 'its lane is told whether it keeps state')
  const later = new Identifier([a, b])
  const both = later.reopen(intake, [
    { source: 2, parser: a },
    { source: 1, parser: null }
  ])
  t.match(
    both.known.map(({ parser, source, state }) => [parser.id, source, state]),
    intake.known.map(({ parser, state }) => [parser.id, parser === a ? 2 : 1, state])
  )
  t.equal(both.last?.parser, b, 'the last one is asked first')
  a.asked = 0
  t.equal(later.identify(both, at('beta 2'))?.state, before.state)
  t.equal(a.asked, 0)
})
