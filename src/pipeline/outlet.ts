/**
 * Outlet: where the blocks that lanes made leave for the disk, as intakes are where frames come in. They go to the spool, and to the
 * archive beside it.
 */
import type { Block, Spool } from '../contracts.ts'

/** The second home of records or lines. Nothing here rejects, throws or waits long. */
export interface ArchiveSink {
  append(block: Block): void
  commit(): Promise<void>
}

export class Outlet {
  readonly #spool: Spool
  readonly #archive: ArchiveSink | undefined
  #shedRecords = 0

  constructor(spool: Spool, archive?: ArchiveSink) {
    this.#spool = spool
    this.#archive = archive
  }

  put(blocks: readonly Block[]): void {
    for (const block of blocks) {
      if (block.forArchive !== true && !this.#spool.append(block)) this.#shedRecords += block.recordCount
      this.#archive?.append(block)
    }
  }

  /** Records that the spool had no room for. It costs the receipts of all whose records they may have been. */
  get shedRecords(): number {
    return this.#shedRecords
  }

  /** Senders that can wait should. */
  get full(): boolean {
    return this.#spool.full
  }

  /** Everything that was put is durable; rejects as the spool does. */
  async commit(): Promise<void> {
    await Promise.all([this.#spool.commit(), this.#archive?.commit()])
  }

  /** What was put becomes durable now rather than within the spool's own interval. */
  hurry(): void {
    this.#spool.hurry()
  }
}
