/** `sluice convert`: our configuration for the run command of Microsoft's log collector. Prints; touches nothing. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { adviceFor } from './microsoft/advice.ts'
import { readRunCommand } from './microsoft/run-command.ts'
import { settingsOf } from './microsoft/settings.ts'
import { toYaml } from './microsoft/to-yaml.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

export const convert: Verb = async (args, io) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { 'data-sources': { type: 'string' }, json: { type: 'boolean' } }
  })
  if (positionals.length > 1) throw new UsageError('give one file, or - for standard input')
  const { settings, hasToken } = readRunCommand(await textOf(positionals[0] ?? '-', io))
  const named = values['data-sources']
  if (named !== undefined) settings.dataSources = settingsOf({ SLUICE_DATA_SOURCES: named }).dataSources
  const yaml = toYaml(settings, {
    tokenFile: '/run/secrets/sluice_token',
    ftpPasswordFile: '/run/secrets/sluice_ftp_password',
    spoolDir: '/var/lib/sluice/spool',
    adminListen: '127.0.0.1:9600',
    adminTokenFile: undefined,
    entra: undefined
  })
  const advice = [
    ...(hasToken ? ['The token of the command is not printed: put it into /run/secrets/sluice_token.'] : []),
    ...adviceFor(settings, named !== undefined)
  ]
  if (values.json) io.stdout.write(`${JSON.stringify({ yaml, advice })}\n`)
  else {
    io.stdout.write(yaml)
    for (const line of advice) io.stderr.write(`note: ${line}\n`)
  }
  return EXIT.OK
}

async function textOf(file: string, io: Io): Promise<string> {
  if (file === '-') return readAll(io.stdin)
  try {
    return readFileSync(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
  }
}
