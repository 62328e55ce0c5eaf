/**
 * The state of a running collector as one plain, serializable object: what `pipeline.status()` returns and what metrics, admin
 * API, page and `sluice status` show. Counts are monotonic since the start of the process unless said otherwise; times are
 * milliseconds since 1970 UTC, undefined while there is none.
 */
import type { Format, ReceiverStatus, SegmentStep } from '../contracts.ts'
import type { ArchiveStatus } from './archive-status.ts'
import type { Balance } from './balance.ts'
import type { HistogramCounts } from './histogram.ts'
import type { UploadStatus } from './upload-status.ts'

/** Name in `SourceStatus.name` of what no source takes; no source can be called so. */
export const NO_SOURCE = '(none)'

export interface PipelineStatus {
  version: string
  startedMs: number
  uptimeMs: number
  state: 'healthy' | 'degraded'
  /** Why it is degraded, as sentences for a person; empty while healthy. */
  reasons: string[]
  config: ConfigStatus
  tenant: TenantStatus
  receivers: ReceiverStatus[]
  /** One per configured source, and one named NO_SOURCE when frames came that no source takes. */
  sources: SourceStatus[]
  lanes: LaneStatus[]
  /** Blocks between receivers and lanes. */
  blocks: BlocksStatus
  spool: SpoolStatus
  upload: UploadStatus
  /** Absent where none is configured. */
  archive?: ArchiveStatus
  balance: Balance
}

export interface ConfigStatus {
  /** Path of the file; undefined when defaults are used. */
  path?: string
  loadedMs: number
  /** The last attempt to load or reload. */
  lastReloadMs: number
  lastReloadSucceeded: boolean
  /** Every fault of the file that was not taken, or what the last reload had to say. */
  messages?: string[]
}

export interface TenantStatus {
  kind: 'cloud' | 'local'
  url: string
  /** Local tenant only: where the files lie that it got. */
  dir?: string
}

/** A source from the bytes to the tenant. */
export interface SourceStatus {
  name: string
  /** Name of the data source in the portal. */
  dataSource: string
  /** Id of the appliance, or `auto`. */
  appliance: string
  format: Format
  frames: FrameTotals
  /** `frames` by parser and reason; each combination once, bounded by the number of parsers and reasons. */
  outcomes: OutcomeCount[]
  records: RecordTotals
  /** Dropped records by reason (a closed set). */
  dropped: ReasonCount[]
  /** Records that were written with something put right or left out, by what: `bytes_inconsistent`, `unknown_action`, … */
  corrections: ReasonCount[]
  /** Bytes of frames received, and of lines written before compression. */
  receivedBytes: number
  writtenBytes: number
  /** How many written records carry each attribute that reports are made of: what is dropped is in no report. Of lines that pass as they came nothing is known. */
  attributes: AttributeCount[]
  /** What is not as it usually is with this source's lines, and how often such an alarm was raised. */
  drift: DriftStatus[]
  /** There while the source sends nothing though it should. */
  silence?: SilenceStatus
  driftsRaised: number
  /** Seconds from event to arrival of written records. */
  lag: HistogramCounts
  /**
   * How far the source's clock is ahead, seconds: minus the least lag of the last minutes with records. Below 0 it is behind, or
   * its time zone is wrong, or its logs come that late.
   */
  clockSkewSeconds?: number
  /** What the service says of the data source, as of the last look; absent before it and with the local tenant. */
  service?: ServiceStatus
  /** When the last frame arrived. */
  lastSeenMs?: number
  /** Latest event time of a written record. */
  lastEventMs?: number
  /** When the tenant last accepted a file. */
  lastUploadMs?: number
}

/** A data source as the tenant's list shows it. */
export interface ServiceStatus {
  state: ServiceState
  /** Why it is not fine, else empty. */
  reason: string
  /** When it last got a file. */
  lastDataReceivedMs?: number
  files: number
  /** Files it could not read. */
  failedFiles: number
}

/** `failing`: the service fails our files; `missing`: it has no data source of that name; `wrong-type`: of another log type. */
export const SERVICE_STATES = ['fine', 'failing', 'missing', 'wrong-type'] as const
export type ServiceState = (typeof SERVICE_STATES)[number]

export interface AttributeCount {
  /** `user`, `url`, `dstHost`, … */
  attribute: string
  count: number
  /** What reports lose, when most records are without it, and what to change on the appliance. */
  costs?: string
  remedy?: string
}

/** A source that sends nothing. */
export interface SilenceStatus {
  /** When it was last heard; the start of the process when never. */
  sinceMs: number
  /** How long it may be silent: as configured, or ten times its usual pause. */
  limitMs: number
}

/** The log of a source changed shape. */
export interface DriftStatus {
  /** An attribute that is gone, or `rejected`: lines that were read are not any more. */
  what: string
  /** 0–1, before and now. */
  usualShare: number
  share: number
  sinceMs: number
}

/** A frame that gave no record, kept to be looked at; bounded in number and length. */
export interface RejectedSample {
  atMs: number
  source: string
  outcome: 'malformed' | 'unidentified' | 'rejected'
  parser: string
  reason: string
  /** The first bytes of the frame. */
  text: string
  /** What the line means for the report, in words, and what to do about it. */
  verdict?: string
  remedy?: string
}

/** received = parsed + skipped + malformed + unidentified, once nothing is in flight. */
export interface FrameTotals {
  received: number
  parsed: number
  skipped: number
  malformed: number
  unidentified: number
  /** Thrown away before a lane had them, so not in `received`: by the sources that their senders are bound to, else NO_SOURCE's. */
  shed: number
}

export interface OutcomeCount {
  outcome: 'parsed' | 'skipped' | 'malformed' | 'unidentified'
  /** Id of the parser; empty for unidentified. */
  parser: string
  /** Empty for parsed. */
  reason: string
  count: number
}

/**
 * parsed = written + dropped, once nothing is in flight. written + recovered = uploaded + spooled + setAside + removed + shed,
 * where `recovered` were in the spool, waiting or set aside, when the process started.
 */
export interface RecordTotals {
  parsed: number
  written: number
  dropped: number
  recovered: number
  uploaded: number
  /** In the spool now, on the way to the tenant, counted from its segments. */
  spooled: number
  /** Set aside now for a person: damaged, or refused for good. */
  setAside: number
  /** Taken out of the spool without an upload: by a person, or damaged beyond reading. */
  removed: number
  /** Written, but thrown away because neither disk nor memory had room. */
  shed: number
}

export interface ReasonCount {
  reason: string
  count: number
}

export interface LaneStatus {
  index: number
  /** False when the lane does not answer; `/health` then fails. */
  alive: boolean
  frames: number
  bytes: number
  /** Time spent on lines, in seconds; with the lane's age it gives how busy the lane is. */
  busySeconds: number
  restarts: number
}

export interface BlocksStatus {
  /** Handed to lanes and not back yet, and the bound. */
  outstanding: number
  max: number
  /** Frames in those blocks. */
  framesInFlight: number
  /** Frames shed because all blocks were taken, and those in a lane that ended; by source in `sources`. */
  shedFrames: number
}

export interface SpoolStatus {
  dir: string
  /** Bytes of all spool files, the bound, and what is left on the disk. */
  bytes: number
  maxBytes: number
  freeBytes: number
  /** Of `bytes`: uploaded segments that are kept, and make room when it is needed. */
  archivedBytes: number
  /** Where `full` begins. */
  highWaterBytes: number
  /** Above the high-water mark. */
  full: boolean
  writable: boolean
  /** Segments by step, `done` being those in the archive. */
  segments: Record<SegmentStep, number>
  /** First arrival of the oldest segment that waits. */
  oldestMs?: number
  /** Open and waiting segments, oldest first, at most SEGMENTS_LISTED_MAX. */
  list: SegmentSummary[]
  syncs: HistogramCounts
  syncErrors: number
  damagedSegments: number
  /** Segments of earlier processes whose ledgers are still to be read; until then `recovered` and `spooled` grow by them. */
  unreadSegments: number
  /** Segments that the disk refused at the start, and their bytes, which `bytes` has. They wait for the next start, their records uncounted. */
  unrecoveredSegments: number
  unrecoveredBytes: number
}

export const SEGMENTS_LISTED_MAX = 100

export interface SegmentSummary {
  id: string
  source: string
  format: Format
  step: SegmentStep
  createdMs: number
  bytes: number
  rawBytes: number
  records: number
  reason?: string
}
