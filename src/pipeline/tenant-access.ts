/** How the tenant is reached by the configuration: ways through proxies, credentials, and which data source each source feeds. */
import type { AuthConfig, Config } from '../config/schema.ts'
import type { Format } from '../contracts.ts'
import { FORMAT_SOURCE_STRINGS } from '../lib/source-strings.ts'
import type { AuthOptions, Credential } from '../upload/auth.ts'
import type { SourceTarget } from '../upload/cloud-discovery.ts'
import type { HttpOptions } from '../upload/http.ts'

/** Any token of the right shape opens the local tenant. */
const LOCAL_TOKEN = '0'.repeat(64)

/** The local tenant is reached directly, whatever the environment says. */
export function httpOptionsOf({ url, proxy, no_proxy: noProxy, ca_file: caFile }: Config['tenant']): HttpOptions {
  if (url === undefined) return { proxyFromEnvironment: false }
  return {
    ...(proxy === undefined ? {} : { proxyUrl: proxy }),
    ...(noProxy === undefined ? {} : { noProxy }),
    ...(caFile === undefined ? {} : { caFile })
  }
}

export function authOptionsOf(auth: AuthConfig | undefined): Omit<AuthOptions, 'dispatcher'> {
  return {
    credential: auth === undefined ? { kind: 'token', token: LOCAL_TOKEN } : credentialOf(auth),
    ...(auth?.authority_host === undefined ? {} : { authorityHost: auth.authority_host }),
    ...(auth?.scope === undefined ? {} : { scope: auth.scope })
  }
}

export function credentialOf(auth: Omit<AuthConfig, 'scope' | 'managed_identity'>): Credential {
  const { token, tenant_id: tenantId = '', client_id: clientId = '' } = auth
  if (token !== undefined) return { kind: 'token', token }
  if (auth.client_secret !== undefined) return { kind: 'client-secret', tenantId, clientId, clientSecret: auth.client_secret }
  if (auth.certificate_file !== undefined) {
    const certificate: Credential = { kind: 'certificate', tenantId, clientId, certificateFile: auth.certificate_file }
    return auth.certificate_password === undefined ? certificate : { ...certificate, certificatePassword: auth.certificate_password }
  }
  if (auth.federated_token_file !== undefined)
    return { kind: 'workload-identity', tenantId, clientId, tokenFile: auth.federated_token_file }
  return clientId === '' ? { kind: 'managed-identity' } : { kind: 'managed-identity', clientId }
}

/** Where the segments of each source and format go; old formats of a source still in the spool find their way, too. */
export function targetsOf(config: Config, snapshot: string | undefined): Map<string, SourceTarget> {
  const targets = new Map<string, SourceTarget>()
  for (const source of config.sources) {
    for (const [format, own] of Object.entries(FORMAT_SOURCE_STRINGS)) {
      const sourceString = format === source.format ? (source.source_string ?? own) : own
      targets.set(`${source.name} ${format}`, { inputStreamName: snapshot ?? source.data_source, sourceString })
    }
    if (source.source_string !== undefined) {
      targets.set(`${source.name} ${'raw' satisfies Format}`, {
        inputStreamName: snapshot ?? source.data_source,
        sourceString: source.source_string
      })
    }
  }
  return targets
}

/** The data source of each source, with the log type of the files that it gets now. */
export function feedsOf(config: Config, snapshot: string | undefined): SourceTarget[] {
  const targets = targetsOf(config, snapshot)
  return config.sources.flatMap(({ name, format }) => targets.get(`${name} ${format}`) ?? [])
}
