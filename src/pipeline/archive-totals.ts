/** The archive's balance over the lives of its thread, by source: what one life took may be found by the next one, or be lost with it. */
import type { ArchiveTotals } from '../telemetry/archive-status.ts'

type SourceTotals = { name: string } & ArchiveTotals

export class ArchiveBook {
  /** Records sent to threads, and of those the ones sent to the present one. */
  readonly #sent = new Map<string, number>()
  readonly #sentNow = new Map<string, number>()
  /** Shed before they reached a thread, or lost with one. */
  readonly #shed = new Map<string, number>()
  readonly #recovered = new Map<string, number>()
  /** Sums of the threads that ended. */
  readonly #uploaded = new Map<string, number>()
  readonly #removed = new Map<string, number>()
  /** What the present thread said last, or the last one. */
  #now = new Map<string, SourceTotals>()
  #isRunning = false
  #hadLife = false

  sent(source: string, records: number): void {
    add(this.#sent, source, records)
    add(this.#sentNow, source, records)
  }

  shed(source: string, records: number): void {
    add(this.#sent, source, records)
    add(this.#shed, source, records)
  }

  /** What the thread says of itself; counts since it started. */
  said(sources: readonly SourceTotals[]): void {
    const found = new Map(sources.map(source => [source.name, source]))
    if (!this.#isRunning) this.#begin(found)
    this.#isRunning = true
    this.#now = found
  }

  /** The thread ended. What it had waits on the disk, as far as it came there; the next one will say. */
  ended(): void {
    if (this.#isRunning) {
      for (const { name, uploaded, removed, shed, setAside } of this.#now.values()) {
        add(this.#uploaded, name, uploaded)
        add(this.#removed, name, removed)
        add(this.#shed, name, shed)
        this.#now.set(name, { ...nothing(name), setAside })
      }
      this.#hadLife = true
    } else for (const [name, records] of this.#sentNow) add(this.#shed, name, records) // it never opened its spool
    this.#sentNow.clear()
    this.#isRunning = false
  }

  totals(): SourceTotals[] {
    const names = new Set([...this.#sent.keys(), ...this.#recovered.keys(), ...this.#now.keys()])
    return [...names].map(name => {
      const now = this.#now.get(name) ?? nothing(name)
      const of = (counts: ReadonlyMap<string, number>): number => counts.get(name) ?? 0
      const totals = {
        taken: of(this.#sent),
        recovered: of(this.#recovered),
        uploaded: of(this.#uploaded) + now.uploaded,
        setAside: now.setAside,
        removed: of(this.#removed) + now.removed,
        shed: of(this.#shed) + now.shed
      }
      // Of a thread that is down nobody knows how much came to its disk; until the next one has looked, what is not elsewhere waits.
      const left = totals.taken + totals.recovered - totals.uploaded - totals.setAside - totals.removed - totals.shed
      return { name, ...totals, waiting: this.#isRunning ? now.waiting + of(this.#sentNow) - now.taken : left }
    })
  }

  /** The first thread finds what another process left; a later one what its predecessor made durable. */
  #begin(found: ReadonlyMap<string, SourceTotals>): void {
    if (!this.#hadLife) {
      for (const { name, recovered } of found.values()) add(this.#recovered, name, recovered)
      return
    }
    for (const { name, waiting, setAside } of this.totals()) {
      const expected = waiting + setAside - (this.#sentNow.get(name) ?? 0)
      const lost = expected - (found.get(name)?.recovered ?? 0)
      // Fewer than none: segments of which the last word was not heard.
      add(lost >= 0 ? this.#shed : this.#recovered, name, Math.abs(lost))
    }
  }
}

const nothing = (name: string): SourceTotals => ({
  name,
  taken: 0,
  recovered: 0,
  uploaded: 0,
  waiting: 0,
  setAside: 0,
  removed: 0,
  shed: 0
})

function add(counts: Map<string, number>, source: string, records: number): void {
  counts.set(source, (counts.get(source) ?? 0) + records)
}
