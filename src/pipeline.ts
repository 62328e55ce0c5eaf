/**
 * The hallway: the only place that knows every room, in the order of the walk.
 *
 *   receivers ─▶ intakes (framing) ─▶ lanes (identify ─▶ parse ─▶ process ─▶ encode) ─▶ outlet ─▶ spool ─▶ upload ─▶ tenant
 *
 * Bytes enter on this thread, lines are worked on in the lanes, blocks come back to this thread and go to the disk.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config/schema.ts'
import { chooseDeflater } from './encode/deflate.ts'
import { judgeSample } from './explain/sample-verdict.ts'
import { autoLanes } from './lanes/lane.ts'
import type { LaneSpec } from './lanes/messages.ts'
import { LanePool } from './lanes/pool.ts'
import { collectGarbage, trimMalloc } from './lib/give-back.ts'
import { forgetProgramPages } from './lib/program-pages.ts'
import { loadParsers } from './parse/load.ts'
import { type Archive, startArchive } from './pipeline/archive.ts'
import { CalmWatch } from './pipeline/calm.ts'
import { type Delivery, prepareDelivery } from './pipeline/delivery.ts'
import { DriftWatch } from './pipeline/drift.ts'
import { FlushPace } from './pipeline/flush-pace.ts'
import { Intakes } from './pipeline/intakes.ts'
import { laneSpec, preludesOf } from './pipeline/lane-spec.ts'
import { Outlet } from './pipeline/outlet.ts'
import { ReceiverSet } from './pipeline/receiver-set.ts'
import { planReceivers, type ReceiverPlan } from './pipeline/receivers.ts'
import { SegmentList } from './pipeline/segment-list.ts'
import { SilenceWatch } from './pipeline/silence.ts'
import { SourceBinding } from './pipeline/source-binding.ts'
import { pipelineStatus } from './pipeline/status.ts'
import { Taps } from './pipeline/taps.ts'
import { REJECTS } from './process/finalize.ts'
import { SegmentSpool } from './spool/spool.ts'
import type { Logger } from './telemetry/logger.ts'
import { type CheckReport, readinessOf } from './telemetry/readiness.ts'
import type { PipelineStatus, ReasonCount, RejectedSample } from './telemetry/status.ts'

export interface Pipeline {
  status(): PipelineStatus
  ready(): CheckReport
  /** Frames that gave no record, newest last; bounded. */
  samples(): RejectedSample[]
  /** Shows single frames to somebody who watches, as `Taps` says. */
  watch: Taps['watch']
  /** Lets an archived or set-aside segment be uploaded again; rejects with SEGMENT_DAMAGED or SPOOL_IO. */
  replay(id: string): Promise<void>
  /**
   * Takes over what can change while running: receivers, sources, filters, privacy, formats, flush interval. Rejects with
   * CollectorError when a receiver cannot be had, and goes on as before.
   */
  reload(config: Config): Promise<void>
  /** Stops receivers, commits what arrived, and ends within the deadline. */
  stop(deadlineMs: number): Promise<void>
}

/** How often a look is taken at the shape of each source's lines, and at whether it is calm. */
const DRIFT_INTERVAL_MS = 5000
/** What lanes take to collect their garbage, with room. */
const LANES_REST_MS = 500
/** Segments set aside by earlier runs that the log names one by one at the start. */
const SET_ASIDE_NAMED_MAX = 20
/** Part of the deadline that receivers get; the rest is for lanes, disk and uploads under way. */
const RECEIVERS_SHARE = 0.5
/** Part of the deadline that the archive gets for what is under way; what it has is durable long before. */
const ARCHIVE_SHARE = 0.3

/** Starts everything, receivers last. Rejects with CollectorError when something can not be had; then nothing runs. */
export async function startPipeline(config: Config, deps: { log: Logger; version: string }): Promise<Pipeline> {
  const running = new RunningPipeline(config, deps)
  try {
    await running.start()
  } catch (error) {
    await running.stop(2000)
    throw error
  }
  return running
}

class RunningPipeline implements Pipeline {
  readonly #log: Logger
  readonly #version: string
  readonly #startedMs = Date.now()
  #config: Config
  #preludes: ReadonlyMap<string, Buffer>
  #spool: SegmentSpool | undefined
  #pool: LanePool | undefined
  #intakes: Intakes | undefined
  #delivery: Delivery | undefined
  #archive: Archive | undefined
  #pace: FlushPace | undefined
  #receivers: ReceiverSet | undefined
  readonly #taps = new Taps(filters => this.#pool?.watch(filters))
  readonly #drift = new DriftWatch()
  readonly #silence = new SilenceWatch()
  readonly #calm = new CalmWatch()
  #segments: SegmentList | undefined
  #driftTimer: NodeJS.Timeout | undefined

  constructor(config: Config, deps: { log: Logger; version: string }) {
    this.#config = config
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
    await this.#nameSetAside(spool)
    this.#archive = startArchive(config, this.#preludes, log.child({ part: 'archive' }))
    const outlet = new Outlet(spool, this.#archive)
    this.#pool = await this.#startLanes(config, outlet)
    const { library, description } = chooseDeflater('auto')
    log.info({ deflate: library }, `compression: ${description}`)
    this.#delivery = await prepareDelivery(config, spool, { log: log.child({ part: 'upload' }), version: this.#version })
    this.#pace = new FlushPace(spool, this.#delivery.budget, config.upload.flush_interval)
    this.#delivery.start()
    await this.#archive?.opened()
    const intakes = new Intakes({
      pool: this.#pool,
      outlet,
      binding: new SourceBinding(config.sources),
      commitIntervalMs: config.spool.commit_interval
    })
    this.#intakes = intakes
    this.#receivers = new ReceiverSet(intakes, log.child({ part: 'receiver' }))
    await this.#receivers.start(this.#planReceivers(config))
    this.#driftTimer = setInterval(() => {
      this.#watchDrift()
      if (this.#calm.observe(intakes.counts.bytes)) this.#rest()
    }, DRIFT_INTERVAL_MS).unref()
  }

  #planReceivers(config: Config): ReceiverPlan[] {
    return planReceivers(config.receivers, {
      log: this.#log.child({ part: 'receiver' }),
      isFull: () => this.#spool!.full,
      onFullChange: listener => {
        if (this.#spool!.full) listener(true)
        return this.#spool!.onFullChange(listener)
      },
      sources: config.sources.map(({ name }) => name)
    })
  }

  #laneSpec(config: Config): LaneSpec {
    return laneSpec(config, source => this.#archive?.takesLinesOf(source) ?? false)
  }

  #startLanes(config: Config, outlet: Outlet): Promise<LanePool> {
    const lanes = typeof config.lanes === 'number' ? config.lanes : autoLanes()
    return LanePool.start(lanes, this.#laneSpec(config), () => loadParsers(), {
      onBlocks: blocks => outlet.put(blocks),
      onTaps: samples => this.#taps.hand(samples),
      onLaneFailure: (lane, error, lostFrames) =>
        this.#log.error({ lane, err: error, lostFrames }, `lane ${lane} ended; it is started again`)
    })
  }

  /**
   * Segments that are set aside are told of at each start: a process that was killed may not have come to it, and they wait for a
   * person.
   */
  async #nameSetAside({ reader }: SegmentSpool): Promise<void> {
    const ids = await reader.ids('set-aside')
    for (const id of ids.slice(0, SET_ASIDE_NAMED_MAX)) {
      const { source, recordCount: records, reason } = (await reader.segment(id, ['set-aside'])) ?? {}
      this.#log.warn({ segment: id, source, records, reason }, 'a segment is set aside; see sluice spool ls')
    }
    if (ids.length > SET_ASIDE_NAMED_MAX) this.#log.warn({ segments: ids.length }, 'more segments are set aside; see sluice spool ls')
  }

  status(): PipelineStatus {
    return pipelineStatus({
      version: this.#version,
      startedMs: this.#startedMs,
      config: this.#config,
      receivers: this.#receivers!.status(),
      pool: this.#pool!,
      intakes: this.#intakes!,
      spool: this.#spool!,
      delivery: this.#delivery!,
      archive: this.#archive,
      drift: this.#drift,
      silence: this.#silence,
      segments: this.#segments!
    })
  }

  ready(): CheckReport {
    return readinessOf(this.status())
  }

  samples(): RejectedSample[] {
    return this.#pool!.stats()
      .flatMap(({ stats }) => stats.flatMap(life => life.samples))
      .sort((a, b) => a.atMs - b.atMs)
      .map(sample => ({ ...sample, ...judgeSample(sample) }))
  }

  async replay(id: string): Promise<void> {
    const spool = this.#spool!
    const segment = await spool.reader.segment(id, ['archive', 'set-aside'])
    await spool.replay(id)
    if (segment === undefined) return
    this.#log.info({ segment: id, source: segment.source, records: segment.recordCount }, 'a segment is uploaded again')
  }

  watch: Taps['watch'] = (filter, onSample) => this.#taps.watch(filter, onSample)

  /** After a load: lanes first, since malloc is the same for all threads. */
  #rest(): void {
    this.#pool!.rest()
    setTimeout(() => {
      collectGarbage()
      trimMalloc()
      forgetProgramPages()
    }, LANES_REST_MS).unref()
  }

  #watchDrift(): void {
    for (const { name, frames, records, attributes, dropped, lastSeenMs } of this.status().sources) {
      this.#silence.observe(name, lastSeenMs)
      this.#drift.observe(
        name,
        {
          parsed: frames.parsed,
          rejected: frames.malformed + frames.unidentified + rejectedOf(dropped),
          written: records.written,
          attributes
        },
        Date.now()
      )
    }
  }

  /**
   * Old receivers go before their sources, new ones come after theirs, so that no line meets a source that is not its own. What can
   * be tried beforehand is; what fails nevertheless is undone.
   */
  async reload(config: Config): Promise<void> {
    const before = this.#config
    await this.#pool!.check(this.#laneSpec(config))
    const receivers = this.#receivers!.change(this.#planReceivers(config))
    await receivers.probe()
    await receivers.stopOld()
    try {
      await this.#configureLanes(config)
      await receivers.startNew()
    } catch (error) {
      await this.#configureLanes(before)
      await receivers.undo()
      throw error
    }
    this.#pace!.configure(config.upload.flush_interval)
    this.#delivery!.configure(config)
  }

  async #configureLanes(config: Config): Promise<void> {
    const isSame =
      isDeepStrictEqual(this.#laneSpec(config), this.#laneSpec(this.#config)) && isDeepStrictEqual(config.sources, this.#config.sources)
    const use = (): void => {
      this.#config = config
      this.#preludes = preludesOf(config)
      this.#archive?.configure(this.#preludes)
    }
    if (isSame) use()
    else await this.#intakes!.reconfigure(this.#laneSpec(config), new SourceBinding(config.sources), use)
  }

  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#driftTimer)
    this.#pace?.stop()
    const deadline = AbortSignal.timeout(deadlineMs)
    const receivers = AbortSignal.any([deadline, AbortSignal.timeout(Math.floor(deadlineMs * RECEIVERS_SHARE))])
    await this.#receivers?.stop(receivers)
    try {
      await this.#intakes?.stop()
    } finally {
      await this.#pool?.stop()
      await Promise.all([this.#delivery?.stop(deadline), this.#archive?.stop(deadlineMs * ARCHIVE_SHARE)])
      await this.#spool?.close()
    }
  }
}

/** Records that lack what every record must have. */
const rejectedOf = (dropped: readonly ReasonCount[]): number =>
  dropped.filter(({ reason }) => (REJECTS as readonly string[]).includes(reason)).reduce((sum, { count }) => sum + count, 0)

const NO_PRELUDE = Buffer.alloc(0)
