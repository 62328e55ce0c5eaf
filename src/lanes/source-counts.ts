/** What a lane counts for one source, as plain numbers: the line path counts in them, and they become what lanes tell (messages.ts) when somebody asks. */
import type { Tally } from '../identify/identifier.ts'
import { ATTRIBUTES } from '../process/attributes.ts'
import { type Corrections, noCorrections } from '../process/corrections.ts'
import { EventLag } from './event-lag.ts'
import type { LaneSourceStats } from './messages.ts'

export interface SourceCounts {
  frames: number
  bytes: number
  parsed: number
  unidentified: number
  /** Frames without a byte in them, which no parser can be blamed for. */
  empty: number
  written: number
  writtenBytes: number
  /** Written records that have each of ATTRIBUTES, in that order. */
  attributes: Float64Array
  /** Records by reason. */
  dropped: Map<string, number>
  lag: EventLag
  corrections: Corrections
  /** Outcomes by parser. */
  tallies: Map<string, Tally>
  lastEventMs: number
  lastSeenMs: number
}

export const noCounts = (): SourceCounts => ({
  frames: 0,
  bytes: 0,
  parsed: 0,
  unidentified: 0,
  empty: 0,
  written: 0,
  writtenBytes: 0,
  attributes: new Float64Array(ATTRIBUTES.length),
  dropped: new Map(),
  lag: new EventLag(),
  corrections: noCorrections(),
  tallies: new Map(),
  lastEventMs: 0,
  lastSeenMs: 0
})

/** The counts as a lane tells them; `source` is their name. */
export function statsOf(source: string, { empty, tallies, ...counts }: SourceCounts): LaneSourceStats {
  return {
    ...counts,
    source,
    attributes: [...counts.attributes],
    dropped: [...counts.dropped],
    lag: counts.lag.counts(),
    corrections: Object.entries(counts.corrections).filter(([, count]) => count > 0),
    outcomes: outcomesOf(empty, tallies.values())
  }
}

function outcomesOf(empty: number, tallies: Iterable<Tally>): LaneSourceStats['outcomes'] {
  const outcomes: LaneSourceStats['outcomes'] = empty > 0 ? [['skipped', '', 'empty', empty]] : []
  for (const { parser, parsed, skipped, malformed } of tallies) {
    outcomes.push(['parsed', parser, '', parsed])
    for (const [reason, count] of skipped) outcomes.push(['skipped', parser, reason, count])
    for (const [reason, count] of malformed) outcomes.push(['malformed', parser, reason, count])
  }
  return outcomes
}
