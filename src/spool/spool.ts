/**
 * The spool room. Blocks come in from the lanes and are appended to the open segment of their source; segments go out to the
 * upload room as whole gzip files. Promise: what `commit` has confirmed survives kill -9 and a power cut; what cannot be
 * written is refused or counted, never lost in silence. The files are described in format.md.
 */
import { crc32 } from 'node:zlib'
import type { Block, Format, Segment, SegmentStep, Spool, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { Counters, type SourceStats, type SyncStats } from './counters.ts'
import { isNoSpace, spoolFailure } from './failure.ts'
import { GroupCommit } from './group-commit.ts'
import { endsInSyncFlush } from './gzip-member.ts'
import { SegmentIds } from './layout.ts'
import type { PieceLine } from './ledger.ts'
import { LOCK_TOUCH_INTERVAL_MS, SpoolLock } from './lock.ts'
import { type SpoolOptions, withDefaults } from './options.ts'
import { type QueueCounts, SegmentQueue, type SettledRecords } from './queue.ts'
import type { SpoolReader } from './reader.ts'
import { type RecoveryCounts, recoverOpen } from './recover.ts'
import { ReserveFile } from './reserve-file.ts'
import { prepareDirectory } from './version.ts'
import { Watermarks } from './watermarks.ts'
import { SegmentWriter, type WriterPlace } from './writer.ts'

export interface SpoolStats {
  /** All files of the spool and the blocks that wait in memory. */
  bytes: number
  /** Of `bytes`: uploaded segments that are kept. */
  archivedBytes: number
  /** What the spool may hold now; below `maxBytes` when the disk is short. */
  capacityBytes: number
  diskFreeBytes: number
  queuedBytes: number
  full: boolean
  /** False while writing fails. */
  writable: boolean
  segments: QueueCounts & { open: number }
  /** Creation time of the oldest segment that is open or waits. */
  oldestMs: number | undefined
  sync: SyncStats
  sources: SourceStats[]
  closedTotal: number
  doneTotal: number
  prunedTotal: number
  /** Since the start, those of recovery included. */
  setAsideTotal: number
  /** What left the queue without the uploader asking for it. */
  settled: SettledRecords
  writeFailures: number
  recovery: RecoveryCounts
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
/** Queued bytes that start a round before its time. */
const EARLY_ROUND_BYTES = 8 * 1024 * 1024
/** Failures in a row after which a segment's blocks try their luck in a new file. */
const FAILURES_MAX = 3
const TICK_MS = 250
const MEASURE_EVERY_TICKS = 4
/** The archive also ages while nothing is uploaded. */
const PRUNE_EVERY_TICKS = 60_000 / TICK_MS
const TOUCH_EVERY_TICKS = LOCK_TOUCH_INTERVAL_MS / TICK_MS / 2

export class SegmentSpool implements Spool, UploadQueue {
  /** Age at which a segment with records is closed, ms; the uploader lengthens it when there are many sources. */
  flushIntervalMs: number
  readonly #options: Required<SpoolOptions>
  readonly #lock: SpoolLock
  readonly #queue: SegmentQueue
  readonly #reserve: ReserveFile
  readonly #ids = new SegmentIds()
  readonly #counters = new Counters()
  readonly #commits: GroupCommit
  readonly #watermarks: Watermarks
  readonly #place: WriterPlace
  /** By source and format. */
  readonly #open = new Map<string, SegmentWriter>()
  readonly #closing = new Set<SegmentWriter>()
  /** When each open segment began, on the monotonic clock: a jump of the wall clock closes nothing. */
  readonly #beganMs = new WeakMap<SegmentWriter, number>()
  readonly #fullListeners = new Set<(full: boolean) => void>()
  #recovery: RecoveryCounts = { lostBlocks: 0, lostRecords: 0, salvagedBlocks: 0, cutBytes: 0, setAside: 0 }
  #timer: NodeJS.Timeout | undefined
  #ticks = 0
  #ticking: Promise<void> | undefined
  #sealing: Promise<void> | undefined
  #pruning: Promise<void> | undefined
  #queuedBytes = 0
  #freeBytes = Number.POSITIVE_INFINITY
  #isFull = false
  #isMemoryFull = false
  #isDiskFull = false
  #isStopped = false
  #closedTotal = 0
  #writeFailures = 0
  #sealFailure: CollectorError | undefined

  private constructor(options: Required<SpoolOptions>, lock: SpoolLock) {
    const { io, dir, log, now } = options
    const sync = (file: { datasync(): Promise<void> }): Promise<void> => this.#counters.timed(() => file.datasync())
    this.#options = options
    this.#lock = lock
    this.flushIntervalMs = options.flushIntervalMs
    this.#place = { io, dir, sync }
    this.#reserve = new ReserveFile(io, dir)
    this.#queue = new SegmentQueue({ ...options, log, now, sync, reserve: this.#reserve })
    this.#watermarks = new Watermarks(options)
    this.#commits = new GroupCommit({ intervalMs: options.commitIntervalMs, round: () => this.#round() })
  }

  /**
   * Opens the spool and recovers what a crash left. Rejects with SPOOL_UNUSABLE (locked, or no access) or SPOOL_VERSION; damaged
   * segments are set aside and never a reason to reject.
   */
  static async open(given: SpoolOptions): Promise<SegmentSpool> {
    const options = withDefaults(given)
    try {
      await prepareDirectory(options.io, options.dir)
    } catch (error) {
      if (error instanceof CollectorError) throw error
      throw new CollectorError('SPOOL_UNUSABLE', `Cannot use the spool directory ${options.dir}: ${String(error)}`, { cause: error })
    }
    const spool = new SegmentSpool(options, await SpoolLock.take(options.dir))
    try {
      await spool.#start()
    } catch (error) {
      await spool.#lock.release()
      if (error instanceof CollectorError) throw error
      throw new CollectorError('SPOOL_UNUSABLE', `Cannot read the spool in ${options.dir}: ${String(error)}`, { cause: error })
    }
    return spool
  }

  /** For reading segments in any folder; needs no lock, changes nothing. */
  get reader(): SpoolReader {
    return this.#queue.reader
  }

  get full(): boolean {
    return this.#isFull
  }

  /** Calls the listener whenever `full` changes; returns how to stop that. */
  onFullChange(listener: (full: boolean) => void): () => void {
    this.#fullListeners.add(listener)
    return () => void this.#fullListeners.delete(listener)
  }

  /**
   * Takes the block; its bytes belong to the spool from now on. False when it was shed (counted, and the next commit rejects):
   * only when twice `queueMaxBytes` wait already, the spool is closed, or the block is not a whole piece of deflate.
   */
  append(block: Block): boolean {
    const { queueMaxBytes } = this.#options
    this.#counters.appended(block)
    if (this.#isStopped) return this.#shed(block, 'the spool is closed')
    if (!endsInSyncFlush(block.bytes)) return this.#shed(block, 'the block does not end in a sync flush')
    if (this.#queuedBytes + block.bytes.length > 2 * queueMaxBytes) return this.#shed(block, 'too many blocks wait for the disk')
    this.#writerFor(block).push(block)
    this.#queuedBytes += block.bytes.length
    this.#commits.appended()
    if (this.#queuedBytes >= EARLY_ROUND_BYTES) this.#commits.hurry()
    if (this.#queuedBytes >= queueMaxBytes) this.#updateFull()
    return true
  }

  /**
   * As the contract says. Rejects with SPOOL_FULL or SPOOL_IO when a try to write has failed; the blocks are kept and tried
   * again, so that a sender who sends again may double them, but nothing is lost.
   */
  commit(): Promise<void> {
    return this.#commits.commit()
  }

  async closeAll(): Promise<void> {
    const writers = [...this.#open.values()].filter(writer => !writer.isEmpty)
    for (const writer of writers) this.#retire(writer)
    await this.#commits.run()
    await this.#sealing
    await this.#sealReady()
    if (writers.some(writer => this.#closing.has(writer))) {
      throw (
        this.#sealFailure ?? new CollectorError('SPOOL_IO', 'Cannot close a segment: its blocks could not be written', { retryable: true })
      )
    }
  }

  /** Makes everything durable, lets open segments stay open for the next start, and gives the directory free. */
  async close(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#ticking
    await this.#commits.run()
    this.#commits.stop()
    await this.#sealing
    await this.#sealReady()
    await this.#pruning
    const left = this.#writers().filter(writer => writer.queuedBlocks > 0)
    for (const writer of this.#writers()) await writer.release()
    await this.#lock.release()
    if (left.length === 0) return
    const blocks = left.reduce((sum, writer) => sum + writer.queuedBlocks, 0)
    this.#options.log.error({ blocks, bytes: this.#queuedBytes }, 'blocks were lost, as the disk did not take them until the end')
    throw new CollectorError('SPOOL_IO', `Cannot write ${blocks} blocks before the end`)
  }

  // ── upload queue ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  waiting(): string[] {
    return this.#queue.waiting()
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.#queue.changed(signal)
  }

  segment(id: string): Promise<Segment | undefined> {
    return this.#queue.segment(id)
  }

  advance(
    id: string,
    step: 'issued' | 'stored' | 'finalising' | 'closed',
    facts?: { uploadUrl?: string; provider?: string }
  ): Promise<void> {
    return this.#queue.advance(id, step, facts)
  }

  async done(id: string): Promise<void> {
    await this.#queue.done(id)
    this.#updateFull()
  }

  setAside(id: string, reason: string): Promise<void> {
    return this.#queue.setAside(id, reason)
  }

  /** Lets an archived or set-aside segment be uploaded again. Rejects with SEGMENT_DAMAGED when it is not sound. */
  replay(id: string): Promise<void> {
    return this.#queue.replay(id)
  }

  /** How far a waiting segment has come, as far as known without its ledger. */
  stepOf(id: string): SegmentStep {
    return this.#queue.stepOf(id)
  }

  /** Segments that are being written, oldest first, with what of them is durable. */
  openSegments(): OpenSegment[] {
    return this.#writers()
      .filter(writer => !writer.isEmpty)
      .map(({ id, source, format, createdMs, totals }) => ({
        id,
        source,
        format,
        step: 'open' as const,
        createdMs,
        bytes: totals.bytes,
        rawBytes: totals.rawBytes,
        records: totals.recordCount
      }))
      .sort((a, b) => a.createdMs - b.createdMs)
  }

  stats(): SpoolStats {
    const queue = this.#queue
    const created = this.#writers().map(writer => writer.createdMs)
    const ages = queue.oldestMs === undefined ? created : [queue.oldestMs, ...created]
    return {
      bytes: this.#usedBytes(),
      archivedBytes: queue.archivedBytes,
      capacityBytes: this.#watermarks.capacityBytes,
      diskFreeBytes: this.#freeBytes,
      queuedBytes: this.#queuedBytes,
      full: this.#isFull,
      writable: !this.#commits.isFailing && this.#sealFailure === undefined,
      segments: { open: this.#open.size + this.#closing.size, ...queue.counts() },
      oldestMs: ages.length === 0 ? undefined : Math.min(...ages),
      sync: { ...this.#counters.sync, buckets: [...this.#counters.sync.buckets] },
      sources: this.#counters.sources(),
      closedTotal: this.#closedTotal,
      doneTotal: queue.doneTotal,
      prunedTotal: queue.prunedTotal,
      setAsideTotal: queue.setAsideTotal + this.#recovery.setAside,
      settled: queue.settled,
      writeFailures: this.#writeFailures,
      recovery: { ...this.#recovery }
    }
  }

  // ── start ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #start(): Promise<void> {
    const { io, dir, log, now } = this.#options
    const recovered = await recoverOpen({ io, dir, log, nowMs: now() })
    this.#recovery = recovered.counts
    for (const { point, prelude } of recovered.resume)
      this.#resume(SegmentWriter.resume(this.#place, point, this.#preludeOf(point.header, prelude)), prelude)
    await this.#queue.load(this.#ids)
    await this.#reserve.ensure()
    await this.#measure()
    this.#timer = setInterval(() => {
      this.#ticking ??= this.#tick().finally(() => {
        this.#ticking = undefined
      })
    }, TICK_MS).unref()
    void this.#sealReady()
  }

  /** Today's head of file for a source; none when the configuration no longer knows the source. */
  #preludeOf(about: { source: string; format: Format }, written: PieceLine | undefined): Buffer {
    try {
      return this.#options.preludes(about.source, about.format)
    } catch {
      return Buffer.alloc(written === undefined ? 0 : 1) // differs from what was written, so the segment is closed
    }
  }

  /** An open segment goes on, unless another of its source does already, or its lines would not fit under its head any more. */
  #resume(writer: SegmentWriter, written: PieceLine | undefined): void {
    this.#ids.seen(writer.id)
    const older = this.#open.get(keyOf(writer))
    if (older !== undefined) this.#retire(older)
    this.#adopt(writer, this.#options.now() - writer.createdMs)
    if (crc32(writer.prelude) !== (written?.crc32 ?? 0) || writer.prelude.length !== (written?.rawLength ?? 0)) this.#retire(writer)
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #writerFor(block: Block): SegmentWriter {
    const { segmentMaxBytes, segmentMaxRawBytes, preludes, now } = this.#options
    const prelude = preludes(block.source, block.format)
    const open = this.#open.get(keyOf(block))
    if (open !== undefined) {
      if (open.prelude.equals(prelude) && !open.isTooFullFor(block, segmentMaxBytes, segmentMaxRawBytes)) return open
      this.#retire(open)
    }
    const nowMs = now()
    const about = { source: block.source, format: block.format, createdMs: nowMs }
    return this.#adopt(SegmentWriter.create(this.#place, this.#ids.next(nowMs), about, prelude), 0)
  }

  #adopt(writer: SegmentWriter, ageMs: number): SegmentWriter {
    this.#open.set(keyOf(writer), writer)
    this.#beganMs.set(writer, performance.now() - Math.max(0, ageMs))
    return writer
  }

  /** The segment takes no more blocks; it is sealed when those it has are written. */
  #retire(writer: SegmentWriter): void {
    writer.closing = true
    if (this.#open.get(keyOf(writer)) === writer) this.#open.delete(keyOf(writer))
    this.#closing.add(writer)
  }

  async #round(): Promise<CollectorError | undefined> {
    let failure: CollectorError | undefined
    await inParallel(
      this.#writers().filter(writer => writer.queuedBlocks > 0),
      async writer => {
        const found = await this.#flush(writer)
        if (failure?.code !== 'SPOOL_FULL') failure = found ?? failure
      }
    )
    this.#isDiskFull = failure?.code === 'SPOOL_FULL'
    this.#updateFull()
    void this.#sealReady()
    return failure
  }

  async #flush(writer: SegmentWriter): Promise<CollectorError | undefined> {
    try {
      const blocks = await writer.flush()
      writer.failures = 0
      for (const block of blocks) this.#queuedBytes -= block.bytes.length
      this.#counters.written(blocks)
      return undefined
    } catch (error) {
      writer.failures++
      this.#writeFailures++
      const failure = spoolFailure(`write segment ${writer.id} of source ${JSON.stringify(writer.source)}`, error)
      this.#options.log.warn({ err: failure, segment: writer.id, blocks: writer.queuedBlocks }, 'blocks wait in memory, as the disk fails')
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
    const blocks = writer.takeQueue()
    const wasOpen = !writer.closing
    this.#retire(writer)
    const nowMs = this.#options.now()
    const { source, format, prelude } = writer
    const next = SegmentWriter.create(this.#place, this.#ids.next(nowMs), { source, format, createdMs: nowMs }, prelude)
    for (const block of blocks) next.push(block)
    if (wasOpen) this.#adopt(next, 0)
    else this.#retire(next)
  }

  #sealReady(): Promise<void> {
    this.#sealing ??= this.#sealAll().finally(() => {
      this.#sealing = undefined
    })
    return this.#sealing
  }

  /** Beside the rounds, so that nobody who waits for a commit waits for trailers and renames. */
  async #sealAll(): Promise<void> {
    const { dir, io, log, now } = this.#options
    const sealed: SegmentWriter[] = []
    let failure: CollectorError | undefined
    await inParallel(
      [...this.#closing].filter(writer => writer.queuedBlocks === 0),
      async writer => {
        try {
          if (writer.isEmpty) await writer.discard()
          else await this.#reserve.use(() => writer.seal(now()))
          sealed.push(writer)
        } catch (error) {
          failure = spoolFailure(`close segment ${writer.id}`, error)
          log.warn({ err: failure, segment: writer.id }, 'a segment could not be closed; it is tried again')
        }
      }
    )
    this.#sealFailure = failure
    if (sealed.length === 0) return
    try {
      await io.syncDirectory(`${dir}/closed`)
      await io.syncDirectory(`${dir}/open`)
    } catch (error) {
      // The records are durable under either name, and the start after a crash finishes the move.
      log.warn({ err: spoolFailure('sync the spool directory', error) }, 'closing of segments may have to be done again after a crash')
    }
    for (const writer of sealed) {
      this.#closing.delete(writer)
      if (writer.isEmpty) continue
      this.#closedTotal++
      this.#queue.add(writer.id, writer.diskBytes)
    }
  }

  #shed(block: Block, why: string): false {
    this.#counters.shed(block)
    this.#options.log.error({ source: block.source, records: block.recordCount, why }, 'a block was shed')
    this.#commits.refuse(new CollectorError('SPOOL_FULL', `Cannot keep a block: ${why}`, { retryable: true }))
    this.#updateFull()
    return false
  }

  // ── housekeeping ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #tick(): Promise<void> {
    this.#ticks++
    const nowMs = performance.now()
    for (const writer of [...this.#open.values()]) {
      if (!writer.isEmpty && nowMs - this.#beganMs.get(writer)! >= this.flushIntervalMs) this.#retire(writer)
    }
    if (this.#closing.size > 0) await this.#sealReady()
    if (this.#ticks % MEASURE_EVERY_TICKS === 0) await this.#measure()
    if (this.#ticks % PRUNE_EVERY_TICKS === 0) this.#prune()
    if (this.#ticks % TOUCH_EVERY_TICKS === 0) await this.#lock.touch(Date.now())
  }

  /** Asks the disk for its free space. */
  async #measure(): Promise<void> {
    const { io, dir, log, diskReserveBytes } = this.#options
    try {
      this.#freeBytes = await io.freeBytes(dir)
      if (this.#freeBytes > diskReserveBytes) await this.#reserve.ensure()
    } catch (error) {
      log.warn({ err: spoolFailure('measure the disk', error) }, 'free space of the disk is not known')
    }
    this.#updateFull()
  }

  #usedBytes(): number {
    return this.#writers().reduce((sum, writer) => sum + writer.diskBytes, this.#queue.bytes + this.#queuedBytes)
  }

  #updateFull(): void {
    const { log, queueMaxBytes } = this.#options
    const usedBytes = this.#usedBytes()
    const { archivedBytes } = this.#queue
    // The archive goes before anybody has to wait, so for the marks its bytes are as good as free.
    this.#watermarks.update(usedBytes - archivedBytes, this.#freeBytes + archivedBytes)
    const excess = this.#watermarks.excess(usedBytes, this.#freeBytes)
    if (excess >= 0 && archivedBytes > 0) {
      this.#prune(excess + 1)
    }
    this.#isMemoryFull = this.#isMemoryFull ? this.#queuedBytes > queueMaxBytes / 2 : this.#queuedBytes >= queueMaxBytes
    const isFull = this.#watermarks.isFull || this.#isMemoryFull || this.#isDiskFull
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    const facts = { bytes: usedBytes, capacityBytes: this.#watermarks.capacityBytes, queuedBytes: this.#queuedBytes }
    if (isFull) log.warn(facts, 'the spool is full; receivers that can wait are paused')
    else log.info(facts, 'the spool has room again')
    for (const listener of this.#fullListeners) listener(isFull)
  }

  #prune(bytesToFree = 0): void {
    this.#pruning ??= this.#queue.pruneArchive(bytesToFree).finally(() => {
      this.#pruning = undefined
    })
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
