/**
 * When what may be tried again: the pauses of all uploads and of single sources, and the growing backoff of each segment. Times that
 * are waited for are on the clock that only goes forward.
 */
import { type Clock, systemClock } from './clock.ts'
import { requestId } from './request-id.ts'
import { backoffMs, type Decision } from './retry.ts'

/** What the uploader tells the log; pino fits. */
export interface UploadLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export type PauseState = 'auth' | 'configuration' | 'throttled' | 'source-unknown' | 'unreachable'

export interface Pause {
  state: PauseState
  /** Absent: all sources. */
  source?: string
  reason: string
  sinceMs: number
  untilMs: number
}

export interface RestsOptions {
  clock?: Clock
  /** 0 ≤ x < 1, for the jitter. */
  random?: () => number
  log?: UploadLog
  /** How long a pause for credentials, address or data source lasts until one more try; a person may have acted. @default 10 min */
  probeIntervalMs?: number
}

const PROBE_INTERVAL_MS = 600_000
/** Common failures make all wait, but never long: each segment has its own growing backoff besides. */
const COMMON_BACKOFF_MAX_MS = 60_000
/** So many failures in a row, of any segment, mean that the service or the way to it is down. */
const COMMON_FAILURES = 3

interface Waiting {
  attempts: number
  dueMs: number
}

interface Rest {
  state: PauseState
  reason: string
  sinceMs: number
  dueMs: number
}

export class Rests {
  readonly #options: RestsOptions
  readonly #clock: Clock
  /** Retry state by segment id; forgotten when the segment no longer waits. */
  readonly #waits = new Map<string, Waiting>()
  readonly #sources = new Map<string, Rest>()
  #all: Rest | undefined
  #failuresInRow = 0

  constructor(options: RestsOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** Forgets pauses and backoffs. */
  clear(): void {
    this.#all = undefined
    this.#sources.clear()
    this.#waits.clear()
    this.#failuresInRow = 0
  }

  /** Forgets the backoffs of segments that went. */
  keepOnly(ids: readonly string[]): void {
    if (this.#waits.size === 0) return
    const waiting = new Set(ids)
    for (const id of this.#waits.keys()) if (!waiting.has(id)) this.#waits.delete(id)
  }

  get isAllPaused(): boolean {
    return this.#isAhead(this.#all)
  }

  isSourcePaused(source: string): boolean {
    return this.#isAhead(this.#sources.get(source))
  }

  isBackingOff(id: string): boolean {
    return this.#isAhead(this.#waits.get(id))
  }

  #isAhead(wait: { dueMs: number } | undefined): boolean {
    return wait !== undefined && wait.dueMs > this.#clock.elapsed()
  }

  attemptsOf(id: string): number {
    return this.#waits.get(id)?.attempts ?? 0
  }

  /** Time until the next of them is over, ms; `maxMs` when none is sooner. */
  untilDueMs(maxMs: number): number {
    const elapsedMs = this.#clock.elapsed()
    let dueMs = elapsedMs + maxMs
    const all = this.#all === undefined ? [] : [this.#all]
    for (const wait of [...all, ...this.#sources.values(), ...this.#waits.values()]) {
      if (wait.dueMs > elapsedMs) dueMs = Math.min(dueMs, wait.dueMs)
    }
    return Math.max(1, dueMs - elapsedMs)
  }

  pauses(): Pause[] {
    return [
      ...(this.#all === undefined ? [] : [this.#pauseOf(this.#all)]),
      ...[...this.#sources].map(([source, rest]) => this.#pauseOf(rest, source))
    ]
  }

  #pauseOf({ state, reason, sinceMs, dueMs }: Rest, source?: string): Pause {
    const untilMs = this.#clock.now() + Math.max(0, dueMs - this.#clock.elapsed())
    return { state, ...(source === undefined ? {} : { source }), reason, sinceMs, untilMs }
  }

  /** A segment of the source arrived. */
  succeeded(source: string): void {
    this.#failuresInRow = 0
    if (this.#all !== undefined || this.#sources.has(source)) this.#options.log?.info({ source }, 'upload: going on')
    this.#all = undefined
    this.#sources.delete(source)
  }

  /** Carries out a decision after which the segment stays in the spool. */
  failed(id: string, source: string, decision: Exclude<Decision, { kind: 'set-aside' | 'split' }>, reason: string): void {
    const probeMs = this.#options.probeIntervalMs ?? PROBE_INTERVAL_MS
    switch (decision.kind) {
      case 'throttled':
        this.#pauseAll('throttled', reason, decision.waitMs)
        break
      case 'stop-all':
        this.#pauseAll(decision.state, reason, probeMs)
        break
      case 'stop-source':
        this.#pauseSource(source, reason, probeMs)
        break
      case 'reissue':
        // The first new URL is tried at once: an expired one is an everyday matter.
        if (this.backOff(id) === 1) this.#waits.get(id)!.dueMs = 0
        else this.#commonFailure(reason)
        break
      default:
        this.backOff(id)
        this.#commonFailure(reason)
    }
  }

  /** Gives the segment a backoff; returns how often it has failed by now. */
  backOff(id: string): number {
    const attempts = this.attemptsOf(id) + 1
    this.#waits.set(id, { attempts, dueMs: this.#clock.elapsed() + backoffMs(attempts, this.#options.random) })
    return attempts
  }

  /** When there are many, all wait a little. */
  #commonFailure(reason: string): void {
    this.#failuresInRow++
    if (this.#failuresInRow >= COMMON_FAILURES) {
      this.#pauseAll('unreachable', reason, backoffMs(this.#failuresInRow, this.#options.random, COMMON_BACKOFF_MAX_MS))
    }
  }

  #pauseAll(state: PauseState, reason: string, waitMs: number): void {
    const dueMs = this.#clock.elapsed() + waitMs
    // A slower call that fails afterwards must not shorten the rest that an earlier one brought.
    if (this.#all !== undefined && this.#all.dueMs > dueMs) return
    const isNew = this.#all?.state !== state
    this.#all = { state, reason, sinceMs: isNew ? this.#clock.now() : this.#all!.sinceMs, dueMs }
    if (isNew) this.#options.log?.warn({ state, reason, requestId: requestId() }, 'upload: paused, the spool keeps all')
  }

  #pauseSource(source: string, reason: string, waitMs: number): void {
    const known = this.#sources.get(source)
    const dueMs = this.#clock.elapsed() + waitMs
    this.#sources.set(source, { state: 'source-unknown', reason, sinceMs: known?.sinceMs ?? this.#clock.now(), dueMs })
    if (known === undefined)
      this.#options.log?.warn({ source, reason, requestId: requestId() }, 'upload: source paused, the spool keeps its segments')
  }
}
