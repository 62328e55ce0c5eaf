/**
 * Which objects of a bucket were taken, so that each is taken once, over restarts as well. An object is its name and its etag:
 * one that was replaced is another object.
 *
 * A file of JSON lines that is appended to, and written anew when more of it is old than not:
 *   ["floor",ms]                                     objects last modified until then are left alone
 *   ["reading",name,etag,modifiedMs,position,header] read up to there
 *   ["taken"|"rejected",name,etag,modifiedMs]
 *
 * Bounded: objects that are not listed any more are forgotten; when there are too many nevertheless, the oldest are, and the
 * floor rises to them.
 */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { CollectorError } from '../errors.ts'
import type { StoredObject } from './object-store.ts'
import type { Position } from './resumable-read.ts'
import { readState, replaceState } from './state-file.ts'

export interface LedgerEntry extends Position {
  step: 'reading' | 'taken' | 'rejected'
  modifiedMs: number
}

interface KeptEntry extends LedgerEntry {
  name: string
  etag: string
  /** Number of the listing that had it last. */
  listing: number
}

/** Old lines that are worth a new file. */
const STALE_MIN_LINES = 1000
/** Part of the entries that goes when there are too many. */
const EVICTED_PART = 0.1

export class ObjectLedger {
  readonly #path: string
  readonly #maxObjects: number
  readonly #entries = new Map<string, KeptEntry>()
  #floorMs = 0
  #file: FileHandle | undefined
  #lines = 0
  #listing = 0

  private constructor(path: string, maxObjects: number) {
    this.#path = path
    this.#maxObjects = maxObjects
  }

  /** Reads the ledger; one that cannot be understood is CONFIG_INVALID, since to go on would double what was taken. */
  static async load(path: string, maxObjects: number): Promise<ObjectLedger> {
    const ledger = new ObjectLedger(path, maxObjects)
    try {
      ledger.#readLines((await readState(path)) ?? '')
      await ledger.#rewrite()
      return ledger
    } catch (error) {
      const remedy = 'it must be writable; remove it to take all objects again that are there'
      throw new CollectorError('CONFIG_INVALID', `Cannot use the ledger "${path}": ${(error as Error).message}; ${remedy}`, {
        cause: error
      })
    }
  }

  get size(): number {
    return this.#entries.size
  }

  /** Objects last modified until then were let go of; 0 when there were none. */
  get floorMs(): number {
    return this.#floorMs
  }

  /** What is known of an object that a listing shows. */
  seen({ name, etag }: StoredObject): LedgerEntry | undefined {
    const entry = this.#entries.get(keyOf(name, etag))
    if (entry !== undefined) entry.listing = this.#listing
    return entry
  }

  beginListing(): void {
    this.#listing++
  }

  /** The listing was complete: what it did not show is gone. */
  endListing(): void {
    for (const [key, { listing }] of this.#entries) if (listing !== this.#listing) this.#entries.delete(key)
  }

  /** Durable when it resolves. */
  async set({ name, etag, modifiedMs }: StoredObject, step: LedgerEntry['step'], position: Position = NO_POSITION): Promise<void> {
    this.#entries.set(keyOf(name, etag), { name, etag, modifiedMs, step, ...position, listing: this.#listing })
    if (this.#entries.size > this.#maxObjects || this.#lines > 2 * this.#entries.size + STALE_MIN_LINES) {
      if (this.#entries.size > this.#maxObjects) this.#evict()
      await this.#rewrite()
      return
    }
    await this.#file!.appendFile(lineOf(this.#entries.get(keyOf(name, etag))!))
    await this.#file!.datasync()
    this.#lines++
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  #evict(): void {
    const oldest = [...this.#entries].sort(([, a], [, b]) => a.modifiedMs - b.modifiedMs)
    const evicted = oldest.slice(0, Math.ceil(this.#maxObjects * EVICTED_PART))
    for (const [key] of evicted) this.#entries.delete(key)
    this.#floorMs = Math.max(this.#floorMs, evicted.at(-1)![1].modifiedMs)
  }

  #readLines(text: string): void {
    const lines = text.split('\n')
    lines.pop() // nothing, or a line that a crash cut off
    for (const line of lines) {
      const [kind, ...rest] = JSON.parse(line) as [string, ...unknown[]]
      if (kind === 'floor') this.#floorMs = Number(rest[0])
      else if (kind === 'reading' || kind === 'taken' || kind === 'rejected') {
        const [name, etag, modifiedMs, position = 0, header = ''] = rest as [string, string, number, number?, string?]
        this.#entries.set(keyOf(name, etag), { name, etag, modifiedMs, step: kind, position, header, listing: 0 })
      } else throw new Error(`${JSON.stringify(kind)} is not known`)
    }
  }

  async #rewrite(): Promise<void> {
    await this.close()
    const entries = [...this.#entries.values()]
    await replaceState(this.#path, `${JSON.stringify(['floor', this.#floorMs])}\n${entries.map(lineOf).join('')}`)
    this.#file = await open(this.#path, 'a', 0o600)
    this.#lines = entries.length
  }
}

const NO_POSITION: Position = { position: 0, header: '' }
const keyOf = (name: string, etag: string): string => `${name}\0${etag}`

const lineOf = ({ step, name, etag, modifiedMs, position, header }: KeptEntry): string =>
  `${JSON.stringify([step, name, etag, modifiedMs, ...(step === 'reading' ? [position, header] : [])])}\n`
