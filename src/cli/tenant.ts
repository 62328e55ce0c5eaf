/** `sluice tenant`: the local tenant alone, until SIGTERM or SIGINT. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type ListenAddress, parseListen } from '../config/listen.ts'
import { createLogger } from '../telemetry/logger.ts'
import { untilStopped } from './signals.ts'
import { UsageError, type Verb } from './verb.ts'

const STOP_DEADLINE_MS = 10_000

export const tenant: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: {
      dir: { type: 'string', default: './data/tenant' },
      listen: { type: 'string', default: '127.0.0.1:9601' },
      json: { type: 'boolean' }
    }
  })
  const log = createLogger({ format: values.json ? 'json' : 'auto', destination: io.stdout })
  const { startTenant } = await import('../tenant/tenant.ts')
  const dir = resolve(io.cwd, values.dir)
  const running = await startTenant({ dir, ...address(values.listen), log })
  log.info({ url: running.url, dir }, `local tenant: ${running.url}, files in ${dir}`)
  return untilStopped({
    deadlineMs: STOP_DEADLINE_MS,
    stop: () => running.close(),
    onProblem: (message, error) => log.error({ err: error }, message)
  })
}

function address(text: string): ListenAddress {
  try {
    return parseListen(text)
  } catch (error) {
    throw new UsageError(`--listen: ${(error as Error).message}`)
  }
}
