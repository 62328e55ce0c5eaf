/** The pipeline's state as one plain object, put together from the plain numbers of its rooms. */
import type { Config } from '../config/schema.ts'
import type { PauseReason, ReceiverStatus } from '../contracts.ts'
import { costOf, remedyFor } from '../explain/remedies.ts'
import { LAG_BOUNDS_SECONDS, mergeLags } from '../lanes/event-lag.ts'
import type { LaneSourceStats } from '../lanes/messages.ts'
import { OUTSTANDING_MAX } from '../lanes/outstanding.ts'
import type { LanePool } from '../lanes/pool.ts'
import { ATTRIBUTES, type Attribute } from '../process/attributes.ts'
import { SYNC_BOUNDS_SECONDS } from '../spool/counters.ts'
import type { SegmentSpool } from '../spool/spool.ts'
import type { SpoolStats } from '../spool/stats.ts'
import { balanceOf } from '../telemetry/balance.ts'
import type {
  AttributeCount,
  BlocksStatus,
  LaneStatus,
  OutcomeCount,
  PipelineStatus,
  ReasonCount,
  ServiceStatus,
  SourceStatus,
  SpoolStatus,
  TenantStatus
} from '../telemetry/status.ts'
import type { UploadStatus } from '../telemetry/upload-status.ts'
import { judged } from '../telemetry/verdict.ts'
import { DURATION_BOUNDS_SECONDS } from '../upload/stats.ts'
import type { Archive } from './archive.ts'
import type { Delivery, Departures } from './delivery.ts'
import type { DriftWatch } from './drift.ts'
import type { Intakes } from './intakes.ts'
import { ListenerCounts } from './listener-counts.ts'
import type { SegmentList } from './segment-list.ts'
import type { SilenceWatch } from './silence.ts'

export interface StatusParts {
  version: string
  startedMs: number
  config: Config
  receivers: readonly ReceiverStatus[]
  pool: LanePool
  intakes: Intakes
  spool: SegmentSpool
  delivery: Delivery
  archive: Archive | undefined
  drift: DriftWatch
  silence: SilenceWatch
  segments: SegmentList
}

export function pipelineStatus(parts: StatusParts): PipelineStatus {
  const { config, pool, intakes, spool, delivery } = parts
  const nowMs = Date.now()
  const sources = sourceStatuses(parts)
  const blocks: BlocksStatus = {
    outstanding: pool.outstanding,
    max: OUTSTANDING_MAX,
    framesInFlight: pool.framesInFlight,
    shedFrames: sum([...intakes.shedFrames().values()], frames => frames)
  }
  const upload = uploadStatus(delivery, spool)
  const spoolNow = { ...spoolStatus(config, spool), list: parts.segments.list() }
  const receivers = parts.receivers.map(receiver => withFraming(pausedReceiver(receiver, intakes), intakes))
  const archive = parts.archive?.status()
  return judged({
    version: parts.version,
    startedMs: parts.startedMs,
    uptimeMs: nowMs - parts.startedMs,
    config: { loadedMs: parts.startedMs, lastReloadMs: parts.startedMs, lastReloadSucceeded: true, messages: [] },
    tenant: tenantStatus(config, delivery),
    receivers,
    sources,
    lanes: laneStatuses(pool),
    blocks,
    spool: spoolNow,
    upload,
    ...(archive === undefined ? {} : { archive }),
    balance: balanceOf(sources, blocks, intakes.counts.frames, spoolNow.unreadSegments)
  })
}

/**
 * Puts what there is no room in where the receiver knows only that there is none, or not even that, because nothing came since.
 * UDP cannot wait, so it is never shown as paused.
 */
export function pausedReceiver(receiver: ReceiverStatus, { pause, lastPause }: Pick<Intakes, 'pause' | 'lastPause'>): ReceiverStatus {
  const { state, protocol, pauses: own = [], reason } = receiver
  if (protocol === 'syslog-udp' || (state !== 'listening' && state !== 'paused')) return receiver
  // Whoever waits looks again now and then only, so some still wait when the room is back.
  const now = pause ?? (own.includes('no_room') ? lastPause : undefined)
  const pauses: PauseReason[] = [...new Set([...(now === undefined ? [] : [now]), ...own.filter(one => one !== 'no_room')])]
  const isPaused = now !== undefined || state === 'paused'
  const words = pauses.map(one => one.replace('_', ' ')).join(', ')
  const why = isPaused ? [words, ...(state === 'paused' && reason !== undefined ? [reason] : [])].join(': ') : (reason ?? words)
  return { ...receiver, state: isPaused ? 'paused' : state, pauses, ...(why === '' ? {} : { reason: why }) }
}

/** Who sends, and what was cut out of a receiver's bytes, by the names of the metrics. */
function withFraming(receiver: ReceiverStatus, intakes: Intakes): ReceiverStatus {
  const listener = intakes.listener(receiver.name, receiver.protocol) ?? NOTHING_YET
  const { newline, octetCounted, truncated, discardedBytes, resynchronised } = listener.framerStats()
  return {
    ...receiver,
    counters: {
      ...receiver.counters,
      rate_limited_total: (receiver.counters.rate_limited_total ?? 0) + listener.rateLimited,
      received_frames_total: newline + octetCounted,
      newline_frames_total: newline,
      octet_counted_frames_total: octetCounted,
      truncated_frames_total: truncated,
      discarded_bytes_total: discardedBytes,
      resynchronised_total: resynchronised
    },
    peers: listener.peers.top(),
    peersKnown: listener.peers.size
  }
}

const NOTHING_YET = new ListenerCounts()

function tenantStatus(config: Config, delivery: Delivery): TenantStatus {
  return delivery.local === undefined
    ? { kind: 'cloud', url: delivery.url }
    : { kind: 'local', url: delivery.url, dir: config.tenant.local!.dir }
}

function laneStatuses(pool: LanePool): LaneStatus[] {
  return pool.stats().map(({ index, stats, alive, restarts }) => ({
    index,
    alive,
    restarts,
    frames: sum(stats, lane => lane.frames),
    bytes: sum(stats, lane => lane.bytes),
    busySeconds: sum(stats, lane => lane.busyMs) / 1000
  }))
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0)

// ── sources ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function sourceStatuses(parts: StatusParts): SourceStatus[] {
  const { config, pool, delivery } = parts
  const spool = parts.spool.stats()
  const names = config.sources.map(({ name }) => name)
  const byName = Map.groupBy(
    pool.stats().flatMap(({ stats }) => stats.flatMap(life => life.sources)),
    ({ source }): string => source
  )
  const shed = parts.intakes.shedFrames()
  const listed = [...names, ...[...byName.keys(), ...spool.records.recovered.keys(), ...shed.keys()].filter(name => !names.includes(name))]
  return [...new Set(listed)]
    .map(name => sourceStatus(name, byName.get(name) ?? [], parts, spool, delivery.departures, shed.get(name) ?? 0))
    .filter(({ name, frames, records }) => names.includes(name) || frames.received > 0 || frames.shed > 0 || records.recovered > 0)
}

function sourceStatus(
  name: string,
  lanes: readonly LaneSourceStats[],
  parts: StatusParts,
  spool: SpoolStats,
  departures: Departures,
  shedFrames: number
): SourceStatus {
  const config = parts.config.sources.find(source => source.name === name)
  const outcomes = mergeOutcomes(lanes)
  const ofOutcome = (outcome: OutcomeCount['outcome']): number =>
    sum(
      outcomes.filter(count => count.outcome === outcome),
      ({ count }) => count
    )
  const dropped = mergeReasons(lanes.flatMap(lane => lane.dropped))
  const { records, settled } = spool
  const lastSeenMs = Math.max(0, ...lanes.map(lane => lane.lastSeenMs))
  const lastEventMs = Math.max(0, ...lanes.map(lane => lane.lastEventMs))
  const silence = parts.silence.judge(name, lastSeenMs > 0 ? lastSeenMs : undefined, {
    nowMs: Date.now(),
    startedMs: parts.startedMs,
    silentAfterMs: config?.silent_after
  })
  const lastUploadMs = parts.delivery.stats.sources.get(name)?.lastSuccessMs ?? 0
  const lag = mergeLags(lanes.map(lane => lane.lag))
  const service = serviceStatus(parts.delivery, config?.data_source)
  return {
    name,
    dataSource: config?.data_source ?? name,
    appliance: config?.appliance ?? 'auto',
    format: config?.format ?? 'cef',
    frames: {
      received: sum(lanes, lane => lane.frames),
      parsed: ofOutcome('parsed'),
      skipped: ofOutcome('skipped'),
      malformed: ofOutcome('malformed'),
      unidentified: ofOutcome('unidentified'),
      shed: shedFrames
    },
    outcomes,
    records: {
      parsed: sum(lanes, lane => lane.parsed),
      written: sum(lanes, lane => lane.written),
      dropped: sum(dropped, ({ count }) => count),
      recovered: records.recovered.get(name) ?? 0,
      uploaded: (departures.get(name) ?? 0) + (settled.uploaded.get(name) ?? 0),
      // Blocks are appended before the lane's next counts come, so the balance would be off for a moment.
      spooled: (records.spooled.get(name) ?? 0) - parts.pool.uncountedRecords(name),
      setAside: records.setAside.get(name) ?? 0,
      removed: settled.removed.get(name) ?? 0,
      shed: spool.sources.find(({ source }) => source === name)?.shedRecords ?? 0
    },
    dropped,
    corrections: mergeReasons(lanes.flatMap(lane => lane.corrections)),
    receivedBytes: sum(lanes, lane => lane.bytes),
    writtenBytes: sum(lanes, lane => lane.writtenBytes),
    attributes: config?.format === 'raw' ? [] : attributeCounts(lanes, outcomes),
    drift: parts.drift.alarms(name),
    driftsRaised: parts.drift.raised(name),
    lag: { bounds: [...LAG_BOUNDS_SECONDS], counts: lag.counts, sum: lag.sumSeconds },
    ...(Number.isFinite(lag.leastMs) ? { clockSkewSeconds: -lag.leastMs / 1000 } : {}),
    ...(service === undefined ? {} : { service }),
    ...(silence === undefined ? {} : { silence }),
    ...(lastSeenMs > 0 ? { lastSeenMs } : {}),
    ...(lastEventMs > 0 ? { lastEventMs } : {}),
    ...(lastUploadMs > 0 ? { lastUploadMs } : {})
  }
}

function serviceStatus({ streams }: Delivery, dataSource: string | undefined): ServiceStatus | undefined {
  const stream = dataSource === undefined ? undefined : streams.status().get(dataSource)
  if (stream === undefined) return undefined
  const { state, reason, lastDataReceivedMs, files, failedFiles } = stream
  return { state, reason, files, failedFiles, ...(lastDataReceivedMs > 0 ? { lastDataReceivedMs } : {}) }
}

/** With the cost of those that most records lack, in the words of the parser that reads the most. */
function attributeCounts(lanes: readonly LaneSourceStats[], outcomes: readonly OutcomeCount[]): AttributeCount[] {
  const parsers = outcomes.filter(({ outcome }) => outcome === 'parsed').sort((a, b) => b.count - a.count)
  const written = sum(lanes, lane => lane.written)
  const countOf = (attribute: Attribute): number => sum(lanes, lane => lane.attributes[ATTRIBUTES.indexOf(attribute)] ?? 0)
  const isThere = (attribute: Attribute): boolean => written === 0 || countOf(attribute) >= written / 2
  return ATTRIBUTES.map(attribute => {
    const count = countOf(attribute)
    if (isThere(attribute)) return { attribute, count }
    const remedy = remedyFor(parsers[0]!.parser, attribute)
    return { attribute, count, costs: costOf(attribute, isThere), ...(remedy === undefined ? {} : { remedy }) }
  })
}

function mergeOutcomes(lanes: readonly LaneSourceStats[]): OutcomeCount[] {
  const merged = new Map<string, OutcomeCount>()
  const add = (outcome: OutcomeCount['outcome'], parser: string, reason: string, count: number): void => {
    if (count === 0) return
    const key = `${outcome} ${parser} ${reason}`
    const known = merged.get(key)
    if (known === undefined) merged.set(key, { outcome, parser, reason, count })
    else known.count += count
  }
  for (const lane of lanes) {
    add('unidentified', '', 'unidentified', lane.unidentified)
    for (const outcome of lane.outcomes) add(...outcome)
  }
  return [...merged.values()]
}

function mergeReasons(pairs: readonly [string, number][]): ReasonCount[] {
  const merged = new Map<string, number>()
  for (const [reason, count] of pairs) merged.set(reason, (merged.get(reason) ?? 0) + count)
  return [...merged].map(([reason, count]) => ({ reason, count }))
}

// ── spool, upload ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function spoolStatus(config: Config, spool: SegmentSpool): SpoolStatus {
  const stats = spool.stats()
  const { closed, issued, stored, finalising, archived, setAside } = stats.segments
  const counts = stats.sync.buckets.map((upTo, index) => upTo - (stats.sync.buckets[index - 1] ?? 0))
  return {
    dir: config.spool.dir,
    bytes: stats.bytes,
    maxBytes: stats.capacityBytes,
    freeBytes: stats.diskFreeBytes,
    archivedBytes: stats.archivedBytes,
    highWaterBytes: Math.floor(stats.highWaterBytes),
    full: stats.full,
    writable: stats.writable,
    segments: { open: stats.segments.open, closed, issued, stored, finalising, done: archived, 'set-aside': setAside },
    ...(stats.oldestMs === undefined ? {} : { oldestMs: stats.oldestMs }),
    list: [],
    syncs: {
      bounds: [...SYNC_BOUNDS_SECONDS],
      counts: [...counts, stats.sync.count - (stats.sync.buckets.at(-1) ?? 0)],
      sum: stats.sync.sumSeconds
    },
    syncErrors: stats.sync.failed,
    damagedSegments: stats.setAsideTotal,
    unreadSegments: stats.records.unreadSegments,
    unrecoveredSegments: stats.unrecovered.segments,
    unrecoveredBytes: stats.unrecovered.bytes
  }
}

function uploadStatus(delivery: Delivery, spool: SegmentSpool): UploadStatus {
  const { stats, budget } = delivery
  const { pauses, recent, inFlight, waiting } = delivery.uploader.status()
  const sources = [...stats.sources.values()]
  const lastSuccessMs = Math.max(0, ...sources.map(source => source.lastSuccessMs))
  return {
    failing: pauses.length > 0,
    pauses,
    ...(lastSuccessMs > 0 ? { lastSuccessMs } : {}),
    uploadedFiles: sum(sources, source => source.files),
    uploadedBytes: sum(sources, source => source.bytes),
    uploadedRawBytes: sum(sources, source => source.rawBytes),
    attempts: Object.entries(stats.attempts).flatMap(([step, results]) =>
      Object.entries(results).map(([result, count]) => ({ step, result, count }))
    ),
    durations: Object.entries(stats.durations).map(([step, { buckets, sumSeconds }]) => ({
      step,
      histogram: { bounds: [...DURATION_BOUNDS_SECONDS], counts: [...buckets], sum: sumSeconds }
    })),
    recent,
    underWay: inFlight.map(flight => ({ ...flight, step: spool.stepOf(flight.id) })),
    waiting,
    flushIntervalMs: spool.flushIntervalMs,
    inFlight: inFlight.length,
    setAsideFiles: stats.setAside,
    splitFiles: stats.split,
    ambiguousFinalises: stats.ambiguousFinalises,
    requestsPerMinute: budget.requestsPerMinute,
    requestsLeft: budget.left,
    secrets: delivery.secrets,
    ...(delivery.streams.lastLookMs > 0 ? { lastLookMs: delivery.streams.lastLookMs } : {}),
    ...(delivery.streams.lastError === '' ? {} : { lookError: delivery.streams.lastError })
  }
}
