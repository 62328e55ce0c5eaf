/** Can this machine run the configuration: are the addresses free, are the certificates good, can the directories be written. */
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseListen } from '../config/listen.ts'
import { listenersOf } from '../config/receiver-listeners.ts'
import type { Config, ReceiverConfig } from '../config/schema.ts'
import { tryBind } from '../lib/try-bind.ts'
import { checkCertificate } from '../pipeline/certificate-check.ts'
import type { Check } from '../telemetry/readiness.ts'

/** One check per listener, certificate and directory; every address is bound for a moment. */
export async function checkEnvironment(config: Config): Promise<Check[]> {
  const checks: Check[] = []
  for (const receiver of config.receivers) {
    const what = `receiver ${receiver.name}`
    for (const { transport, listen } of listenersOf(receiver)) checks.push(await checkAddress(what, transport, listen))
    for (const folder of foldersOf(receiver)) checks.push(checkDir(what, folder))
    for (const file of filesOf(receiver)) checks.push(checkFile(what, file))
    if (receiver.type === 'file-drop')
      checks.push(existsSync(receiver.folder) ? checkDir(what, receiver.folder) : missing(what, receiver.folder))
    if ('tls' in receiver && receiver.tls !== undefined) checks.push(await checkCertificate(what, receiver.tls, Date.now()))
  }
  checks.push(await checkAddress('admin', 'tcp', config.admin.listen))
  if (config.tenant.local) {
    checks.push(await checkAddress('local tenant', 'tcp', config.tenant.local.listen))
    checks.push(checkDir('local tenant', config.tenant.local.dir))
  }
  checks.push(checkDir('spool', config.spool.dir))
  if (config.archive) checks.push(checkDir('archive', config.archive.dir))
  if (config.archive?.type === 'directory') checks.push(checkDir('archive folder', config.archive.folder))
  return checks
}

/** Folders in which a receiver keeps what it must remember, or makes a key that is missing. */
function foldersOf(receiver: ReceiverConfig): string[] {
  if (receiver.type === 'sftp') return receiver.host_key_files.filter(file => !existsSync(file)).map(dirname)
  const file = receiver.type === 'blob-pull' ? receiver.ledger_file : receiver.type === 'menlo-pull' ? receiver.position_file : undefined
  return file === undefined ? [] : [dirname(file)]
}

/** Files that a receiver reads at its start, certificates apart. */
function filesOf(receiver: ReceiverConfig): string[] {
  if (receiver.type !== 'ftp' && receiver.type !== 'sftp') return []
  const named = receiver.accounts.flatMap(account => [
    account.password_file,
    'authorized_keys_file' in account ? account.authorized_keys_file : undefined
  ])
  const hostKeys = receiver.type === 'sftp' ? receiver.host_key_files.filter(existsSync) : []
  return [...hostKeys, ...named.filter(file => file !== undefined)]
}

function checkFile(what: string, file: string): Check {
  const name = `${what}: ${file}`
  try {
    return readFileSync(file).length > 0 ? { name, ok: true } : { name, ok: false, detail: 'is empty' }
  } catch (error) {
    return { name, ok: false, detail: `cannot be read by this user (${(error as NodeJS.ErrnoException).code})` }
  }
}

const missing = (what: string, dir: string): Check => ({
  name: `${what}: ${dir}`,
  ok: false,
  detail: 'is not there; it is not made by itself'
})

async function checkAddress(what: string, transport: 'udp' | 'tcp', listen: string): Promise<Check> {
  const name = `${what}: ${transport} ${listen}`
  try {
    await tryBind(transport, parseListen(listen))
    return { name, ok: true }
  } catch (error) {
    return { name, ok: false, detail: remedy(error as NodeJS.ErrnoException) }
  }
}

function remedy({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'in use; a running collector holds it too, then check with --no-environment'
  if (code === 'EACCES') return 'not permitted; listen on a port from 1024 up, or set the sysctl net.ipv4.ip_unprivileged_port_start=0'
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have the address'
  return message
}

/** The directory, or the nearest one above it that is there and in which it would be made. */
function checkDir(what: string, dir: string): Check {
  let nearest = dir
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest)
  const name = `${what}: ${dir}`
  try {
    // Permission bits do not tell: root may anything, but not on a read-only file system.
    rmdirSync(mkdtempSync(join(nearest, '.sluice-')))
    return { name, ok: true }
  } catch (error) {
    return { name, ok: false, detail: `${nearest} cannot be written by this user (${(error as NodeJS.ErrnoException).code})` }
  }
}
