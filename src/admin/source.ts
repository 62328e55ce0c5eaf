/** What the admin server shows and does, so that it can run without a pipeline. */
import type { LogLevel } from '../telemetry/logger.ts'
import type { CheckReport } from '../telemetry/readiness.ts'
import type { PipelineStatus, RejectedSample } from '../telemetry/status.ts'
import type { TapFilter, TapSample } from '../telemetry/tap.ts'

export interface ReloadResult {
  ok: boolean
  /** What happened, or every fault of the new file; then the old configuration goes on. */
  messages: string[]
}

export interface AdminSource {
  status(): PipelineStatus
  /** Process and lanes answer. */
  health(): CheckReport
  /** Listeners bound, spool writable and below high water. */
  ready(): CheckReport
  /** Prometheus text. */
  metrics(): Promise<{ contentType: string; text: string }>
  /** Frames that gave no record, newest last. */
  samples(): RejectedSample[]
  /** Shows frames that fit as they come, until the function that is returned is called. Undefined when too many watch already. */
  watch(filter: TapFilter, onSample: (sample: TapSample) => void): (() => void) | undefined
  /**
   * Lets an archived or set-aside segment be uploaded again. Rejects with SEGMENT_DAMAGED when it is not sound, with SPOOL_IO when
   * there is none of that id.
   */
  replay(id: string): Promise<void>
  /** The last lines of the log, oldest first, without secrets. */
  recentLog(): string
  logLevel: LogLevel
  reload(): Promise<ReloadResult>
}

export interface AdminOptions {
  host: string
  /** 0 lets the system choose. */
  port: number
  /** Bearer token; needed when the host is not loopback. */
  token?: string | undefined
  /** Names in the Host header that are taken besides the machine's own addresses. */
  hosts?: readonly string[]
}

export interface AdminServer {
  /** Base URL, without a slash at the end. */
  readonly url: string
  close(): Promise<void>
}
