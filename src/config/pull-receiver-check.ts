/** What schemas cannot say of receivers that fetch: one store, one way to sign in, a state of their own each. */
import type { Path } from './faults.ts'
import { isLoopback } from './listen.ts'
import type { ReceiverConfig } from './receiver-schemas.ts'
import { unknown } from './suggest.ts'

interface Report {
  fault(path: Path, message: string): void
  warn(path: Path, message: string): void
}

type BlobPullConfig = Extract<ReceiverConfig, { type: 'blob-pull' }>
type MenloPullConfig = Extract<ReceiverConfig, { type: 'menlo-pull' }>
type AzureConfig = NonNullable<BlobPullConfig['azure']>

export function checkPull(receiver: BlobPullConfig | MenloPullConfig, path: Path, sourceNames: readonly string[], report: Report): void {
  if (receiver.source !== undefined && !sourceNames.includes(receiver.source))
    report.fault([...path, 'source'], unknown('source', receiver.source, sourceNames))
  if (receiver.backoff_max < receiver.backoff_min) report.fault([...path, 'backoff_max'], 'must not be below backoff_min')
  if (receiver.type === 'menlo-pull') {
    if (isMissing(receiver, 'token')) report.fault(path, 'the key "token" is missing, or "token_file"')
    warnOfHttp(receiver.url, [...path, 'url'], report)
  } else checkStore(receiver, path, report)
}

function checkStore({ s3, azure }: BlobPullConfig, path: Path, report: Report): void {
  if (s3 === undefined && azure === undefined) report.fault(path, 'the key "s3" or "azure" is missing')
  if (s3 !== undefined && azure !== undefined)
    report.fault([...path, 'azure'], 'cannot be given together with s3; make it a receiver of its own')
  if (s3 !== undefined) {
    if (isMissing(s3, 'secret_access_key'))
      report.fault([...path, 's3'], 'the key "secret_access_key" is missing, or "secret_access_key_file"')
    warnOfHttp(s3.endpoint, [...path, 's3', 'endpoint'], report)
  }
  if (azure !== undefined) checkAzure(azure, [...path, 'azure'], report)
}

function checkAzure(azure: AzureConfig, path: Path, report: Report): void {
  const has = (key: 'connection_string' | 'sas' | 'client_secret'): boolean => !isMissing(azure, key)
  const ways = [
    ...(has('connection_string') ? ['connection_string'] : []),
    ...(has('sas') ? ['sas'] : []),
    ...(has('client_secret') ? ['client_secret'] : []),
    ...(azure.managed_identity ? ['managed_identity'] : [])
  ]
  if (ways.length !== 1)
    report.fault(
      path,
      ways.length === 0
        ? 'no credentials; give connection_string, sas, client_secret (each also as …_file) or managed_identity'
        : `only one way to sign in can be given, not ${ways.join(' and ')}`
    )
  else if (ways[0] === 'connection_string') {
    if (azure.container === undefined) report.fault(path, 'the key "container" is missing; connection_string needs it')
  } else if (azure.container_url === undefined) report.fault(path, `the key "container_url" is missing; ${ways[0]} needs it`)
  if (has('client_secret'))
    for (const key of ['tenant_id', 'client_id'] as const)
      if (azure[key] === undefined) report.fault(path, `the key "${key}" is missing; client_secret needs it`)
  warnOfHttp(azure.container_url, [...path, 'container_url'], report)
}

function isMissing<Key extends string>(given: { [key in Key | `${Key}_file`]?: string | undefined }, key: Key): boolean {
  return given[key] === undefined && given[`${key}_file`] === undefined
}

function warnOfHttp(url: string | undefined, path: Path, report: Report): void {
  if (url === undefined) return
  const { protocol, hostname } = new URL(url)
  if (protocol === 'http:' && !isLoopback(hostname)) report.warn(path, 'http sends credentials and logs in the clear')
}

/** Two receivers that share the file they keep their state in would undo each other. */
export function checkStateFiles(receivers: readonly ReceiverConfig[], report: Report): void {
  const owners = new Map<string, string>()
  for (const [index, receiver] of receivers.entries()) {
    if (receiver.type !== 'blob-pull' && receiver.type !== 'menlo-pull') continue
    const key = receiver.type === 'blob-pull' ? 'ledger_file' : 'position_file'
    const file = receiver.type === 'blob-pull' ? receiver.ledger_file : receiver.position_file
    if (file === undefined) continue
    const rival = owners.get(file)
    if (rival !== undefined) report.fault(['receivers', index, key], `is already used by receiver ${JSON.stringify(rival)}`)
    owners.set(file, receiver.name)
  }
}
