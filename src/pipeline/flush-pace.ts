/** Keeps the spool's flush interval at what the tenant's budget of requests bears. */
import type { SegmentSpool } from '../spool/spool.ts'
import { flushIntervalMs } from '../upload/flush-interval.ts'
import type { RequestBudget } from '../upload/rate-limit.ts'

const LOOK_EVERY_MS = 5000

export class FlushPace {
  readonly #spool: SegmentSpool
  readonly #budget: RequestBudget
  #configuredMs: number
  readonly #timer: NodeJS.Timeout

  constructor(spool: SegmentSpool, budget: RequestBudget, configuredMs: number) {
    this.#spool = spool
    this.#budget = budget
    this.#configuredMs = configuredMs
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref()
    this.look()
  }

  configure(configuredMs: number): void {
    this.#configuredMs = configuredMs
    this.look()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Sets the interval anew; done by itself every few seconds. */
  look(): void {
    const { sources, segments } = this.#spool.stats()
    const { closed, issued, stored, finalising } = segments
    this.#spool.flushIntervalMs = flushIntervalMs({
      configuredMs: this.#configuredMs,
      sources: sources.length,
      waiting: closed + issued + stored + finalising,
      requestsPerMinute: this.#budget.requestsPerMinute
    })
  }
}
