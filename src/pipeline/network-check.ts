/**
 * `sluice validate --network`: is every host that an upload needs reached, whose certificate does each show, are the credentials
 * taken, and does the tenant have the data sources. Costs one request of the tenant's budget.
 */
import type { Config } from '../config/schema.ts'
import type { Check } from '../telemetry/readiness.ts'
import { DiscoveryApi } from '../upload/api.ts'
import { createAuth, DEFAULT_AUTHORITY_HOST } from '../upload/auth.ts'
import { lookAtHost } from '../upload/host-look.ts'
import { createDispatcher, normalizeBaseUrl } from '../upload/http.ts'
import { RequestBudget } from '../upload/rate-limit.ts'
import { describe } from '../upload/retry.ts'
import { UploadStats } from '../upload/stats.ts'
import { storageHostOf } from '../upload/storage-hosts.ts'
import { StreamWatch } from '../upload/streams.ts'
import { authOptionsOf, feedsOf, httpOptionsOf } from './tenant-access.ts'

export async function checkNetwork(config: Config, version: string): Promise<Check[]> {
  const { tenant } = config
  if (tenant.url === undefined) return [{ name: 'network', ok: true, detail: 'no tenant is configured; files stay on this machine' }]
  const base = normalizeBaseUrl(tenant.url)
  const hosts: [what: string, url: string][] = [['tenant', base]]
  const storage = storageHostOf(new URL(base).hostname)
  if (storage !== undefined) hosts.push(['storage', `https://${storage}`])
  const isEntra = tenant.auth?.token === undefined && tenant.auth?.managed_identity !== true
  if (isEntra) hosts.push(['sign-in', tenant.auth?.authority_host ?? DEFAULT_AUTHORITY_HOST])
  const checks = await Promise.all(hosts.map(([what, url]) => checkHost(what, new URL(url), config)))
  // Without the hosts the credentials need not be tried: the reason would be the same.
  if (!checks.every(({ ok }) => ok)) return checks
  return [...checks, ...(await checkTenant(config, base, version))]
}

async function checkHost(what: string, url: URL, config: Config): Promise<Check> {
  const { ok, detail } = await lookAtHost(url, httpOptionsOf(config.tenant))
  return { name: `network: ${what} ${url.host}`, ok, detail }
}

/** Signs in and reads the stream list. */
async function checkTenant(config: Config, baseUrl: string, version: string): Promise<Check[]> {
  const dispatcher = createDispatcher(httpOptionsOf(config.tenant))
  const auth = createAuth({ ...authOptionsOf(config.tenant.auth), dispatcher })
  try {
    const failure = await auth.header().then(() => undefined, describe)
    if (failure !== undefined) return [{ name: 'network: sign-in', ok: false, detail: failure }]
    const api = new DiscoveryApi({ baseUrl, auth, dispatcher, budget: new RequestBudget(), version, timeoutMs: config.upload.timeout })
    const streams = new StreamWatch({ api, targets: () => feedsOf(config, undefined), stats: new UploadStats() })
    await streams.look()
    if (streams.lastError !== '') return [{ name: 'network: data sources', ok: false, detail: streams.lastError }]
    return [...streams.status()].map(([name, { state, reason }]) => {
      const check = { name: `network: data source ${name}`, ok: state !== 'missing' && state !== 'wrong-type' }
      return check.ok ? { ...check, detail: 'is there, with the log type of our files' } : { ...check, detail: reason }
    })
  } finally {
    await dispatcher.destroy()
  }
}
