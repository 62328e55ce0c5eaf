/** What `sluice upload` says of each file. */
import { CollectorError } from '../errors.ts'
import { UnpackError } from '../receivers/unpack.ts'
import type { JobTotals } from './backfill-job.ts'
import { type LineCounts, NO_LINES } from './backfill-read.ts'

/**
 * `uploaded`: the service has every record. `known`: it was uploaded by an earlier run. `empty`: no line gave a record that may be
 * uploaded. `waiting`, `interrupted`: the next run goes on. `set-aside`: the service refused some of it. `failed`: not read.
 * `not-begun`: an earlier file ended the run.
 */
export type FileOutcome = 'uploaded' | 'known' | 'empty' | 'waiting' | 'interrupted' | 'set-aside' | 'failed' | 'not-begun'

export interface FileReport extends JobTotals {
  file: string
  outcome: FileOutcome
  reason?: string
  /** Size on the disk. */
  bytes: number
  counts: LineCounts
  /** Records that an earlier, interrupted run had spooled or uploaded. */
  knownRecords: number
  /** Spool of the file, while something in it waits or was set aside. */
  dir?: string
}

/** A report of a file of which nothing is known yet. */
export function nothing(file: string, bytes: number): FileReport {
  return {
    file,
    outcome: 'failed',
    bytes,
    counts: NO_LINES,
    knownRecords: 0,
    uploaded: { files: 0, records: 0, bytes: 0 },
    waiting: { files: 0, records: 0, bytes: 0 },
    setAside: { files: 0, records: 0, reasons: [] },
    ambiguousFinalises: 0
  }
}

/** What is wrong with one file, in words; a bug is thrown on. */
export function failed(file: string, bytes: number, error: Error): FileReport {
  const isExpected = error instanceof UnpackError || error instanceof CollectorError || (error as NodeJS.ErrnoException).code !== undefined
  if (!isExpected && error.constructor !== Error) throw error
  return { ...nothing(file, bytes), outcome: 'failed', reason: error.message }
}
