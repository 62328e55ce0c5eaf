/** The spool in numbers, for status, metrics and page. */
import type { SourceStats, SyncStats } from './counters.ts'
import type { RecoveryCounts } from './recover.ts'
import type { QueueCounts, SettledRecords } from './shelves.ts'

export interface SpoolStats {
  /** All files of the spool and the blocks that wait in memory. */
  bytes: number
  /** Of `bytes`: uploaded segments that are kept. */
  archivedBytes: number
  /** What the spool may hold now; below `maxBytes` when the disk is short. */
  capacityBytes: number
  /** From there on senders that can wait are stopped. */
  highWaterBytes: number
  diskFreeBytes: number
  queuedBytes: number
  full: boolean
  /** False while writing fails. */
  writable: boolean
  segments: QueueCounts & { open: number }
  /** Creation time of the oldest segment that is open or waits. */
  oldestMs: number | undefined
  sync: SyncStats
  sources: SourceStats[]
  /** Records by source and place, counted from the segments that are there. */
  records: RecordHoldings
  closedTotal: number
  doneTotal: number
  prunedTotal: number
  /** Since the start, those of recovery included. */
  setAsideTotal: number
  /** What left the queue without the uploader asking for it. */
  settled: SettledRecords
  writeFailures: number
  /** Segments that the disk refused at this start, and their bytes; they wait for the next one, and their records are in no count. */
  unrecovered: { segments: number; bytes: number }
  recovery: RecoveryCounts
}

/** Where records are. Those of segments of earlier processes are in it as soon as their ledgers are read. */
export interface RecordHoldings {
  /** In open segments, their queues in memory included, and in those that wait for the upload. */
  spooled: ReadonlyMap<string, number>
  setAside: ReadonlyMap<string, number>
  /** Of `spooled` and `setAside` and what left since: what earlier processes had left here. */
  recovered: ReadonlyMap<string, number>
  /** Segments of earlier processes that were not looked into yet; while there are any, the numbers above still grow by them. */
  unreadSegments: number
}
