/**
 * Copies in `open/` whose originals still wait: sound blocks of a damaged segment, or the halves of one that is too large. What was begun
 * is remembered until the original is gone, because it must not go on beside its copy.
 */
import { spoolFailure } from './failure.ts'
import type { SpoolFile } from './io.ts'
import { dataPath } from './layout.ts'
import type { Ledger } from './ledger.ts'
import type { SpoolReader } from './reader.ts'
import type { Place, Resumable } from './remake.ts'
import { copySound, type Rescue } from './rescue.ts'
import type { ReserveFile } from './reserve-file.ts'
import { findPieces } from './salvage.ts'
import { copyHalves } from './split.ts'

export type CopiesOptions = Omit<Place, 'nowMs'> & { now: () => number; reserve: ReserveFile }

export class Copies {
  readonly #options: CopiesOptions
  readonly #reader: SpoolReader
  /** Without `rest` the copying was begun only, or there is nothing sound. */
  readonly #rescues = new Map<string, Rescue>()
  /** Undefined: the copying was begun only. */
  readonly #halves = new Map<string, Resumable[] | undefined>()

  constructor(options: CopiesOptions, reader: SpoolReader) {
    this.#options = options
    this.#reader = reader
  }

  /** What is known of a damaged segment. */
  rescueOf(id: string): Rescue | undefined {
    return this.#rescues.get(id)
  }

  isBeingSplit(id: string): boolean {
    return this.#halves.has(id)
  }

  /** The original is where it belongs. */
  forget(id: string): void {
    this.#rescues.delete(id)
    this.#halves.delete(id)
  }

  /** Copies the sound blocks. Rejects with SPOOL_IO or SPOOL_FULL, and may be called again. */
  async rescue(id: string, reason: string): Promise<Rescue> {
    const { io, dir, log, now, reserve } = this.#options
    // From here on there may be a copy, so the original must not go on alone, also when the fault was the disk's mood.
    this.#rescues.set(id, { rest: undefined, reason })
    const rescue = await this.#read(id, 'take the sound blocks out of', async (file, ledger) => {
      const findings = await findPieces(file, ledger)
      const patient = { id, file, header: ledger.header!, ledger, findings, reason }
      return reserve.use(() => copySound({ io, dir, log, nowMs: now() }, patient))
    })
    this.#rescues.set(id, rescue)
    return rescue
  }

  /** Copies both halves; undefined for a single block. Rejects with SPOOL_IO or SPOOL_FULL, and may be called again. */
  async halves(id: string): Promise<Resumable[] | undefined> {
    const known = this.#halves.get(id)
    if (known !== undefined) return known
    this.#halves.set(id, undefined)
    const halves = await this.#read(id, 'split', (file, ledger) => copyHalves(this.#options, id, ledger, file))
    if (halves === undefined) this.#halves.delete(id)
    else this.#halves.set(id, halves)
    return halves
  }

  async #read<T>(id: string, what: string, work: (file: SpoolFile, ledger: Ledger) => Promise<T>): Promise<T> {
    const { io, dir } = this.#options
    try {
      const ledger = await this.#reader.ledger(id, 'closed')
      const file = await io.open(dataPath(dir, 'closed', id), 'read')
      try {
        return await work(file, ledger)
      } finally {
        await file.close()
      }
    } catch (error) {
      throw spoolFailure(`${what} segment ${id}`, error)
    }
  }
}
