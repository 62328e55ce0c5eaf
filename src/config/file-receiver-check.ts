/** What schemas cannot say of receivers of files: accounts that anybody could use, TLS modes without TLS, folders watched twice. */
import { isIPv4 } from 'node:net'
import type { Path } from './faults.ts'
import { isLoopback, parseListen } from './listen.ts'
import type { ReceiverConfig } from './receiver-schemas.ts'
import { unknown } from './suggest.ts'

interface Report {
  fault(path: Path, message: string): void
  warn(path: Path, message: string): void
}

type FtpConfig = Extract<ReceiverConfig, { type: 'ftp' }>
type SftpConfig = Extract<ReceiverConfig, { type: 'sftp' }>

export function checkFileServer(receiver: FtpConfig | SftpConfig, path: Path, sourceNames: readonly string[], report: Report): void {
  const names = new Set<string>()
  for (const [index, account] of receiver.accounts.entries()) {
    const at = [...path, 'accounts', index]
    if (names.has(account.name)) report.fault([...at, 'name'], `another account is already named ${JSON.stringify(account.name)}`)
    names.add(account.name)
    checkSecret(account, at, report)
    if (account.source !== undefined && !sourceNames.includes(account.source))
      report.fault([...at, 'source'], unknown('source', account.source, sourceNames))
    for (const [nth, source] of account.sources.entries())
      if (!sourceNames.includes(source)) report.fault([...at, 'sources', nth], unknown('source', source, sourceNames))
  }
  if (receiver.type === 'ftp') checkFtp(receiver, path, report)
}

function checkSecret(account: SftpConfig['accounts'][number] | FtpConfig['accounts'][number], at: Path, report: Report): void {
  const takesKeys = 'authorized_keys' in account
  const hasKeys = takesKeys && (account.authorized_keys.length > 0 || account.authorized_keys_file !== undefined)
  const hasPassword = account.password !== undefined || account.password_file !== undefined
  const name = JSON.stringify(account.name)
  if (hasPassword && account.password_hash !== undefined)
    report.fault([...at, 'password_hash'], 'password and password_hash cannot both be given')
  if (hasPassword || account.password_hash !== undefined || hasKeys) return
  const ways = `password, password_file ${takesKeys ? ', password_hash, authorized_keys or authorized_keys_file' : 'or password_hash'}`
  report.fault(at, `account ${name} has no password, and there is no default; give ${ways.replace(' ,', ',')}`)
}

function checkFtp(receiver: FtpConfig, path: Path, report: Report): void {
  const { tls, tls_mode: mode, passive_port_min: first, passive_port_max: last, advertised_addresses: others, listen } = receiver
  if (tls === undefined && mode !== 'optional') report.fault([...path, 'tls_mode'], `is ${mode}, and the key "tls" is missing`)
  if (last < first) report.fault([...path, 'passive_port_max'], 'must not be below passive_port_min')
  if (first === 0 && last !== 0)
    report.fault([...path, 'passive_port_min'], 'is 0, which lets the system choose; then passive_port_max is 0 too')
  const checkAddress = (address: string | undefined, at: Path) => {
    if (address !== undefined && !isIPv4(address)) report.fault(at, `${JSON.stringify(address)} is no IPv4 address`)
  }
  checkAddress(receiver.advertised_address, [...path, 'advertised_address'])
  for (const [index, { address }] of others.entries()) checkAddress(address, [...path, 'advertised_addresses', index, 'address'])
  if (tls === undefined && !isLoopback(parseListen(listen).host))
    report.warn([...path, 'listen'], 'without tls passwords and logs go over the network in the clear')
}

/** Two receivers of one folder would read its files twice. */
export function checkFolders(receivers: readonly ReceiverConfig[], report: Report): void {
  const folders = new Map<string, string>()
  for (const [index, receiver] of receivers.entries()) {
    if (receiver.type !== 'file-drop') continue
    const rival = folders.get(receiver.folder)
    if (rival !== undefined) report.fault(['receivers', index, 'folder'], `is already watched by receiver ${JSON.stringify(rival)}`)
    folders.set(receiver.folder, receiver.name)
  }
}
