/** `sluice status`: does data reach the tenant, and what the running collector does, on one screen. Exit code 0 only when nothing is wrong. */
import { parseArgs } from 'node:util'
import type { PipelineStatus } from '../telemetry/status.ts'
import type { Verdict } from '../telemetry/verdict.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { paintFor } from './paint.ts'
import { statusScreen } from './status-screen.ts'
import { EXIT, type Verb } from './verb.ts'

/** What the page shows, without the past: no point of the history is newer. */
const OVERVIEW = `/api/v1/overview?since=${Number.MAX_SAFE_INTEGER}`

export const status: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string', short: 'c' }, url: { type: 'string' }, json: { type: 'boolean' } }
  })
  const target = await adminTarget(values, io)
  try {
    const { status: code, body } = await askAdmin(target, OVERVIEW)
    if (code !== 200)
      throw new NoAnswer(`${target.url} answered ${code}: ${(body as { message?: string } | null)?.message ?? 'no reason given'}`)
    const { status: report, verdict, nowMs } = body as { status: PipelineStatus; verdict: Verdict; nowMs: number }
    io.stdout.write(values.json ? `${JSON.stringify({ ...report, verdict })}\n` : `${statusScreen(report, verdict, nowMs, paintFor(io))}\n`)
    return verdict.findings.length === 0 ? EXIT.OK : EXIT.FAILED
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    if (values.json) io.stdout.write(`${JSON.stringify({ state: 'unreachable', reasons: [error.message] })}\n`)
    else io.stderr.write(`sluice: ${error.message}\n`)
    return EXIT.FAILED
  }
}
