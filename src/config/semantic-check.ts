/** What a schema cannot say: names that must match or differ, listeners that collide, settings that belong together. */
import { checkArchive, type PathChecker } from './archive-check.ts'
import type { Path } from './faults.ts'
import { checkFileServer, checkFolders } from './file-receiver-check.ts'
import { hostsOverlap, isLoopback, parseListen } from './listen.ts'
import { checkPull, checkStateFiles } from './pull-receiver-check.ts'
import { listenersOf } from './receiver-listeners.ts'
import type { AuthConfig, Config, ReceiverConfig, SourceConfig, TemplateConfig } from './schema.ts'
import { unknown } from './suggest.ts'

export interface SemanticReport {
  fault(path: Path, message: string): void
  warn(path: Path, message: string): void
}

/** What is wrong with a template; paths lead from the template to the value. Parsers are of another room, so this is handed in. */
export type TemplateChecker = (template: TemplateConfig) => readonly { path: Path; message: string }[]

/** What only other rooms know. */
export interface Knowledge {
  /** Ids that `sources[].appliance` may name; without the list any id passes. */
  appliances?: readonly string[]
  checkTemplate?: TemplateChecker
  checkArchivePath?: PathChecker
}

export function checkSemantics(config: Config, knowledge: Knowledge, report: SemanticReport): void {
  checkTenant(config, report)
  checkReceivers(config, report)
  checkSources(config, knowledge, report)
  checkListeners(config, report)
  checkAdmin(config, report)
  checkBudget(config, report)
  checkArchive(config, knowledge.checkArchivePath, report)
  if (config.spool.low_water >= config.spool.high_water) report.fault(['spool', 'low_water'], 'must be below high_water')
  if (config.process.outbound_only && config.process.own_networks.length === 0)
    report.warn(['process', 'outbound_only'], 'has no effect without own_networks')
}

function checkTenant({ tenant }: Config, report: SemanticReport): void {
  if (tenant.url !== undefined && tenant.local) report.fault(['tenant', 'local'], 'cannot be given together with url')
  if (tenant.url === undefined && tenant.auth) report.fault(['tenant'], 'the key "url" is missing; auth is of no use without it')
  if (tenant.url === undefined) return
  if (!tenant.auth) report.fault(['tenant'], 'the key "auth" is missing')
  else checkAuth(tenant.auth, report)
  const { protocol, hostname } = new URL(tenant.url)
  if (protocol === 'http:' && !isLoopback(hostname))
    report.warn(['tenant', 'url'], 'http sends the credentials in the clear; the service speaks https')
}

function checkAuth(auth: AuthConfig, report: SemanticReport): void {
  const path = ['tenant', 'auth']
  const proofs = (['client_secret', 'certificate_file', 'federated_token_file'] as const).filter(key => auth[key] !== undefined)
  const ways = [...(auth.token === undefined ? [] : ['token']), ...proofs, ...(auth.managed_identity ? ['managed_identity'] : [])]
  if (ways.length === 0 && auth.token_file === undefined && auth.client_secret_file === undefined)
    report.fault(
      path,
      'no credentials; give token, client_secret, certificate_file, federated_token_file (each secret also as …_file) or managed_identity'
    )
  if (auth.secret_ends !== undefined) {
    if (Number.isNaN(Date.parse(auth.secret_ends))) report.fault([...path, 'secret_ends'], 'is no day')
    else if (auth.token === undefined && auth.client_secret === undefined)
      report.warn([...path, 'secret_ends'], 'has no effect without token or client_secret')
  }
  if (ways.length > 1) report.fault(path, `only one way to sign in can be given, not ${ways.join(' and ')}`)
  if (proofs.length === 0) return
  for (const key of ['tenant_id', 'client_id'] as const)
    if (auth[key] === undefined) report.fault(path, `the key "${key}" is missing; ${proofs[0]} needs it`)
}

function checkReceivers({ receivers, sources }: Config, report: SemanticReport): void {
  const names = new Set<string>()
  const sourceNames = sources.map(source => source.name)
  for (const [index, receiver] of receivers.entries()) {
    const path = ['receivers', index]
    if (names.has(receiver.name)) report.fault([...path, 'name'], `another receiver is already named ${JSON.stringify(receiver.name)}`)
    names.add(receiver.name)
    if ('tls' in receiver && receiver.tls !== undefined) checkTls(receiver.tls, [...path, 'tls'], report)
    if (receiver.type === 'http-push') checkHttpPush(receiver, path, sourceNames, report)
    else if (receiver.type === 'ftp' || receiver.type === 'sftp') checkFileServer(receiver, path, sourceNames, report)
    else if (receiver.type === 'blob-pull' || receiver.type === 'menlo-pull') checkPull(receiver, path, sourceNames, report)
  }
  checkFolders(receivers, report)
  checkStateFiles(receivers, report)
}

type TlsConfig = Extract<ReceiverConfig, { type: 'syslog-tls' }>['tls']
type HttpPushConfig = Extract<ReceiverConfig, { type: 'http-push' }>

function checkTls(tls: TlsConfig, path: Path, report: SemanticReport): void {
  const asks = tls.client_certificate !== 'none'
  if (asks && tls.client_ca_file === undefined)
    report.fault(path, `the key "client_ca_file" is missing; client_certificate ${tls.client_certificate} needs it`)
  if (!asks && (tls.client_ca_file !== undefined || tls.client_names.length > 0))
    report.fault([...path, 'client_certificate'], 'is none, so nobody is asked for a certificate; say optional or required')
  else if (tls.client_certificate === 'optional' && tls.client_names.length > 0)
    report.warn([...path, 'client_names'], 'does not keep out clients that show no certificate; required does')
}

function checkHttpPush(receiver: HttpPushConfig, path: Path, sourceNames: readonly string[], report: SemanticReport): void {
  const { anonymous, paths, tls, listen } = receiver
  const hasSecret = (given: { secret?: string; secret_file?: string }) => given.secret !== undefined || given.secret_file !== undefined
  const hasPassword = receiver.basic_password !== undefined || receiver.basic_password_file !== undefined
  const isOpen = !hasSecret(receiver) && !hasPassword && !paths.every(hasSecret)
  if (isOpen && !anonymous) report.fault(path, 'the key "secret" is missing; or give basic_user and basic_password, or say anonymous: true')
  if (!isOpen && anonymous) report.fault([...path, 'anonymous'], 'asks nobody for the secret or password that is given')
  if (hasPassword !== (receiver.basic_user !== undefined)) report.fault(path, 'basic_user and basic_password belong together')
  if (!isOpen && tls === undefined && !isLoopback(parseListen(listen).host))
    report.warn([...path, 'listen'], 'without tls the secret goes over the network in the clear, unless a proxy ends TLS before')
  const seen = new Set<string>()
  for (const [index, entry] of paths.entries()) {
    const at = [...path, 'paths', index]
    if (seen.has(entry.path)) report.fault([...at, 'path'], `${entry.path} stands there twice`)
    seen.add(entry.path)
    if (entry.source !== undefined && !sourceNames.includes(entry.source))
      report.fault([...at, 'source'], unknown('source', entry.source, sourceNames))
  }
}

const GENERIC_FORMATS: Readonly<Record<string, string>> = {
  GENERIC_CEF: 'cef',
  GENERIC_LEEF: 'leef',
  GENERIC_W3C: 'w3c',
  CUSTOM_PARSER: 'csv'
}

function checkSources({ sources, receivers }: Config, { appliances, checkTemplate }: Knowledge, report: SemanticReport): void {
  const receiverNames = receivers.map(receiver => receiver.name)
  const names = new Set<string>()
  const bindings = new Map<string, string>()
  // Where each source has a directory, sources may differ by that alone.
  const hasDirectories = receivers.some(({ type }) => type === 'ftp' || type === 'sftp' || type === 'file-drop')
  const bound = new Set(receivers.flatMap(boundSources))
  const isBound = (name: string): boolean => bound.has(name)
  for (const [index, source] of sources.entries()) {
    const path = ['sources', index]
    if (names.has(source.name)) report.fault([...path, 'name'], `another source is already named ${JSON.stringify(source.name)}`)
    names.add(source.name)
    if (source.appliance !== 'auto' && appliances && !appliances.includes(source.appliance))
      report.fault([...path, 'appliance'], unknown('appliance', source.appliance, appliances))
    for (const [at, name] of source.from.receivers.entries())
      if (!receiverNames.includes(name)) report.fault([...path, 'from', 'receivers', at], unknown('receiver', name, receiverNames))
    const binding = JSON.stringify([[...source.from.peers].sort(), [...source.from.receivers].sort(), source.appliance, source.template])
    const rival = bindings.get(binding)
    if (rival !== undefined && !hasDirectories && !isBound(source.name) && !isBound(rival))
      report.fault(
        [...path, 'from'],
        `takes the same as source ${JSON.stringify(rival)}; peers, receivers, appliance or template must differ`
      )
    bindings.set(binding, source.name)
    checkFormat(source, path, report)
    checkSourceTemplate(source, path, checkTemplate, report)
  }
}

/** Sources that a receiver gives everything of a path, or all that it fetches. */
function boundSources(receiver: ReceiverConfig): (string | undefined)[] {
  if (receiver.type === 'http-push') return receiver.paths.map(({ source }) => source)
  return receiver.type === 'blob-pull' || receiver.type === 'menlo-pull' ? [receiver.source] : []
}

function checkSourceTemplate(
  { appliance, format, template }: SourceConfig,
  path: Path,
  check: TemplateChecker | undefined,
  report: SemanticReport
): void {
  if (template === undefined) return
  const at = [...path, 'template']
  if (appliance !== 'auto') report.fault(at, 'says how the lines look, and so does appliance; give one of them')
  if (format === 'raw') report.fault(at, 'has no meaning with format raw')
  for (const fault of check?.(template) ?? []) report.fault([...at, ...fault.path], fault.message)
}

function checkFormat(source: Config['sources'][number], path: Path, report: SemanticReport): void {
  const { format, source_string: sourceString } = source
  const at = [...path, 'source_string']
  if (format === 'raw') {
    if (sourceString === undefined)
      report.fault(path, 'the key "source_string" is missing; format raw needs the log type of the appliance, such as FORTIGATE_SYSLOG')
    if (Object.keys(source.keys).length > 0) report.fault([...path, 'keys'], 'has no meaning with format raw')
  }
  if (sourceString === undefined) return
  const expected = GENERIC_FORMATS[sourceString.replace(/_SYSLOG$/, '')]
  if (expected !== undefined && expected !== format)
    report.fault(at, `${sourceString} is for format ${expected}, but the format is ${format}`)
  else if (expected === undefined && format !== 'raw' && format !== 'csv')
    report.warn(at, `the service may not read ${format} lines under the log type ${sourceString}`)
}

interface Listener {
  path: Path
  transport: string
  host: string
  port: number
}

function allListeners(config: Config): Listener[] {
  const listeners: Listener[] = config.receivers.flatMap((receiver, index) =>
    listenersOf(receiver).map(({ transport, listen }) => ({ path: ['receivers', index, 'listen'], transport, ...parseListen(listen) }))
  )
  listeners.push({ path: ['admin', 'listen'], transport: 'tcp', ...parseListen(config.admin.listen) })
  if (config.tenant.local)
    listeners.push({ path: ['tenant', 'local', 'listen'], transport: 'tcp', ...parseListen(config.tenant.local.listen) })
  return listeners
}

function checkListeners(config: Config, report: SemanticReport): void {
  const listeners = allListeners(config)
  for (const [index, listener] of listeners.entries()) {
    const rival = listeners
      .slice(0, index)
      .find(
        other =>
          other.transport === listener.transport &&
          other.port === listener.port &&
          other.port !== 0 &&
          hostsOverlap(other.host, listener.host)
      )
    if (rival)
      report.fault(
        listener.path,
        `${listener.transport} port ${listener.port} is already used by ${rival.path.join('.').replace(/\.(\d+)/g, '[$1]')}`
      )
  }
}

function checkAdmin({ admin }: Config, report: SemanticReport): void {
  if (!isLoopback(parseListen(admin.listen).host) && admin.token === undefined && admin.token_file === undefined)
    report.fault(['admin', 'listen'], 'is reachable from other machines, so token or token_file is needed')
  if (admin.token !== undefined && admin.token.length < 16) report.fault(['admin', 'token'], 'must have at least 16 characters')
}

/** Each flush of a source costs two calls; a budget that is too small would let files queue up for ever. */
function checkBudget({ sources, upload }: Config, report: SemanticReport): void {
  const neededMs = ((2 * sources.length) / upload.requests_per_minute) * 60e3
  if (upload.flush_interval < neededMs)
    report.warn(
      ['upload', 'flush_interval'],
      `needs at least ${Math.ceil(neededMs / 1000)}s with ${sources.length} ${sources.length === 1 ? 'source' : 'sources'} and ${upload.requests_per_minute} requests a minute`
    )
}
