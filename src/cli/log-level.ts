/** `sluice log-level`: shows or changes how much the running collector logs, until its next start. */
import { parseArgs } from 'node:util'
import { isLogLevel, LOG_LEVELS } from '../telemetry/logger.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { EXIT, UsageError, type Verb } from './verb.ts'

export const logLevel: Verb = async (args, io) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' }, url: { type: 'string' }, json: { type: 'boolean' } }
  })
  const [level, ...more] = positionals
  if (more.length > 0 || (level !== undefined && !isLogLevel(level))) throw new UsageError(`expected one of ${LOG_LEVELS.join(', ')}`)
  const target = await adminTarget(values, io)
  try {
    const path = '/api/v1/loglevel'
    const { status, body } = level === undefined ? await askAdmin(target, path) : await askAdmin(target, path, 'PUT', { level })
    if (status !== 200) throw new NoAnswer(`${target.url} answered ${status}`)
    io.stdout.write(values.json ? `${JSON.stringify(body)}\n` : `${(body as { level: string }).level}\n`)
    return EXIT.OK
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    io.stderr.write(`sluice: ${error.message}\n`)
    return EXIT.FAILED
  }
}
