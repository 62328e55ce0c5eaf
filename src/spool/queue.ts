/**
 * The closed segments: which wait for their upload, how far each came, and what became of them. Only ids and sizes are held in
 * memory; a ledger is read when its segment's turn comes, so that 100,000 waiting segments cost some ten megabytes.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { spoolFailure } from './failure.ts'
import { type SpoolIo, writeFully } from './io.ts'
import { dataPath, type Folder, idMs, isSegmentId, ledgerPath, readName, type SegmentIds } from './layout.ts'
import { ledgerLine, type StepLine } from './ledger.ts'
import type { SpoolLog } from './options.ts'
import { type ReadSegment, SpoolReader } from './reader.ts'
import { finishOrphan, moveAside, moveSegment } from './recover.ts'
import type { ReserveFile } from './reserve-file.ts'
import { EMPTY_TOTALS, type Totals, withPiece } from './totals.ts'
import type { Sync } from './writer.ts'

export interface SegmentQueueOptions {
  io: SpoolIo
  dir: string
  log: SpoolLog
  now: () => number
  sync: Sync
  reserve: ReserveFile
  archiveCount: number
  archiveMaxBytes: number
  archiveMaxAgeMs: number
}

/** Numbers of segments by what they wait for. */
export interface QueueCounts {
  closed: number
  issued: number
  stored: number
  finalising: number
  archived: number
  setAside: number
}

/**
 * Records by source of segments that left the queue without the uploader asking for it, because a crash or a failing disk came
 * between a step and the move. `removed`: somebody took the file away. Segments whose ledger is lost are of source "".
 */
export interface SettledRecords {
  uploaded: ReadonlyMap<string, number>
  setAside: ReadonlyMap<string, number>
  removed: ReadonlyMap<string, number>
}

type WaitingStep = 'closed' | 'issued' | 'stored' | 'finalising'

/** Files looked at between two turns of the event loop at start. */
const SCAN_BATCH = 1000

export class SegmentQueue implements UploadQueue {
  readonly reader: SpoolReader
  readonly #options: SegmentQueueOptions
  /** Bytes on disk by id. */
  readonly #waiting = new Map<string, number>()
  readonly #archived = new Map<string, number>()
  readonly #setAside = new Map<string, number>()
  #waitingBytes = 0
  #archivedBytes = 0
  #setAsideBytes = 0
  /** Steps past `closed`, as far as this process knows them. */
  readonly #steps = new Map<string, WaitingStep>()
  #sorted: string[] | undefined
  #listeners = new Set<() => void>()
  /** The last work on each segment that is being worked on. */
  readonly #busy = new Map<string, Promise<unknown>>()
  readonly #settled = { uploaded: new Map<string, number>(), setAside: new Map<string, number>(), removed: new Map<string, number>() }
  doneTotal = 0
  prunedTotal = 0
  setAsideTotal = 0

  constructor(options: SegmentQueueOptions) {
    this.#options = options
    this.reader = new SpoolReader(options.dir, options.io)
  }

  /** Bytes of closed, archived and set-aside segments. */
  get bytes(): number {
    return this.#waitingBytes + this.#archivedBytes + this.#setAsideBytes
  }

  get archivedBytes(): number {
    return this.#archivedBytes
  }

  /** Creation time of the oldest segment that waits, as its id tells. */
  get oldestMs(): number | undefined {
    const oldest = this.#ordered()[0]
    return oldest === undefined ? undefined : idMs(oldest)
  }

  get settled(): SettledRecords {
    return this.#settled
  }

  /** As far as this process knows it; `closed` before the ledger was read. */
  stepOf(id: string): WaitingStep {
    return this.#steps.get(id) ?? 'closed'
  }

  counts(): QueueCounts {
    const counts = { closed: this.#waiting.size, issued: 0, stored: 0, finalising: 0 }
    for (const step of this.#steps.values()) {
      if (step === 'closed') continue
      counts[step]++
      counts.closed--
    }
    return { ...counts, archived: this.#archived.size, setAside: this.#setAside.size }
  }

  /** Reads the folders' names and sizes, and no file. */
  async load(ids: SegmentIds): Promise<void> {
    let scanned = 0
    for (const folder of ['closed', 'archive', 'set-aside'] as const) {
      const { whole, orphanLedgers, orphanData } = await this.#scan(folder)
      for (const id of orphanLedgers) await finishOrphan(this.#options, folder, id)
      for (const id of [...whole, ...(folder === 'closed' ? [] : orphanData)].sort()) {
        ids.seen(id)
        this.#track(folder, id, this.#sizeOf(folder, id))
        if (++scanned % SCAN_BATCH === 0) await nextTurn()
      }
      if (folder !== 'closed') continue
      for (const id of orphanData) {
        ids.seen(id)
        this.#track('closed', id, this.#sizeOf('closed', id))
        await this.setAside(id, 'its ledger is missing, so its source is not known')
      }
    }
    await this.pruneArchive()
  }

  /** Takes in a segment that was just closed. */
  add(id: string, bytes: number): void {
    this.#track('closed', id, bytes)
  }

  waiting(): string[] {
    return this.#ordered().slice()
  }

  changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const settle = (): void => {
        this.#listeners.delete(settle)
        signal.removeEventListener('abort', settle)
        resolve()
      }
      this.#listeners.add(settle)
      signal.addEventListener('abort', settle, { once: true })
    })
  }

  /** As the contract says. A segment whose ledger cannot be used is set aside here, and undefined like one that is gone. */
  async segment(id: string): Promise<ReadSegment | undefined> {
    if (!this.#waiting.has(id)) return undefined
    const ledger = await this.reader.ledger(id, 'closed').catch(error => Promise.reject(spoolFailure(`read the ledger of ${id}`, error)))
    const segment = this.reader.describe(id, 'closed', ledger)
    if (segment === undefined) {
      this.#options.log.error({ segment: id }, 'the file of a waiting segment is gone')
      this.#untrack('closed', id)
      const { recordCount } = ledger.closed ?? ledger.pieces.reduce<Totals>(withPiece, { ...EMPTY_TOTALS })
      addTo(this.#settled.removed, ledger.header?.source ?? '', recordCount)
      return undefined
    }
    if (ledger.header === undefined) {
      await this.setAside(id, 'its ledger is damaged, so its source is not known')
      addTo(this.#settled.setAside, '', segment.recordCount)
      return undefined
    }
    // A crash between the step and the move: the service has it, so only the move is left to do.
    if (segment.step === 'done') {
      await this.done(id)
      addTo(this.#settled.uploaded, segment.source, segment.recordCount)
      return undefined
    }
    this.#steps.set(id, segment.step as WaitingStep)
    return segment
  }

  async advance(id: string, step: WaitingStep, facts: { uploadUrl?: string; provider?: string } = {}): Promise<void> {
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      await this.#appendStep(id, 'closed', { t: 'step', step, atMs: this.#options.now(), ...facts })
      this.#steps.set(id, step)
    })
  }

  async done(id: string): Promise<void> {
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      const { dir, io, log, archiveCount } = this.#options
      const line: StepLine = { t: 'step', step: 'done', atMs: this.#options.now() }
      await this.#appendStep(id, 'closed', line).catch(error => {
        // Removing it makes it just as done, and on a failing disk it is the better half.
        log.warn({ segment: id, err: error }, 'the end of an upload could not be noted; the segment is removed all the same')
      })
      try {
        if (archiveCount > 0) await moveSegment(io, dir, id, 'closed', 'archive')
        else await removeSegment(io, dir, 'closed', id)
        await io.syncDirectory(`${dir}/closed`)
        if (archiveCount > 0) await io.syncDirectory(`${dir}/archive`)
      } catch (error) {
        throw spoolFailure(`remove the uploaded segment ${id}`, error)
      }
      this.doneTotal++
      const bytes = this.#untrack('closed', id)
      if (archiveCount > 0) this.#track('archive', id, bytes)
      await this.pruneArchive()
    })
  }

  async setAside(id: string, reason: string): Promise<void> {
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      const { dir, io, log, now, reserve } = this.#options
      try {
        const ledger = await this.reader.ledger(id, 'closed')
        log.error({ segment: id, source: ledger.header?.source, reason }, 'a segment was set aside')
        await reserve.use(() => moveAside({ io, dir, nowMs: now() }, 'closed', id, ledger, reason))
        await io.syncDirectory(`${dir}/set-aside`)
        await io.syncDirectory(`${dir}/closed`)
      } catch (error) {
        throw spoolFailure(`set the segment ${id} aside`, error)
      }
      this.setAsideTotal++
      this.#track('set-aside', id, this.#untrack('closed', id))
    })
  }

  /**
   * Lets an archived or set-aside segment wait for an upload again, from its first step. Rejects with SEGMENT_DAMAGED when it is
   * not sound, and with SPOOL_IO when there is no such segment.
   */
  async replay(id: string): Promise<void> {
    await this.#exclusive(id, async () => {
      const folder = this.#archived.has(id) ? 'archive' : 'set-aside'
      if (!isSegmentId(id) || !(this.#archived.has(id) || this.#setAside.has(id))) throw noSegment(id, 'archived or set aside')
      const soundness = await this.reader.check(id)
      if (!soundness.sound) throw new CollectorError('SEGMENT_DAMAGED', `Cannot upload segment ${id} again: ${soundness.fault}`)
      const { dir, io, now } = this.#options
      await this.#appendStep(id, folder, { t: 'step', step: 'closed', atMs: now() })
      try {
        await moveSegment(io, dir, id, folder, 'closed')
        await io.syncDirectory(`${dir}/closed`)
        await io.syncDirectory(`${dir}/${folder}`)
      } catch (error) {
        throw spoolFailure(`move the segment ${id} back`, error)
      }
      this.#track('closed', id, this.#untrack(folder, id))
    })
  }

  /** Removes archived segments, oldest first, until the archive keeps its bounds and `bytesToFree` are free. */
  async pruneArchive(bytesToFree = 0): Promise<void> {
    const { archiveCount, archiveMaxBytes, archiveMaxAgeMs, dir, io, log, now } = this.#options
    const target = Math.min(archiveMaxBytes, this.#archivedBytes - bytesToFree)
    const keptFromMs = archiveMaxAgeMs > 0 ? now() - archiveMaxAgeMs : 0
    for (const id of [...this.#archived.keys()].sort()) {
      if (idMs(id) >= keptFromMs && this.#archived.size <= archiveCount && this.#archivedBytes <= target) break
      try {
        await removeSegment(io, dir, 'archive', id)
      } catch (error) {
        log.warn({ segment: id, err: error }, 'an archived segment could not be removed')
        break
      }
      this.#untrack('archive', id)
      this.prunedTotal++
    }
  }

  /** Pairs the files of a folder: whole segments, ledgers without data, data without ledger. */
  async #scan(folder: Folder): Promise<{ whole: string[]; orphanLedgers: string[]; orphanData: string[] }> {
    const data = new Set<string>()
    const ledgers = new Set<string>()
    for await (const name of this.#options.io.names(`${this.#options.dir}/${folder}`)) {
      const read = readName(name)
      if (read !== undefined) (read.kind === 'gz' ? data : ledgers).add(read.id)
    }
    const whole: string[] = []
    const orphanData: string[] = []
    for (const id of data) (ledgers.has(id) ? whole : orphanData).push(id)
    return { whole, orphanData, orphanLedgers: [...ledgers].filter(id => !data.has(id)) }
  }

  #sizeOf(folder: Folder, id: string): number {
    const { dir, io } = this.#options
    return (io.sizeOf(dataPath(dir, folder, id)) ?? 0) + (io.sizeOf(ledgerPath(dir, folder, id)) ?? 0)
  }

  async #appendStep(id: string, folder: Folder, line: StepLine): Promise<void> {
    const { dir, io, reserve, sync } = this.#options
    try {
      const { size } = await this.reader.ledger(id, folder)
      const bytes = ledgerLine(line)
      await reserve.use(async () => {
        const file = await io.open(ledgerPath(dir, folder, id), 'write')
        try {
          await writeFully(file, [bytes], size)
          await sync(file)
        } finally {
          await file.close()
        }
      })
      this.#grow(folder, id, bytes.length)
    } catch (error) {
      throw spoolFailure(`note the step ${line.step} of segment ${id}`, error)
    }
  }

  #mustWait(id: string): void {
    if (!this.#waiting.has(id)) throw noSegment(id, 'waiting')
  }

  /** Work on one segment is done one after the other, as each reads the ledger's end before it writes. */
  async #exclusive(id: string, work: () => Promise<void>): Promise<void> {
    const before = this.#busy.get(id)
    const turn = (before ?? Promise.resolve()).then(work, work)
    this.#busy.set(id, turn)
    try {
      await turn
    } finally {
      if (this.#busy.get(id) === turn) this.#busy.delete(id)
    }
  }

  #track(folder: Folder, id: string, bytes: number): void {
    if (folder === 'archive') {
      this.#archived.set(id, bytes)
      this.#archivedBytes += bytes
    } else if (folder === 'set-aside') {
      this.#setAside.set(id, bytes)
      this.#setAsideBytes += bytes
    } else {
      this.#waiting.set(id, bytes)
      this.#waitingBytes += bytes
      this.#notify()
    }
  }

  #untrack(folder: Folder, id: string): number {
    const map = folder === 'archive' ? this.#archived : folder === 'set-aside' ? this.#setAside : this.#waiting
    const bytes = map.get(id) ?? 0
    map.delete(id)
    if (folder === 'archive') this.#archivedBytes -= bytes
    else if (folder === 'set-aside') this.#setAsideBytes -= bytes
    else {
      this.#waitingBytes -= bytes
      this.#steps.delete(id)
      this.#notify()
    }
    return bytes
  }

  #grow(folder: Folder, id: string, bytes: number): void {
    if (folder === 'closed') {
      this.#waiting.set(id, this.#waiting.get(id)! + bytes)
      this.#waitingBytes += bytes
    }
  }

  #ordered(): string[] {
    this.#sorted ??= [...this.#waiting.keys()].sort()
    return this.#sorted
  }

  #notify(): void {
    this.#sorted = undefined
    for (const listener of [...this.#listeners]) listener()
  }
}

/** Data first: a ledger left alone is removed at the next start. */
async function removeSegment(io: SpoolIo, dir: string, folder: Folder, id: string): Promise<void> {
  await io.remove(dataPath(dir, folder, id))
  await io.remove(ledgerPath(dir, folder, id))
}

function addTo(counts: Map<string, number>, source: string, records: number): void {
  counts.set(source, (counts.get(source) ?? 0) + records)
}

function noSegment(id: string, state: string): CollectorError {
  return new CollectorError('SPOOL_IO', `Cannot find segment ${JSON.stringify(id.slice(0, 64))} among those ${state}`)
}
