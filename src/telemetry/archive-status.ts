/** The archive as status, metrics and page show it; absent where none is configured. Counts are records, or lines when it takes lines. */
import type { UploadPause } from './upload-status.ts'

/**
 * taken + recovered = uploaded + waiting + setAside + removed + shed. `recovered` waited in the archive's own spool when the process
 * started; `waiting` are those there now, what is on the way to it included.
 */
export interface ArchiveTotals {
  taken: number
  recovered: number
  uploaded: number
  waiting: number
  /** In segments that are damaged, kept for a person. */
  setAside: number
  /** Taken out of the spool by a person, or damaged beyond reading. */
  removed: number
  /** Not archived: no room, its disk fails, or its thread is down. The tenant has them all the same. */
  shed: number
}

export interface ArchiveStatus {
  /** `azure-blob` or `directory`, and which one. */
  type: string
  place: string
  content: 'records' | 'lines'
  /** False while its thread is down; then everything is shed. */
  running: boolean
  /** What is wrong at the moment, as sentences; empty while all is well. */
  troubles: string[]
  pauses: UploadPause[]
  /** Which library compresses. */
  compressor: string
  sources: ({ name: string } & ArchiveTotals)[]
  bytes: number
  maxBytes: number
  full: boolean
  waitingFiles: number
  uploadedFiles: number
  /** Of the archived files. */
  uploadedBytes: number
  uploadedRawBytes: number
  lastSuccessMs?: number
}
