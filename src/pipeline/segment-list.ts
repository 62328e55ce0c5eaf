/**
 * The segments that the status lists: the oldest that wait, then the open ones. A ledger is read once, when its segment comes into
 * the list; later only the step changes, which the spool knows without the disk.
 */
import type { SegmentSpool } from '../spool/spool.ts'
import { SEGMENTS_LISTED_MAX, type SegmentSummary } from '../telemetry/status.ts'

export class SegmentList {
  readonly #spool: SegmentSpool
  #waiting = new Map<string, SegmentSummary>()
  #reading: Promise<void> | undefined

  constructor(spool: SegmentSpool) {
    this.#spool = spool
  }

  /** As known now; segments that have just begun to wait are read meanwhile and are there the next time. */
  list(): SegmentSummary[] {
    const ids = this.#spool.waiting().slice(0, SEGMENTS_LISTED_MAX)
    this.#read(ids)
    const waiting = ids.flatMap(id => {
      const known = this.#waiting.get(id)
      return known === undefined ? [] : [{ ...known, step: this.#spool.stepOf(id) }]
    })
    return [...waiting, ...this.#spool.openSegments()].slice(0, SEGMENTS_LISTED_MAX)
  }

  #read(ids: readonly string[]): void {
    if (this.#reading !== undefined || (ids.length === this.#waiting.size && ids.every(id => this.#waiting.has(id)))) return
    this.#reading = this.#readAll(ids)
      .catch(() => undefined) // the disk's trouble shows in the spool's own state
      .finally(() => {
        this.#reading = undefined
      })
  }

  async #readAll(ids: readonly string[]): Promise<void> {
    const next = new Map<string, SegmentSummary>()
    for (const id of ids) {
      const summary = this.#waiting.get(id) ?? (await this.#summary(id))
      if (summary !== undefined) next.set(id, summary)
    }
    this.#waiting = next
  }

  async #summary(id: string): Promise<SegmentSummary | undefined> {
    const segment = await this.#spool.reader.segment(id, ['closed'])
    if (segment === undefined) return undefined
    const { source, format, step, createdMs, bytes, rawBytes, recordCount } = segment
    return { id, source, format, step, createdMs, bytes, rawBytes, records: recordCount }
  }
}
