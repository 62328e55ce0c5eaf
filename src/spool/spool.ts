/**
 * The spool room. Blocks come in from the lanes and are appended to the open segment of their source; segments go out to the
 * upload room as whole gzip files. Promise: what `commit` has confirmed survives kill -9 and a power cut; what cannot be
 * written is refused or counted, never lost in silence. The files are described in format.md.
 */
import type { Block, Segment, SegmentStep, Spool, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { Counters } from './counters.ts'
import { spoolFailure } from './failure.ts'
import { GroupCommit } from './group-commit.ts'
import { endsInSyncFlush } from './gzip-member.ts'
import { SegmentIds } from './layout.ts'
import { LOCK_TOUCH_INTERVAL_MS, SpoolLock } from './lock.ts'
import { type OpenSegment, OpenSegments } from './open-segments.ts'
import { type SpoolOptions, withDefaults } from './options.ts'
import { type Holdings, Pressure } from './pressure.ts'
import { SegmentQueue } from './queue.ts'
import type { SpoolReader } from './reader.ts'
import { type RecoveryCounts, recoverOpen } from './recover.ts'
import type { Resumable } from './remake.ts'
import { ReserveFile } from './reserve-file.ts'
import { addTo } from './shelf.ts'
import type { RecordHoldings, SpoolStats } from './stats.ts'
import { prepareDirectory } from './version.ts'

/** Queued bytes that start a round before its time. */
const EARLY_ROUND_BYTES = 8 * 1024 * 1024
const TICK_MS = 250
const MEASURE_EVERY_TICKS = 4
/** The archive also ages while nothing is uploaded. */
const PRUNE_EVERY_TICKS = 60_000 / TICK_MS
const TOUCH_EVERY_TICKS = LOCK_TOUCH_INTERVAL_MS / TICK_MS / 2

export class SegmentSpool implements Spool, UploadQueue {
  /** Age at which a segment with records is closed, ms; lengthened when there are more files than the tenant takes. */
  flushIntervalMs: number
  readonly #options: Required<SpoolOptions>
  readonly #lock: SpoolLock
  readonly #queue: SegmentQueue
  readonly #open: OpenSegments
  readonly #reserve: ReserveFile
  readonly #ids = new SegmentIds()
  readonly #counters = new Counters()
  readonly #commits: GroupCommit
  readonly #pressure: Pressure
  /** Records of segments that went on from an earlier process. */
  readonly #resumed = new Map<string, number>()
  readonly #unrecovered = { segments: 0, bytes: 0 }
  #recovery: RecoveryCounts = { lostBlocks: 0, lostRecords: 0, salvagedBlocks: 0, cutBytes: 0, setAside: 0 }
  #timer: NodeJS.Timeout | undefined
  #ticks = 0
  #ticking: Promise<void> | undefined
  #pruning: Promise<void> | undefined
  #isStopped = false

  private constructor(options: Required<SpoolOptions>, lock: SpoolLock) {
    const { io, dir } = options
    const sync = (file: { datasync(): Promise<void> }): Promise<void> => this.#counters.timed(() => file.datasync())
    this.#options = options
    this.#lock = lock
    this.flushIntervalMs = options.flushIntervalMs
    this.#reserve = new ReserveFile(io, dir)
    this.#open = new OpenSegments({
      ...options,
      place: { io, dir, sync },
      ids: this.#ids,
      counters: this.#counters,
      reserve: this.#reserve,
      onSealed: ({ id, diskBytes, source, totals }) => this.#queue.add(id, diskBytes, { source, records: totals.recordCount })
    })
    const onRemade = (segment: Resumable): void => {
      this.#open.close(segment)
      void this.#open.seal()
    }
    this.#queue = new SegmentQueue({ ...options, sync, reserve: this.#reserve, onRemade })
    this.#pressure = new Pressure(options)
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
    return this.#pressure.full
  }

  /** Calls the listener whenever `full` changes; returns how to stop that. */
  onFullChange(listener: (full: boolean) => void): () => void {
    return this.#pressure.onChange(listener)
  }

  /**
   * Takes the block; its bytes belong to the spool from now on. False when it was shed (counted, and the next commit rejects):
   * only at the bound of the spool, when twice `queueMaxBytes` wait already, when the spool is closed, or when the block is not a
   * whole piece of deflate.
   */
  append(block: Block): boolean {
    this.#counters.appended(block)
    if (this.#isStopped) return this.#shed(block, 'the spool is closed')
    if (!endsInSyncFlush(block.bytes)) return this.#shed(block, 'the block does not end in a sync flush')
    const refusal = this.#pressure.refusal(block.bytes.length, this.#holdings())
    if (refusal !== undefined) return this.#shed(block, refusal)
    this.#open.push(block)
    this.#commits.appended()
    if (this.#open.queuedBytes >= EARLY_ROUND_BYTES) this.#commits.hurry()
    if (this.#open.queuedBytes >= this.#options.queueMaxBytes) this.#updateFull()
    return true
  }

  /**
   * As the contract says. Rejects with SPOOL_FULL or SPOOL_IO when a try to write has failed; the blocks are kept and tried
   * again, so that a sender who sends again may double them, but nothing is lost.
   */
  commit(): Promise<void> {
    return this.#commits.commit()
  }

  hurry(): void {
    this.#commits.hurry()
  }

  /** Runs work that must find a few hundred bytes of disk, and bears being repeated: on a full disk the reserve is given up for it. */
  withReserve<T>(work: () => Promise<T>): Promise<T> {
    return this.#reserve.use(work)
  }

  async closeAll(): Promise<void> {
    const writers = this.#open.retireAll()
    await this.#commits.run()
    await this.#open.seal() // one that began before the round
    await this.#open.seal()
    if (writers.some(writer => this.#open.isClosing(writer))) {
      throw (
        this.#open.sealFailure ??
        new CollectorError('SPOOL_IO', 'Cannot close a segment: its blocks could not be written', { retryable: true })
      )
    }
  }

  /** Makes everything durable, lets open segments stay open for the next start, and gives the directory free. */
  async close(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#ticking
    await this.#queue.stop()
    await this.#commits.run()
    this.#commits.stop()
    await this.#open.seal()
    await this.#open.seal()
    await this.#pruning
    const bytes = this.#open.queuedBytes
    const blocks = await this.#open.release()
    await this.#lock.release()
    if (blocks === 0) return
    this.#options.log.error({ blocks, bytes }, 'blocks were lost, as the disk did not take them until the end')
    throw new CollectorError('SPOOL_IO', `Cannot write ${blocks} blocks before the end`)
  }

  // ── upload queue ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  waiting(): string[] {
    return this.#queue.waiting()
  }

  sourceOf(id: string): string | undefined {
    return this.#queue.sourceOf(id)
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

  inspect(id: string): Promise<string | undefined> {
    return this.#queue.inspect(id)
  }

  split(id: string): Promise<boolean> {
    return this.#queue.split(id)
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
    return this.#queue.shelves.waiting.stepOf(id)
  }

  /** Segments that are being written, oldest first, with what of them is durable. */
  openSegments(): OpenSegment[] {
    return this.#open.list()
  }

  stats(): SpoolStats {
    const queue = this.#queue
    const { shelves } = queue
    const ages = [shelves.waiting.oldestMs, this.#open.oldestMs].filter(age => age !== undefined)
    return {
      bytes: this.#holdings().usedBytes,
      archivedBytes: shelves.archived.bytes,
      capacityBytes: this.#pressure.capacityBytes,
      highWaterBytes: this.#pressure.highWaterBytes,
      diskFreeBytes: this.#pressure.freeBytes,
      queuedBytes: this.#open.queuedBytes,
      full: this.full,
      writable: !this.#commits.isFailing && this.#open.sealFailure === undefined,
      segments: { open: this.#open.size, ...shelves.counts() },
      oldestMs: ages.length === 0 ? undefined : Math.min(...ages),
      sync: { ...this.#counters.sync, buckets: [...this.#counters.sync.buckets] },
      sources: this.#counters.sources(),
      records: this.#records(),
      closedTotal: this.#open.closedTotal,
      doneTotal: queue.doneTotal,
      prunedTotal: queue.prunedTotal,
      setAsideTotal: queue.setAsideTotal + this.#recovery.setAside,
      settled: shelves.settled,
      writeFailures: this.#open.writeFailures,
      unrecovered: { ...this.#unrecovered },
      recovery: { ...this.#recovery }
    }
  }

  #records(): RecordHoldings {
    const spooled = this.#open.records()
    const { waiting, setAside } = this.#queue.shelves.records
    for (const [source, records] of waiting) addTo(spooled, source, records)
    const { records: found, unreadSegments } = this.#queue.shelves.recovered
    const recovered = new Map(this.#resumed)
    for (const [source, records] of found) addTo(recovered, source, records)
    return { spooled, setAside: new Map(setAside), recovered, unreadSegments }
  }

  // ── start ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #start(): Promise<void> {
    const { io, dir, log, now } = this.#options
    const recovered = await recoverOpen({ io, dir, log, nowMs: now() })
    this.#recovery = recovered.counts
    for (const { id, bytes } of recovered.unrecovered) {
      this.#ids.seen(id)
      this.#unrecovered.segments++
      this.#unrecovered.bytes += bytes
    }
    for (const rest of recovered.resume) {
      this.#open.resume(rest)
      addTo(this.#resumed, rest.point.header.source, rest.point.totals.recordCount)
    }
    await this.#queue.load(this.#ids)
    await this.#reserve.ensure()
    await this.#measure()
    this.#timer = setInterval(() => {
      this.#ticking ??= this.#tick().finally(() => {
        this.#ticking = undefined
      })
    }, TICK_MS).unref()
    void this.#open.seal()
  }

  // ── work ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #round(): Promise<CollectorError | undefined> {
    const failure = await this.#open.flush()
    this.#pressure.isDiskFull = failure?.code === 'SPOOL_FULL'
    this.#updateFull()
    void this.#open.seal()
    return failure
  }

  #shed(block: Block, why: string): false {
    const shedRecords = this.#counters.shed(block)
    if (shedRecords !== undefined)
      this.#options.log.error({ source: block.source, shedRecords, why }, 'no room: records are thrown away, as their sender cannot wait')
    this.#commits.refuse(new CollectorError('SPOOL_FULL', `Cannot keep a block: ${why}`, { retryable: true }))
    this.#updateFull()
    return false
  }

  async #tick(): Promise<void> {
    this.#ticks++
    this.#open.retireOlderThan(this.flushIntervalMs)
    if (this.#open.hasClosing) await this.#open.seal()
    if (this.#ticks % MEASURE_EVERY_TICKS === 0) await this.#measure()
    if (this.#ticks % PRUNE_EVERY_TICKS === 0) this.#prune()
    if (this.#ticks % TOUCH_EVERY_TICKS === 0) await this.#lock.touch(Date.now())
  }

  /** Asks the disk for its free space. */
  async #measure(): Promise<void> {
    const { io, dir, log, diskReserveBytes } = this.#options
    try {
      const freeBytes = await io.freeBytes(dir)
      this.#pressure.measured(freeBytes, this.#holdings())
      if (freeBytes > diskReserveBytes) await this.#reserve.ensure()
    } catch (error) {
      log.warn({ err: spoolFailure('measure the disk', error) }, 'free space of the disk is not known')
    }
    this.#updateFull()
  }

  #holdings(): Holdings {
    const { archived, bytes } = this.#queue.shelves
    const { queuedBytes, diskBytes } = this.#open
    return { usedBytes: bytes + diskBytes + queuedBytes + this.#unrecovered.bytes, archivedBytes: archived.bytes, queuedBytes }
  }

  #updateFull(): void {
    const excess = this.#pressure.update(this.#holdings())
    if (excess > 0) this.#prune(excess)
  }

  #prune(bytesToFree = 0): void {
    this.#pruning ??= this.#queue.pruneArchive(bytesToFree).finally(() => {
      this.#pruning = undefined
    })
  }
}
