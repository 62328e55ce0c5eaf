/**
 * The spool for people: what `sluice spool` does. Reading needs no lock and works beside a running collector; a segment may move
 * on while it is read, so that every question is asked again before the answer is believed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/schema.ts'
import { CollectorError } from '../errors.ts'
import { nodeIo } from '../spool/io.ts'
import { FOLDERS, isSegmentId } from '../spool/layout.ts'
import { type ReadSegment, type Soundness, SpoolReader } from '../spool/reader.ts'
import { SegmentSpool } from '../spool/spool.ts'
import { checkReadable, holdsNone } from '../spool/version.ts'

export type { ReadSegment, Soundness, SpoolReader }
export { isSegmentId }

const TRIES = 3
const TRY_AGAIN_MS = 150

/** True when a collector would begin a spool in this directory. */
export const isNewSpool = (dir: string): boolean => holdsNone(nodeIo, dir)

/** Rejects with SPOOL_VERSION when the directory holds no spool that this program reads. */
export async function openReader(dir: string): Promise<SpoolReader> {
  await checkReadable(nodeIo, dir)
  return new SpoolReader(dir)
}

/**
 * As `SpoolReader.check`, beside a collector that works on the segment; undefined when there is none of that id (any more).
 * A fault is believed when it is still there after a moment.
 */
export async function checkSegment(reader: SpoolReader, id: string): Promise<Soundness | undefined> {
  let found: Soundness = { sound: true }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt > 0) await sleep(TRY_AGAIN_MS)
    if ((await reader.segment(id)) === undefined) return undefined
    found = await reader.check(id).catch(error => ({ sound: false as const, fault: String(error) }))
    if (found.sound) return found
  }
  return found
}

/** Ids of all segments, by folder and age. */
export async function allIds(reader: SpoolReader): Promise<string[]> {
  const ids = await Promise.all(FOLDERS.map(folder => reader.ids(folder)))
  return [...new Set(ids.flat())]
}

/** The lines of a segment, its head of file included. Rejects with SPOOL_IO when there is no such segment. */
export async function* linesOf(reader: SpoolReader, id: string): AsyncGenerator<Buffer> {
  for (let attempt = 1; ; attempt++) {
    if ((await reader.segment(id)) === undefined) throw noSegment(reader.dir, id)
    let isBegun = false
    try {
      for await (const line of reader.lines(id)) {
        isBegun = true
        yield line
      }
      return
    } catch (error) {
      // It was moved between the look and the opening; once open, it may move as it likes.
      if (isBegun || attempt === TRIES || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

/**
 * Lets an archived or set-aside segment of a spool that nobody runs wait for its upload again. Rejects with SPOOL_UNUSABLE,
 * `retryable`, while a collector has the spool; with SEGMENT_DAMAGED or SPOOL_IO as `SegmentQueue.replay`.
 */
export async function replayOffline(dir: string, config: Config['spool'], id: string): Promise<void> {
  await checkReadable(nodeIo, dir)
  const spool = await SegmentSpool.open({
    dir,
    maxBytes: config.max_bytes,
    archiveCount: config.archive_segments,
    archiveMaxBytes: config.archive_max_bytes,
    archiveMaxAgeMs: config.archive_max_age,
    flushIntervalMs: Number.MAX_SAFE_INTEGER // open segments stay open for the collector
  })
  try {
    await spool.replay(id)
  } finally {
    await spool.close()
  }
}

export const noSegment = (dir: string, id: string): CollectorError =>
  new CollectorError('SPOOL_IO', `Cannot find segment ${JSON.stringify(id.slice(0, 64))} in ${dir}`)
