/** Single frames with what becomes of them, for somebody who watches (`sluice tap`). */
import type { TrafficRecord } from '../record.ts'

export const TAP_OUTCOMES = ['parsed', 'dropped', 'rejected', 'skipped', 'malformed', 'unidentified'] as const
export type TapOutcome = (typeof TAP_OUTCOMES)[number]

/** What somebody wants to see; without a source or outcomes, all of them. */
export interface TapFilter {
  source?: string
  outcomes?: readonly TapOutcome[]
}

/** A frame and what became of it. */
export interface TapSample {
  atMs: number
  /** Name of the source, or NO_SOURCE. */
  source: string
  outcome: TapOutcome
  parser: string
  /** Why it was not written; empty for parsed. */
  reason: string
  /** The frame as it came, cut where it is long. */
  raw: string
  /** The record after normalisation and privacy; there when one was made. */
  record?: TrafficRecord
  /** The line of the upload file; there when one was written. */
  line?: string
}

export const tapWants = (filters: readonly TapFilter[], source: string, outcome: TapOutcome): boolean =>
  filters.some(filter => (filter.source ?? source) === source && (filter.outcomes?.includes(outcome) ?? true))
