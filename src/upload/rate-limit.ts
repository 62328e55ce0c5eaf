/**
 * The request budget of one tenant. The service allows 30 API requests a minute per tenant, over all clients together
 * (cloud-discovery 1.6), so the whole process shares one bucket and leaves room for others.
 */
import { type Clock, systemClock } from './clock.ts'

/** What the service allows a tenant in any minute. */
export const TENANT_REQUESTS_PER_MINUTE = 30

export interface RateLimitOptions {
  /** Requests a minute. @default 20 */
  requestsPerMinute?: number
  /** Part of the tenant's limit that is this collector's, 0.1 to 1, when several serve one tenant. @default 1 */
  share?: number
  /** What the tenant allows in any minute; the local one has no limit. @default 30 */
  limitPerMinute?: number
  /** Begins without a burst: a process that ended a moment ago may have had it. @default false */
  beginsEmpty?: boolean
  clock?: Clock
}

/**
 * Token bucket, first come first served. Burst and refill together stay within the tenant's limit in **any** 60 seconds: a full
 * bucket that is emptied at once plus a minute of refill is the worst case.
 */
export class RequestBudget {
  readonly requestsPerMinute: number
  readonly burst: number
  readonly #clock: Clock
  #tokens: number
  #refilledMs: number
  /** On the clock that only goes forward, as all times here. */
  #pausedUntilMs = 0
  #queue: Promise<void> = Promise.resolve()

  constructor(options: RateLimitOptions = {}) {
    const share = Math.min(1, Math.max(0.1, options.share ?? 1))
    const limit = (options.limitPerMinute ?? TENANT_REQUESTS_PER_MINUTE) * share
    const wanted = Math.max(1, options.requestsPerMinute ?? 20) * share
    this.burst = Math.max(1, Math.floor(Math.min(10, limit - wanted)))
    this.requestsPerMinute = Math.min(wanted, limit - this.burst)
    this.#clock = options.clock ?? systemClock
    this.#tokens = options.beginsEmpty ? 0 : this.burst
    this.#refilledMs = this.#clock.elapsed()
  }

  /** Waits for a token and takes it. Rejects with the signal's reason when it fires. */
  take(signal?: AbortSignal): Promise<void> {
    const turn = this.#queue.then(() => this.#takeNow(signal))
    this.#queue = turn.catch(() => {})
    return turn
  }

  /** The service said to slow down: nothing goes out for so long. */
  rest(waitMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.elapsed() + waitMs)
  }

  /** Requests that could go out at once. */
  get left(): number {
    this.#refill()
    return this.#clock.elapsed() < this.#pausedUntilMs ? 0 : Math.floor(this.#tokens)
  }

  async #takeNow(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      this.#refill()
      const waitMs = Math.max(this.#pausedUntilMs - this.#clock.elapsed(), ((1 - this.#tokens) * 60_000) / this.requestsPerMinute)
      if (waitMs <= 0) break
      await this.#clock.sleep(Math.ceil(waitMs), signal)
    }
    this.#tokens--
  }

  #refill(): void {
    const elapsedMs = this.#clock.elapsed()
    this.#tokens = Math.min(this.burst, this.#tokens + ((elapsedMs - this.#refilledMs) * this.requestsPerMinute) / 60_000)
    this.#refilledMs = elapsedMs
  }
}
