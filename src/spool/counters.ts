/** Plain numbers about the spool's work, read when metrics are scraped. */
import type { Block } from '../contracts.ts'

/** Upper bounds of the histogram buckets of sync durations, seconds. */
export const SYNC_BOUNDS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const

const SHED_TOLD_EVERY = 1000

export interface SyncStats {
  count: number
  failed: number
  sumSeconds: number
  /** Number of syncs up to each bound of SYNC_BOUNDS_SECONDS (cumulative, as Prometheus wants it). */
  buckets: number[]
}

export interface SourceStats {
  source: string
  appendedBlocks: number
  appendedRecords: number
  appendedBytes: number
  appendedRawBytes: number
  /** What of it is durable. */
  writtenBlocks: number
  writtenRecords: number
  /** What was thrown away because neither disk nor memory had room. */
  shedBlocks: number
  shedRecords: number
}

export class Counters {
  readonly sync: SyncStats = { count: 0, failed: 0, sumSeconds: 0, buckets: SYNC_BOUNDS_SECONDS.map(() => 0) }
  /** By name; bounded by the sources of the configuration. */
  readonly #sources = new Map<string, SourceStats>()

  appended(block: Block): void {
    const source = this.#source(block.source)
    source.appendedBlocks++
    source.appendedRecords += block.recordCount
    source.appendedBytes += block.bytes.length
    source.appendedRawBytes += block.rawLength
  }

  written(blocks: readonly Block[]): void {
    for (const block of blocks) {
      const source = this.#source(block.source)
      source.writtenBlocks++
      source.writtenRecords += block.recordCount
    }
  }

  /** Sum of the source when it is to be told: at first, then now and then, as a line in the log per block would not help a full disk. */
  shed(block: Block): number | undefined {
    const source = this.#source(block.source)
    source.shedBlocks++
    source.shedRecords += block.recordCount
    return source.shedBlocks === 1 || source.shedBlocks % SHED_TOLD_EVERY === 0 ? source.shedRecords : undefined
  }

  sources(): SourceStats[] {
    return [...this.#sources.values()].map(stats => ({ ...stats }))
  }

  /** Runs a sync and counts how long it took. */
  async timed(sync: () => Promise<void>): Promise<void> {
    const startMs = performance.now()
    try {
      await sync()
    } catch (error) {
      this.sync.failed++
      throw error
    }
    const seconds = (performance.now() - startMs) / 1000
    this.sync.count++
    this.sync.sumSeconds += seconds
    for (const [index, bound] of SYNC_BOUNDS_SECONDS.entries()) if (seconds <= bound) this.sync.buckets[index]!++
  }

  #source(name: string): SourceStats {
    let stats = this.#sources.get(name)
    if (stats === undefined) {
      stats = {
        source: name,
        appendedBlocks: 0,
        appendedRecords: 0,
        appendedBytes: 0,
        appendedRawBytes: 0,
        writtenBlocks: 0,
        writtenRecords: 0,
        shedBlocks: 0,
        shedRecords: 0
      }
      this.#sources.set(name, stats)
    }
    return stats
  }
}
