/**
 * The archive as a thread: a spool of its own, and an uploader that takes its segments to the store as zstd files. It shares nothing with
 * the tenant's path but the blocks it is sent. Disk calls here block this thread only (spool/sync-io.ts).
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { CollectorError } from '../errors.ts'
import { SegmentSpool } from '../spool/spool.ts'
import { syncIo } from '../spool/sync-io.ts'
import { ArchiveDestination } from '../upload/archive/archive-destination.ts'
import { chooseZstd } from '../upload/archive/zstd.ts'
import { UploadStats } from '../upload/stats.ts'
import { Uploader } from '../upload/uploader.ts'
import { ArchiveCounts } from './archive-counts.ts'
import type { ArchiveState, ArchiveWorkerData, FromArchive, ToArchive } from './archive-messages.ts'
import { archiveStore } from './archive-store.ts'
import { type Departures, watched } from './delivery.ts'

const MiB = 1024 * 1024
/** Files of the archive are made of segments of at most so much, compressed by deflate and not. */
const SEGMENT_MAX_BYTES = 48 * MiB
const SEGMENT_MAX_RAW_BYTES = 512 * MiB
/** Blocks that wait for a failing disk; at twice as many they are shed. */
const QUEUE_MAX_BYTES = 16 * MiB
const STATE_INTERVAL_MS = 500
/** A refusal (key, container, quota) is tried again so often: it costs one request. */
const PROBE_INTERVAL_MS = 60_000
const NO_PRELUDE = Buffer.alloc(0)

const port = parentPort as MessagePort
const { archive, tenant, preludes: given } = workerData as ArchiveWorkerData

const send = (message: FromArchive): void => port.postMessage(message)
const tell =
  (level: 'info' | 'warn' | 'error') =>
  (facts: object, message: string): void =>
    send({ type: 'log', level, facts: plain(facts), message })
const log = { info: tell('info'), warn: tell('warn'), error: tell('error') }

/** Errors lose what makes them ours on the way to another thread. */
function plain(facts: object): Record<string, unknown> {
  const text = (value: unknown): unknown =>
    value instanceof CollectorError ? `${value.code}: ${value.message}` : value instanceof Error ? value.message : value
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, text(value)]))
}

let preludes = asBuffers(given)
const departures: Departures = new Map()
const spool = await SegmentSpool.open({
  dir: archive.dir,
  maxBytes: archive.max_bytes,
  diskReserveBytes: archive.min_free_bytes,
  segmentMaxBytes: Math.min(SEGMENT_MAX_BYTES, archive.max_bytes / 8),
  segmentMaxRawBytes: SEGMENT_MAX_RAW_BYTES,
  flushIntervalMs: archive.flush_interval,
  queueMaxBytes: QUEUE_MAX_BYTES,
  archiveCount: 0,
  archiveMaxBytes: 0,
  preludes: (source, format) => preludes.get(`${source} ${format}`) ?? NO_PRELUDE,
  log,
  io: syncIo
})
const counts = await ArchiveCounts.start(spool, departures)
const zstd = chooseZstd()
const store = archiveStore(archive, tenant)
const stats = new UploadStats()
const destination = new ArchiveDestination({
  store,
  stats,
  zstd,
  level: archive.compression_level,
  path: archive.path,
  workDir: emptyFolder(join(archive.dir, 'packed')),
  collector: collectorId(join(archive.dir, 'collector-id'))
})
const uploader = new Uploader({
  queue: watched(spool, departures),
  destination,
  stats,
  concurrency: 1,
  log,
  probeIntervalMs: PROBE_INTERVAL_MS
})
uploader.start()
log.info({ place: store.place, zstd: zstd.library }, `archive: ${store.place}, zstd by ${zstd.description}`)

const reporting = setInterval(report, STATE_INTERVAL_MS)
report()

port.on('message', (message: ToArchive) => {
  switch (message.type) {
    case 'append': {
      const { block } = message
      counts.append(block)
      send({ type: 'taken', bytes: block.bytes.length })
      return
    }
    case 'commit':
      // A failure is counted where blocks are shed; who waits for a receipt must not wait for a disk that fails.
      void spool.commit().then(
        () => send({ type: 'committed', id: message.id }),
        () => send({ type: 'committed', id: message.id })
      )
      return
    case 'configure':
      preludes = asBuffers(message.preludes)
      uploader.resume()
      return
    case 'stop':
      void stop(message.deadlineMs)
  }
})

async function stop(deadlineMs: number): Promise<void> {
  clearInterval(reporting)
  // Buffers made durable first: they matter more than files under way, which are made again.
  await spool.commit().catch(() => undefined)
  await uploader.stop(AbortSignal.timeout(deadlineMs))
  await spool.close().catch(error => log.error({ err: error as Error }, 'archive: the end was not made durable'))
  await store.close()
  report()
  port.close()
}

function report(): void {
  const { bytes, capacityBytes, full, writable, segments, unrecovered } = spool.stats()
  const sources = [...stats.sources.values()]
  const state: ArchiveState = {
    place: store.place,
    compressor: zstd.description,
    sources: counts.totals(),
    pauses: uploader.status().pauses,
    bytes,
    maxBytes: capacityBytes,
    full,
    writable,
    unrecoveredSegments: unrecovered.segments,
    waitingFiles: segments.open + segments.closed + segments.issued + segments.stored + segments.finalising,
    uploadedFiles: sources.reduce((sum, { files }) => sum + files, 0),
    uploadedBytes: destination.bytes,
    uploadedRawBytes: destination.rawBytes,
    lastSuccessMs: Math.max(0, ...sources.map(({ lastSuccessMs }) => lastSuccessMs))
  }
  send({ type: 'state', state })
}

function asBuffers(texts: ReadonlyMap<string, Uint8Array>): Map<string, Buffer> {
  return new Map([...texts].map(([key, bytes]) => [key, Buffer.from(bytes)]))
}

/** Files on their way when an earlier process ended are made again. */
function emptyFolder(folder: string): string {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700 })
  return folder
}

/** Made once, so that the files of two collectors in one container never have the same name. */
function collectorId(file: string): string {
  try {
    const known = readFileSync(file, 'utf8').trim()
    if (/^[0-9a-f]{8}$/.test(known)) return known
  } catch {
    // The first start.
  }
  const made = randomBytes(4).toString('hex')
  writeFileSync(file, `${made}\n`, { mode: 0o600 })
  return made
}
