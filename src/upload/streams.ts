/**
 * Looks at the tenant's list of data sources now and then: the only way to learn what the service made of our files
 * (cloud-discovery 1.10). A rising count of failed files means that it refuses our format.
 */
import { logTypeOf } from '../lib/source-strings.ts'
import type { DiscoveryApi, StreamInfo } from './api.ts'
import { type Clock, systemClock } from './clock.ts'
import type { SourceTarget } from './cloud-discovery.ts'
import { describe, StepFailure } from './retry.ts'
import type { UploadStats } from './stats.ts'

export interface StreamWatchOptions {
  api: DiscoveryApi
  /** Data sources that we feed; read at each look. */
  targets: () => readonly SourceTarget[]
  stats: UploadStats
  /** @default 10 min */
  intervalMs?: number
  clock?: Clock
}

export type StreamState = 'fine' | 'failing' | 'missing' | 'wrong-type'

export interface StreamStatus extends Omit<StreamInfo, 'id'> {
  state: StreamState
  /** Why it is not fine, else empty. */
  reason: string
}

const STREAMS_MAX = 2000

export class StreamWatch {
  readonly #options: StreamWatchOptions
  readonly #clock: Clock
  #streams = new Map<string, StreamStatus>()
  #stopping = new AbortController()
  #running: Promise<void> | undefined
  /** When the last look succeeded, ms; 0 before. */
  lastLookMs = 0
  /** Why the last look failed; empty when it did not. */
  lastError = ''

  constructor(options: StreamWatchOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  start(): void {
    if (this.#running) return
    this.#stopping = new AbortController()
    this.#running = this.#run(this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#running = undefined
  }

  /** By name of the data source, as of the last look. */
  status(): ReadonlyMap<string, StreamStatus> {
    return this.#streams
  }

  /** One look. Never rejects: trouble is in `lastError`, and a failed look keeps what the last good one saw. */
  async look(signal?: AbortSignal): Promise<void> {
    const startedMs = this.#clock.now()
    try {
      const list = await this.#options.api.streams(signal)
      const byName = new Map(list.map(stream => [stream.name, stream]))
      const next = new Map<string, StreamStatus>()
      for (const target of this.#options.targets().slice(0, STREAMS_MAX)) {
        const name = target.inputStreamName
        next.set(name, judge(target, byName.get(name), this.#streams.get(name)))
      }
      this.#streams = next
      this.lastLookMs = this.#clock.now()
      this.lastError = ''
      this.#options.stats.attempt('list', 'ok', this.#clock.now() - startedMs)
    } catch (error) {
      if (signal?.aborted) return
      this.lastError = describe(error)
      this.#options.stats.attempt('list', error instanceof StepFailure ? error.decision.kind : 'retry', this.#clock.now() - startedMs)
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look(signal)
      await this.#clock.sleep(this.#options.intervalMs ?? 600_000, signal)
    }
  }
}

function judge(target: SourceTarget, stream: StreamInfo | undefined, before: StreamStatus | undefined): StreamStatus {
  const name = target.inputStreamName
  if (!stream) {
    const none = { name, logType: -1, lastDataReceivedMs: 0, files: 0, failedFiles: 0 }
    return { ...none, state: 'missing', reason: `the tenant has no data source "${name}"; create it in the portal` }
  }
  const { logType, lastDataReceivedMs, files, failedFiles } = stream
  const facts = { name, logType, lastDataReceivedMs, files, failedFiles }
  const rejected = before && before.state !== 'missing' ? failedFiles - before.failedFiles : 0
  if (rejected > 0) return { ...facts, state: 'failing', reason: failingReason(rejected, logType, target.sourceString) }
  // Without news the last finding stands; a file that went well ends it.
  if (before?.state === 'failing' && files === before.files) return { ...facts, state: 'failing', reason: before.reason }
  if (!isSameType(logType, target.sourceString)) {
    return { ...facts, state: 'wrong-type', reason: `the data source has log type ${logType}, our files are ${target.sourceString}` }
  }
  return { ...facts, state: 'fine', reason: '' }
}

/** The reasons that its governance log has for a failed file, those first that we can see (cloud-discovery section 4). */
function failingReason(rejected: number, logType: number, sourceString: string): string {
  const wrongType = isSameType(logType, sourceString)
    ? ''
    : `; most likely since the data source has log type ${logType}, our files are ${sourceString}`
  return (
    `the service failed ${rejected} more of our files${wrongType}; its governance log says why: ` +
    'the log format does not match, no transaction is younger than 90 days, or none goes to a cataloged cloud app ' +
    '(sluice explain shows formats, ages and destinations of a log)'
  )
}

/** Whether the service insists on this is not known; equal is safe. Types without a published number pass. */
function isSameType(logType: number, sourceString: string): boolean {
  const ours = logTypeOf(sourceString)
  const sibling = sourceString.endsWith('_SYSLOG') ? sourceString.slice(0, -'_SYSLOG'.length) : `${sourceString}_SYSLOG`
  return logType < 0 || ours < 0 || logType === ours || logType === logTypeOf(sibling)
}
