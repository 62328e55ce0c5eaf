/** Reloads of the configuration: one after the other, by whoever asks; a bad file keeps the old one and says so until it is put right. */
import { isDeepStrictEqual } from 'node:util'
import type { ReloadResult } from '../admin/source.ts'
import { ConfigError, formatFaults } from '../config/faults.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { CollectorError } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ConfigStatus } from '../telemetry/status.ts'
import { watchConfig } from './config-watch.ts'

export type ReloadTrigger = 'signal' | 'http' | 'file'

export interface Reloader {
  readonly state: ConfigStatus
  reload(trigger: ReloadTrigger): Promise<ReloadResult>
  /** Refuses reloads from now on; resolves when the one under way is done. */
  close(): Promise<void>
}

export interface ReloaderDeps {
  loaded: LoadedConfig
  /** Loads the configuration again. Throws ConfigError. */
  load(): LoadedConfig
  /** Takes it over, or rejects with CollectorError and goes on as before. */
  apply(config: Config): Promise<void>
  log: Logger
  /** How often the files are looked at. @default 1 s */
  watchIntervalMs?: number
}

export function createReloader({ loaded, load, apply, log, watchIntervalMs }: ReloaderDeps): Reloader {
  const now = Date.now()
  const state: ConfigStatus = {
    ...(loaded.path === undefined ? {} : { path: loaded.path }),
    loadedMs: now,
    lastReloadMs: now,
    lastReloadSucceeded: true,
    messages: []
  }
  let current = loaded.config
  let queue: Promise<unknown> = Promise.resolve()
  let closed = false
  const watch = loaded.config.reload_on_change
    ? watchConfig(() => void reload('file').catch(error => log.error({ err: error }, 'reload failed')), watchIntervalMs)
    : undefined
  watch?.watch(loaded.files)
  watch?.know()

  const reloadOnce = async (trigger: ReloadTrigger): Promise<ReloadResult> => {
    if (closed) return { ok: false, messages: ['the collector is stopping'] }
    state.lastReloadMs = Date.now()
    const result = await attempt(trigger)
    state.lastReloadSucceeded = result.ok
    state.messages = result.messages
    return result
  }
  const attempt = async (trigger: ReloadTrigger): Promise<ReloadResult> => {
    try {
      watch?.know() // before it is read: what changes meanwhile is a change
      const next = load()
      watch?.watch(next.files)
      await apply(next.config)
      if (next.config.log.level !== current.log.level) log.level = next.config.log.level
      const messages = [...formatFaults(next.path ?? '(defaults)', next.warnings), ...needsRestart(loaded.config, next.config)]
      current = next.config
      state.loadedMs = state.lastReloadMs
      log.info({ trigger, messages }, 'configuration reloaded')
      return { ok: true, messages }
    } catch (error) {
      state.lastReloadSucceeded = false
      if (!(error instanceof CollectorError)) throw error
      const messages = error instanceof ConfigError ? formatFaults(error.file, error.faults) : [error.message]
      log.error({ trigger, code: error.code, messages }, 'configuration not reloaded; the old one goes on')
      return { ok: false, messages }
    }
  }
  const reload = (trigger: ReloadTrigger): Promise<ReloadResult> => {
    const result = queue.then(() => reloadOnce(trigger))
    queue = result.catch(() => undefined)
    return result
  }
  const close = async (): Promise<void> => {
    closed = true
    watch?.close()
    await queue
  }
  return { state, reload, close }
}

/** What is taken up once, at the start, and differs from what was. */
function needsRestart(started: Config, next: Config): string[] {
  const parts = (config: Config): Record<string, unknown> => ({
    admin: config.admin,
    archive: config.archive,
    lanes: config.lanes,
    'log.format': config.log.format,
    reload_on_change: config.reload_on_change,
    spool: config.spool,
    // Credentials are taken over as long as they are for the same tenant.
    tenant: { ...config.tenant, auth: undefined },
    'upload.concurrency': config.upload.concurrency,
    'upload.requests_per_minute': config.upload.requests_per_minute,
    'upload.timeout': config.upload.timeout
  })
  const [before, after] = [parts(started), parts(next)]
  return Object.keys(after)
    .filter(key => !isDeepStrictEqual(before[key], after[key]))
    .map(key => `${key}: changed; takes effect at the next start`)
}
