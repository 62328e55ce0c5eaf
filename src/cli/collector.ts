/**
 * A running collector: pipeline, admin server and what connects them. Knows no process and no signal, so that tests can run it
 * with a pipeline of their own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startAdmin } from '../admin/server.ts'
import type { AdminSource, ReloadResult } from '../admin/source.ts'
import { parseListen } from '../config/listen.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { LogRing } from '../telemetry/log-ring.ts'
import { isLogLevel, type Logger } from '../telemetry/logger.ts'
import { type CheckReport, healthOf } from '../telemetry/readiness.ts'
import { createMetrics } from '../telemetry/registry.ts'
import type { ConfigStatus, PipelineStatus, RejectedSample } from '../telemetry/status.ts'
import { judged } from '../telemetry/verdict.ts'
import { createReloader, type ReloadTrigger } from './reloader.ts'

/** What the collector needs of the pipeline; `startPipeline` of pipeline.ts returns more. */
export interface RunningPipeline {
  status(): PipelineStatus
  ready(): CheckReport
  /** Frames that gave no record, newest last. */
  samples(): RejectedSample[]
  /** Shows single frames; undefined when too many watch already. */
  watch: AdminSource['watch']
  /** Lets an archived or set-aside segment be uploaded again; rejects with SEGMENT_DAMAGED or SPOOL_IO. */
  replay(id: string): Promise<void>
  /** Takes over what can change while running; rejects with CollectorError and goes on as before when it cannot. */
  reload(config: Config): Promise<void>
  /** Stops receivers, commits what arrived, and ends within the deadline. */
  stop(deadlineMs: number): Promise<void>
}

export interface CollectorDeps {
  loaded: LoadedConfig
  /** Loads the configuration again. Throws ConfigError. */
  load(): LoadedConfig
  log: Logger
  version: string
  /** Where the log keeps its last lines; without it none are shown. */
  ring?: LogRing
  startPipeline(config: Config, deps: { log: Logger; version: string }): Promise<RunningPipeline>
  /** How often the files of the configuration are looked at. @default 1 s */
  watchIntervalMs?: number
}

export interface Collector {
  /** Base URL of the admin server. */
  readonly adminUrl: string
  status(): PipelineStatus
  reload(trigger: ReloadTrigger): Promise<ReloadResult>
  stop(deadlineMs: number): Promise<void>
}

/** Starts pipeline and admin server. Rejects with CollectorError; then nothing runs. */
export async function startCollector(deps: CollectorDeps): Promise<Collector> {
  const { log, loaded, version } = deps
  const pipeline = await deps.startPipeline(loaded.config, { log, version })
  const reloading = createReloader({ ...deps, apply: config => pipeline.reload(config) })
  const status = (): PipelineStatus => withConfig(pipeline.status(), reloading.state)
  const metrics = createMetrics(status)
  const source: AdminSource = {
    status,
    health: () => healthOf(pipeline.status()),
    ready: () => pipeline.ready(),
    samples: () => pipeline.samples(),
    watch: (filter, onSample) => pipeline.watch(filter, onSample),
    replay: id => pipeline.replay(id),
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.scrape() }),
    recentLog: () => deps.ring?.text() ?? '',
    get logLevel() {
      return isLogLevel(log.level) ? log.level : 'info'
    },
    set logLevel(level) {
      log.level = level
      log.info({ level }, 'log level changed')
    },
    reload: () => reloading.reload('http')
  }
  const { admin } = loaded.config
  const server = await startAdmin(source, { ...parseListen(admin.listen), token: admin.token, hosts: admin.hosts }).catch(async error => {
    await reloading.close()
    await pipeline.stop(5000)
    throw error
  })
  return {
    adminUrl: server.url,
    status,
    reload: reloading.reload,
    async stop(deadlineMs) {
      const startedMs = Date.now()
      // A reload half done would start again what the stop has just ended.
      await Promise.race([reloading.close(), sleep(deadlineMs / 2, undefined, { ref: false })])
      // The admin server goes last: whoever watches sees the end of the stop.
      await pipeline.stop(leftOf(deadlineMs, startedMs)).finally(() => server.close())
    }
  }
}

/** Whole tenths of a second, so that shares of it are still whole milliseconds, as timers want them. */
const leftOf = (deadlineMs: number, startedMs: number): number =>
  Math.max(0, Math.ceil((deadlineMs - (Date.now() - startedMs)) / 100) * 100)

const withConfig = (status: PipelineStatus, config: ConfigStatus): PipelineStatus => judged({ ...status, config })
