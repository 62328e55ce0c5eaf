/**
 * The closed segments: which wait for their upload, how far each came, and what became of them. At the start only names and sizes
 * are read; the ledgers follow in the background, so that a start takes seconds whatever waits.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Segment, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { Census } from './census.ts'
import { Copies } from './copies.ts'
import { spoolFailure } from './failure.ts'
import { scanFolder, sizeOfSegment } from './folder-scan.ts'
import type { SpoolIo } from './io.ts'
import { dataPath, type Folder, isSegmentId, ledgerPath, type SegmentIds } from './layout.ts'
import type { Ledger, StepLine } from './ledger.ts'
import type { SpoolLog } from './options.ts'
import { pruneArchive } from './prune-archive.ts'
import { type ReadSegment, SpoolReader } from './reader.ts'
import type { Resumable } from './remake.ts'
import { moveAside } from './rescue.ts'
import type { ReserveFile } from './reserve-file.ts'
import { appendStep, fetchLedger, finishOrphan, moveAndSync, removeSegment } from './segment-files.ts'
import type { Contents } from './shelf.ts'
import { Shelves } from './shelves.ts'
import { EMPTY_TOTALS, type Totals, withPiece } from './totals.ts'
import type { WaitingStep } from './waiting-list.ts'
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
  /** Takes over a segment that was made of blocks of another one; it is in `open/` and is to be closed. */
  onRemade: (segment: Resumable) => void
}

/** Files looked at between two turns of the event loop at start. */
const SCAN_BATCH = 1000

export class SegmentQueue implements UploadQueue {
  readonly reader: SpoolReader
  /** For reading: what lies where, and its sums. */
  readonly shelves = new Shelves()
  readonly #options: SegmentQueueOptions
  readonly #census: Census
  readonly #copies: Copies
  /** The last work on each segment that is being worked on. */
  readonly #busy = new Map<string, Promise<unknown>>()
  doneTotal = 0
  prunedTotal = 0
  setAsideTotal = 0

  constructor(options: SegmentQueueOptions) {
    this.#options = options
    this.reader = new SpoolReader(options.dir, options.io)
    this.#copies = new Copies(options, this.reader)
    const { waiting, setAside } = this.shelves
    this.#census = new Census({ shelves: [waiting, setAside], log: options.log, look: id => this.#look(id), onNews: () => waiting.tell() })
  }

  /** Reads the folders' names and sizes, and no file. */
  async load(ids: SegmentIds): Promise<void> {
    let scanned = 0
    for (const folder of ['closed', 'archive', 'set-aside'] as const) {
      const { whole, orphanLedgers, orphanData } = await scanFolder(this.#options, folder)
      for (const id of orphanLedgers) await finishOrphan(this.#options, folder, id)
      for (const id of [...whole, ...orphanData].sort()) {
        ids.seen(id)
        this.shelves.of(folder).add(id, sizeOfSegment(this.#options, folder, id))
        if (++scanned % SCAN_BATCH === 0) await nextTurn()
      }
    }
    await this.pruneArchive()
    await this.#census.start()
  }

  /** Ends the work in the background. */
  stop(): Promise<void> {
    return this.#census.stop()
  }

  async #look(id: string): Promise<void> {
    if (this.shelves.waiting.has(id)) await this.segment(id)
    else if (this.shelves.setAside.has(id)) {
      await fetchLedger(this.#options, 'set-aside', id)
      const segment = await this.reader.segment(id, ['set-aside'])
      this.shelves.learn(this.shelves.setAside, id, segment === undefined ? NO_CONTENTS : contentsOf(segment))
    }
  }

  /** Takes in a segment that was just closed. */
  add(id: string, bytes: number, contents: Contents): void {
    this.shelves.waiting.add(id, bytes, contents)
  }

  waiting(): string[] {
    return this.shelves.waiting.ordered().slice()
  }

  sourceOf(id: string): string | undefined {
    return this.shelves.waiting.contents(id)?.source
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.shelves.waiting.changed(signal)
  }

  /** As the contract says. A segment whose ledger cannot be used is set aside here, and undefined like one that is gone. */
  async segment(id: string): Promise<ReadSegment | undefined> {
    if (!this.shelves.waiting.has(id)) return undefined
    if (this.#copies.isBeingSplit(id)) {
      await this.#unlessGone(id, () => this.split(id))
      return undefined
    }
    const ledger = await this.#ledgerOf(id)
    const segment = this.reader.describe(id, 'closed', ledger)
    if (segment === undefined) {
      await this.#vanished(id, ledger)
      return undefined
    }
    this.shelves.learn(this.shelves.waiting, id, contentsOf(segment))
    if (ledger.header === undefined) {
      const what = this.#has(ledgerPath, 'closed', id) ? 'damaged' : 'missing'
      await this.#unlessGone(id, () => this.setAside(id, `its ledger is ${what}, so its source is not known`))
      return undefined
    }
    // A crash between the step and the move: the service has it, so only the move is left to do.
    if (segment.step === 'done') {
      if (await this.#unlessGone(id, () => this.done(id))) this.shelves.settle('uploaded', segment.source, segment.recordCount)
      return undefined
    }
    this.shelves.waiting.came(id, segment.step as WaitingStep)
    return segment
  }

  /** Of a waiting segment. A move that was broken off between data and ledger is finished first. */
  async #ledgerOf(id: string): Promise<Ledger> {
    try {
      if (!this.#has(ledgerPath, 'closed', id)) await this.#exclusive(id, () => fetchLedger(this.#options, 'closed', id))
      return await this.reader.ledger(id, 'closed')
    } catch (error) {
      throw spoolFailure(`read the ledger of ${id}`, error)
    }
  }

  /** Its file is not where it was: a move that the disk broke off is finished; else somebody took it away. */
  async #vanished(id: string, ledger: Ledger): Promise<void> {
    const moved = await this.reader.segment(id, ['archive', 'set-aside'])
    if (!this.shelves.waiting.has(id)) return // uploaded meanwhile
    const { recordCount } = moved ?? ledger.closed ?? ledger.pieces.reduce<Totals>(withPiece, { ...EMPTY_TOTALS })
    this.shelves.learn(this.shelves.waiting, id, { source: moved?.source ?? ledger.header?.source ?? '', records: recordCount })
    const { source, records } = this.shelves.waiting.contents(id)!
    if (moved?.folder === 'archive' || ledger.steps.at(-1)?.step === 'done') {
      if (await this.#unlessGone(id, () => this.done(id))) this.shelves.settle('uploaded', source, records)
    } else if (moved?.folder === 'set-aside') await this.#unlessGone(id, () => this.setAside(id, moved.reason ?? ''))
    else {
      this.#options.log.error({ segment: id }, 'the file of a waiting segment is gone')
      this.shelves.waiting.remove(id)
      this.shelves.settle('removed', source, records)
    }
  }

  async advance(id: string, step: WaitingStep, facts: { uploadUrl?: string; provider?: string } = {}): Promise<void> {
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      await this.#appendStep(id, 'closed', { t: 'step', step, atMs: this.#options.now(), ...facts })
      this.shelves.waiting.came(id, step)
    })
  }

  async done(id: string): Promise<void> {
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      const { dir, io, log, archiveCount } = this.#options
      const line: StepLine = { t: 'step', step: 'done', atMs: this.#options.now() }
      // Without the file an earlier try came so far that only the move is left.
      if (this.#has(dataPath, 'closed', id)) {
        await this.#appendStep(id, 'closed', line).catch(error => {
          // Removing it makes it just as done, and on a failing disk it is the better half.
          log.warn({ segment: id, err: error }, 'the end of an upload could not be noted; the segment is removed all the same')
        })
      }
      try {
        if (archiveCount > 0) await moveAndSync({ io, dir }, id, 'closed', 'archive')
        else await this.#remove(id)
      } catch (error) {
        throw spoolFailure(`remove the uploaded segment ${id}`, error)
      }
      this.doneTotal++
      const { bytes, contents } = this.shelves.waiting.remove(id)
      if (archiveCount > 0) this.shelves.archived.add(id, bytes, contents)
      await this.pruneArchive()
    })
  }

  setAside(id: string, reason: string): Promise<void> {
    return this.#exclusive(id, () => this.#toSetAside(id, reason))
  }

  async #toSetAside(id: string, reason: string): Promise<void> {
    this.#mustWait(id)
    const { dir, io, log, now, reserve, onRemade } = this.#options
    const { rest } = this.#copies.rescueOf(id) ?? {}
    try {
      const ledger = await this.reader.ledger(id, 'closed')
      await reserve.use(() => moveAside({ io, dir, log, nowMs: now() }, 'closed', id, ledger, reason, rest))
      await io.syncDirectory(`${dir}/set-aside`)
      await io.syncDirectory(`${dir}/closed`)
    } catch (error) {
      throw spoolFailure(`set the segment ${id} aside`, error)
    }
    this.setAsideTotal++
    this.#copies.forget(id)
    const { bytes, contents } = this.shelves.waiting.remove(id)
    if (contents === undefined) return this.shelves.setAside.add(id, bytes)
    const left = contents.records - (rest?.point.totals.recordCount ?? 0)
    this.shelves.setAside.add(id, bytes, { source: contents.source, records: Math.max(0, left) })
    // With lines of the ledger lost, more may be found than was known.
    if (left < 0) this.shelves.recover(contents.source, -left)
    if (rest !== undefined) onRemade(rest)
  }

  /**
   * As the contract says. The bytes in the file are compared with the ledger, block by block; a damaged segment is set aside, and
   * its sound blocks are closed as a segment of their own.
   */
  async inspect(id: string): Promise<string | undefined> {
    const known = this.#copies.rescueOf(id)?.reason
    const soundness = await this.reader.check(id, 'checksum').catch(error => Promise.reject(spoolFailure(`read segment ${id}`, error)))
    if (soundness.sound && known === undefined) return undefined
    const fault = soundness.sound ? known! : soundness.fault
    if ((await this.segment(id)) === undefined) return fault // gone, or settled by that look
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      await this.#toSetAside(id, (await this.#copies.rescue(id, fault)).reason)
    })
    return fault
  }

  /** As the contract says. Once begun it is finished before anything else becomes of the segment, so that nothing goes out twice. */
  async split(id: string): Promise<boolean> {
    await this.#exclusive(id, async () => {
      this.#mustWait(id)
      const halves = await this.#copies.halves(id)
      if (halves !== undefined) await this.#replace(id, halves)
    })
    return !this.shelves.waiting.has(id)
  }

  /** Its halves are durable: it goes, and they wait. */
  async #replace(id: string, halves: readonly Resumable[]): Promise<void> {
    try {
      await this.#remove(id)
    } catch (error) {
      throw spoolFailure(`remove the split segment ${id}`, error)
    }
    this.#copies.forget(id)
    this.shelves.waiting.remove(id)
    for (const half of halves) this.#options.onRemade(half)
  }

  async #remove(id: string): Promise<void> {
    const { dir, io } = this.#options
    await removeSegment(io, dir, 'closed', id)
    await io.syncDirectory(`${dir}/closed`)
  }

  /**
   * Lets an archived or set-aside segment wait for an upload again, from its first step. Rejects with SEGMENT_DAMAGED when it is
   * not sound, and with SPOOL_IO when there is no such segment.
   */
  async replay(id: string): Promise<void> {
    await this.#exclusive(id, async () => {
      const folder = this.shelves.archived.has(id) ? 'archive' : 'set-aside'
      if (!isSegmentId(id) || !(this.shelves.archived.has(id) || this.shelves.setAside.has(id)))
        throw noSegment(id, 'archived or set aside')
      const { dir, io, now } = this.#options
      // As in `done`.
      if (this.#has(dataPath, folder, id)) {
        if (folder === 'set-aside') await this.#look(id)
        const soundness = await this.reader.check(id)
        if (!soundness.sound) throw new CollectorError('SEGMENT_DAMAGED', `Cannot upload segment ${id} again: ${soundness.fault}`)
        await this.#appendStep(id, folder, { t: 'step', step: 'closed', atMs: now() })
      }
      try {
        await moveAndSync({ io, dir }, id, folder, 'closed')
      } catch (error) {
        throw spoolFailure(`move the segment ${id} back`, error)
      }
      const { bytes } = this.shelves.of(folder).remove(id)
      const segment = await this.reader.segment(id, ['closed'])
      const contents = segment === undefined ? NO_CONTENTS : contentsOf(segment)
      // What was uploaded enters the balance once more; what was set aside never left it.
      if (folder === 'archive') this.shelves.recover(contents.source, contents.records)
      this.add(id, bytes, contents)
    })
  }

  /** Removes archived segments, oldest first, until the archive keeps its bounds and `bytesToFree` are free. */
  async pruneArchive(bytesToFree = 0): Promise<void> {
    this.prunedTotal += await pruneArchive(this.shelves.archived, this.#options, bytesToFree)
  }

  async #appendStep(id: string, folder: Exclude<Folder, 'open'>, line: StepLine): Promise<void> {
    this.shelves.of(folder).grow(id, await appendStep(this.#options, this.reader, folder, id, line))
  }

  /** Does what takes a segment off the waiting list; false when somebody else was faster. */
  async #unlessGone(id: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (this.shelves.waiting.has(id)) throw error
      return false
    }
  }

  #has(path: typeof dataPath, folder: Folder, id: string): boolean {
    return this.#options.io.sizeOf(path(this.#options.dir, folder, id)) !== undefined
  }

  #mustWait(id: string): void {
    if (!this.shelves.waiting.has(id)) throw noSegment(id, 'waiting')
  }

  /** Work on one segment is done one after the other, as each reads the ledger's end before it writes. */
  async #exclusive(id: string, work: () => Promise<unknown>): Promise<void> {
    const before = this.#busy.get(id)
    const turn = (before ?? Promise.resolve()).then(work, work)
    this.#busy.set(id, turn)
    try {
      await turn
    } finally {
      if (this.#busy.get(id) === turn) this.#busy.delete(id)
    }
  }
}

const NO_CONTENTS: Contents = { source: '', records: 0 }

const contentsOf = ({ source, recordCount }: Segment): Contents => ({ source, records: recordCount })

function noSegment(id: string, state: string): CollectorError {
  return new CollectorError('SPOOL_IO', `Cannot find segment ${JSON.stringify(id.slice(0, 64))} among those ${state}`)
}
