/**
 * Old logs: files are read, worked on as live lines are, and uploaded as the data source or as a snapshot report.
 *
 *   file ─▶ check and hash ─▶ known? ─▶ read ─▶ spool of its own ─▶ upload ─▶ done list
 *
 * Every step can be broken off; the next run with the same file goes on. What is remembered is in backfill-state.ts, why no record
 * comes twice in backfill-job.ts.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/schema.ts'
import type { Parser } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { loadParsers } from '../parse/load.ts'
import { LOCK_TOUCH_INTERVAL_MS, SpoolLock } from '../spool/lock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { BackfillJob } from './backfill-job.ts'
import { hashFile, type LineCounts, NO_LINES, sizeOfFile } from './backfill-read.ts'
import { type FileReport, failed, nothing } from './backfill-report.ts'
import { backfillDir, DoneList, JobDirectory, type JobFacts, jobKey } from './backfill-state.ts'
import { GivenUp, SwitchQueue, UploadProgress } from './backfill-upload.ts'
import { type Delivery, prepareDelivery } from './delivery.ts'
import { laneSpec, preludesOf } from './lane-spec.ts'

export interface BackfillOptions {
  config: Config
  /** Name of a configured source, whose lines the files hold. */
  source: string
  files: readonly string[]
  /** Name of the snapshot report to make; without it the source's data source is fed. */
  snapshot?: string | undefined
  /** Takes files that were uploaded before once more. */
  again: boolean
  /** Without any progress of the upload for so long, ms, the rest is left for the next run. */
  waitMs: number
  /** Breaks off; what was spooled waits for the next run. */
  signal: AbortSignal
  log: Logger
  version: string
  onProgress(progress: BackfillProgress): void
  onFile(report: FileReport): void
}

export interface BackfillProgress {
  file: string
  phase: 'check' | 'read' | 'upload'
  /** Bytes of the file: of all files in this phase. */
  bytes: number
  totalBytes: number
  uploadedFiles: number
  waitingFiles: number
}

/** Calls a minute that the service allows the whole tenant (cloud-discovery 1.4); a running collector has its share of them. */
const TENANT_REQUESTS_PER_MINUTE = 30
const STOP_DEADLINE_MS = 5000
const POLL_MS = 200

/** Resolves to one report per file, in order. Rejects with CollectorError when nothing can be begun. */
export async function backfill(options: BackfillOptions): Promise<FileReport[]> {
  const { config, source } = options
  const dir = backfillDir(config.spool.dir)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const lock = await SpoolLock.take(dir)
  const touching = setInterval(() => void lock.touch(Date.now()), LOCK_TOUCH_INTERVAL_MS).unref()
  try {
    const one: Config = { ...config, sources: config.sources.filter(({ name }) => name === source) }
    const run = new BackfillRun(options, withShare(one), dir, await loadParsers(), await DoneList.read(dir))
    return await run.all()
  } finally {
    clearInterval(touching)
    await lock.release()
  }
}

/** Leaves a collector that runs on the same spool its share of the calls. */
function withShare(config: Config): Config {
  const { requests_per_minute: wanted } = config.upload
  if (config.tenant.url === undefined || !existsSync(join(config.spool.dir, 'lock'))) return config
  const share = Math.max(2, Math.min(wanted, (TENANT_REQUESTS_PER_MINUTE - wanted) / 2))
  return { ...config, upload: { ...config.upload, requests_per_minute: share } }
}

class BackfillRun {
  readonly #options: BackfillOptions
  readonly #config: Config
  readonly #dir: string
  readonly #parsers: readonly Parser[]
  readonly #done: DoneList
  readonly #queue = new SwitchQueue()
  #delivery: Delivery | undefined
  #totalBytes = 0
  #bytesBefore = 0
  /** Why no further file is begun. */
  #ended: 'interrupted' | 'waiting' | undefined

  constructor(options: BackfillOptions, config: Config, dir: string, parsers: readonly Parser[], done: DoneList) {
    this.#options = options
    this.#config = config
    this.#dir = dir
    this.#parsers = parsers
    this.#done = done
  }

  async all(): Promise<FileReport[]> {
    const { files, onFile } = this.#options
    const sizes = await Promise.all(files.map(file => sizeOfFile(file).catch((error: Error) => error)))
    for (const size of sizes) if (!(size instanceof Error)) this.#totalBytes += size.bytes
    const reports: FileReport[] = []
    try {
      for (const [index, file] of files.entries()) {
        const size = sizes[index]!
        const report = size instanceof Error ? failed(file, 0, size) : await this.#file(file, size.bytes)
        reports.push(report)
        onFile(report)
        if (!(size instanceof Error)) this.#bytesBefore += size.bytes
      }
    } finally {
      await this.#stopDelivery()
    }
    return reports
  }

  async #file(file: string, bytes: number): Promise<FileReport> {
    const { signal, again } = this.#options
    if (this.#ended !== undefined) return { ...nothing(file, bytes), outcome: 'not-begun' }
    try {
      const { key, contentHash } = await this.#identify(file, bytes)
      const directory = new JobDirectory(this.#dir, key)
      const before = await this.#unfinished(directory, key)
      const known = this.#done.get(key)
      if (known !== undefined && before === undefined && !again) {
        const when = new Date(known.finishedMs).toISOString()
        return { ...nothing(file, bytes), outcome: 'known', reason: `uploaded on ${when} as ${known.file} to ${known.target}` }
      }
      const facts = await this.#facts(file, key, directory, before)
      return await this.#run(file, bytes, contentHash, directory, facts)
    } catch (error) {
      if (!signal.aborted) return failed(file, bytes, error as Error)
      this.#ended = 'interrupted'
      return { ...nothing(file, bytes), outcome: 'interrupted' }
    }
  }

  async #identify(file: string, bytes: number): Promise<{ key: string; contentHash: string }> {
    const contentHash = await hashFile({ ...this.#reading(file, bytes, 'check') })
    return { key: jobKey(contentHash, this.#target), contentHash }
  }

  get #target(): string {
    const { snapshot } = this.#options
    return snapshot === undefined ? `data source ${this.#config.sources[0]!.data_source}` : `snapshot ${snapshot}`
  }

  /** An earlier run that was broken off; what one that came to its end left over is removed. */
  async #unfinished(directory: JobDirectory, key: string): Promise<JobFacts | undefined> {
    const facts = await directory.facts()
    const known = this.#done.get(key)
    if (facts === undefined || known === undefined || known.finishedMs < facts.startedMs) return facts
    await directory.remove()
    return undefined
  }

  async #facts(file: string, key: string, directory: JobDirectory, before: JobFacts | undefined): Promise<JobFacts> {
    const { version, again } = this.#options
    const spec = laneSpec(this.#config)
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([version, spec]))
      .digest('hex')
    if (before?.fingerprint === fingerprint) return before
    if (before !== undefined) {
      if (!again) {
        throw new CollectorError(
          'CONFIG_INVALID',
          'an earlier run was interrupted, and since then the configuration of the source, or Sluice, was changed; finish it with the former ones, or begin anew with --again, which uploads records again that were uploaded'
        )
      }
      await directory.remove()
    }
    const facts: JobFacts = { key, file: resolve(file), target: this.#target, fingerprint, startedMs: Date.now() }
    await directory.begin(facts)
    return facts
  }

  async #run(file: string, bytes: number, contentHash: string, directory: JobDirectory, facts: JobFacts): Promise<FileReport> {
    const { signal, log } = this.#options
    const { spool } = this.#config
    const preludes = preludesOf(this.#config)
    const job = await BackfillJob.open(directory, {
      maxBytes: spool.max_bytes,
      highWater: spool.high_water,
      lowWater: spool.low_water,
      diskReserveBytes: spool.min_free_bytes,
      segmentMaxBytes: spool.segment_max_bytes,
      segmentMaxRawBytes: spool.segment_max_raw_bytes,
      commitIntervalMs: spool.commit_interval,
      preludes: (source, format) => preludes.get(`${source} ${format}`) ?? Buffer.alloc(0),
      log: log.child({ part: 'spool' })
    })
    let counts: LineCounts = NO_LINES
    let failure: Error | undefined
    try {
      const delivery = await this.#startDelivery()
      this.#queue.use(job)
      const progress = new UploadProgress(job, delivery, this.#options.waitMs)
      const reading = {
        ...this.#reading(file, bytes, 'read'),
        spec: laneSpec(this.#config),
        parsers: this.#parsers,
        nowMs: facts.startedMs
      }
      const read = await job.read(reading, () => this.#room(job, progress))
      counts = read.counts
      if (read.hash !== contentHash) throw new Error('the file was changed while it was read; what was read of it is uploaded or waits')
      await this.#untilUploaded(file, bytes, job, progress)
    } catch (error) {
      failure = error as Error
      // Steps of uploads under way are persisted; the job must not be closed below them.
      await this.#stopDelivery()
    }
    this.#queue.use(undefined)
    const totals = await job.totals()
    await job.close()
    const report = { ...nothing(file, bytes), ...totals, counts, knownRecords: job.knownRecords }
    if (failure === undefined && totals.waiting.files + totals.setAside.files === 0) return this.#finished(report, directory, facts)
    const rest = { ...report, dir: directory.dir }
    if (failure === undefined) return { ...rest, outcome: 'set-aside', reason: totals.setAside.reasons.join('; ') }
    if (signal.aborted) {
      this.#ended = 'interrupted'
      return { ...rest, outcome: 'interrupted' }
    }
    if (failure instanceof GivenUp) {
      this.#ended = 'waiting'
      return { ...rest, outcome: 'waiting', reason: failure.message }
    }
    return { ...rest, outcome: 'failed', reason: failure.message }
  }

  async #finished(report: FileReport, directory: JobDirectory, { key, target }: JobFacts): Promise<FileReport> {
    const isEmpty = report.uploaded.files === 0
    const { records } = report.uploaded
    // A file that gave nothing is not remembered: with another configuration it may give something.
    if (!isEmpty) await this.#done.add({ key, file: resolve(report.file), target, records, finishedMs: Date.now() })
    await directory.remove()
    return { ...report, outcome: isEmpty ? 'empty' : 'uploaded' }
  }

  #reading(file: string, bytes: number, phase: 'check' | 'read') {
    const { signal } = this.#options
    return { path: file, bytes, signal, onProgress: (read: number) => this.#progress(file, phase, read) }
  }

  #progress(file: string, phase: BackfillProgress['phase'], fileBytes: number, uploadedFiles = 0, waitingFiles = 0): void {
    const bytes = this.#bytesBefore + fileBytes
    this.#options.onProgress({ file, phase, bytes, totalBytes: this.#totalBytes, uploadedFiles, waitingFiles })
  }

  /** Waits while the spool is full. */
  async #room(job: BackfillJob, progress: UploadProgress): Promise<void> {
    while (job.isFull) {
      if (job.waiting().length === 0) await job.closeOpen()
      await this.#pause(progress)
    }
  }

  async #untilUploaded(file: string, bytes: number, job: BackfillJob, progress: UploadProgress): Promise<void> {
    progress.restart()
    while (job.waiting().length > 0) {
      this.#progress(file, 'upload', bytes, job.departures, job.waiting().length)
      await this.#pause(progress)
    }
  }

  async #pause(progress: UploadProgress): Promise<void> {
    progress.check()
    await sleep(POLL_MS, undefined, { signal: this.#options.signal })
  }

  /** Once for all files, so that they share the budget of calls. */
  async #startDelivery(): Promise<Delivery> {
    const { log, version, snapshot } = this.#options
    if (this.#delivery !== undefined) return this.#delivery
    this.#delivery = await prepareDelivery(this.#config, this.#queue, {
      log: log.child({ part: 'upload' }),
      version,
      snapshot,
      mayJoinLocal: true
    })
    this.#delivery.uploader.start()
    return this.#delivery
  }

  async #stopDelivery(): Promise<void> {
    const delivery = this.#delivery
    this.#delivery = undefined
    await delivery?.stop(AbortSignal.timeout(STOP_DEADLINE_MS))
  }
}
