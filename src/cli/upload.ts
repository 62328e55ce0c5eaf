/**
 * `sluice upload`: old logs into a data source or a snapshot report. Ends when everything is uploaded, or says what waits; Ctrl-C
 * leaves a state that the same command goes on from.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseDuration } from '../config/durations.ts'
import { suggest } from '../config/suggest.ts'
import { packageVersion } from '../lib/package-root.ts'
import { STREAM_NAME_PATTERN } from '../lib/source-strings.ts'
import { type BackfillOptions, backfill } from '../pipeline/backfill.ts'
import { createLogger } from '../telemetry/logger.ts'
import { loadForVerb } from './load-for-verb.ts'
import { UploadProgressView } from './upload-progress.ts'
import { isComplete, reportText } from './upload-report.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

export const upload: Verb = async (args, io) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      source: { type: 'string' },
      snapshot: { type: 'string' },
      again: { type: 'boolean', default: false },
      wait: { type: 'string', default: '10m' },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false }
    }
  })
  if (positionals.length === 0) throw new UsageError('upload takes at least one FILE')
  if (positionals.includes('-')) throw new UsageError('upload reads files, not standard input: it reads each twice')
  const { snapshot } = values
  if (snapshot !== undefined && !STREAM_NAME_PATTERN.test(snapshot))
    throw new UsageError(`--snapshot is ${JSON.stringify(snapshot)}, expected 1 to 64 of A-Z a-z 0-9 _ -`)
  const waitMs = readWait(values.wait)
  const { config } = loadForVerb(values.config, io)
  const names = config.sources.map(({ name }) => name)
  const source = readSource(values.source, names)
  const target =
    snapshot === undefined ? `data source ${config.sources.find(({ name }) => name === source)!.data_source}` : `snapshot ${snapshot}`
  const view = new UploadProgressView(io.stderr)
  const reports = await untilInterrupted(io, signal =>
    backfill({
      config,
      source,
      files: positionals.map(file => resolve(io.cwd, file)),
      snapshot,
      again: values.again,
      waitMs,
      signal,
      log: createLogger({ level: 'warn', format: config.log.format, destination: io.stderr }),
      version: packageVersion(),
      onProgress: progress => view.show(progress),
      onFile: report => {
        view.clear()
        if (!values.json) io.stdout.write(reportText(report, target))
      }
    } satisfies BackfillOptions)
  )
  if (values.json) io.stdout.write(`${JSON.stringify({ source, target, complete: isComplete(reports), files: reports })}\n`)
  return isComplete(reports) ? EXIT.OK : EXIT.FAILED
}

function readWait(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new UsageError(`--wait is ${JSON.stringify(text)}: ${(error as Error).message}`)
  }
}

function readSource(given: string | undefined, names: readonly string[]): string {
  const known = `configured: ${names.join(', ')}`
  if (given === undefined) {
    if (names.length === 1) return names[0]!
    throw new UsageError(`--source NAME is needed; ${known}`)
  }
  if (names.includes(given)) return given
  const near = suggest(given, names)
  throw new UsageError(`there is no source ${JSON.stringify(given)}${near === undefined ? '' : `; did you mean "${near}"?`}; ${known}`)
}

/** SIGINT and SIGTERM end the work where it can go on later; a second one ends the process at once, which is as safe. */
async function untilInterrupted<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.FAILED)
    io.stderr.write('\nsluice: stopping; the same command goes on later\n')
    stop.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal)
  try {
    return await work(stop.signal)
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal)
  }
}
