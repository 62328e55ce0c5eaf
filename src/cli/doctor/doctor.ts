/** `sluice doctor`: looks at all that a collector needs, each finding with what to do about it. Fails when one of them does. */
import { parseArgs } from 'node:util'
import { formatFaults } from '../../config/faults.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { PipelineStatus } from '../../telemetry/status.ts'
import { type AdminTarget, adminTarget, askAdmin, NoAnswer } from '../admin-client.ts'
import { loadForVerb } from '../load-for-verb.ts'
import { type Paint, paintFor } from '../paint.ts'
import { visible } from '../text-output.ts'
import { EXIT, type Verb } from '../verb.ts'
import { checkDisk } from './disk.ts'
import { type Finding, fail, type Level, ok, warn, worstOf } from './finding.ts'
import { checkListeners } from './listeners.ts'
import { checkMachine } from './machine.ts'
import { checkTenant } from './tenant.ts'

export const doctor: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string', short: 'c' }, url: { type: 'string' }, offline: { type: 'boolean' }, json: { type: 'boolean' } }
  })
  const loaded = loadForVerb(values.config, io)
  const running = await statusOf(await adminTarget(values, io))
  const findings: Finding[] = []
  const print = (found: readonly Finding[]): void => {
    findings.push(...found)
    if (!values.json) for (const finding of found) io.stdout.write(`${line(finding, paintFor(io))}\n`)
  }
  print(configuration(loaded))
  print([collector(running)])
  print(checkMachine(loaded.config))
  print(await checkDisk(loaded.config))
  print(await checkListeners(loaded.config, running))
  if (values.offline !== true) print(await checkTenant(loaded.config))
  const worst = worstOf(findings)
  if (values.json) io.stdout.write(`${JSON.stringify({ ok: worst !== 'fail', findings })}\n`)
  else io.stdout.write(`\n${summary(findings)}\n`)
  return worst === 'fail' ? EXIT.FAILED : EXIT.OK
}

const MARKS: Readonly<Record<Level, (paint: Paint) => string>> = {
  ok: paint => paint.green('ok  '),
  warn: paint => paint.yellow('warn'),
  fail: paint => paint.red('FAIL')
}

function line({ what, level, detail, remedy }: Finding, paint: Paint): string {
  const text = `${MARKS[level](paint)}  ${what}: ${visible(detail)}`
  return remedy === undefined ? text : `${text}\n      ${paint.bold('do')}: ${remedy}`
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Level): number => findings.filter(one => one.level === level).length
  return `${count('ok')} fine, ${count('warn')} to look at, ${count('fail')} failing`
}

function configuration({ path, warnings }: LoadedConfig): Finding[] {
  const what = 'configuration'
  if (warnings.length === 0) return [ok(what, path ?? 'none: all defaults')]
  return warnings.map(warning =>
    warn(what, formatFaults(path ?? '(defaults)', [warning])[0]!, 'put it right in the file; it is loaded again by itself')
  )
}

async function statusOf(target: AdminTarget): Promise<PipelineStatus | undefined> {
  try {
    const { status, body } = await askAdmin(target, '/api/v1/status')
    return status === 200 ? (body as PipelineStatus) : undefined
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

function collector(running: PipelineStatus | undefined): Finding {
  if (running === undefined) return ok('collector', 'does not run here (or its admin server does not answer); ports are tried instead')
  if (running.state === 'healthy') return ok('collector', `version ${running.version} runs and is healthy`)
  return fail('collector', `runs, but is degraded: ${running.reasons.join('; ')}`, 'see docs/operations.md, which is sorted by symptom')
}
