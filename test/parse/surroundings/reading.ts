/**
 * What the collector answers for frames that lie in the lane's memory, as they do in a lane, with given bytes before and behind them. A line
 * feed follows each frame, or a trailer and then a line feed: CR, NUL and LF are all that may stand at its end (`Frame`).
 */
import { ENCODE_ROOM_BYTES } from '../../../src/contracts.ts'
import { newEncoder } from '../../../src/encode/encoder.ts'
import { FrameReader } from '../../../src/frame-reader.ts'
import { BLOCK_FILL_BYTES } from '../../../src/lib/frame-block.ts'
import { laneBytes, SCRATCH_START } from '../../../src/lib/lane-memory.ts'
import { loadParsers } from '../../../src/parse/load.ts'
import { UTC } from '../../../src/parse/values/zone.ts'
import { Chance } from '../../fault/chance.ts'
import { FIXTURE_NOW } from '../fixtures.ts'
import { allRounds, type Case } from './cases.ts'

/** Written before a frame, and behind it: more than any reader looks at once. */
const BEFORE_BYTES = 300
const BEHIND_BYTES = 1200
const TURNING = [...'"\'\\=|,;:%&#<>[]{}()/?@ \t-+._09aTZ\n']

export interface Surroundings {
  before: string | ((given: Case) => Buffer)
  behind: string | ((given: Case, chance: Chance) => Buffer)
  /** Between the frame and its line feed. */
  trailer?: string
  /** Where frames lie. @default near the start of the block */
  offset?: number
}

/** What the others are compared with. */
export const CALM: Surroundings = { before: '\0', behind: '\0' }
export const HOSTILE: readonly Surroundings[] = [
  { before: ({ frame }) => frame, behind: ({ rest }) => rest },
  { before: '\n', behind: ({ frame, rest }) => Buffer.concat([frame, rest, Buffer.from('\n')]) },
  { before: '0', behind: '2026010509153012', offset: BLOCK_FILL_BYTES },
  { before: '=', trailer: '\r', behind: '0' },
  { before: '"', trailer: '\0', behind: '"' },
  { before: '\\', behind: '", "="\\' },
  { before: ' ', behind: '=\\' },
  { before: '|', behind: '|' },
  { before: ' ', trailer: '\r\0', behind: ' ' },
  { before: '\xff', behind: '\xff', offset: BLOCK_FILL_BYTES - 5000 },
  { before: '\n', trailer: '\n', behind: '\n' },
  { before: ':', behind: '/:05-Jan. [' },
  { before: 'a', behind: 'abcdef' },
  { before: '\t', behind: ',\t-,\t' },
  { before: '<', behind: ')]}>' },
  { before: ({ rest }) => rest, behind: (_, chance) => Buffer.from(Array.from({ length: 40 }, () => chance.pick(TURNING)).join('')) }
]
/** So many threads are enough for each case to meet each of them. */
export const MIXES = HOSTILE.length

const parsers = await loadParsers()
const encoders = (['cef', 'leef', 'w3c', 'csv'] as const).map(format => newEncoder(format))
const line = Buffer.alloc(ENCODE_ROOM_BYTES)

/**
 * Reads all cases: by the parser that the source names, by whichever recognises them, and by one that has nothing to do with them. `take` gets
 * the answers in order. `mix` says which surroundings each case has: the calm ones below 0, else by turns one of the hostile.
 */
export function readAll(mix: number, take: (answer: string) => void): void {
  const reader = new FrameReader(parsers, [UTC])
  reader.frame.now = FIXTURE_NOW
  const chance = new Chance(1)
  let turn = mix
  for (const { parser, cases } of allRounds()) {
    const own = parsers.find(({ id }) => id === parser)!
    const intakes = [own, null, chance.pick(parsers)].map((parser, index) => reader.identifier.open(index, [{ source: 0, parser }]))
    for (const given of cases) {
      const surroundings = mix < 0 ? CALM : HOSTILE[turn++ % HOSTILE.length]!
      const start = (surroundings.offset ?? BEFORE_BYTES) + chance.between(0, 70)
      const end = place(given, start, surroundings)
      for (const intake of intakes) take(answerOf(reader, reader.read(intake, start, end), given))
      take(parsers.map(parser => (parser.recognizes(reader.frame, undefined) ? parser.id : '')).join(''))
    }
  }
}

/** Lays a frame where a lane has it; returns its end, which is before its line feed. */
function place(given: Case, start: number, { before, trailer = '', behind }: Surroundings): number {
  const { frame } = given
  fill(start - BEFORE_BYTES, start, typeof before === 'string' ? before : before(given))
  frame.copy(laneBytes, start)
  const end = start + frame.length + laneBytes.write(trailer, start + frame.length, 'latin1')
  laneBytes[end] = 0x0a
  const after = typeof behind === 'string' ? behind : behind(given, new Chance(start + end))
  fill(end + 1, end + 1 + BEHIND_BYTES, after)
  fill(SCRATCH_START, SCRATCH_START + BEHIND_BYTES, after) // as earlier records may have left it
  return end
}

function fill(start: number, end: number, bytes: string | Buffer): void {
  if (typeof bytes === 'string') laneBytes.fill(bytes, start, end, 'latin1')
  else laneBytes.fill(bytes.length > 0 ? bytes : '\n', start, end)
}

function answerOf(reader: FrameReader, outcome: string, { frame }: Case): string {
  const { binding, fields, reject } = reader
  const parser = binding?.parser.id ?? ''
  if (outcome !== 'parsed') return `${outcome} ${parser} ${fields.reason}`
  const { phase, scheme } = fields
  const record = `${outcome} ${parser} ${reject} ${phase} ${scheme} ${fields.action} ${JSON.stringify(fields.toRecord())}`
  if (reject !== '') return record
  const end = encoders[frame.length % encoders.length]!.encode(fields, line, 0)
  return `${record} ${end < 0 ? 'too long' : line.toString('latin1', 0, end)}`
}
