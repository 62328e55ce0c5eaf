/** What the page shows, as one object: the verdict, the status, the last minutes and what could not be read. Keeps the past. */
import { HISTORY_INTERVAL_MS, type HistoryPoint, RateHistory } from '../telemetry/history.ts'
import { type RejectKind, rejectKinds } from '../telemetry/rejects.ts'
import type { PipelineStatus } from '../telemetry/status.ts'
import { type Verdict, verdictOf } from '../telemetry/verdict.ts'
import type { AdminSource } from './source.ts'

export interface Overview {
  /** The collector's clock; ages are told against it, not against the reader's. */
  nowMs: number
  verdict: Verdict
  status: PipelineStatus
  /** Points of the history that are new to the reader, oldest first, `historyIntervalMs` apart. */
  history: HistoryPoint[]
  historyIntervalMs: number
  /** Until the spool is full; absent while it does not fill. */
  timeToFullMs?: number
  /** Frames that gave no record, by kind, newest first. */
  rejects: RejectKind[]
}

export class Overviews {
  readonly #source: Pick<AdminSource, 'status' | 'samples'>
  readonly #history = new RateHistory()
  readonly #timer: NodeJS.Timeout
  #unbalancedSinceMs: number | undefined

  constructor(source: Pick<AdminSource, 'status' | 'samples'>) {
    this.#source = source
    this.#timer = setInterval(() => this.#look(), HISTORY_INTERVAL_MS).unref()
    this.#look()
  }

  /** `sinceMs`: the newest point of the history that the reader has. */
  make(sinceMs = 0): Overview {
    const nowMs = Date.now()
    const status = this.#source.status()
    const timeToFullMs = this.#history.timeToFullMs()
    const { lastLossMs } = this.#history
    return {
      nowMs,
      verdict: verdictOf(status, nowMs, { timeToFullMs, lastLossMs, unbalancedSinceMs: this.#unbalancedSinceMs }),
      status,
      history: this.#history.points(sinceMs),
      historyIntervalMs: HISTORY_INTERVAL_MS,
      ...(timeToFullMs === undefined ? {} : { timeToFullMs }),
      rejects: rejectKinds(this.#source.samples())
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** A status that cannot be made is told to who asks for it, not to a timer. */
  #look(): void {
    try {
      const status = this.#source.status()
      const nowMs = Date.now()
      this.#history.observe(status, nowMs)
      this.#unbalancedSinceMs = status.balance.balanced ? undefined : (this.#unbalancedSinceMs ?? nowMs)
    } catch {}
  }
}
