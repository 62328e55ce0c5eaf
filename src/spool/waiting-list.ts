/** The segments that wait for their upload: in which order, how far each came, and who wants to know of changes. */
import { idMs } from './layout.ts'
import { type Contents, Shelf } from './shelf.ts'

export type WaitingStep = 'closed' | 'issued' | 'stored' | 'finalising'

export class WaitingList extends Shelf {
  /** Steps past `closed`, as far as this process knows them. */
  readonly #steps = new Map<string, WaitingStep>()
  #sorted: string[] | undefined
  readonly #listeners = new Set<() => void>()

  /** Oldest first. */
  ordered(): readonly string[] {
    this.#sorted ??= this.ids().sort()
    return this.#sorted
  }

  /** Creation time of the oldest, as its id tells. */
  get oldestMs(): number | undefined {
    const oldest = this.ordered()[0]
    return oldest === undefined ? undefined : idMs(oldest)
  }

  /** As far as this process knows it; `closed` before the ledger was read. */
  stepOf(id: string): WaitingStep {
    return this.#steps.get(id) ?? 'closed'
  }

  came(id: string, step: WaitingStep): void {
    this.#steps.set(id, step)
  }

  counts(): Record<WaitingStep, number> {
    const counts = { closed: this.size, issued: 0, stored: 0, finalising: 0 }
    for (const step of this.#steps.values()) {
      if (step === 'closed') continue
      counts[step]++
      counts.closed--
    }
    return counts
  }

  override add(id: string, bytes: number, contents?: Contents): void {
    super.add(id, bytes, contents)
    this.#sorted = undefined
    this.tell()
  }

  override remove(id: string): ReturnType<Shelf['remove']> {
    const left = super.remove(id)
    this.#steps.delete(id)
    this.#sorted = undefined
    this.tell()
    return left
  }

  /** Resolves at the next change of the list or of what is known of it, or when the signal fires. */
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

  tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
