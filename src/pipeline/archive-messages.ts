/** What the receiving thread and the archive's thread tell each other: plain data, the memory of raw blocks transferred. */
import type { Config } from '../config/schema.ts'
import type { Block } from '../contracts.ts'
import type { ArchiveTotals } from '../telemetry/archive-status.ts'
import type { UploadPause } from '../telemetry/upload-status.ts'

export interface ArchiveWorkerData {
  archive: NonNullable<Config['archive']>
  tenant: Pick<Config['tenant'], 'proxy' | 'no_proxy' | 'ca_file'>
  preludes: ReadonlyMap<string, Uint8Array>
}

export type ToArchive =
  | { type: 'append'; block: Block }
  /** Answered when everything appended before is durable, or cannot be made so. */
  | { type: 'commit'; id: number }
  /** Heads of files by source and format: the configuration changed. */
  | { type: 'configure'; preludes: ReadonlyMap<string, Uint8Array> }
  | { type: 'stop'; deadlineMs: number }

export type FromArchive =
  | { type: 'state'; state: ArchiveState }
  | { type: 'taken'; bytes: number }
  | { type: 'committed'; id: number }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; facts: Record<string, unknown>; message: string }

/** Counts since the thread started. */
export interface ArchiveState {
  place: string
  compressor: string
  /** `taken` is what the thread has read of the blocks that were sent to it. */
  sources: ({ name: string } & ArchiveTotals)[]
  pauses: UploadPause[]
  bytes: number
  maxBytes: number
  full: boolean
  writable: boolean
  /** Segments that the disk refused when the thread started; the next start tries again. */
  unrecoveredSegments: number
  waitingFiles: number
  uploadedFiles: number
  uploadedBytes: number
  uploadedRawBytes: number
  lastSuccessMs: number
}
