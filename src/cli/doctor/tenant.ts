/** The way to the tenant: proxy, names, clock, certificates, credentials, data sources. */
import { lookup } from 'node:dns/promises'
import { formatDuration } from '../../config/durations.ts'
import type { Config } from '../../config/schema.ts'
import { packageVersion } from '../../lib/package-root.ts'
import { checkNetwork } from '../../pipeline/network-check.ts'
import { httpOptionsOf } from '../../pipeline/tenant-access.ts'
import type { Check } from '../../telemetry/readiness.ts'
import { DEFAULT_AUTHORITY_HOST } from '../../upload/auth.ts'
import { createDispatcher } from '../../upload/http.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const TIMEOUT_MS = 10_000
/** Entra refuses assertions that are five minutes off; event times suffer earlier. */
const SKEW_WARN_MS = 5000
const SKEW_FAIL_MS = 240_000
/** Who issues the certificates of the service; any other name in between is an inspecting proxy. */
const KNOWN_ISSUERS = /microsoft|digicert|baltimore|globalsign/i

export async function checkTenant(config: Config): Promise<Finding[]> {
  const { tenant } = config
  if (tenant.url === undefined)
    return [
      warn('tenant', 'none is configured: files stay with the local one', 'give tenant.url and tenant.auth when you are done trying out')
    ]
  const url = new URL(tenant.url)
  const proxy = proxyOf(config, url)
  const checks = await checkNetwork(config, packageVersion())
  return [proxyFinding(config, proxy), ...(await names(config, url, proxy)), ...(await clock(config, url)), ...checks.map(network)]
}

function proxyOf({ tenant }: Config, url: URL): string | undefined {
  const { env } = process
  const excluded = (tenant.no_proxy ?? (env.no_proxy ?? env.NO_PROXY ?? '').split(',')).map(entry => entry.trim().replace(/^\*?\./, ''))
  const isExcluded = excluded.some(entry => entry !== '' && (entry === '*' || url.hostname === entry || url.hostname.endsWith(`.${entry}`)))
  if (isExcluded) return undefined
  return tenant.proxy ?? (url.protocol === 'https:' ? (env.https_proxy ?? env.HTTPS_PROXY) : (env.http_proxy ?? env.HTTP_PROXY))
}

/** Credentials in the URL of a proxy are nobody's business. */
function proxyFinding({ tenant }: Config, proxy: string | undefined): Finding {
  if (proxy === undefined) return ok('proxy', 'none: the tenant is reached directly')
  return ok('proxy', `${proxy.replace(/\/\/[^/@]*@/, '//')}, by ${tenant.proxy === undefined ? 'the environment' : 'tenant.proxy'}`)
}

/** Behind a proxy only its own name must be known here. */
async function names({ tenant }: Config, url: URL, proxy: string | undefined): Promise<Finding[]> {
  const login = tenant.auth?.token === undefined ? [new URL(tenant.auth?.authority_host ?? DEFAULT_AUTHORITY_HOST).hostname] : []
  const hosts = proxy === undefined ? [url.hostname, ...login] : [new URL(proxy).hostname]
  return Promise.all(
    hosts.map(async host => {
      try {
        const addresses = await lookup(host, { all: true })
        return ok('DNS', `${host} is ${addresses.map(({ address }) => address).join(', ')}`)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        return fail('DNS', `${host} has no address: ${code}`, 'look at /etc/resolv.conf and at the spelling in tenant.url')
      }
    })
  )
}

/** By the `Date` header of the tenant; nothing when it does not answer, which another finding says. */
async function clock({ tenant }: Config, url: URL): Promise<Finding[]> {
  const dispatcher = createDispatcher(httpOptionsOf(tenant))
  try {
    const sentMs = Date.now()
    const request = { origin: url.origin, path: '/', method: 'HEAD', signal: AbortSignal.timeout(TIMEOUT_MS) } as const
    const { headers, body } = await dispatcher.request(request)
    const atMs = (sentMs + Date.now()) / 2
    await body.dump()
    return [judgeClock(headers.date, atMs)]
  } catch {
    return []
  } finally {
    await dispatcher.destroy()
  }
}

/** The header has whole seconds, so half a second is noise. */
function judgeClock(date: string | string[] | undefined, atMs: number): Finding {
  const theirs = Date.parse(String(date))
  if (Number.isNaN(theirs)) return warn('clock', 'the tenant did not say what time it is', 'compare the clock with an NTP server by hand')
  const aheadMs = atMs - (theirs + 500)
  const off = Math.abs(aheadMs)
  const detail =
    off < 1000 ? 'right to the second, by the tenant' : `${formatDuration(off)} ${aheadMs > 0 ? 'ahead of' : 'behind'} the tenant`
  if (off >= SKEW_FAIL_MS)
    return fail('clock', detail, 'set the clock and keep it by chrony or systemd-timesyncd: sign-in fails, and events land in wrong hours')
  return off >= SKEW_WARN_MS ? warn('clock', detail, 'keep the clock by chrony or systemd-timesyncd') : ok('clock', detail)
}

/** A check of `validate --network` with what to do about it. */
function network({ name, ok: isFine, detail = '' }: Check): Finding {
  const what = name.replace(/^network: /, '')
  if (isFine) {
    const issuer = /issued by (.*), until/.exec(detail)?.[1]
    if (issuer === undefined || KNOWN_ISSUERS.test(issuer)) return ok(what, detail)
    return warn(what, detail, 'this is no issuer of the service: a proxy inspects TLS; except the tenant from inspection if uploads fail')
  }
  return fail(what, detail, remedyOf(what))
}

function remedyOf(what: string): string {
  if (what.startsWith('data source '))
    return 'in the portal: Settings › Cloud Apps › Automatic log upload › Data sources; name and type must be those of the configuration'
  if (what === 'data sources' || what === 'sign-in')
    return 'renew the token or secret; an Entra application needs the role Discovery.manage of Microsoft Cloud App Security, with consent of an administrator'
  return 'allow HTTPS to the host, or set tenant.proxy; with a proxy, allow it there; name the authority of an inspecting proxy as tenant.ca_file'
}
