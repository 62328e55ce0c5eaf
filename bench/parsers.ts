/**
 * Every parser on the lines of its fixtures that become records: header, recognition, parsing and normalisation together. Fixture lines
 * are short, of several formats in turn and full of traps, so that lines as one appliance sends them are measured beside them.
 */
import type { Parser } from '../src/contracts.ts'
import { FrameReader } from '../src/frame-reader.ts'
import type { IntakeIdentity } from '../src/identify/identifier.ts'
import { FrameBlock } from '../src/lib/frame-block.ts'
import { loadParsers } from '../src/parse/load.ts'
import { UTC } from '../src/parse/values/zone.ts'
import { FIXTURE_NOW, fixtures } from '../test/parse/fixtures.ts'
import { LINE_KINDS, makeLines } from './lines.ts'
import { measureStages, type Stage } from './measure.ts'

export interface ParserResult {
  /** What was read: `fixtures`, or a kind of typical line. */
  name: string
  parser: string
  bytesPerLine: number
  linesPerSecond: number
  megabytesPerCpuSecond: number
}

const LINES = 4000
const TYPICAL_BYTES = 600_000
/** With fewer, cold code was measured and not the parser (a third of the speed). */
const WARM_UP_LINES = 80_000

/** One row per parser that has a fixture line with a record. */
export async function parserResults(rounds: number): Promise<ParserResult[]> {
  const parsers = await loadParsers()
  const all = fixtures()
  const results: ParserResult[] = []
  for (const parser of parsers) {
    const reader = new FrameReader(parsers, [UTC])
    reader.frame.now = FIXTURE_NOW
    const intake = reader.identifier.open(0, [{ source: 0, parser: null }])
    const kept: Buffer[] = []
    for (const fixture of all.filter(one => one.parser === parser.id)) {
      for (const line of fixture.lines) {
        const bytes = Buffer.from(line)
        if (reader.readLine(intake, bytes) === 'parsed') kept.push(bytes)
      }
    }
    const block = blockOf(kept, LINES)
    if (block.count === 0) continue
    results.push(measured('fixtures', parser, reader, intake, block, rounds))
  }
  return results
}

/** One row per kind of line as an appliance sends it all day. */
export async function typicalResults(rounds: number): Promise<ParserResult[]> {
  const parsers = await loadParsers()
  return LINE_KINDS.map(kind => {
    const reader = new FrameReader(parsers, [UTC])
    reader.frame.now = Date.now()
    const intake = reader.identifier.open(0, [{ source: 0, parser: null }])
    const data = makeLines(kind, TYPICAL_BYTES)
    const lines = data.toString('latin1').trimEnd().split('\n')
    const block = blockOf(
      lines.map(line => Buffer.from(line)),
      lines.length
    )
    reader.readLine(intake, block.bytes.subarray(0, block.end(0)))
    return measured(kind, reader.binding!.parser, reader, intake, block, rounds)
  })
}

function measured(
  name: string,
  parser: Parser,
  reader: FrameReader,
  intake: IntakeIdentity,
  block: FrameBlock,
  rounds: number
): ParserResult {
  const stage: Stage = {
    name,
    lines: block.count,
    bytes: block.used,
    run: () => {
      reader.load(block.bytes, block.used)
      for (let i = 0; i < block.count; i++) reader.read(intake, block.start(i), block.end(i))
    }
  }
  const [whole] = measureStages([stage], rounds, Math.ceil(WARM_UP_LINES / block.count))
  return {
    name,
    parser: parser.id,
    bytesPerLine: Math.round(block.used / block.count),
    linesPerSecond: whole!.linesPerSecond,
    megabytesPerCpuSecond: whole!.megabytesPerCpuSecond
  }
}

/** A block with the lines repeated until there are so many, or it is full. */
function blockOf(lines: readonly Buffer[], count: number): FrameBlock {
  const block = new FrameBlock()
  for (let i = 0; i < count && lines.length > 0 && !block.isFull; i++) {
    const line = lines[i % lines.length]!
    block.append(line, 0, line.length, 0)
  }
  return block
}
