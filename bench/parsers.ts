/**
 * Every parser on the lines of its fixtures that become records: header, recognition, parsing and normalisation together, and the
 * share that recognition takes when the sender is known. Fixture lines are short and full of traps, and short lines make few
 * megabytes of many lines, so both are told; `stages` reads lines of the usual length.
 */
import { FrameReader } from '../src/frame-reader.ts'
import type { IntakeIdentity } from '../src/identify/identifier.ts'
import { FrameBlock } from '../src/lib/frame-block.ts'
import { loadParsers } from '../src/parse/load.ts'
import { UTC } from '../src/parse/values/zone.ts'
import { FIXTURE_NOW, fixtures } from '../test/parse/fixtures.ts'
import { measureStages, type Stage } from './measure.ts'

export interface ParserResult {
  parser: string
  bytesPerLine: number
  linesPerSecond: number
  megabytesPerCpuSecond: number
  /** Share of recognition in the whole, 0–1. */
  recogniserShare: number
}

const LINES = 4000
/** Some 80,000 lines: with fewer, cold code was measured and not the parser (a third of the speed). */
const WARM_UPS = 20

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
        const block = blockOf([Buffer.from(line)], 1)
        const outcome = reader.read(intake, block.bytes, 0, block.end(0), block.scratchStart, block.scratchEnd)
        if (outcome === 'parsed') kept.push(Buffer.from(line))
      }
    }
    const block = blockOf(kept, LINES)
    if (block.count === 0) continue
    const bytes = block.used
    const stage = (name: string, run: (index: number) => void): Stage => ({
      name,
      lines: block.count,
      bytes,
      run: () => {
        for (let i = 0; i < block.count; i++) run(i)
      }
    })
    // what recognition costs is what is saved when the configuration names the parser
    const named = reader.identifier.open(1, [{ source: 0, parser }])
    named.last!.state = reader.binding?.state
    const read = (name: string, of: IntakeIdentity): Stage =>
      stage(name, i => void reader.read(of, block.bytes, block.start(i), block.end(i), block.scratchStart, block.scratchEnd))
    const [whole, withoutRecogniser] = measureStages([read('recognised', intake), read('named', named)], rounds, WARM_UPS)
    results.push({
      parser: parser.id,
      bytesPerLine: Math.round(bytes / block.count),
      linesPerSecond: whole!.linesPerSecond,
      megabytesPerCpuSecond: whole!.megabytesPerCpuSecond,
      recogniserShare: Math.max(0, 1 - withoutRecogniser!.nsPerLine / whole!.nsPerLine)
    })
  }
  return results
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
