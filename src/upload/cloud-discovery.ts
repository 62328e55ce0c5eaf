/**
 * Takes one segment through the three calls: upload URL → bytes → finalise. Every step is persisted before the next, so that a
 * restart or a failure repeats only the step it broke off in:
 *
 *     closed ──call 1──▶ issued ──PUT──▶ stored ──(persist finalising) call 3──▶ done
 *        ▲                  │ URL expired or refused     │ no answer: stays `finalising`, only call 3 again
 *        └──────────────────┘                            └ a plain no: back to `stored`
 */
import type { Destination, Format, Segment, UploadQueue } from '../contracts.ts'
import type { DiscoveryApi } from './api.ts'
import { type BlobOptions, putBlob } from './blob.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Stage, StepFailure } from './retry.ts'
import type { Result, UploadStats } from './stats.ts'

/** Where the segments of a source go. */
export interface SourceTarget {
  /** Name of the data source in the portal. */
  inputStreamName: string
  /** `GENERIC_CEF` and the like. */
  sourceString: string
}

export interface CloudDiscoveryOptions {
  api: DiscoveryApi
  blob: BlobOptions
  /** Undefined for a source that is not configured (any more). */
  sources: (name: string, format: Format) => SourceTarget | undefined
  stats: UploadStats
  clock?: Clock
  /** Makes snapshot reports of that name instead of feeding the data source. @default false */
  uploadAsSnapshot?: boolean
}

/**
 * Name of the upload file: `<data source>-<UTC stamp>-<sequence>.log.gz`, of A–Z a–z 0–9 . _ - only; the same on every attempt, and
 * another for each segment of a spool, however quickly they follow each other.
 */
export function uploadFileName(segment: Segment, inputStreamName: string): string {
  const clean = (text: string, max: number): string => text.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, max)
  // Ids of the spool are milliseconds (14 digits) and a sequence; of another queue's stamp only the sequence is taken.
  const [, stampDigits = '', sequence = segment.id] = /^(\d{14})-(.+)$/.exec(segment.id) ?? []
  const stamp = stampDigits.startsWith('0')
    ? new Date(Number(stampDigits)).toISOString().replaceAll(/[-:.]/g, '')
    : new Date(segment.createdMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${clean(inputStreamName, 64)}-${stamp}-${clean(sequence, 64)}.log.gz`
}

export class CloudDiscovery implements Destination {
  readonly #options: CloudDiscoveryOptions
  readonly #clock: Clock

  constructor(options: CloudDiscoveryOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** Resolves when the service has the segment. Rejects with StepFailure, SEGMENT_DAMAGED, or what the queue rejects with. */
  async upload(segment: Segment, queue: UploadQueue, signal: AbortSignal): Promise<void> {
    const target = this.#options.sources(segment.source, segment.format)
    if (!target) throw unknownSource(segment.source)
    let { step, uploadUrl, provider } = segment
    const isFresh = step === 'closed' || uploadUrl === undefined
    if (isFresh) {
      const filename = uploadFileName(segment, target.inputStreamName)
      const issued = await this.#measure('url', () => this.#options.api.uploadUrl(filename, target.sourceString, signal))
      await queue.advance(segment.id, 'issued', { uploadUrl: issued.url, provider: issued.provider })
      step = 'issued'
      uploadUrl = issued.url
      provider = issued.provider
    }
    if (step === 'issued') await this.#store(segment, uploadUrl!, provider ?? 'azure', isFresh, queue, signal)
    await this.#finalise(segment, uploadUrl!, target, isFresh, queue, signal)
    await queue.done(segment.id)
    this.#options.stats.uploaded(segment, this.#clock.now())
  }

  async #store(segment: Segment, url: string, provider: string, isFresh: boolean, queue: UploadQueue, signal: AbortSignal): Promise<void> {
    const { path, bytes } = segment
    const file = { path, bytes, url, provider, mayBeStored: !isFresh }
    try {
      await this.#measure('put', () => putBlob(file, this.#options.blob, signal))
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error
      if (error.decision.kind !== 'stored') {
        // An old URL whose host does not answer may be of a place that is no more; a new one costs a single request.
        const isUseless = error.decision.kind === 'reissue' || (error.status === 0 && !isFresh)
        if (isUseless) await queue.advance(segment.id, 'closed')
        throw error
      }
    }
    await queue.advance(segment.id, 'stored')
  }

  async #finalise(
    segment: Segment,
    uploadUrl: string,
    target: SourceTarget,
    isFresh: boolean,
    queue: UploadQueue,
    signal: AbortSignal
  ): Promise<void> {
    const { api, stats, uploadAsSnapshot = false } = this.#options
    let isSent = false
    const beforeSend = async (): Promise<void> => {
      if (!isSent) await queue.advance(segment.id, 'finalising')
      isSent = true
    }
    try {
      await this.#measure('done', () => api.doneUpload(uploadUrl, target.inputStreamName, uploadAsSnapshot, signal, beforeSend))
    } catch (error) {
      const isAmbiguous = !(error instanceof StepFailure) || error.ambiguous
      if (isSent && isAmbiguous) stats.ambiguousFinalises++
      if (isSent && !isAmbiguous) await queue.advance(segment.id, 'stored')
      throw await this.#refused(segment, error, isFresh, queue)
    }
  }

  /** A 400 to call 3 means different things when the URL is old, or when an earlier call 3 may have been heard. */
  async #refused(segment: Segment, error: unknown, isFresh: boolean, queue: UploadQueue): Promise<unknown> {
    if (!(error instanceof StepFailure) || (error.decision.kind !== 'set-aside' && error.decision.kind !== 'split')) return error
    const failure = { stage: error.stage, status: error.status }
    if (segment.ambiguousFinalises > 0) {
      const message = `${error.message}; an earlier finalise call got no answer, so the service probably has this file: compare its data source before uploading it again`
      return new StepFailure(message, failure, { kind: 'set-aside' }, { cause: error })
    }
    if (isFresh || error.decision.kind === 'split') return error
    await queue.advance(segment.id, 'closed')
    return new StepFailure(`${error.message}; trying once more with a new upload URL`, failure, { kind: 'reissue' }, { cause: error })
  }

  async #measure<T>(stage: Stage, step: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.now()
    let result: Result = 'ok'
    try {
      return await step()
    } catch (error) {
      result = error instanceof StepFailure ? error.decision.kind : 'damaged'
      throw error
    } finally {
      this.#options.stats.attempt(stage, result, this.#clock.now() - startedMs)
    }
  }
}

const unknownSource = (name: string): StepFailure =>
  new StepFailure(
    `Cannot upload for source "${name}": the configuration has no such source; its segments wait`,
    { stage: 'url', status: 0 },
    { kind: 'stop-source' }
  )
