/** Frames for lanes, and what comes out of them as text. */
import { constants, crc32, inflateRawSync } from 'node:zlib'
import type { Block } from '../../src/contracts.ts'
import type { LaneSource, LaneSpec, LaneStats } from '../../src/lanes/messages.ts'
import { FrameBlock } from '../../src/lib/frame-block.ts'

export interface TestFrame {
  bytes: Buffer
  intake: number
}

/** Sources named after their format, with every filter off. */
export const specOf = (sources: Partial<LaneSource>[], filter: Partial<LaneSpec['filter']> = {}): LaneSpec => ({
  sources: sources.map((source, index) => ({
    name: `source-${index}`,
    appliance: 'auto',
    format: 'cef',
    timeZone: 'UTC',
    encode: {},
    ...source
  })),
  filter: { dropInternal: false, outboundOnly: false, ownDomains: [], ownNetworks: [], maxAgeMs: 0, maxFutureMs: 0, ...filter },
  onePerConnection: true,
  privacy: { stripQuery: false, userFormat: 'asIs', userDomains: {} },
  compressionLevel: 1
})

/** Blocks of at most so many frames each, sizes taken in turn. */
export function frameBlocks(frames: readonly TestFrame[], sizes: readonly number[]): FrameBlock[] {
  const blocks: FrameBlock[] = []
  let left = 0
  for (const { bytes, intake } of frames) {
    if (left === 0 || blocks.at(-1)!.isFull) {
      left = sizes[blocks.length % sizes.length]!
      blocks.push(new FrameBlock())
    }
    left--
    blocks.at(-1)!.append(bytes, 0, bytes.length, intake)
  }
  return blocks
}

/** The lines of a block; throws when its length, CRC or record count are not what it says. */
export function textOf(block: Block): string {
  const raw = inflateRawSync(block.bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  if (raw.length !== block.rawLength || crc32(raw) !== block.crc32) throw new Error('The block is not what it says')
  const text = raw.toString('utf8')
  if (text.split('\n').length - 1 !== block.recordCount) throw new Error('The block holds another number of records')
  return text
}

/** All lines by source. */
export function linesBySource(blocks: readonly Block[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const block of blocks) texts[block.source] = (texts[block.source] ?? '') + textOf(block)
  return texts
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0)

/** The totals of some lanes' counts; throws when a source's frames or records do not balance. */
export function totalsOf(stats: readonly LaneStats[]) {
  const sources = stats.flatMap(lane => lane.sources)
  const outcome = (wanted: string) =>
    sum(
      sources.flatMap(({ outcomes }) => outcomes.filter(([name]) => name === wanted)),
      ([, , , count]) => count
    )
  for (const source of sources) {
    const outcomes = sum(source.outcomes, ([, , , count]) => count) + source.unidentified
    if (outcomes !== source.frames) throw new Error(`Source ${source.source}: ${source.frames} frames, but ${outcomes} outcomes`)
    const dropped = sum(source.dropped, ([, count]) => count)
    if (source.parsed !== source.written + dropped) throw new Error(`Source ${source.source}: records do not balance`)
  }
  return {
    frames: sum(stats, lane => lane.frames),
    sourceFrames: sum(sources, source => source.frames),
    parsed: outcome('parsed'),
    skipped: outcome('skipped'),
    malformed: outcome('malformed'),
    unidentified: sum(sources, source => source.unidentified),
    written: sum(sources, source => source.written),
    writtenBytes: sum(sources, source => source.writtenBytes),
    dropped: sum(sources, source => sum(source.dropped, ([, count]) => count))
  }
}
