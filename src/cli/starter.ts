/**
 * `sluice starter`: runs in the place of Microsoft's image with the run command that the portal printed – its variables, its token on
 * standard input, its ports and directories. What it is told is kept in the state folder, for a container that is started again gets
 * no input.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createLogger } from '../telemetry/logger.ts'
import { STARTER_FILE } from './admin-client.ts'
import { adviceFor } from './microsoft/advice.ts'
import { settingsOf } from './microsoft/settings.ts'
import { type Places, toYaml } from './microsoft/to-yaml.ts'
import { runUntilStopped } from './run.ts'
import { type Io, UsageError, type Verb } from './verb.ts'

/** What Microsoft's collector prints when it is ready; scripts wait for it. */
const READY_LINE = 'Finished successfully!'
const TOKEN_MAX_BYTES = 4096
/** Standard input that stays open without a token is left alone after so long. */
const TOKEN_WAIT_MS = 5000

export const starter: Verb = async (args, io) => {
  const { values } = parseArgs({ args, options: { 'state-dir': { type: 'string', default: '/var/lib/sluice' } } })
  const { env } = io
  const settings = settingsOf(env)
  if (settings.console === undefined)
    throw new UsageError('CONSOLE, the host of the tenant, is not set; the run command of the portal has it')
  const stateDir = resolve(io.cwd, values['state-dir'])
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const places = placesIn(stateDir, env)
  const log = createLogger({ level: 'info', format: 'auto', destination: io.stdout })
  if (places.entra === undefined && env.SLUICE_TOKEN_FILE === undefined) await keepToken(places.tokenFile, io)
  if (
    !settings.syslog &&
    env.SLUICE_FTP_PASSWORD_FILE === undefined &&
    keepSecret(places.ftpPasswordFile, () => randomBytes(18).toString('base64url'))
  )
    log.warn(
      { file: places.ftpPasswordFile },
      `FTP account "discovery": a password was made and lies in ${places.ftpPasswordFile}; there is no default one`
    )
  if (places.adminTokenFile !== undefined) keepSecret(places.adminTokenFile, () => randomBytes(32).toString('hex'))
  const file = join(stateDir, STARTER_FILE)
  writeWhole(file, toYaml(settings, places))
  for (const sentence of adviceFor(settings, env.SLUICE_DATA_SOURCES !== undefined)) log.warn({ part: 'starter' }, sentence)
  return runUntilStopped(file, io, log => log.info(READY_LINE))
}

function placesIn(stateDir: string, env: Io['env']): Places {
  const entra = env.SLUICE_TENANT_ID && env.SLUICE_CLIENT_ID && env.SLUICE_CLIENT_SECRET_FILE
  return {
    tokenFile: env.SLUICE_TOKEN_FILE ?? join(stateDir, 'starter-token'),
    ftpPasswordFile: env.SLUICE_FTP_PASSWORD_FILE ?? join(stateDir, 'starter-ftp-password'),
    spoolDir: join(stateDir, 'spool'),
    adminListen: env.SLUICE_ADMIN_LISTEN ?? '127.0.0.1:9600',
    adminTokenFile: env.SLUICE_ADMIN_TOKEN_FILE,
    entra: entra
      ? { tenantId: env.SLUICE_TENANT_ID!, clientId: env.SLUICE_CLIENT_ID!, clientSecretFile: env.SLUICE_CLIENT_SECRET_FILE! }
      : undefined
  }
}

/** Takes the token from standard input; without one, that of an earlier start. Throws UsageError when there is none at all. */
async function keepToken(file: string, io: Io): Promise<void> {
  const token = (await firstLine(io.stdin)).trim()
  if (token !== '') writeWhole(file, `${token}\n`)
  else if (!existsSync(file))
    throw new UsageError('there is no token: give it on standard input, as (echo TOKEN) | docker run -i …, or as SLUICE_TOKEN_FILE')
}

/** The first line of a stream, or what there is of it at its end or after `TOKEN_WAIT_MS`. */
async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((done, fail) => {
    const timer = setTimeout(done, TOKEN_WAIT_MS)
    const end = (): void => {
      clearTimeout(timer)
      done()
    }
    input.on('data', (chunk: Buffer | string) => {
      const bytes = Buffer.from(chunk)
      chunks.push(bytes)
      size += bytes.length
      if (bytes.includes(10) || size > TOKEN_MAX_BYTES) end()
    })
    input.once('end', end)
    input.once('error', error => {
      clearTimeout(timer)
      fail(error)
    })
  })
  input.pause()
  input.removeAllListeners('data')
  return Buffer.concat(chunks).toString('latin1', 0, TOKEN_MAX_BYTES).split('\n', 1)[0]!
}

/** Makes the secret unless the file has one; true when it was made. */
function keepSecret(file: string, make: () => string): boolean {
  if (existsSync(file) && readFileSync(file, 'utf8').trim() !== '') return false
  writeWhole(file, `${make()}\n`)
  return true
}

/** Never half a file, and for the owner's eyes only. */
function writeWhole(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
