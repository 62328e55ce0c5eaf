/** `sluice run`: the collector, until SIGTERM or SIGINT. SIGHUP reloads the configuration. */
import { parseArgs } from 'node:util'
import { forgetStart, trimMalloc } from '../lib/give-back.ts'
import { packageVersion } from '../lib/package-root.ts'
import { forgetProgramPages } from '../lib/program-pages.ts'
import { LogRing } from '../telemetry/log-ring.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import type { PipelineStatus } from '../telemetry/status.ts'
import { type Collector, startCollector } from './collector.ts'
import { loadForVerb } from './load-for-verb.ts'
import { untilStopped } from './signals.ts'
import type { Io, Verb } from './verb.ts'

/** The stop as a whole, and how much of it the pipeline gets. */
const STOP_DEADLINE_MS = 10_000
const PIPELINE_STOP_DEADLINE_MS = 8000
/** From the start until nothing of it is going on any more. */
const SETTLED_MS = 5000

export const run: Verb = async (args, io) => {
  const { values } = parseArgs({ args, options: { config: { type: 'string', short: 'c' } } })
  return runUntilStopped(values.config, io)
}

/** Runs the collector by the configuration at `path` (default places when undefined) until a signal; resolves to the exit code. */
export async function runUntilStopped(path: string | undefined, io: Io, onReady?: (log: Logger) => void): Promise<number> {
  const load = () => loadForVerb(path, io)
  const loaded = load()
  const ring = new LogRing()
  const log = createLogger({ level: loaded.config.log.level, format: loaded.config.log.format, destination: io.stdout, ring })
  for (const { path, line, column, message } of loaded.warnings) log.warn({ path, line, column }, message)
  const { startPipeline } = await import('../pipeline.ts')
  const version = packageVersion()
  const starting = startCollector({ loaded, load, log, ring, version, startPipeline })
  // Before the start is done, so that a signal in its middle stops gracefully too.
  const stopped = untilStopped({
    deadlineMs: STOP_DEADLINE_MS,
    async stop(signal) {
      log.info({ signal }, 'stopping: receivers first, then what arrived is committed')
      const collector = await starting
      await collector.stop(PIPELINE_STOP_DEADLINE_MS)
      log.info(summary(collector.status()), 'stopped')
    },
    // A reload answers with its result and logs it; only a bug rejects.
    reload: () => void starting.then(collector => collector.reload('signal')).catch(error => log.error({ err: error }, 'reload failed')),
    onProblem: (message, error) => log.error({ err: error }, message)
  })
  announce(log, await starting, loaded.path)
  onReady?.(log)
  forgetStart()
  giveBack()
  // Compilers in the background and what happens once are done by then.
  setTimeout(giveBack, SETTLED_MS).unref()
  return stopped
}

/** Takes a few milliseconds. */
function giveBack(): void {
  trimMalloc()
  forgetProgramPages()
}

/** One line per thing a newcomer looks for; where it listens has been said. */
function announce(log: Logger, collector: Collector, path: string | undefined): void {
  const { version, sources, tenant, lanes, spool } = collector.status()
  log.info({ version, config: path ?? 'defaults', lanes: lanes.length, spool: spool.dir }, `Sluice ${version} is running`)
  for (const { name, dataSource, appliance, format } of sources) log.info({ dataSource, appliance, format }, `source: ${name}`)
  log.info({ url: `${collector.adminUrl}/` }, `page: ${collector.adminUrl}/`)
  log.info({ url: `${collector.adminUrl}/metrics` }, `metrics: ${collector.adminUrl}/metrics`)
  const place = tenant.kind === 'local' ? `the local tenant ${tenant.url}, which keeps the files in ${tenant.dir}` : tenant.url
  log.info({ tenant: tenant.url, ...(tenant.dir === undefined ? {} : { dir: tenant.dir }) }, `uploads: to ${place}`)
}

function summary({ balance }: PipelineStatus): object {
  return { frames: balance.frames, records: balance.records, delivery: balance.delivery }
}
