/**
 * The clock of receivers that fetch: a round when it is due, none while there is no room, later and later while rounds fail. A
 * failing server never makes the collector unready; the reason, a counter and the lag show it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import Type from 'typebox'
import type { ReceiverStatus } from '../contracts.ts'
import { orAborted } from './deadline.ts'
import type { ReceiverLog } from './listen.ts'
import { stateOf } from './receiver-state.ts'

/** A fetch failed in a way that may pass. */
export class PullError extends Error {
  /** When the server wants to be asked again. */
  readonly retryAfterMs: number
  /** HTTP status of the server's answer; undefined when there was none. */
  readonly status: number | undefined

  constructor(message: string, options: { retryAfterMs?: number; status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PullError'
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.status = options.status
  }
}

export const PullOptions = {
  intervalMs: Type.Integer({ description: 'Wait between two looks at the server.', default: 60_000, minimum: 10 }),
  requestTimeoutMs: Type.Integer({
    description: 'Longest wait for an answer, and for the next bytes of one.',
    default: 60_000,
    minimum: 1
  }),
  backoffMinMs: Type.Integer({ description: 'Wait after the first failure; it doubles with each.', default: 1000, minimum: 1 }),
  backoffMaxMs: Type.Integer({ description: 'Longest wait after a failure.', default: 5 * 60_000, minimum: 1 })
}

export interface PullTiming {
  intervalMs: number
  backoffMinMs: number
  backoffMaxMs: number
}

export interface PullLoopDeps {
  receiver: string
  log: ReceiverLog
  isFull: () => boolean
  /** Fetches what there is; rejects to be asked again later. `more`: there is more to be had at once. */
  round(): Promise<'more' | 'done'>
}

/** While there is no room it is looked for this often. */
const ROOM_POLL_MS = 250

export class PullLoop {
  readonly counters = { rounds_total: 0, pull_errors_total: 0, pauses_total: 0 }
  readonly #timing: PullTiming
  readonly #deps: PullLoopDeps
  readonly #soon = new AbortController()
  readonly #now = new AbortController()
  #running: Promise<void> | undefined
  #failure: string | undefined
  #isWaiting = false

  constructor(timing: PullTiming, deps: PullLoopDeps) {
    this.#timing = timing
    this.#deps = deps
  }

  /** Fires when a stop was asked for: nothing new is begun. */
  get soon(): AbortSignal {
    return this.#soon.signal
  }

  /** Fires when the time for a stop is over. */
  get now(): AbortSignal {
    return this.#now.signal
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#soon.abort()
    const isDue = (): void => this.#now.abort()
    if (deadline.aborted) isDue()
    deadline.addEventListener('abort', isDue, { once: true })
    await orAborted(this.#running ?? Promise.resolve(), deadline)
  }

  stopping(): 'no' | 'soon' | 'now' {
    return this.now.aborted ? 'now' : this.soon.aborted ? 'soon' : 'no'
  }

  /** Waits while there is no room; false when it ended by a stop. */
  async room(): Promise<boolean> {
    if (this.#deps.isFull() && !this.soon.aborted) {
      this.waits(true)
      while (this.#deps.isFull() && !this.soon.aborted) await this.#sleep(ROOM_POLL_MS)
      this.waits(false)
    }
    return !this.soon.aborted
  }

  /** Tells that an intake has no room, and that it has again. */
  readonly waits = (isWaiting: boolean): void => {
    this.#isWaiting = isWaiting
    if (isWaiting) this.counters.pauses_total++
  }

  /** True when the last round failed. */
  get isFailing(): boolean {
    return this.#failure !== undefined && !this.soon.aborted
  }

  /** `failedStart`: why it does not run at all. */
  status(isStarted: boolean, failedStart: string | undefined): Pick<ReceiverStatus, 'state' | 'reason' | 'pauses'> {
    if (failedStart !== undefined) return stateOf('failed', failedStart, {})
    if (!isStarted || this.soon.aborted) return stateOf('stopped', undefined, {})
    const waiting = { count: this.#isWaiting ? 1 : 0, of: 'fetches' }
    return stateOf('listening', this.#failure, { waiting, isFull: this.#deps.isFull(), isFailing: this.isFailing })
  }

  async #run(): Promise<void> {
    for (let failures = 0; await this.room(); ) {
      this.counters.rounds_total++
      try {
        const outcome = await this.#deps.round()
        failures = 0
        this.#recovered()
        if (outcome === 'done') await this.#sleep(this.#timing.intervalMs)
      } catch (error) {
        if (this.soon.aborted) return
        await this.#sleep(this.#failed(error, ++failures))
      }
    }
  }

  #recovered(): void {
    if (this.#failure !== undefined) this.#deps.log.info({ receiver: this.#deps.receiver }, 'fetching works again')
    this.#failure = undefined
  }

  /** How long to wait now: doubled with each failure, a random part less so that many collectors do not come at once. */
  #failed(error: unknown, failures: number): number {
    const { backoffMinMs, backoffMaxMs } = this.#timing
    const backoffMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures - 1, 30)) * (0.75 + Math.random() / 4)
    const waitMs = Math.max(backoffMs, error instanceof PullError ? error.retryAfterMs : 0)
    this.counters.pull_errors_total++
    this.#failure = (error as Error).message
    const facts = { receiver: this.#deps.receiver, failures, waitMs: Math.round(waitMs) }
    this.#deps.log.warn(facts, `fetching failed: ${this.#failure}`)
    return waitMs
  }

  #sleep(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.soon, ref: false }).catch(() => undefined)
  }
}
