/** The store that the configuration names. */
import type { ArchiveConfig, AzureBlobArchiveConfig } from '../config/archive-schema.ts'
import type { Config } from '../config/schema.ts'
import { type AzureAccess, AzureBlobStore } from '../upload/archive/azure-blob.ts'
import { directoryStore } from '../upload/archive/directory-store.ts'
import type { ArchiveStore } from '../upload/archive/store.ts'
import { createDispatcher } from '../upload/http.ts'
import { credentialOf } from './tenant-access.ts'

/** Proxy and certificate authorities are those of the way to the tenant. */
export function archiveStore(archive: ArchiveConfig, tenant: Pick<Config['tenant'], 'proxy' | 'no_proxy' | 'ca_file'>): ArchiveStore {
  if (archive.type === 'directory') return directoryStore(archive.folder)
  const { container, create_container: createContainer, timeout: timeoutMs } = archive
  const dispatcher = createDispatcher({
    ...(tenant.proxy === undefined ? {} : { proxyUrl: tenant.proxy }),
    ...(tenant.no_proxy === undefined ? {} : { noProxy: tenant.no_proxy }),
    ...(tenant.ca_file === undefined ? {} : { caFile: tenant.ca_file })
  })
  return new AzureBlobStore({ access: accessOf(archive), container, createContainer, timeoutMs, dispatcher })
}

function accessOf(archive: AzureBlobArchiveConfig): AzureAccess {
  const { connection_string: connectionString, sas_token: sasToken, auth, account_url: accountUrl = '' } = archive
  if (connectionString !== undefined) return { kind: 'connection-string', connectionString }
  if (sasToken !== undefined) return { kind: 'sas', accountUrl, sasToken }
  const { authority_host: authorityHost } = auth!
  return { kind: 'entra', accountUrl, credential: credentialOf(auth!), ...(authorityHost === undefined ? {} : { authorityHost }) }
}
