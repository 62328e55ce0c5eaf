/**
 * Frames to read in several surroundings: lines of all fixtures in their order, of which a seeded choice is cut off or mutated, so that what
 * a whole line left behind meets a cut one and the other way round. The same frames in every thread.
 */
import { Chance } from '../../fault/chance.ts'
import { mutate } from '../../fuzz/mutate.ts'
import { type Fixture, fixtures } from '../fixtures.ts'

/** A frame, and what followed it in the line that it was cut from. */
export interface Case {
  frame: Buffer
  rest: Buffer
}

/** A fixture as one sender might send it. */
export interface Round {
  parser: string
  cases: Case[]
}

/** More frames and surroundings than the gate has time for. */
export const IS_NIGHTLY = process.env.SLUICE_TEST_NIGHTLY === '1'

/** How often each fixture is read. */
const ROUNDS = IS_NIGHTLY ? 100 : 16
const FRAME_BYTES = 4000
const EMPTY = Buffer.alloc(0)

export function allRounds(): Round[] {
  return fixtures().flatMap((fixture, index) => roundsOf(fixture, new Chance(index + 1)))
}

/** Headers are left whole most of the time, since rows are nothing without them. */
function roundsOf({ parser, bytes, expected }: Fixture, chance: Chance): Round[] {
  const lines = linesOf(bytes)
  return Array.from({ length: ROUNDS }, () => ({
    parser,
    cases: lines.map((line, index) =>
      chance.happens(expected[index]!.reason === 'header' ? 0.8 : 0.3) ? { frame: line, rest: EMPTY } : changed(line, lines, chance)
    )
  }))
}

/** The line cut anywhere, or mutated. */
function changed(line: Buffer, lines: readonly Buffer[], chance: Chance): Case {
  if (chance.happens(0.7)) {
    const at = chance.between(0, line.length)
    return { frame: line.subarray(0, at), rest: line.subarray(at) }
  }
  const frame = Buffer.from(mutate(lines, [], chance, FRAME_BYTES).filter(byte => byte !== 0x0a))
  return { frame, rest: line.subarray(Math.min(line.length, frame.length)) }
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return lines
}
