/** Counts of the upload room as plain numbers; metrics, status and page read them. */
import type { Segment } from '../contracts.ts'
import type { Decision, Stage } from './retry.ts'

/** Result of one attempt: `ok`, or what was decided about the failure. */
export type Result = 'ok' | 'damaged' | Decision['kind']

/** Upper bounds of the duration buckets, seconds; the last bucket has none. */
export const DURATION_BOUNDS_SECONDS: readonly number[] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export interface Durations {
  count: number
  sumSeconds: number
  /** Attempts per bucket, not cumulative; one more than there are bounds. */
  buckets: number[]
}

export interface SourceCounts {
  files: number
  bytes: number
  rawBytes: number
  records: number
  setAside: number
  /** ms, 0 before the first. */
  lastSuccessMs: number
  lastErrorMs: number
  lastError: string
}

/** Sources come from the configuration and from old segments of the spool; this bounds the latter. */
const SOURCES_MAX = 1000

export class UploadStats {
  readonly attempts: Record<Stage, Partial<Record<Result, number>>> = { url: {}, put: {}, done: {}, list: {}, token: {} }
  readonly durations: Record<Stage, Durations> = {
    url: emptyDurations(),
    put: emptyDurations(),
    done: emptyDurations(),
    list: emptyDurations(),
    token: emptyDurations()
  }
  readonly sources = new Map<string, SourceCounts>()
  /** Finalise calls whose answer never came since the start. */
  ambiguousFinalises = 0
  setAside = 0
  /** Files that were too large for the service and went as two. */
  split = 0

  attempt(stage: Stage, result: Result, durationMs: number): void {
    const results = this.attempts[stage]
    results[result] = (results[result] ?? 0) + 1
    const durations = this.durations[stage]
    const seconds = Math.max(0, durationMs) / 1000
    durations.count++
    durations.sumSeconds += seconds
    const bucket = DURATION_BOUNDS_SECONDS.findIndex(bound => seconds <= bound)
    durations.buckets[bucket < 0 ? DURATION_BOUNDS_SECONDS.length : bucket]!++
  }

  source(name: string): SourceCounts {
    let counts = this.sources.get(name)
    if (!counts) {
      if (this.sources.size >= SOURCES_MAX) this.sources.delete(this.sources.keys().next().value!)
      counts = { files: 0, bytes: 0, rawBytes: 0, records: 0, setAside: 0, lastSuccessMs: 0, lastErrorMs: 0, lastError: '' }
      this.sources.set(name, counts)
    }
    return counts
  }

  uploaded(segment: Segment, now: number): void {
    const counts = this.source(segment.source)
    counts.files++
    counts.bytes += segment.bytes
    counts.rawBytes += segment.rawBytes
    counts.records += segment.recordCount
    counts.lastSuccessMs = now
  }

  failed(source: string, message: string, now: number): void {
    const counts = this.source(source)
    counts.lastErrorMs = now
    counts.lastError = message.slice(0, 500)
  }
}

const emptyDurations = (): Durations => ({ count: 0, sumSeconds: 0, buckets: new Array(DURATION_BOUNDS_SECONDS.length + 1).fill(0) })
