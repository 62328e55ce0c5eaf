/** From a segment of the archive's spool to a zstd file in the store. What a crash left half done is done again from the start. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Destination, Segment, UploadQueue } from '../../contracts.ts'
import { type Clock, systemClock } from '../clock.ts'
import { StepFailure } from '../retry.ts'
import type { UploadStats } from '../stats.ts'
import { packSegment } from './pack.ts'
import { filePath } from './path.ts'
import type { ArchiveStore } from './store.ts'
import type { ZstdLibrary } from './zstd.ts'

export interface ArchiveDestinationOptions {
  store: ArchiveStore
  stats: UploadStats
  zstd: ZstdLibrary
  /** zstd level. */
  level: number
  /** Template of path.ts. */
  path: string
  /** Folder for the file on its way; emptied by who starts. */
  workDir: string
  /** Tells collectors apart that share a container. */
  collector: string
  clock?: Clock
}

export class ArchiveDestination implements Destination {
  readonly #options: ArchiveDestinationOptions
  /** Size of what was stored, before and after compression. */
  bytes = 0
  rawBytes = 0

  constructor(options: ArchiveDestinationOptions) {
    this.#options = options
  }

  /** Rejects with StepFailure, with SEGMENT_DAMAGED, or with the disk's error; all but the second may pass. */
  async upload(segment: Segment, queue: UploadQueue, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { store, stats, zstd, level, path, workDir, collector } = this.#options
    const clock = this.#options.clock ?? systemClock
    const startedMs = clock.now()
    const work = join(workDir, `${segment.id}.zst`)
    try {
      const packed = await packSegment(segment, work, zstd, level)
      const name = filePath(path, { ...segment, collector })
      await store.put(name, packed, factsOf(segment), signal)
      stats.attempt('put', 'ok', clock.now() - startedMs)
      await queue.done(segment.id)
      this.bytes += packed.bytes
      this.rawBytes += segment.rawBytes
      stats.uploaded(segment, clock.now())
    } catch (error) {
      if (error instanceof StepFailure) stats.attempt('put', error.decision.kind, clock.now() - startedMs)
      throw error
    } finally {
      rmSync(work, { force: true })
    }
  }
}

/** Kept beside the file, where the store can; digits and names only. */
const factsOf = (segment: Segment): Record<string, string> => ({
  source: segment.source.replaceAll(/[^A-Za-z0-9_-]/g, '_'),
  format: segment.format,
  records: String(segment.recordCount),
  first_time: new Date(segment.firstTime).toISOString(),
  last_time: new Date(segment.lastTime).toISOString()
})
