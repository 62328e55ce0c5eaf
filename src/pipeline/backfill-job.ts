/**
 * One old file on its way: a spool of its own, in which blocks are made once. The file is read anew after an interruption, with the
 * clock of the first run, so that it gives the same blocks; those that the spool holds or the service has are left out. Nothing
 * depends on where the interruption fell.
 */
import type { Block, Parser, Segment, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import type { LaneSpec } from '../lanes/messages.ts'
import type { SpoolOptions } from '../spool/options.ts'
import { SegmentSpool } from '../spool/spool.ts'
import { type LineCounts, parseFile, type ReadOptions } from './backfill-read.ts'
import { type JobDirectory, pieceKey } from './backfill-state.ts'

/** Bytes of blocks between two waits for the disk, which is when a full spool is seen; less than a spool keeps free for what comes before. */
const COMMIT_EVERY_BYTES = 1024 * 1024
const REASONS_MAX = 5

/** Segments of a file, of all runs together. */
export interface JobTotals {
  uploaded: { files: number; records: number; bytes: number }
  waiting: { files: number; records: number; bytes: number }
  setAside: { files: number; records: number; reasons: string[] }
  /** Finalise calls whose answer never came: so many uploads may count twice. */
  ambiguousFinalises: number
}

export class BackfillJob implements UploadQueue {
  readonly #spool: SegmentSpool
  readonly #directory: JobDirectory
  /** How often each block exists already; what is read again and found here is not spooled again. */
  readonly #known: Map<string, number>
  /** Uploaded segments that did not leave yet: when the disk fails at that, the service must not hear of them again. */
  readonly #accepted = new Map<string, { isNoted: boolean }>()
  /** Damaged segments of earlier runs. */
  readonly #madeAgain = new Set<string>()
  readonly #uploaded = { files: 0, records: 0, bytes: 0 }
  #ambiguousFinalises = 0
  #uncommittedBytes = 0
  /** Records that were found as spooled or uploaded by an earlier run. */
  knownRecords = 0
  /** Counts up with every segment that leaves. */
  departures = 0

  private constructor(spool: SegmentSpool, directory: JobDirectory, known: Map<string, number>) {
    this.#spool = spool
    this.#directory = directory
    this.#known = known
  }

  /** Opens the file's spool and learns what earlier runs left. */
  static async open(
    directory: JobDirectory,
    options: Omit<SpoolOptions, 'dir' | 'flushIntervalMs' | 'archiveCount'>
  ): Promise<BackfillJob> {
    // A segment closes when it is full or the file ends, and what the service has need not be kept: the file is there.
    const never = Number.MAX_SAFE_INTEGER
    const spool = await SegmentSpool.open({ ...options, dir: directory.dir, flushIntervalMs: never, archiveCount: 0 })
    const job = new BackfillJob(spool, directory, new Map())
    try {
      await job.#learn()
      return job
    } catch (error) {
      await spool.close()
      throw error
    }
  }

  async #learn(): Promise<void> {
    const departed = new Set<string>()
    for (const segment of await this.#directory.departed()) {
      if (departed.has(segment.id)) continue
      departed.add(segment.id)
      this.#count(segment)
      for (const key of segment.pieces) this.#know(key)
    }
    for await (const { id, folder } of this.#spool.reader.list()) {
      if (departed.has(id)) {
        // The service has it and the end came before it could be removed.
        if (folder === 'closed') await this.#spool.done(id)
        continue
      }
      // Nobody can use a damaged segment; its blocks are made again from the file. A sound one is tried again.
      if (folder === 'set-aside' && !(await this.#spool.reader.check(id)).sound) {
        this.#madeAgain.add(id)
        continue
      }
      for (const piece of (await this.#spool.reader.ledger(id, folder)).pieces) if (piece.t === 'block') this.#know(pieceKey(piece))
      if (folder === 'set-aside') await this.#spool.replay(id)
    }
  }

  #know(key: string): void {
    this.#known.set(key, (this.#known.get(key) ?? 0) + 1)
  }

  /** Reads the file and spools what is not there yet. `room` is asked before more is read. */
  async read(
    options: ReadOptions & { spec: LaneSpec; parsers: readonly Parser[]; nowMs: number },
    room: () => Promise<void>
  ): Promise<{ counts: LineCounts; hash: string }> {
    const result = await parseFile({
      ...options,
      onBlocks: async blocks => {
        for (const block of blocks) {
          this.#append(block)
          if (this.#uncommittedBytes < COMMIT_EVERY_BYTES) continue
          await this.#spool.commit()
          this.#uncommittedBytes = 0
          await room()
        }
      }
    })
    await this.#spool.closeAll()
    return result
  }

  #append(block: Block): void {
    const key = pieceKey(block)
    const known = this.#known.get(key) ?? 0
    if (known > 0) {
      this.#known.set(key, known - 1)
      this.knownRecords += block.recordCount
      return
    }
    if (!this.#spool.append(block)) {
      const advice = `free some of its disk or raise spool.max_bytes, and run the same command again`
      throw new CollectorError('SPOOL_FULL', `Cannot spool the file: there is no room in ${this.#directory.dir}; ${advice}`)
    }
    this.#uncommittedBytes += block.bytes.length
  }

  /** True while no more should be spooled. */
  get isFull(): boolean {
    return this.#spool.full
  }

  /** Lets what is open be uploaded, so that room comes. */
  async closeOpen(): Promise<void> {
    await this.#spool.closeAll()
  }

  // ── upload queue ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  waiting(): string[] {
    return this.#spool.waiting()
  }

  sourceOf(id: string): string | undefined {
    return this.#spool.sourceOf(id)
  }

  inspect(id: string): Promise<string | undefined> {
    return this.#spool.inspect(id)
  }

  split(id: string): Promise<boolean> {
    return this.#spool.split(id)
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.#spool.changed(signal)
  }

  async segment(id: string): Promise<Segment | undefined> {
    if (this.#accepted.has(id)) await this.done(id)
    return this.#spool.segment(id)
  }

  advance(...args: Parameters<UploadQueue['advance']>): Promise<void> {
    return this.#spool.advance(...args)
  }

  /** That it left is durable before it is gone, so that no run makes its blocks again. */
  async done(id: string): Promise<void> {
    const accepted = this.#accepted.get(id) ?? { isNoted: false }
    this.#accepted.set(id, accepted)
    const segment = await this.#spool.segment(id)
    if (segment !== undefined) {
      if (!accepted.isNoted) await this.#noteDeparture(segment)
      accepted.isNoted = true
      await this.#spool.done(id)
    }
    this.#accepted.delete(id)
    this.departures++
  }

  async #noteDeparture(segment: Segment): Promise<void> {
    const { pieces } = await this.#spool.reader.ledger(segment.id, 'closed')
    const departed = {
      id: segment.id,
      records: segment.recordCount,
      bytes: segment.bytes,
      // The last finalise call has its answer: it is why we are here.
      ambiguousFinalises: Math.max(0, segment.ambiguousFinalises - 1),
      pieces: pieces.filter(({ t }) => t === 'block').map(pieceKey)
    }
    await this.#spool.withReserve(() => this.#directory.depart(departed))
    this.#count(departed)
  }

  async setAside(id: string, reason: string): Promise<void> {
    await this.#spool.setAside(id, reason)
    this.departures++
  }

  #count({ records, bytes, ambiguousFinalises }: { records: number; bytes: number; ambiguousFinalises: number }): void {
    this.#uploaded.files++
    this.#uploaded.records += records
    this.#uploaded.bytes += bytes
    this.#ambiguousFinalises += ambiguousFinalises
  }

  async totals(): Promise<JobTotals> {
    const waiting = { files: 0, records: 0, bytes: 0 }
    const setAside: JobTotals['setAside'] = { files: 0, records: 0, reasons: [] }
    for await (const { id, folder, recordCount, bytes, reason = '', carriedTo } of this.#spool.reader.list()) {
      const isCarried = carriedTo !== undefined && recordCount === 0
      if (folder === 'archive' || isCarried || this.#madeAgain.has(id)) continue
      const group = folder === 'set-aside' ? setAside : waiting
      group.files++
      group.records += recordCount
      if (group === waiting) waiting.bytes += bytes
      else if (!setAside.reasons.includes(reason) && setAside.reasons.length < REASONS_MAX) setAside.reasons.push(reason)
    }
    return { uploaded: { ...this.#uploaded }, waiting, setAside, ambiguousFinalises: this.#ambiguousFinalises }
  }

  /** Everything spooled is durable and waits for the next run. */
  close(): Promise<void> {
    return this.#spool.close()
  }
}
