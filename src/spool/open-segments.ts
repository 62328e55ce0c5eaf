/**
 * The segments that are being written, one per source and format, and those that are being closed. Rounds make their queues
 * durable, a few files at a time; sealing goes on beside the rounds, so that nobody who waits for a commit waits for trailers
 * and renames.
 */
import { crc32 } from 'node:zlib'
import type { Block, Format } from '../contracts.ts'
import type { CollectorError } from '../errors.ts'
import type { Counters } from './counters.ts'
import { isNoSpace, spoolFailure } from './failure.ts'
import type { SegmentIds } from './layout.ts'
import type { PieceLine } from './ledger.ts'
import type { SpoolOptions } from './options.ts'
import type { Resumable } from './remake.ts'
import type { ReserveFile } from './reserve-file.ts'
import { addTo } from './shelf.ts'
import { SegmentWriter, type WriterPlace } from './writer.ts'

export interface OpenSegmentsOptions
  extends Pick<Required<SpoolOptions>, 'segmentMaxBytes' | 'segmentMaxRawBytes' | 'preludes' | 'now' | 'log'> {
  place: WriterPlace
  ids: SegmentIds
  counters: Counters
  reserve: ReserveFile
  /** A segment lies in `closed/`. */
  onSealed: (writer: SegmentWriter) => void
}

export interface OpenSegment {
  id: string
  source: string
  format: Format
  step: 'open'
  createdMs: number
  bytes: number
  rawBytes: number
  records: number
}

/** Files that are synced at the same time; more would starve the rest of the process of its thread pool. */
const CONCURRENCY = 4
/** Failures in a row after which a segment's blocks try their luck in a new file. */
const FAILURES_MAX = 3

export class OpenSegments {
  readonly #options: OpenSegmentsOptions
  /** By source and format. */
  readonly #open = new Map<string, SegmentWriter>()
  readonly #closing = new Set<SegmentWriter>()
  /** When each open segment began, on the monotonic clock: a jump of the wall clock closes nothing. */
  readonly #beganMs = new WeakMap<SegmentWriter, number>()
  #sealing: Promise<void> | undefined
  #queuedBytes = 0
  #diskBytes = 0
  /** Why the last closing failed. */
  sealFailure: CollectorError | undefined
  closedTotal = 0
  writeFailures = 0

  constructor(options: OpenSegmentsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size + this.#closing.size
  }

  get hasClosing(): boolean {
    return this.#closing.size > 0
  }

  /** Bytes of blocks that wait for the disk. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Bytes of the files; asked for with each block, so it is kept and not summed up over all sources. */
  get diskBytes(): number {
    return this.#diskBytes
  }

  get oldestMs(): number | undefined {
    const created = this.#writers().map(writer => writer.createdMs)
    return created.length === 0 ? undefined : Math.min(...created)
  }

  /** Those that hold records, oldest first, with what of them is durable. */
  list(): OpenSegment[] {
    return this.#writers()
      .filter(writer => !writer.isEmpty)
      .map(({ id, source, format, createdMs, totals }) => {
        const { bytes, rawBytes, recordCount } = totals
        return { id, source, format, step: 'open' as const, createdMs, bytes, rawBytes, records: recordCount }
      })
      .sort((a, b) => a.createdMs - b.createdMs)
  }

  /** Records by source, durable or not. */
  records(): Map<string, number> {
    const records = new Map<string, number>()
    for (const writer of this.#writers()) addTo(records, writer.source, writer.records)
    return records
  }

  push(block: Block): void {
    this.#writerFor(block).push(block)
    this.#queuedBytes += block.bytes.length
  }

  /** A segment of an earlier process goes on, unless another of its source does already, or its lines would not fit under its head. */
  resume({ point, prelude: written }: Resumable): void {
    const { ids, now } = this.#options
    const writer = SegmentWriter.resume(this.#options.place, point, this.#preludeOf(point.header, written))
    ids.seen(writer.id)
    const older = this.#open.get(keyOf(writer))
    if (older !== undefined) this.retire(older)
    this.#adopt(writer, now() - writer.createdMs)
    if (crc32(writer.prelude) !== (written?.crc32 ?? 0) || writer.prelude.length !== (written?.rawLength ?? 0)) this.retire(writer)
    else if (point.header.splitFrom !== undefined) this.retire(writer) // to grow again is what it was split for
  }

  /** A segment that is only to be closed. */
  close({ point }: Resumable): void {
    this.retire(SegmentWriter.resume(this.#options.place, point, Buffer.alloc(0)))
  }

  /** Today's head of file for a source; none when the configuration no longer knows the source. */
  #preludeOf(about: { source: string; format: Format }, written: PieceLine | undefined): Buffer {
    try {
      return this.#options.preludes(about.source, about.format)
    } catch {
      return Buffer.alloc(written === undefined ? 0 : 1) // differs from what was written, so the segment is closed
    }
  }

  #writerFor(block: Block): SegmentWriter {
    const { segmentMaxBytes, segmentMaxRawBytes, preludes, now, place, ids } = this.#options
    const prelude = preludes(block.source, block.format)
    const open = this.#open.get(keyOf(block))
    if (open !== undefined) {
      if (open.prelude.equals(prelude) && !open.isTooFullFor(block, segmentMaxBytes, segmentMaxRawBytes)) return open
      this.retire(open)
    }
    const nowMs = now()
    const about = { source: block.source, format: block.format, createdMs: nowMs }
    return this.#adopt(SegmentWriter.create(place, ids.next(nowMs), about, prelude), 0)
  }

  #adopt(writer: SegmentWriter, ageMs: number): SegmentWriter {
    this.#open.set(keyOf(writer), writer)
    this.#count(writer)
    this.#beganMs.set(writer, performance.now() - Math.max(0, ageMs))
    return writer
  }

  /** Counts what the files of a writer have grown by. */
  #count(writer: SegmentWriter): void {
    this.#diskBytes += writer.diskBytes - writer.countedBytes
    writer.countedBytes = writer.diskBytes
  }

  /** The segment takes no more blocks; it is sealed when those it has are written. */
  retire(writer: SegmentWriter): void {
    writer.closing = true
    if (this.#open.get(keyOf(writer)) === writer) this.#open.delete(keyOf(writer))
    this.#closing.add(writer)
    this.#count(writer)
  }

  /** All that hold records; returns them. */
  retireAll(): SegmentWriter[] {
    const writers = [...this.#open.values()].filter(writer => !writer.isEmpty)
    for (const writer of writers) this.retire(writer)
    return writers
  }

  retireOlderThan(ageMs: number): void {
    const nowMs = performance.now()
    for (const writer of [...this.#open.values()]) {
      if (!writer.isEmpty && nowMs - this.#beganMs.get(writer)! >= ageMs) this.retire(writer)
    }
  }

  isClosing(writer: SegmentWriter): boolean {
    return this.#closing.has(writer)
  }

  /** Makes all queues durable; returns the failure instead of throwing it. */
  async flush(): Promise<CollectorError | undefined> {
    let failure: CollectorError | undefined
    await inParallel(
      this.#writers().filter(writer => writer.queuedBlocks > 0),
      async writer => {
        const found = await this.#flush(writer)
        if (failure?.code !== 'SPOOL_FULL') failure = found ?? failure
      }
    )
    return failure
  }

  async #flush(writer: SegmentWriter): Promise<CollectorError | undefined> {
    const { counters, log } = this.#options
    try {
      const blocks = await writer.flush()
      this.#count(writer)
      writer.failures = 0
      for (const block of blocks) this.#queuedBytes -= block.bytes.length
      counters.written(blocks)
      return undefined
    } catch (error) {
      writer.failures++
      this.writeFailures++
      const failure = spoolFailure(`write segment ${writer.id} of source ${JSON.stringify(writer.source)}`, error)
      log.warn({ err: failure, segment: writer.id, blocks: writer.queuedBlocks }, 'blocks wait in memory, as the disk fails')
      await this.#split(writer, isNoSpace(error))
      return failure
    }
  }

  /**
   * What is durable is closed and uploaded, which frees space, and the blocks that could not be written go to a new file, which
   * may lie on a better part of the disk.
   */
  async #split(writer: SegmentWriter, isNoSpaceLeft: boolean): Promise<void> {
    const isHopeless = writer.failures >= FAILURES_MAX && !isNoSpaceLeft
    if (!isHopeless && !(writer.closing && writer.totals.recordCount > 0)) return
    try {
      await writer.cutBack()
    } catch {
      return // the next round tries again
    }
    // From here on without a pause, so that no block comes between and the order stays.
    const { place, ids, now } = this.#options
    const blocks = writer.takeQueue()
    const wasOpen = !writer.closing
    this.retire(writer)
    const nowMs = now()
    const { source, format, prelude } = writer
    const next = SegmentWriter.create(place, ids.next(nowMs), { source, format, createdMs: nowMs }, prelude)
    for (const block of blocks) next.push(block)
    if (wasOpen) this.#adopt(next, 0)
    else this.retire(next)
  }

  /** Closes what is to be closed and written. Never rejects: trouble is in `sealFailure`, and the next call tries again. */
  seal(): Promise<void> {
    this.#sealing ??= this.#sealAll().finally(() => {
      this.#sealing = undefined
    })
    return this.#sealing
  }

  async #sealAll(): Promise<void> {
    const { place, log, now, reserve, onSealed } = this.#options
    const sealed: SegmentWriter[] = []
    let failure: CollectorError | undefined
    await inParallel(
      [...this.#closing].filter(writer => writer.queuedBlocks === 0),
      async writer => {
        try {
          if (writer.isEmpty) await writer.discard()
          else await reserve.use(() => writer.seal(now()))
          sealed.push(writer)
        } catch (error) {
          failure = spoolFailure(`close segment ${writer.id}`, error)
          log.warn({ err: failure, segment: writer.id }, 'a segment could not be closed; it is tried again')
        }
        this.#count(writer)
      }
    )
    this.sealFailure = failure
    if (sealed.length === 0) return
    try {
      await place.io.syncDirectory(`${place.dir}/closed`)
      await place.io.syncDirectory(`${place.dir}/open`)
    } catch (error) {
      // The records are durable under either name, and the start after a crash finishes the move.
      log.warn({ err: spoolFailure('sync the spool directory', error) }, 'closing of segments may have to be done again after a crash')
    }
    for (const writer of sealed) {
      this.#closing.delete(writer)
      this.#diskBytes -= writer.countedBytes
      if (writer.isEmpty) continue
      this.closedTotal++
      onSealed(writer)
    }
  }

  /** Closes all file handles; returns how many blocks never reached the disk. */
  async release(): Promise<number> {
    let blocks = 0
    for (const writer of this.#writers()) {
      blocks += writer.queuedBlocks
      await writer.release()
    }
    return blocks
  }

  #writers(): SegmentWriter[] {
    return [...this.#open.values(), ...this.#closing]
  }
}

function keyOf({ source, format }: { source: string; format: Format }): string {
  return `${format} ${source}`
}

/** Runs the work over all items, a few at a time. The work must not reject. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, lane))
}
