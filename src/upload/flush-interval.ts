/**
 * How long a segment stays open. Each file costs two requests of the tenant's budget, so with many sources, or with files that wait
 * already, fewer and bigger files are the only way to keep up (cloud-discovery 1.6). The service looks at files four times a day, so
 * minutes more cost nothing.
 */

/** Upload URL and finalise. */
export const REQUESTS_PER_FILE = 2
/** Part of the budget that is planned with; the rest is for the stream list, for repeats, and for files that are full before their time. */
const PLANNED_SHARE = 0.8
/** Most that a backlog adds: after an outage files need not be bigger than an hour makes them. */
const BACKLOG_MAX_MS = 3600_000

export interface FlushNeeds {
  /** What the configuration says; the interval is never shorter. */
  configuredMs: number
  /** Sources that send: each makes one file per interval. */
  sources: number
  /** Files that wait for their upload. */
  waiting: number
  /** Budget of this collector. */
  requestsPerMinute: number
}

/** The interval, ms, at which one file of each source, and what waits, go through in time. */
export function flushIntervalMs({ configuredMs, sources, waiting, requestsPerMinute }: FlushNeeds): number {
  const perFileMs = (REQUESTS_PER_FILE * 60_000) / (requestsPerMinute * PLANNED_SHARE)
  const backlogMs = Math.min(BACKLOG_MAX_MS, waiting * perFileMs)
  return Math.ceil(Math.max(configuredMs, sources * perFileMs + backlogMs))
}
