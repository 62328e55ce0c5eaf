/** `sluice validate`: every fault of the configuration, and whether this machine can run it. */
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { ConfigError, type Fault, formatFaults } from '../config/faults.ts'
import type { LoadedConfig } from '../config/load.ts'
import { redactConfig } from '../config/redact.ts'
import { packageVersion } from '../lib/package-root.ts'
import { checkNetwork } from '../pipeline/network-check.ts'
import type { Check } from '../telemetry/readiness.ts'
import { checkEnvironment } from './environment-check.ts'
import { loadForVerb } from './load-for-verb.ts'
import { EXIT, type Io, type Verb } from './verb.ts'

interface Report {
  ok: boolean
  file: string
  faults: readonly Fault[]
  warnings: readonly Fault[]
  environment: Check[]
}

export const validate: Verb = async (args, io) => {
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    args,
    options: {
      config: { type: 'string', short: 'c' },
      'no-environment': flag,
      network: flag,
      'deny-warnings': flag,
      print: flag,
      json: flag
    }
  })
  const loaded = load(values.config, io)
  if (loaded instanceof ConfigError) {
    return finish({ ok: false, file: loaded.file, faults: loaded.faults, warnings: [], environment: [] }, EXIT.CONFIG, values.json, io)
  }
  if (values.print) {
    const config = redactConfig(loaded.config)
    io.stdout.write(values.json ? `${JSON.stringify(config)}\n` : stringify(config))
    return EXIT.OK
  }
  const environment = values['no-environment'] ? [] : await checkEnvironment(loaded.config)
  if (values.network) environment.push(...(await checkNetwork(loaded.config, packageVersion())))
  const isDenied = values['deny-warnings'] === true && loaded.warnings.length > 0
  const ok = environment.every(check => check.ok) && !isDenied
  const report = { ok, file: loaded.path ?? '(defaults)', faults: [], warnings: loaded.warnings, environment }
  return finish(report, ok ? EXIT.OK : isDenied ? EXIT.CONFIG : EXIT.FAILED, values.json, io)
}

function load(path: string | undefined, io: Io): LoadedConfig | ConfigError {
  try {
    return loadForVerb(path, io)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

function finish(report: Report, code: number, json: boolean | undefined, io: Io): number {
  if (json) {
    io.stdout.write(`${JSON.stringify(report)}\n`)
    return code
  }
  for (const line of formatFaults(report.file, report.faults)) io.stderr.write(`${line}\n`)
  for (const line of formatFaults(report.file, report.warnings)) io.stderr.write(`warning: ${line}\n`)
  for (const { name, ok, detail } of report.environment) {
    if (!ok) io.stderr.write(`${name}: ${detail}\n`)
    else if (detail !== undefined) io.stdout.write(`${name}: ${detail}\n`)
  }
  if (report.ok) io.stdout.write(`${report.file}: fine${report.warnings.length > 0 ? `, ${report.warnings.length} warnings` : ''}\n`)
  return code
}
