/** `sluice healthcheck`: 0 when the running collector is alive (or ready), for HEALTHCHECK of a container. */
import { parseArgs } from 'node:util'
import type { CheckReport } from '../telemetry/readiness.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { EXIT, type Verb } from './verb.ts'

export const healthcheck: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string', short: 'c' }, url: { type: 'string' }, ready: { type: 'boolean' }, json: { type: 'boolean' } }
  })
  const report = await ask(async () => askAdmin(await adminTarget(values, io), values.ready ? '/ready' : '/health'))
  if (values.json) io.stdout.write(`${JSON.stringify(report)}\n`)
  else for (const { name, ok, detail } of report.checks) if (!ok) io.stderr.write(`${name}: ${detail ?? 'failed'}\n`)
  if (!values.json && report.ok) io.stdout.write('ok\n')
  return report.ok ? EXIT.OK : EXIT.FAILED
}

async function ask(request: () => ReturnType<typeof askAdmin>): Promise<CheckReport> {
  try {
    const { status, body } = await request()
    const report = body as Partial<CheckReport> | null
    if ((status === 200 || status === 503) && Array.isArray(report?.checks)) return { ok: status === 200, checks: report.checks }
    return failed(`it answered ${status}`)
  } catch (error) {
    if (error instanceof NoAnswer) return failed(error.message)
    throw error
  }
}

const failed = (detail: string): CheckReport => ({ ok: false, checks: [{ name: 'admin server', ok: false, detail }] })
