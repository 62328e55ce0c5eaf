/**
 * Takes waiting segments to a destination: oldest first, fair between sources, a few at a time. Carries out what retry.ts decided:
 * waits or pauses (rests.ts), splits, sets aside. Nothing is ever given up silently; what cannot go now stays in the spool.
 */
import type { Destination, Segment, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import type { RecentUpload } from '../telemetry/upload-status.ts'
import { type Clock, systemClock } from './clock.ts'
import { requestId, withRequestId } from './request-id.ts'
import { type Pause, Rests, type RestsOptions } from './rests.ts'
import { type Decision, describe, StepFailure } from './retry.ts'
import type { UploadStats } from './stats.ts'

export interface UploaderOptions extends RestsOptions {
  queue: UploadQueue
  destination: Destination
  stats: UploadStats
  /** Segments under way at a time. @default 2 */
  concurrency?: number
}

export interface UploaderStatus {
  running: boolean
  waiting: number
  inFlight: { id: string; source: string; bytes: number; records: number; sinceMs: number; attempts: number }[]
  pauses: Pause[]
  /** Newest first, at most 50. */
  recent: RecentUpload[]
}

const RECENT_MAX = 50
const IDLE_MAX_MS = 60_000

interface Flight {
  segment: Segment
  sinceMs: number
  done: Promise<void>
}

export class Uploader {
  readonly #options: UploaderOptions
  readonly #clock: Clock
  readonly #flights = new Map<string, Flight>()
  /** Uploads begun; makes the id of each. */
  #flown = 0
  readonly #rests: Rests
  /** Sources in the order of their last turn. */
  readonly #lastTurn = new Map<string, number>()
  #turn = 0
  readonly #recent: RecentUpload[] = []
  #stopping = new AbortController()
  #aborting = new AbortController()
  #wake: () => void = () => {}
  #running: Promise<void> | undefined

  constructor(options: UploaderOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#rests = new Rests(options)
  }

  start(): void {
    if (this.#running) return
    this.#stopping = new AbortController()
    this.#aborting = new AbortController()
    this.#running = this.#run()
  }

  /** Takes no further segment, lets those under way end, breaks them off when the signal fires. Steps stay persisted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort()
    const abort = (): void => this.#aborting.abort()
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    await this.#running
    await Promise.all([...this.#flights.values()].map(flight => flight.done))
    signal.removeEventListener('abort', abort)
    this.#running = undefined
  }

  /** Forgets pauses and backoffs: the configuration changed, or a person says that the cause is gone. */
  resume(): void {
    this.#rests.clear()
    this.#wake()
  }

  status(): UploaderStatus {
    return {
      running: this.#running !== undefined,
      waiting: this.#options.queue.waiting().length,
      inFlight: [...this.#flights].map(([id, { segment, sinceMs }]) => ({
        id,
        source: segment.source,
        bytes: segment.bytes,
        records: segment.recordCount,
        sinceMs,
        attempts: this.#rests.attemptsOf(id)
      })),
      pauses: this.#rests.pauses(),
      recent: [...this.#recent]
    }
  }

  async #run(): Promise<void> {
    const signal = this.#stopping.signal
    while (!signal.aborted) {
      const round = new AbortController()
      const ended = AbortSignal.any([signal, round.signal])
      // Asked for before the list is read, so that no change falls between the two.
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      const changed = this.#options.queue.changed(ended).catch(() => {})
      const idleMs = await this.#fill().catch(error => {
        this.#options.log?.error({ error: describe(error) }, 'upload: the waiting list cannot be read')
        return IDLE_MAX_MS
      })
      await Promise.race([woken, changed, this.#clock.sleep(idleMs, ended)])
      round.abort()
    }
  }

  /** Starts what may start; returns how long nothing else will be due, ms. */
  async #fill(): Promise<number> {
    const ids = this.#options.queue.waiting()
    this.#rests.keepOnly(ids)
    while (this.#flights.size < (this.#options.concurrency ?? 2) && !this.#stopping.signal.aborted) {
      const id = this.#next(ids)
      if (id === undefined) break
      if (!(await this.#begin(id))) break
    }
    return this.#rests.untilDueMs(IDLE_MAX_MS)
  }

  /** Oldest segment of the source whose turn is longest ago. */
  #next(ids: readonly string[]): string | undefined {
    if (this.#rests.isAllPaused) return undefined
    let found: string | undefined
    let foundTurn = Number.POSITIVE_INFINITY
    const seen = new Set<string>()
    for (const id of ids) {
      const source = this.#options.queue.sourceOf(id)
      if (source === undefined || seen.has(source) || this.#flights.has(id)) continue
      if (this.#rests.isBackingOff(id)) continue
      seen.add(source)
      if (this.#rests.isSourcePaused(source)) continue
      const turn = this.#lastTurn.get(source) ?? 0
      if (turn < foundTurn) {
        found = id
        foundTurn = turn
      }
    }
    return found
  }

  /** False when it went between the list and now; the next list, which comes at once, will not hold it. */
  async #begin(id: string): Promise<boolean> {
    let segment: Segment | undefined
    try {
      segment = await this.#options.queue.segment(id)
    } catch (error) {
      // One that the disk does not give out must not hold up those that it does.
      this.#rests.backOff(id)
      this.#options.log?.error(
        { segment: id, error: describe(error) },
        'upload: the spool does not give the segment out; it is tried again'
      )
      return true
    }
    if (!segment) return false
    this.#turn++
    this.#lastTurn.set(segment.source, this.#turn)
    if (this.#lastTurn.size > 1000) this.#lastTurn.delete(this.#lastTurn.keys().next().value!)
    const sinceMs = this.#clock.now()
    const done = withRequestId(`${id}.${++this.#flown}`, () => this.#fly(segment, sinceMs)).finally(() => {
      this.#flights.delete(id)
      this.#wake()
    })
    this.#flights.set(id, { segment, sinceMs, done })
    return true
  }

  async #fly(segment: Segment, sinceMs: number): Promise<void> {
    try {
      if (!(await this.#isSound(segment, sinceMs))) return
      await this.#options.destination.upload(segment, this.#options.queue, this.#aborting.signal)
      this.#succeeded(segment, sinceMs)
    } catch (error) {
      if (this.#aborting.signal.aborted) return
      await this.#failed(segment, sinceMs, error).catch(cause => {
        this.#rests.backOff(segment.id)
        this.#options.log?.error({ segment: segment.id, error: describe(cause) }, 'upload: the spool refused')
      })
    }
  }

  /** Bytes that leave are those that were written; what the storage has already is not looked at any more. */
  async #isSound(segment: Segment, sinceMs: number): Promise<boolean> {
    if (segment.step === 'stored' || segment.step === 'finalising') return true
    const fault = await this.#options.queue.inspect(segment.id)
    if (fault !== undefined) this.#setAside(segment, sinceMs, `it is damaged: ${fault}`)
    return fault === undefined
  }

  #succeeded(segment: Segment, sinceMs: number): void {
    this.#rests.succeeded(segment.source)
    this.#remember(segment, sinceMs, 'done', '')
    const { id, source, bytes, recordCount } = segment
    this.#options.log?.info({ segment: id, source, bytes, records: recordCount, requestId: requestId() }, 'upload: done')
  }

  async #failed(segment: Segment, sinceMs: number, error: unknown): Promise<void> {
    const message = describe(error)
    this.#options.stats.failed(segment.source, message, this.#clock.now())
    const decision = decisionOf(error)
    if (decision.kind === 'split') return this.#split(segment, sinceMs, message)
    if (decision.kind !== 'set-aside') return this.#rests.failed(segment.id, segment.source, decision, message)
    await this.#options.queue.setAside(segment.id, message)
    this.#setAside(segment, sinceMs, message)
  }

  async #split(segment: Segment, sinceMs: number, reason: string): Promise<void> {
    const { queue, stats, log } = this.#options
    const { id, source, bytes } = segment
    const fault = await queue.inspect(id)
    if (fault !== undefined) return this.#setAside(segment, sinceMs, `it is damaged: ${fault}`)
    if (!(await queue.split(id))) {
      const why = `${reason}; it is a single block, so it cannot be split`
      await queue.setAside(id, why)
      return this.#setAside(segment, sinceMs, why)
    }
    stats.split++
    this.#remember(segment, sinceMs, 'split', reason)
    const message = 'upload: too large for the service, so its two halves go; spool.segment_max_bytes below this size avoids it'
    log?.warn({ segment: id, source, bytes, reason, requestId: requestId() }, message)
  }

  /** It was set aside. */
  #setAside(segment: Segment, sinceMs: number, reason: string): void {
    const { id, source } = segment
    this.#options.stats.setAside++
    this.#options.stats.source(source).setAside++
    this.#remember(segment, sinceMs, 'set-aside', reason)
    this.#options.log?.error({ segment: id, source, reason, requestId: requestId() }, 'upload: segment set aside')
  }

  #remember(segment: Segment, sinceMs: number, outcome: RecentUpload['outcome'], reason: string): void {
    const now = this.#clock.now()
    const { id, source, bytes, rawBytes, recordCount } = segment
    this.#recent.unshift({ id, source, outcome, reason, bytes, rawBytes, records: recordCount, finishedMs: now, durationMs: now - sinceMs })
    this.#recent.length = Math.min(this.#recent.length, RECENT_MAX)
  }
}

/** Failures of the disk, and bugs, are retried: setting aside is only for what was judged. */
function decisionOf(error: unknown): Decision {
  if (error instanceof StepFailure) return error.decision
  if (error instanceof CollectorError && error.code === 'SEGMENT_DAMAGED') return { kind: 'set-aside' }
  return { kind: 'retry' }
}
