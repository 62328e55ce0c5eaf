/** What the schema of `archive` cannot say. */
import { resolve } from 'node:path'
import type { ArchiveConfig, AzureBlobArchiveConfig } from './archive-schema.ts'
import type { Path } from './faults.ts'
import { isLoopback } from './listen.ts'
import type { Config } from './schema.ts'
import type { SemanticReport } from './semantic-check.ts'
import { unknown } from './suggest.ts'

/** Says what is wrong with a path template, or nothing. Templates are of another room, so this is handed in. */
export type PathChecker = (template: string) => string | undefined

export function checkArchive({ archive, sources, spool }: Config, checkPath: PathChecker | undefined, report: SemanticReport): void {
  if (archive === undefined) return
  const names = sources.map(({ name }) => name)
  for (const [index, name] of archive.sources.entries())
    if (!names.includes(name)) report.fault(['archive', 'sources', index], unknown('source', name, names))
  const fault = checkPath?.(archive.path)
  if (fault !== undefined) report.fault(['archive', 'path'], fault)
  if (resolve(archive.dir) === resolve(spool.dir))
    report.fault(['archive', 'dir'], 'is the directory of the spool; it needs one of its own')
  if (archive.min_free_bytes < spool.min_free_bytes)
    report.warn(
      ['archive', 'min_free_bytes'],
      'is below spool.min_free_bytes: on a shared disk the archive could fill what the spool needs'
    )
  if (archive.type === 'azure-blob') checkAccess(archive, report)
  else if (resolve(archive.folder) === resolve(archive.dir)) report.fault(['archive', 'folder'], 'is the directory of the buffer')
}

/** Exactly one way in. */
function checkAccess(archive: AzureBlobArchiveConfig, report: SemanticReport): void {
  const path: Path = ['archive']
  const given = (['connection_string', 'sas_token'] as const).filter(
    key => archive[key] !== undefined || archive[`${key}_file`] !== undefined
  )
  const ways = [...given, ...(archive.auth === undefined ? [] : ['auth'])]
  if (ways.length === 0) report.fault(path, 'no credentials; give connection_string, sas_token (each also as …_file) or auth')
  if (ways.length > 1) report.fault(path, `only one way in can be given, not ${ways.join(' and ')}`)
  const hasUrl = archive.account_url !== undefined
  if (given.includes('connection_string') ? hasUrl : !hasUrl && ways.length > 0)
    report.fault(
      path,
      hasUrl ? 'the connection string names the account; account_url must not be given' : 'the key "account_url" is missing'
    )
  if (hasUrl) checkUrl(archive.account_url!, archive.auth !== undefined, report)
  if (archive.auth !== undefined) checkIdentity(archive.auth, report)
}

function checkUrl(text: string, isEntra: boolean, report: SemanticReport): void {
  const { protocol, hostname, search } = new URL(text)
  if (search !== '') report.fault(['archive', 'account_url'], 'must not hold a SAS token; that is sas_token')
  if (protocol !== 'http:') return
  if (isEntra) report.fault(['archive', 'account_url'], 'must be https: a token is not sent in the clear')
  else if (!isLoopback(hostname)) report.warn(['archive', 'account_url'], 'http sends logs and credentials in the clear')
}

function checkIdentity(auth: NonNullable<AzureBlobArchiveConfig['auth']>, report: SemanticReport): void {
  const path: Path = ['archive', 'auth']
  const proofs = (['client_secret', 'certificate_file', 'federated_token_file'] as const).filter(key => auth[key] !== undefined)
  const ways = [...proofs, ...(auth.managed_identity ? ['managed_identity'] : [])]
  if (ways.length === 0 && auth.client_secret_file === undefined)
    report.fault(path, 'no proof; give client_secret, certificate_file, federated_token_file or managed_identity')
  if (ways.length > 1) report.fault(path, `only one way to sign in can be given, not ${ways.join(' and ')}`)
  if (proofs.length === 0) return
  for (const key of ['tenant_id', 'client_id'] as const)
    if (auth[key] === undefined) report.fault(path, `the key "${key}" is missing; ${proofs[0]} needs it`)
}

export type { ArchiveConfig }
