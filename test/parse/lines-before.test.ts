/**
 * Parsers keep what they found out about earlier lines, of whichever parser and intake, for lines like them. For those without a state of an
 * intake a line must be read the same after any other: here each after one of any parser, by the fast ways, and after another, by the plain.
 */
import t from 'tap'
import { FrameReader } from '../../src/frame-reader.ts'
import { fastPaths } from '../../src/lib/fast-paths.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { UTC } from '../../src/parse/values/zone.ts'
import { Chance } from '../fault/chance.ts'
import { mutate } from '../fuzz/mutate.ts'
import { FIXTURE_NOW, fixtures } from './fixtures.ts'

const PAIRS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 1_000_000 : 30_000
const LINE_BYTES = 4000

const parsers = (await loadParsers()).filter(({ newState }) => newState === undefined)
const linesOf = new Map(
  parsers.map(parser => {
    const own = fixtures().filter(fixture => fixture.parser === parser.id)
    const lines = own.flatMap(({ bytes }) => bytes.toString('latin1').split('\n').slice(0, -1))
    return [parser, lines.map(line => Buffer.from(line, 'latin1'))]
  })
)

const reader = new FrameReader(parsers, [UTC])
reader.frame.now = FIXTURE_NOW
const named = new Map(parsers.map(parser => [parser, reader.identifier.open(0, [{ source: 0, parser }])]))

interface Line {
  parser: (typeof parsers)[number]
  bytes: Buffer
}

function anyLine(chance: Chance): Line {
  const parser = chance.pick(parsers)
  const lines = linesOf.get(parser)!
  const bytes = chance.happens(0.5) ? chance.pick(lines) : Buffer.from(mutate(lines, [], chance, LINE_BYTES).filter(byte => byte !== 0x0a))
  return { parser, bytes }
}

/** The line up to a byte on which readers turn: what is learnt of its last word then holds for a part of one. */
function cutOff({ parser, bytes }: Line, chance: Chance): Line {
  const places = [...bytes.keys()].filter(at => !/[a-z0-9]/i.test(String.fromCharCode(bytes[at]!)))
  return { parser, bytes: bytes.subarray(0, places.length === 0 ? 0 : chance.pick(places)) }
}

/** By the parser that is named, and by whichever recognises it where nothing is known of the intake. */
function read({ parser, bytes }: Line): string {
  const guessed = reader.identifier.open(1, [{ source: 0, parser: null }])
  return [named.get(parser)!, guessed].map(intake => answerOf(reader.readLine(intake, bytes))).join('\n  ')
}

function answerOf(outcome: string): string {
  const { binding, fields, reject } = reader
  const parser = binding?.parser.id ?? ''
  if (outcome !== 'parsed') return `${outcome} ${parser} ${fields.reason}`
  const { action, phase, scheme } = fields
  return `${parser} ${reject} ${action} ${phase} ${scheme} ${JSON.stringify(fields.toRecord())}`
}

t.setTimeout(600_000)
t.teardown(() => {
  fastPaths.isOn = true
})

t.test('a line is read the same after any other', async t => {
  const chance = new Chance(1)
  const differences: string[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const line = anyLine(chance)
    const one = chance.happens(0.6) ? cutOff(line, chance) : anyLine(chance)
    const other = anyLine(chance)
    fastPaths.isOn = true
    read(one)
    const fast = read(line)
    fastPaths.isOn = false
    read(other)
    const plain = read(line)
    if (fast !== plain) differences.push(`${JSON.stringify(line.bytes.toString('latin1'))} of ${line.parser.id}\n  ${fast}\n  ${plain}`)
  }
  t.same(differences.slice(0, 5), [], `${differences.length} lines differ`)
})
