/**
 * The segments of one folder as memory holds them: id, bytes, and once its ledger was read, whose records and how many. A few
 * dozen bytes each, so that 100,000 waiting segments cost some ten megabytes.
 */

/** What a segment holds, as its ledger tells. */
export interface Contents {
  source: string
  records: number
}

interface Entry {
  bytes: number
  /** Empty, and -1 records, until the ledger was read. */
  source: string
  records: number
}

const NOT_READ = -1

export class Shelf {
  readonly #entries = new Map<string, Entry>()
  readonly #records = new Map<string, number>()
  #bytes = 0
  #unread = 0

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Segments whose ledger was not read yet. */
  get unread(): number {
    return this.#unread
  }

  /** Records by source, of the segments whose ledger was read. */
  get records(): ReadonlyMap<string, number> {
    return this.#records
  }

  ids(): string[] {
    return [...this.#entries.keys()]
  }

  unreadIds(): string[] {
    return this.ids().filter(id => this.#entries.get(id)!.records === NOT_READ)
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** Undefined for a segment that is not here, or whose ledger was not read. */
  contents(id: string): Contents | undefined {
    const entry = this.#entries.get(id)
    return entry === undefined || entry.records === NOT_READ ? undefined : { source: entry.source, records: entry.records }
  }

  /** One that is here already (a crash between the syncs of two folders leaves it in both) takes the other's place. */
  add(id: string, bytes: number, contents?: Contents): void {
    this.remove(id)
    this.#entries.set(id, { bytes, source: '', records: NOT_READ })
    this.#bytes += bytes
    this.#unread++
    if (contents !== undefined) this.read(id, contents)
  }

  /** Its ledger was read. True when that is news. */
  read(id: string, { source, records }: Contents): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.records !== NOT_READ) return false
    entry.source = source
    entry.records = records
    this.#unread--
    addTo(this.#records, source, records)
    return true
  }

  grow(id: string, bytes: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.bytes += bytes
    this.#bytes += bytes
  }

  remove(id: string): { bytes: number; contents: Contents | undefined } {
    const entry = this.#entries.get(id)
    if (entry === undefined) return { bytes: 0, contents: undefined }
    const contents = this.contents(id)
    this.#entries.delete(id)
    this.#bytes -= entry.bytes
    if (contents === undefined) this.#unread--
    else addTo(this.#records, contents.source, -contents.records)
    return { bytes: entry.bytes, contents }
  }
}

export function addTo(counts: Map<string, number>, source: string, records: number): void {
  counts.set(source, (counts.get(source) ?? 0) + records)
}
