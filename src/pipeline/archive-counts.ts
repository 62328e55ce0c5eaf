/** The archive's records by source: each that is taken ends in one count. Sheds what the archive's spool has no room for. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Block } from '../contracts.ts'
import type { SegmentSpool } from '../spool/spool.ts'
import type { ArchiveTotals } from '../telemetry/archive-status.ts'
import type { Departures } from './delivery.ts'

const CENSUS_POLL_MS = 20

export class ArchiveCounts {
  readonly #spool: SegmentSpool
  readonly #departures: Departures
  readonly #taken = new Map<string, number>()
  readonly #shed = new Map<string, number>()

  private constructor(spool: SegmentSpool, departures: Departures) {
    this.#spool = spool
    this.#departures = departures
  }

  /** Resolves when the spool knows what an earlier process left in it: an archive has few segments. */
  static async start(spool: SegmentSpool, departures: Departures): Promise<ArchiveCounts> {
    while (spool.stats().records.unreadSegments > 0) await sleep(CENSUS_POLL_MS)
    return new ArchiveCounts(spool, departures)
  }

  /** Newest blocks go first: what waits already is older and may be the only copy of a day. */
  append(block: Block): void {
    add(this.#taken, block.source, block.recordCount)
    if (this.#spool.full || !this.#spool.append(block)) add(this.#shed, block.source, block.recordCount)
  }

  totals(): ({ name: string } & ArchiveTotals)[] {
    const { records, settled } = this.#spool.stats()
    const names = new Set([...this.#taken.keys(), ...records.recovered.keys()])
    return [...names].map(name => ({
      name,
      taken: this.#taken.get(name) ?? 0,
      recovered: records.recovered.get(name) ?? 0,
      uploaded: (this.#departures.get(name) ?? 0) + (settled.uploaded.get(name) ?? 0),
      waiting: records.spooled.get(name) ?? 0,
      setAside: records.setAside.get(name) ?? 0,
      removed: settled.removed.get(name) ?? 0,
      shed: this.#shed.get(name) ?? 0
    }))
  }
}

function add(counts: Map<string, number>, source: string, records: number): void {
  counts.set(source, (counts.get(source) ?? 0) + records)
}
