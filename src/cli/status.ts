/** `sluice status`: what the running collector does, on one screen. Exit code 0 only when it is healthy. */
import { parseArgs } from 'node:util'
import type { PipelineStatus } from '../telemetry/status.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { statusScreen } from './status-screen.ts'
import { EXIT, type Verb } from './verb.ts'

export const status: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string', short: 'c' }, url: { type: 'string' }, json: { type: 'boolean' } }
  })
  const target = adminTarget(values, io)
  try {
    const { status: code, body } = await askAdmin(target, '/api/v1/status')
    if (code !== 200)
      throw new NoAnswer(`${target.url} answered ${code}: ${(body as { message?: string } | null)?.message ?? 'no reason given'}`)
    const report = body as PipelineStatus
    io.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${statusScreen(report, Date.now())}\n`)
    return report.state === 'healthy' ? EXIT.OK : EXIT.FAILED
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    if (values.json) io.stdout.write(`${JSON.stringify({ state: 'unreachable', reasons: [error.message] })}\n`)
    else io.stderr.write(`sluice: ${error.message}\n`)
    return EXIT.FAILED
  }
}
