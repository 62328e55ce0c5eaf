/** HTTP by undici: proxies, CA bundles, bounded answers, and one way to say that a request failed. */
import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import type { Dispatcher } from 'undici'
import { CollectorError } from '../errors.ts'
import { Agent, EnvHttpProxyAgent } from '../lib/undici.ts'

export interface HttpOptions {
  /** `http://proxy.example:3128`; credentials in it or by `proxyUser` and `proxyPassword`. */
  proxyUrl?: string
  proxyUser?: string
  proxyPassword?: string
  /** Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` when `proxyUrl` is absent. @default true */
  proxyFromEnvironment?: boolean
  /** Hosts and domains reached directly; absent: `NO_PROXY`. Loopback always is. */
  noProxy?: readonly string[]
  /** File with PEM certificates that are trusted beside the usual ones. */
  caFile?: string
  /** The same as text. */
  ca?: string
  /** @default 10000 */
  connectTimeoutMs?: number
  /** False takes any certificate: only to look at one, never to send anything. @default true */
  checksCertificates?: boolean
}

const KEEP_ALIVE_MS = 30_000

/** Connections for API, blob and token requests. Throws CONFIG_INVALID when the CA file or the proxy URL is no good. */
export function createDispatcher(options: HttpOptions = {}): Dispatcher {
  const extra = options.ca ?? (options.caFile === undefined ? undefined : readCa(options.caFile))
  const ca = extra === undefined ? undefined : [...getCACertificates('default'), extra]
  const tls = {
    timeout: options.connectTimeoutMs ?? 10_000,
    ...(ca ? { ca } : {}),
    ...(options.checksCertificates === false ? { rejectUnauthorized: false } : {})
  }
  // HTTP/2 brings nothing to a few calls a minute, and blob storage does not speak it.
  const common = { allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS, connections: 8 }
  const proxy = options.proxyUrl === undefined ? undefined : proxyHref(options.proxyUrl, options)
  if (proxy === undefined && options.proxyFromEnvironment === false) return new Agent({ ...common, connect: tls })
  const given = proxy === undefined ? {} : { httpProxy: proxy, httpsProxy: proxy }
  const environment = process.env.no_proxy ?? process.env.NO_PROXY ?? ''
  // The local tenant is never behind a proxy, whatever the environment says.
  const noProxy = [options.noProxy?.join(',') ?? environment, 'localhost', '127.0.0.1', '::1'].join(',')
  return new EnvHttpProxyAgent({ ...common, ...given, noProxy, connect: tls, requestTls: tls, proxyTls: tls })
}

function proxyHref(text: string, options: HttpOptions): string {
  if (!URL.canParse(text)) throw new CollectorError('CONFIG_INVALID', 'the proxy is not a URL such as http://proxy.example:3128')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new CollectorError('CONFIG_INVALID', 'the proxy must be http or https')
  if (options.proxyUser !== undefined) url.username = encodeURIComponent(options.proxyUser)
  if (options.proxyPassword !== undefined) url.password = encodeURIComponent(options.proxyPassword)
  return url.href
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CollectorError('CONFIG_INVALID', `Cannot read the CA file "${path}": ${String(cause)}`, { cause })
  }
}

/**
 * Reads a body up to `maxBytes`; what is longer is cut off and the connection given up, so that a hostile or broken answer
 * costs no memory.
 */
export async function readBounded(body: AsyncIterable<Uint8Array> & { destroy?(): unknown }, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= maxBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8')
}

/** Value of a header that came once; the first of several. */
export function headerOf(headers: Record<string, string | string[] | undefined>, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

export const isLoopback = (url: URL): boolean => LOOPBACK.test(url.hostname)

/**
 * The tenant's address as people paste it (with or without scheme, slash at the end, `/api`) in its one form: scheme and
 * authority, no slash at the end. Throws CONFIG_INVALID. Plain http is for the local tenant on loopback only.
 */
export function normalizeBaseUrl(text: string): string {
  const trimmed = text.trim()
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`
  const fail = (why: string): never => {
    throw new CollectorError('CONFIG_INVALID', `tenant url "${trimmed.slice(0, 200)}" ${why}`)
  }
  if (!URL.canParse(full)) return fail('is not a URL')
  const url = new URL(full)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) return fail('must be https')
  if (url.username || url.password) return fail('must not hold credentials')
  if (!/^\/?(?:api(?:\/v1)?\/?)?$/.test(url.pathname) || url.search || url.hash)
    return fail('must be the host alone, as in Settings › Cloud Apps › About')
  return url.origin
}
