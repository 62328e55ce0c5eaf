/** The upload half of a run over many files: one uploader serves all, and stops being waited for when waiting is in vain. */
import type { Segment, UploadQueue } from '../contracts.ts'
import type { BackfillJob } from './backfill-job.ts'
import type { Delivery } from './delivery.ts'

/** Ends the run: what waits cannot be uploaded now. */
export class GivenUp extends Error {}

/** Says when waiting for the upload is in vain. */
export class UploadProgress {
  readonly #job: BackfillJob
  readonly #delivery: Delivery
  readonly #waitMs: number
  #departures = 0
  #sinceMs = performance.now()

  constructor(job: BackfillJob, delivery: Delivery, waitMs: number) {
    this.#job = job
    this.#delivery = delivery
    this.#waitMs = waitMs
  }

  restart(): void {
    this.#sinceMs = performance.now()
  }

  /** Throws GivenUp when a person has to act, or nothing moved for too long. */
  check(): void {
    const { pauses, inFlight } = this.#delivery.uploader.status()
    const hard = pauses.find(({ state }) => state === 'auth' || state === 'configuration' || state === 'source-unknown')
    if (hard !== undefined) throw new GivenUp(hard.reason)
    if (this.#departures !== this.#job.departures) {
      this.#departures = this.#job.departures
      this.restart()
    }
    // A first try may take long on a thin line.
    const isTrying = inFlight.some(({ attempts }) => attempts === 0)
    if (isTrying || performance.now() - this.#sinceMs < this.#waitMs) return
    throw new GivenUp(pauses[0]?.reason ?? this.#lastError() ?? 'the upload did not go on')
  }

  #lastError(): string | undefined {
    return [...this.#delivery.stats.sources.values()].map(({ lastError }) => lastError).find(error => error !== '')
  }
}

/** The queue of the file at hand, for one uploader that serves all files. */
export class SwitchQueue implements UploadQueue {
  #job: BackfillJob | undefined
  #switched = new AbortController()

  use(job: BackfillJob | undefined): void {
    this.#job = job
    this.#switched.abort()
    this.#switched = new AbortController()
  }

  waiting(): string[] {
    return this.#job?.waiting() ?? []
  }

  changed(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#switched.signal])
    if (this.#job !== undefined) return this.#job.changed(either)
    return new Promise(resolve => {
      if (either.aborted) resolve()
      else either.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  sourceOf(id: string): string | undefined {
    return this.#job?.sourceOf(id)
  }

  async inspect(id: string): Promise<string | undefined> {
    return this.#at().inspect(id)
  }

  split(id: string): Promise<boolean> {
    return this.#at().split(id)
  }

  async segment(id: string): Promise<Segment | undefined> {
    return this.#job?.segment(id)
  }

  advance(...args: Parameters<UploadQueue['advance']>): Promise<void> {
    return this.#at().advance(...args)
  }

  done(id: string): Promise<void> {
    return this.#at().done(id)
  }

  setAside(id: string, reason: string): Promise<void> {
    return this.#at().setAside(id, reason)
  }

  #at(): BackfillJob {
    if (this.#job === undefined) throw new Error('Cannot go on with a segment: its file is done')
    return this.#job
  }
}
