/** The segments that are written and closed, by where they lie, and the sums over them. */
import type { Folder } from './layout.ts'
import { addTo, type Contents, Shelf } from './shelf.ts'
import { WaitingList } from './waiting-list.ts'

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
  removed: ReadonlyMap<string, number>
}

export class Shelves {
  readonly waiting = new WaitingList()
  readonly archived = new Shelf()
  readonly setAside = new Shelf()
  readonly #recovered = new Map<string, number>()
  readonly #settled = { uploaded: new Map<string, number>(), removed: new Map<string, number>() }

  of(folder: Exclude<Folder, 'open'>): Shelf {
    return folder === 'archive' ? this.archived : folder === 'set-aside' ? this.setAside : this.waiting
  }

  /** Bytes of closed, archived and set-aside segments. */
  get bytes(): number {
    return this.waiting.bytes + this.archived.bytes + this.setAside.bytes
  }

  /** Records that wait, and that are set aside, by source; those of unread ledgers are not in it. */
  get records(): { waiting: ReadonlyMap<string, number>; setAside: ReadonlyMap<string, number> } {
    return { waiting: this.waiting.records, setAside: this.setAside.records }
  }

  /**
   * What earlier processes left: records by source that this one has taken into its count, and how many of its segments were not looked
   * into yet.
   */
  get recovered(): { records: ReadonlyMap<string, number>; unreadSegments: number } {
    return { records: this.#recovered, unreadSegments: this.waiting.unread + this.setAside.unread }
  }

  get settled(): SettledRecords {
    return this.#settled
  }

  counts(): QueueCounts {
    return { ...this.waiting.counts(), archived: this.archived.size, setAside: this.setAside.size }
  }

  /** The ledger of a segment that an earlier process left was read. */
  learn(shelf: Shelf, id: string, contents: Contents): void {
    if (shelf.read(id, contents)) this.recover(contents.source, contents.records)
  }

  /** Records enter the count that were in none. */
  recover(source: string, records: number): void {
    addTo(this.#recovered, source, records)
  }

  settle(how: 'uploaded' | 'removed', source: string, records: number): void {
    addTo(this.#settled[how], source, records)
  }
}
