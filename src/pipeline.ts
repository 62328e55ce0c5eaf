/**
 * The hallway: the only place that knows every room, in the order of the walk.
 *
 *   receivers ─▶ intakes (framing) ─▶ lanes (identify ─▶ parse ─▶ process ─▶ encode) ─▶ spool ─▶ upload ─▶ tenant
 *
 * Bytes enter on this thread, lines are worked on in the lanes, blocks come back to this thread and go to the disk.
 */
import type { Config } from './config/schema.ts'
import type { Block, Parser, Receiver } from './contracts.ts'
import { chooseDeflater } from './encode/deflate.ts'
import { judgeSample } from './explain/sample-verdict.ts'
import { autoLanes } from './lanes/lane.ts'
import type { LaneStats } from './lanes/messages.ts'
import { LanePool } from './lanes/pool.ts'
import { loadParsers } from './parse/load.ts'
import { type Delivery, prepareDelivery } from './pipeline/delivery.ts'
import { DriftWatch } from './pipeline/drift.ts'
import { Intakes } from './pipeline/intakes.ts'
import { laneSpec, preludesOf } from './pipeline/lane-spec.ts'
import { createReceivers } from './pipeline/receivers.ts'
import { SegmentList } from './pipeline/segment-list.ts'
import { SilenceWatch } from './pipeline/silence.ts'
import { SourceBinding } from './pipeline/source-binding.ts'
import { pipelineStatus } from './pipeline/status.ts'
import { REJECTS } from './process/finalize.ts'
import { SegmentSpool } from './spool/spool.ts'
import type { Logger } from './telemetry/logger.ts'
import { type CheckReport, NO_SOURCE, type PipelineStatus, type ReasonCount, type RejectedSample, readinessOf } from './telemetry/status.ts'

export interface Pipeline {
  status(): PipelineStatus
  ready(): CheckReport
  /** Frames that gave no record, newest last; bounded. */
  samples(): RejectedSample[]
  /** Lets an archived or set-aside segment be uploaded again; rejects with SEGMENT_DAMAGED or SPOOL_IO. */
  replay(id: string): Promise<void>
  /** Takes over what can change while running: sources, filters, privacy, formats. */
  reload(config: Config): Promise<void>
  /** Stops receivers, commits what arrived, and ends within the deadline. */
  stop(deadlineMs: number): Promise<void>
}

/** How often a look is taken at the shape of each source's lines. */
const DRIFT_INTERVAL_MS = 5000
/** Segments set aside by earlier runs that the log names one by one at the start. */
const SET_ASIDE_NAMED_MAX = 20
/** Part of the deadline that receivers get; the rest is for lanes, disk and uploads under way. */
const RECEIVERS_SHARE = 0.5

/** Starts everything, receivers last. Rejects with CollectorError when something can not be had; then nothing runs. */
export async function startPipeline(config: Config, deps: { log: Logger; version: string }): Promise<Pipeline> {
  const parsers = await loadParsers()
  const running = new RunningPipeline(config, parsers, deps)
  try {
    await running.start()
  } catch (error) {
    await running.stop(2000)
    throw error
  }
  return running
}

class RunningPipeline implements Pipeline {
  readonly #parsers: readonly Parser[]
  readonly #log: Logger
  readonly #version: string
  readonly #startedMs = Date.now()
  #config: Config
  #preludes: ReadonlyMap<string, Buffer>
  #spool: SegmentSpool | undefined
  #pool: LanePool | undefined
  #intakes: Intakes | undefined
  #delivery: Delivery | undefined
  #receivers: Receiver[] = []
  /** Counts of lanes that a reload replaced. */
  readonly #past: { sources: string[]; stats: LaneStats }[] = []
  readonly #drift = new DriftWatch()
  readonly #silence = new SilenceWatch()
  #segments: SegmentList | undefined
  #driftTimer: NodeJS.Timeout | undefined
  readonly #recovered = new Map<string, number>()
  readonly #recoveredSetAside = new Map<string, number>()

  constructor(config: Config, parsers: readonly Parser[], deps: { log: Logger; version: string }) {
    this.#config = config
    this.#parsers = parsers
    this.#log = deps.log
    this.#version = deps.version
    this.#preludes = preludesOf(config)
  }

  async start(): Promise<void> {
    const config = this.#config
    const log = this.#log
    const spool = await SegmentSpool.open({
      dir: config.spool.dir,
      maxBytes: config.spool.max_bytes,
      highWater: config.spool.high_water,
      lowWater: config.spool.low_water,
      diskReserveBytes: config.spool.min_free_bytes,
      segmentMaxBytes: config.spool.segment_max_bytes,
      segmentMaxRawBytes: config.spool.segment_max_raw_bytes,
      flushIntervalMs: config.upload.flush_interval,
      commitIntervalMs: config.spool.commit_interval,
      archiveCount: config.spool.archive_segments,
      archiveMaxBytes: config.spool.archive_max_bytes,
      archiveMaxAgeMs: config.spool.archive_max_age,
      preludes: (source, format) => this.#preludes.get(`${source} ${format}`) ?? NO_PRELUDE,
      log: log.child({ part: 'spool' })
    })
    this.#spool = spool
    this.#segments = new SegmentList(spool)
    await this.#countRecovered(spool)
    this.#pool = await this.#startLanes(config, blocks => this.#intakes!.append(blocks))
    const { library, description } = chooseDeflater('auto')
    log.info({ deflate: library }, `compression: ${description}`)
    this.#delivery = await prepareDelivery(config, spool, { log: log.child({ part: 'upload' }), version: this.#version })
    this.#delivery.start()
    const intakes = new Intakes({ pool: this.#pool, spool, binding: new SourceBinding(config.sources) })
    this.#intakes = intakes
    const sources = config.sources.map(({ name }) => name)
    const needs = { log: log.child({ part: 'receiver' }), isFull: () => spool.full, sources }
    for (const receiver of createReceivers(config.receivers, needs)) {
      this.#receivers.push(receiver)
      await receiver.start((peer, framing) => intakes.open(peer, framing))
    }
    this.#driftTimer = setInterval(() => this.#watchDrift(), DRIFT_INTERVAL_MS).unref()
  }

  #startLanes(config: Config, onBlocks: (blocks: Block[]) => void): Promise<LanePool> {
    const lanes = typeof config.lanes === 'number' ? config.lanes : autoLanes()
    return LanePool.start(lanes, laneSpec(config), this.#parsers, {
      onBlocks,
      onLaneFailure: (lane, error, lostFrames) =>
        this.#log.error({ lane, err: error, lostFrames }, `lane ${lane} ended; it is started again`)
    })
  }

  /**
   * What an earlier process left in the spool, so that the balance starts right. Segments that are set aside are told of again: a
   * process that was killed may not have come to it, and they wait for a person.
   */
  async #countRecovered(spool: SegmentSpool): Promise<void> {
    let setAside = 0
    for await (const { id, source, recordCount, step, reason } of spool.reader.list(['open', 'closed', 'set-aside'])) {
      this.#recovered.set(source, (this.#recovered.get(source) ?? 0) + recordCount)
      if (step !== 'set-aside') continue
      this.#recoveredSetAside.set(source, (this.#recoveredSetAside.get(source) ?? 0) + recordCount)
      if (++setAside <= SET_ASIDE_NAMED_MAX)
        this.#log.warn({ segment: id, source, records: recordCount, reason }, 'a segment is set aside; see sluice spool ls')
    }
    if (setAside > SET_ASIDE_NAMED_MAX) this.#log.warn({ segments: setAside }, 'more segments are set aside; see sluice spool ls')
  }

  status(): PipelineStatus {
    return pipelineStatus({
      version: this.#version,
      startedMs: this.#startedMs,
      config: this.#config,
      receivers: this.#receivers.flatMap(receiver => receiver.status()),
      past: this.#past,
      pool: this.#pool!,
      intakes: this.#intakes!,
      spool: this.#spool!,
      delivery: this.#delivery!,
      drift: this.#drift,
      silence: this.#silence,
      segments: this.#segments!,
      recovered: this.#recovered,
      recoveredSetAside: this.#recoveredSetAside
    })
  }

  ready(): CheckReport {
    return readinessOf(this.status())
  }

  samples(): RejectedSample[] {
    const names = this.#config.sources.map(({ name }) => name)
    return this.#pool!.stats()
      .flatMap(({ stats }) => stats.flatMap(life => life.samples))
      .sort((a, b) => a.atMs - b.atMs)
      .map(sample => ({ ...sample, source: names[sample.source] ?? NO_SOURCE, ...judgeSample(sample) }))
  }

  async replay(id: string): Promise<void> {
    const spool = this.#spool!
    const segment = await spool.reader.segment(id, ['archive', 'set-aside'])
    await spool.replay(id)
    if (segment === undefined) return
    // It enters the balance once more; it left it when it was uploaded or set aside.
    this.#recovered.set(segment.source, (this.#recovered.get(segment.source) ?? 0) + segment.recordCount)
    this.#log.info({ segment: id, source: segment.source, records: segment.recordCount }, 'a segment is uploaded again')
  }

  #watchDrift(): void {
    for (const { name, frames, attributes, dropped, lastSeenMs } of this.status().sources) {
      this.#silence.observe(name, lastSeenMs)
      this.#drift.observe(
        name,
        { parsed: frames.parsed, rejected: frames.malformed + frames.unidentified + rejectedOf(dropped), attributes },
        Date.now()
      )
    }
  }

  /** New lanes take over with the new sources; the old ones finish what they have. Receivers and their connections stay. */
  async reload(config: Config): Promise<void> {
    // Blocks of the new lanes wait for the last ones of the old, whose rows may belong under another head of file.
    let held: Block[] | undefined = []
    const next = await this.#startLanes(config, blocks => {
      if (held === undefined) this.#intakes!.append(blocks)
      else held.push(...blocks)
    })
    await this.#intakes!.replaceLanes(next, new SourceBinding(config.sources), () => {
      const before = this.#pool!
      const names = this.#config.sources.map(({ name }) => name)
      for (const { stats } of before.stats()) for (const life of stats) this.#past.push({ sources: names, stats: life })
      this.#pool = next
      this.#config = config
      this.#preludes = preludesOf(config)
      const waiting = held!
      held = undefined
      this.#intakes!.append(waiting)
      void before.stop()
    })
    this.#spool!.flushIntervalMs = config.upload.flush_interval
    this.#delivery!.configure(config)
  }

  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#driftTimer)
    const deadline = AbortSignal.timeout(deadlineMs)
    const receivers = AbortSignal.any([deadline, AbortSignal.timeout(Math.floor(deadlineMs * RECEIVERS_SHARE))])
    await Promise.all(this.#receivers.map(receiver => receiver.stop(receivers)))
    try {
      await this.#intakes?.stop()
    } finally {
      await this.#pool?.stop()
      await this.#delivery?.stop(deadline)
      await this.#spool?.close()
    }
  }
}

/** Records that lack what every record must have. */
const rejectedOf = (dropped: readonly ReasonCount[]): number =>
  dropped.filter(({ reason }) => (REJECTS as readonly string[]).includes(reason)).reduce((sum, { count }) => sum + count, 0)

const NO_PRELUDE = Buffer.alloc(0)
