/**
 * Looks into the segments that earlier processes left: whose they are and how many records they hold. Some at the start, so that
 * a usual spool is known at once, the rest in the background, so that a start over 100,000 segments takes no longer.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SpoolLog } from './options.ts'
import type { Shelf } from './shelf.ts'

/** Ledgers that are read before the start is over. */
const READ_AT_START = 500
/** Ledgers read at a time. */
const CONCURRENCY = 8
/** The waiting are told after so many, since they may begin with what is known. */
const TELL_EVERY = 1000
/** After a ledger could not be read. */
const READ_AGAIN_MS = 10_000

export interface CensusOptions {
  /** What waits comes first. */
  shelves: readonly Shelf[]
  log: SpoolLog
  /** Reads one ledger; the segment then is read on its shelf, or gone from it. May reject: it is tried again later. */
  look: (id: string) => Promise<void>
  /** More is known now. */
  onNews: () => void
}

export class Census {
  readonly #options: CensusOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: CensusOptions) {
    this.#options = options
  }

  /** Segments that were not looked into yet. */
  get unread(): number {
    return this.#options.shelves.reduce((sum, shelf) => sum + shelf.unread, 0)
  }

  /** Resolves when the first ones are read; the others follow. */
  async start(): Promise<void> {
    await this.#read(READ_AT_START)
    this.#running = this.#readAll()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #readAll(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted && this.unread > 0) {
      await this.#read()
      if (this.unread > 0) await sleep(READ_AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async #read(max = Number.POSITIVE_INFINITY): Promise<void> {
    const { shelves, log, look, onNews } = this.#options
    const rest = shelves
      .flatMap(shelf => shelf.unreadIds())
      .slice(0, max)
      .values()
    let count = 0
    let failed = 0
    let failure: object = {}
    const lane = async (): Promise<void> => {
      for (const id of rest) {
        if (this.#stopping.signal.aborted) return
        await look(id).catch((error: unknown) => {
          if (failed++ === 0) failure = { segment: id, err: error }
        })
        if (++count % TELL_EVERY === 0) onNews()
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, lane))
    // One line for all of them: a disk in trouble has enough to write.
    if (failed > 0) log.warn({ ...failure, segments: failed }, 'segments could not be looked into; they are tried again')
    if (count > 0) onNews()
  }
}
