import t from 'tap'
import { LineReader } from '../../src/line-reader.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { FIXTURE_NOW, type Fixture, fixtures } from './fixtures.ts'

const parsers = await loadParsers()
const all = fixtures()

function answers(fixture: Fixture, appliance: string): Record<string, unknown>[] {
  const reader = new LineReader({ parsers, appliance, timeZone: 'UTC', now: FIXTURE_NOW, format: undefined })
  const text = reader.feed(fixture.bytes) + reader.end().text
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('every parser has fixtures, and every fixture a parser', async t => {
  const withFixtures = [...new Set(all.map(fixture => fixture.parser))].sort()
  t.same(withFixtures, parsers.map(parser => parser.id).sort())
})

for (const fixture of all) {
  t.test(`${fixture.parser}/${fixture.name} reads as written down`, async t => {
    t.equal(fixture.expected.length, fixture.lines.length, 'one expectation per frame')
    const got = answers(fixture, fixture.parser)
    got.forEach((answer, index) => {
      t.same(answer, fixture.expected[index], `frame ${index + 1}: ${fixture.lines[index]?.slice(0, 100)}`)
    })
  })

  t.test(`${fixture.parser}/${fixture.name} is recognised by its own parser and no other`, async t => {
    answers(fixture, 'auto').forEach((answer, index) => {
      t.equal(
        answer.parser,
        fixture.expected[index]?.outcome === 'unidentified' ? undefined : fixture.parser,
        `frame ${index + 1}: ${fixture.lines[index]?.slice(0, 100)}`
      )
    })
  })
}
