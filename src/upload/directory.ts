/**
 * The destination `directory`: finished segments are copied into a folder, for a share, a tape, or another tool. A file appears
 * under its name only when it is whole and durable.
 */
import { constants } from 'node:fs'
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Destination, Segment, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { type Clock, systemClock } from './clock.ts'
import { uploadFileName } from './cloud-discovery.ts'
import type { UploadStats } from './stats.ts'

export interface DirectoryOptions {
  dir: string
  stats: UploadStats
  clock?: Clock
}

/** Writes `<dir>/<source>/<source>-<stamp>-<sequence>.log.gz`. */
export class DirectoryDestination implements Destination {
  readonly #options: DirectoryOptions

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  /** Rejects with SEGMENT_DAMAGED when the segment's file is not there as its ledger says, UPLOAD_RETRY when the folder fails. */
  async upload(segment: Segment, queue: UploadQueue, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const size = await stat(segment.path).then(
      info => info.size,
      () => -1
    )
    if (size !== segment.bytes) {
      throw new CollectorError('SEGMENT_DAMAGED', `Cannot copy "${segment.path}": it has ${size} bytes, expected ${segment.bytes}`)
    }
    const folder = join(this.#options.dir, segment.source.replaceAll(/[^A-Za-z0-9_-]/g, '_'))
    const name = uploadFileName(segment, segment.source)
    const clock = this.#options.clock ?? systemClock
    const startedMs = clock.now()
    await copyDurably(segment.path, folder, name).catch(cause => {
      this.#options.stats.attempt('put', 'retry', clock.now() - startedMs)
      throw new CollectorError('UPLOAD_RETRY', `Cannot copy a segment to "${folder}": ${String(cause)}`, { cause, retryable: true })
    })
    this.#options.stats.attempt('put', 'ok', clock.now() - startedMs)
    await queue.done(segment.id)
    this.#options.stats.uploaded(segment, clock.now())
  }
}

async function copyDurably(from: string, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const temporary = join(folder, `.${name}.part`)
  try {
    // Shares the blocks where the file system can (XFS, Btrfs), copies elsewhere.
    await copyFile(from, temporary, constants.COPYFILE_FICLONE)
    await sync(temporary)
    await rename(temporary, join(folder, name))
    await sync(folder)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
