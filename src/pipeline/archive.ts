/**
 * The archive as the receiving thread sees it: blocks are sent to its thread, bounded, and nothing is ever waited for but, for a short
 * while, its part of a receipt. Its trouble costs the archive, counted by source, and never the tenant.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/schema.ts'
import type { Block } from '../contracts.ts'
import type { ArchiveStatus } from '../telemetry/archive-status.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ArchiveState, ArchiveWorkerData, FromArchive, ToArchive } from './archive-messages.ts'
import { ArchiveBook } from './archive-totals.ts'

/** Blocks sent and not taken yet; beyond that they are shed. */
const IN_FLIGHT_MAX_BYTES = 32 * 1024 * 1024
/** A receipt waits for the archive's disk at most so long; after that none waits until the disk has answered. */
const RECEIPT_WAIT_MS = 1000
/** A start waits at most so long for the archive. */
const OPEN_WAIT_MS = 5000
/** A thread that ended is started again after this. */
const RESTART_MS = 10_000
const YOUNG_GENERATION_MB = 6

const WORKER_FILE = new URL(import.meta.url.endsWith('.ts') ? './archive-worker.ts' : './archive-worker.js', import.meta.url)

export interface ArchiveOptions {
  config: Config & { archive: NonNullable<Config['archive']> }
  preludes: ReadonlyMap<string, Uint8Array>
  log: Logger
}

/** The archive that the configuration asks for, started. */
export function startArchive(config: Config, preludes: ReadonlyMap<string, Uint8Array>, log: Logger): Archive | undefined {
  const { archive } = config
  if (archive === undefined) return undefined
  const running = new Archive({ config: { ...config, archive }, preludes, log })
  running.start()
  return running
}

export class Archive {
  readonly #options: ArchiveOptions
  readonly #sources: ReadonlySet<string>
  #preludes: ReadonlyMap<string, Uint8Array>
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #inFlightBytes = 0
  readonly #book = new ArchiveBook()
  /** What the present thread said last, and the sums of its predecessors. */
  #state: ArchiveState | undefined
  #pastFiles = { files: 0, bytes: 0, rawBytes: 0, lastSuccessMs: 0 }
  #place = ''
  #failure = ''
  #nextCommit = 0
  readonly #commits = new Map<number, () => void>()
  /** A commit took longer than a receipt may wait. */
  #isLate = false
  #restart: NodeJS.Timeout | undefined
  #isStopping = false

  constructor(options: ArchiveOptions) {
    this.#options = options
    this.#sources = new Set(options.config.archive.sources)
    this.#preludes = options.preludes
  }

  /** Never rejects: what is wrong with the archive is told and tried again, and the tenant's path goes on. */
  start(): void {
    const { archive, tenant } = this.#options.config
    const { proxy, no_proxy, ca_file } = tenant
    const data: ArchiveWorkerData = {
      archive,
      tenant: {
        ...(proxy === undefined ? {} : { proxy }),
        ...(no_proxy === undefined ? {} : { no_proxy }),
        ...(ca_file === undefined ? {} : { ca_file })
      },
      preludes: this.#preludes
    }
    const worker = new Worker(fileURLToPath(WORKER_FILE), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB }
    })
    this.#worker = worker
    worker.on('message', (message: FromArchive) => this.#onMessage(message))
    worker.on('error', error => {
      this.#failure = error instanceof Error ? error.message : String(error)
    })
    this.#exited = new Promise(resolve => {
      worker.once('exit', () => {
        this.#onExit()
        resolve()
      })
    })
  }

  /** Resolves when the thread runs, has failed to, or took longer than a start may wait: until then no receipt covers the archive. */
  async opened(): Promise<void> {
    const deadline = Date.now() + OPEN_WAIT_MS
    while (this.#state === undefined && this.#worker !== undefined && Date.now() < deadline) await sleep(20)
  }

  /** Lines as they come, instead of records. */
  get takesLines(): boolean {
    return this.#options.config.archive.content === 'lines'
  }

  /** True when the archive takes the lines of this source. */
  takesLinesOf(source: string): boolean {
    return this.takesLines && (this.#sources.size === 0 || this.#sources.has(source))
  }

  /** Takes a copy of a block of records; of lines, which nobody else wants, the memory itself. */
  append(block: Block): void {
    const { source, recordCount, bytes, forArchive = false } = block
    if (forArchive !== this.takesLines) return
    if (this.#sources.size > 0 && !this.#sources.has(source)) return
    if (this.#worker === undefined || this.#inFlightBytes + bytes.length > IN_FLIGHT_MAX_BYTES) {
      this.#book.shed(source, recordCount)
      return
    }
    this.#inFlightBytes += bytes.length
    this.#book.sent(source, recordCount)
    this.#post({ type: 'append', block }, forArchive && bytes.length === bytes.buffer.byteLength ? [bytes.buffer as ArrayBuffer] : [])
  }

  /** Resolves when everything appended before is durable, or after a short while; never rejects. */
  commit(): Promise<void> {
    if (this.#worker === undefined || this.#isLate) return Promise.resolve()
    const id = this.#nextCommit++
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        this.#isLate = true
        this.#options.log.warn('archive: its disk is slow; receipts do not wait for it until it has answered')
        resolve()
      }, RECEIPT_WAIT_MS)
      this.#commits.set(id, () => {
        clearTimeout(timer)
        this.#isLate = false
        resolve()
      })
      this.#post({ type: 'commit', id })
    })
  }

  /** Takes over the heads of files of changed sources; what was paused tries again. */
  configure(preludes: ReadonlyMap<string, Uint8Array>): void {
    this.#preludes = preludes
    this.#post({ type: 'configure', preludes })
  }

  status(): ArchiveStatus {
    const { archive } = this.#options.config
    const state = this.#state
    const { files, bytes, rawBytes } = this.#pastFiles
    const lastSuccessMs = Math.max(this.#pastFiles.lastSuccessMs, state?.lastSuccessMs ?? 0)
    return {
      type: archive.type,
      place: state?.place ?? this.#place,
      content: archive.content,
      running: state !== undefined,
      troubles: this.#troubles(),
      pauses: state?.pauses ?? [],
      compressor: state?.compressor ?? '',
      sources: this.#book.totals(),
      bytes: state?.bytes ?? 0,
      maxBytes: state?.maxBytes ?? archive.max_bytes,
      full: state?.full ?? false,
      waitingFiles: state?.waitingFiles ?? 0,
      uploadedFiles: files + (state?.uploadedFiles ?? 0),
      uploadedBytes: bytes + (state?.uploadedBytes ?? 0),
      uploadedRawBytes: rawBytes + (state?.uploadedRawBytes ?? 0),
      ...(lastSuccessMs > 0 ? { lastSuccessMs } : {})
    }
  }

  /** Makes durable what it has; files under way get until the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === undefined) return
    this.#post({ type: 'stop', deadlineMs: Math.max(0, Math.floor(deadlineMs / 2)) })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, deadlineMs)
    })
    await Promise.race([this.#exited, late])
    clearTimeout(timer)
    // A thread that hangs in a call of the disk does not end by this either, so nobody waits.
    void worker.terminate()
  }

  #post(message: ToArchive, transfer: ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer)
  }

  #onMessage(message: FromArchive): void {
    switch (message.type) {
      case 'taken':
        this.#inFlightBytes -= message.bytes
        return
      case 'committed':
        this.#commits.get(message.id)?.()
        this.#commits.delete(message.id)
        return
      case 'log':
        this.#options.log[message.level](message.facts, message.message)
        return
      case 'state':
        this.#book.said(message.state.sources)
        this.#state = message.state
        this.#place = message.state.place
        this.#failure = ''
    }
  }

  #onExit(): void {
    this.#worker = undefined
    this.#inFlightBytes = 0
    for (const answer of this.#commits.values()) answer()
    this.#commits.clear()
    const state = this.#state
    this.#book.ended()
    if (state !== undefined) {
      this.#pastFiles.files += state.uploadedFiles
      this.#pastFiles.bytes += state.uploadedBytes
      this.#pastFiles.rawBytes += state.uploadedRawBytes
      this.#pastFiles.lastSuccessMs = Math.max(this.#pastFiles.lastSuccessMs, state.lastSuccessMs)
    }
    this.#state = undefined
    if (this.#isStopping) return
    if (this.#failure === '') this.#failure = 'its thread ended'
    this.#options.log.error({ reason: this.#failure }, 'archive: not running; it is started again, and what arrives meanwhile is shed')
    this.#restart = setTimeout(() => this.start(), RESTART_MS).unref()
  }

  #troubles(): string[] {
    const state = this.#state
    if (state === undefined) return this.#failure === '' ? [] : [`the archive is not running: ${this.#failure}`]
    return [
      ...state.pauses.map(({ reason }) => `the archive is paused: ${reason}`),
      ...(state.full ? ['the archive has no room: what arrives is not archived'] : []),
      ...(state.writable ? [] : ['the archive cannot be written to its disk']),
      ...(state.unrecoveredSegments === 0
        ? []
        : [`the disk refused ${state.unrecoveredSegments} of its segments at the start: uncounted until the next start, which tries again`])
    ]
  }
}
