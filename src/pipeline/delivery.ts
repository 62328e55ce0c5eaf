/** From the spool to the tenant: puts the upload room together by the configuration, with the local tenant when there is no other. */
import { isDeepStrictEqual } from 'node:util'
import { parseListen } from '../config/listen.ts'
import type { AuthConfig, Config } from '../config/schema.ts'
import type { UploadQueue } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { SecretExpiry } from '../telemetry/upload-status.ts'
import type { Tenant } from '../tenant/tenant.ts'
import { DiscoveryApi } from '../upload/api.ts'
import { type Auth, createAuth } from '../upload/auth.ts'
import { CloudDiscovery } from '../upload/cloud-discovery.ts'
import { createDispatcher, normalizeBaseUrl } from '../upload/http.ts'
import { RequestBudget } from '../upload/rate-limit.ts'
import { secretExpiries } from '../upload/secret-expiry.ts'
import { UploadStats } from '../upload/stats.ts'
import { StreamWatch } from '../upload/streams.ts'
import { Uploader } from '../upload/uploader.ts'
import { authOptionsOf, feedsOf, httpOptionsOf, targetsOf } from './tenant-access.ts'

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
  const dispatcher = createDispatcher(httpOptionsOf(tenant))
  const newAuth = (auth: AuthConfig | undefined): Auth => createAuth({ ...authOptionsOf(auth), dispatcher })
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
  const streams = new StreamWatch({ api, targets: () => feedsOf(current, snapshot), stats })
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

/** The queue, which counts what leaves it. */
export function watched(queue: UploadQueue, departures: Departures): UploadQueue {
  return {
    waiting: () => queue.waiting(),
    sourceOf: id => queue.sourceOf(id),
    changed: signal => queue.changed(signal),
    segment: id => queue.segment(id),
    inspect: id => queue.inspect(id),
    split: id => queue.split(id),
    advance: (id, step, facts) => queue.advance(id, step, facts),
    async done(id) {
      const segment = await queue.segment(id)
      await queue.done(id)
      if (segment !== undefined) departures.set(segment.source, (departures.get(segment.source) ?? 0) + segment.recordCount)
    },
    setAside: (id, reason) => queue.setAside(id, reason)
  }
}
