/** From the spool to the tenant: puts the upload room together by the configuration, with the local tenant when there is no other. */
import { isDeepStrictEqual } from 'node:util'
import { parseListen } from '../config/listen.ts'
import type { AuthConfig, Config } from '../config/schema.ts'
import type { Format, UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { FORMAT_SOURCE_STRINGS } from '../lib/source-strings.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { SecretExpiry } from '../telemetry/status.ts'
import type { Tenant } from '../tenant/tenant.ts'
import { DiscoveryApi } from '../upload/api.ts'
import { type Auth, type Credential, createAuth } from '../upload/auth.ts'
import { CloudDiscovery, type SourceTarget } from '../upload/cloud-discovery.ts'
import { createDispatcher, normalizeBaseUrl } from '../upload/http.ts'
import { RequestBudget } from '../upload/rate-limit.ts'
import { secretExpiries } from '../upload/secret-expiry.ts'
import { UploadStats } from '../upload/stats.ts'
import { StreamWatch } from '../upload/streams.ts'
import { Uploader } from '../upload/uploader.ts'

/** Any token of the right shape opens the local tenant. */
const LOCAL_TOKEN = '0'.repeat(64)

/** Records that the tenant took, by source; the queue is watched, so nobody else has to tell. */
export type Departures = Map<string, number>

export interface Delivery {
  readonly uploader: Uploader
  readonly stats: UploadStats
  readonly streams: StreamWatch
  readonly api: DiscoveryApi
  readonly departures: Departures
  readonly budget: RequestBudget
  /** When the secrets of the tenant end. */
  readonly secrets: SecretExpiry[]
  /** Base URL of the tenant. */
  readonly url: string
  readonly local: Tenant | undefined
  /** Takes over changed sources and credentials; what was paused tries again. */
  configure(config: Config): void
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

export interface DeliveryDeps {
  log: Logger
  version: string
  /** Makes snapshot reports of that name instead of feeding the data sources. */
  snapshot?: string | undefined
  /** Uses the local tenant of a running collector when its address is taken. @default false */
  mayJoinLocal?: boolean
}

export async function prepareDelivery(config: Config, queue: UploadQueue, deps: DeliveryDeps): Promise<Delivery> {
  const { log, version, snapshot } = deps
  const { tenant, upload } = config
  const isLocal = tenant.url === undefined
  const local = isLocal ? await startLocalTenant(config, log, deps.mayJoinLocal ?? false) : undefined
  const url = local?.url ?? (isLocal ? localUrl(config) : normalizeBaseUrl(tenant.url!))
  const dispatcher = createDispatcher(
    !isLocal
      ? {
          ...(tenant.proxy === undefined ? {} : { proxyUrl: tenant.proxy }),
          ...(tenant.no_proxy === undefined ? {} : { noProxy: tenant.no_proxy }),
          ...(tenant.ca_file === undefined ? {} : { caFile: tenant.ca_file })
        }
      : { proxyFromEnvironment: false }
  )
  const newAuth = (auth: AuthConfig | undefined): Auth =>
    createAuth({
      credential: auth === undefined ? { kind: 'token', token: LOCAL_TOKEN } : credentialOf(auth),
      dispatcher,
      ...(auth?.authority_host === undefined ? {} : { authorityHost: auth.authority_host }),
      ...(auth?.scope === undefined ? {} : { scope: auth.scope })
    })
  let auth = newAuth(tenant.auth)
  let current = config
  const budget = new RequestBudget({
    requestsPerMinute: upload.requests_per_minute,
    ...(isLocal ? { limitPerMinute: Number.MAX_SAFE_INTEGER } : { share: upload.share, beginsEmpty: true })
  })
  const api = new DiscoveryApi({ baseUrl: url, auth: following(() => auth), dispatcher, budget, version, timeoutMs: upload.timeout })
  const stats = new UploadStats()
  let targets = targetsOf(config, snapshot)
  const destination = new CloudDiscovery({
    api,
    blob: { dispatcher },
    sources: (name, format) => targets.get(`${name} ${format}`),
    stats,
    uploadAsSnapshot: snapshot !== undefined
  })
  let secrets = await secretExpiries(tenant.auth ?? {})
  const departures: Departures = new Map()
  const uploader = new Uploader({ queue: watched(queue, departures), destination, stats, concurrency: upload.concurrency, log })
  // Of the formats that segments of a source may have, only its present one says what the data source should be.
  const fed = (): SourceTarget[] => current.sources.flatMap(({ name, format }) => targets.get(`${name} ${format}`) ?? [])
  const streams = new StreamWatch({ api, targets: fed, stats })
  return {
    uploader,
    stats,
    streams,
    api,
    departures,
    budget,
    get secrets() {
      return secrets
    },
    url,
    local,
    configure(next) {
      // A source that is gone may have segments in the spool.
      targets = new Map([...targets, ...targetsOf(next, snapshot)])
      // Another tenant takes effect at the next start, and its credentials with it.
      const isSameTenant = isDeepStrictEqual({ ...next.tenant, auth: undefined }, { ...tenant, auth: undefined })
      if (isSameTenant && !isDeepStrictEqual(next.tenant.auth, current.tenant.auth)) auth = newAuth(next.tenant.auth)
      current = next
      uploader.resume()
      void secretExpiries(next.tenant.auth ?? {}).then(found => {
        secrets = found
      })
    },
    start() {
      uploader.start()
      if (!isLocal) streams.start()
    },
    async stop(deadline) {
      await Promise.all([uploader.stop(deadline), streams.stop()])
      await dispatcher.close()
      await local?.close()
    }
  }
}

/** Undefined when another process has its address and may be joined. */
async function startLocalTenant(config: Config, log: Logger, mayJoin: boolean): Promise<Tenant | undefined> {
  const { startTenant } = await import('../tenant/tenant.ts')
  const { dir, listen } = config.tenant.local!
  try {
    return await startTenant({ dir, ...parseListen(listen), log: log.child({ part: 'tenant' }, { level: 'warn' }) })
  } catch (error) {
    if (mayJoin && error instanceof CollectorError && error.code === 'LISTEN_FAILED') return undefined
    throw error
  }
}

function localUrl(config: Config): string {
  const { host, port } = parseListen(config.tenant.local!.listen)
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

/** The credentials of the moment as one object. */
const following = (auth: () => Auth): Auth => ({
  get kind() {
    return auth().kind
  },
  get expiresMs() {
    return auth().expiresMs
  },
  header: () => auth().header(),
  renew: () => auth().renew()
})

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
function targetsOf(config: Config, snapshot: string | undefined): Map<string, SourceTarget> {
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

/** The queue, which counts what leaves it. */
export function watched(queue: UploadQueue, departures: Departures): UploadQueue {
  return {
    waiting: () => queue.waiting(),
    sourceOf: id => queue.sourceOf(id),
    changed: signal => queue.changed(signal),
    segment: id => queue.segment(id),
    inspect: id => queue.inspect(id),
    advance: (id, step, facts) => queue.advance(id, step, facts),
    async done(id) {
      const segment = await queue.segment(id)
      await queue.done(id)
      if (segment !== undefined) departures.set(segment.source, (departures.get(segment.source) ?? 0) + segment.recordCount)
    },
    setAside: (id, reason) => queue.setAside(id, reason)
  }
}
