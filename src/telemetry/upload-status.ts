/** The way to the tenant, as part of the status: what was accepted, what is on its way, and what keeps it back. */
import type { SegmentStep } from '../contracts.ts'
import type { HistogramCounts } from './histogram.ts'

export interface UploadStatus {
  /** True while the tenant, or one data source of it, does not take files; `pauses` says why. */
  failing: boolean
  pauses: UploadPause[]
  lastSuccessMs?: number
  uploadedFiles: number
  uploadedBytes: number
  uploadedRawBytes: number
  attempts: UploadAttempts[]
  durations: UploadDurations[]
  /** Latest uploads, newest first, at most UPLOADS_LISTED_MAX. */
  recent: RecentUpload[]
  /** Files on their way now. */
  inFlight: number
  /** Since the start: files set aside, files too large that went as two, last calls without an answer (the file may be in the tenant twice). */
  setAsideFiles: number
  splitFiles: number
  ambiguousFinalises: number
  /** API calls a minute that are allowed at most, and those that could go out at once. */
  requestsPerMinute: number
  requestsLeft: number
  /** When secrets end, as far as known. */
  secrets: SecretExpiry[]
  /** When the tenant's list of data sources was last seen. */
  lastLookMs?: number
  /** Why the last look at it failed; absent while it works. */
  lookError?: string
  /** Files on their way to the tenant now, and how many wait. */
  underWay: UploadUnderWay[]
  waiting: number
  /** A file is uploaded after at most so long. */
  flushIntervalMs: number
}

export const UPLOADS_LISTED_MAX = 50

export interface UploadAttempts {
  /** `url`, `put`, `done`, and `list` and `token` beside them. */
  step: string
  /** `ok`, or what was decided about the failure: `retry`, `throttled`, `reissue`, `stop-all`, `set-aside`, … */
  result: string
  count: number
}

export interface UploadDurations {
  step: string
  /** Seconds. */
  histogram: HistogramCounts
}

export interface SecretExpiry {
  /** `token`, `client_secret` or `certificate`, as the keys of the configuration are called. */
  secret: string
  endsMs: number
}

export const PAUSE_STATES = ['auth', 'configuration', 'throttled', 'source-unknown', 'unreachable'] as const

export interface UploadPause {
  /** One of PAUSE_STATES. */
  state: string
  /** Absent: all sources. */
  source?: string
  reason: string
  sinceMs: number
  /** When the next attempt is due. */
  untilMs: number
}

/** A file on its way. */
export interface UploadUnderWay {
  /** Id of the segment. */
  id: string
  source: string
  step: SegmentStep
  bytes: number
  records: number
  sinceMs: number
  /** Attempts that failed before. */
  attempts: number
}

export interface RecentUpload {
  /** Id of the segment. */
  id: string
  source: string
  outcome: 'done' | 'split' | 'set-aside'
  /** Why it was split or set aside, else empty. */
  reason: string
  bytes: number
  rawBytes: number
  records: number
  finishedMs: number
  /** From the first attempt on. */
  durationMs: number
}
