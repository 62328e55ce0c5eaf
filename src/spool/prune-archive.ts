/** Keeps the archive of uploaded segments within its bounds: the last so many, so large, so old. */
import type { SpoolIo } from './io.ts'
import { idMs } from './layout.ts'
import type { SpoolLog } from './options.ts'
import { removeSegment } from './segment-files.ts'
import type { Shelf } from './shelf.ts'

export interface ArchiveBounds {
  io: SpoolIo
  dir: string
  log: SpoolLog
  now: () => number
  archiveCount: number
  archiveMaxBytes: number
  /** 0: any age. */
  archiveMaxAgeMs: number
}

/** Removes archived segments, oldest first, until the bounds are kept and `bytesToFree` are free; returns how many went. */
export async function pruneArchive(archived: Shelf, bounds: ArchiveBounds, bytesToFree: number): Promise<number> {
  const { archiveCount, archiveMaxBytes, archiveMaxAgeMs, dir, io, log, now } = bounds
  const target = Math.min(archiveMaxBytes, archived.bytes - bytesToFree)
  const keptFromMs = archiveMaxAgeMs > 0 ? now() - archiveMaxAgeMs : 0
  let pruned = 0
  for (const id of archived.ids().sort()) {
    if (idMs(id) >= keptFromMs && archived.size <= archiveCount && archived.bytes <= target) break
    try {
      await removeSegment(io, dir, 'archive', id)
    } catch (error) {
      log.warn({ segment: id, err: error }, 'an archived segment could not be removed')
      break
    }
    archived.remove(id)
    pruned++
  }
  return pruned
}
