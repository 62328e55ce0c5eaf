/**
 * Looks at a host as an upload would reach it, through the same proxies, and says whose certificate it shows: an inspecting proxy
 * is seen by its issuer. Nothing but a HEAD request for `/` is sent, without credentials.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import { createDispatcher, type HttpOptions } from './http.ts'
import { describe } from './retry.ts'

export interface HostLook {
  /** An answer came, and its certificate is trusted. */
  ok: boolean
  /** Who issued the certificate, `CN=…, O=…`; undefined when no TLS connection came about. */
  issuer?: string
  /** One sentence for a person. */
  detail: string
}

/** undici tells of each connection here, those through a proxy included. */
const CHANNEL = 'undici:client:connected'

interface Connected {
  connectParams: { hostname: string }
  socket: unknown
}

interface Seen {
  issuer: string
  until: string
  /** Why the certificate is not trusted. */
  fault: string | undefined
}

/** Never rejects: what went wrong is in `detail`. */
export async function lookAtHost(url: URL, options: HttpOptions, timeoutMs = 15_000): Promise<HostLook> {
  const dispatcher = createDispatcher({ ...options, checksCertificates: false })
  let seen: Seen | undefined
  const onConnected = (message: unknown): void => {
    const { connectParams, socket } = message as Connected
    if (connectParams.hostname !== url.hostname || !(socket instanceof TLSSocket)) return
    const { issuer, valid_to: until } = socket.getPeerCertificate()
    seen = { issuer: nameOf(issuer), until, fault: socket.authorized ? undefined : String(socket.authorizationError) }
  }
  subscribe(CHANNEL, onConnected)
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const { statusCode, body } = await dispatcher.request({ origin: url.origin, path: '/', method: 'HEAD', signal })
    await body.dump()
    return judge(seen, statusCode)
  } catch (error) {
    const message = describe(error)
    return { ok: false, detail: `cannot be reached: ${message}${hintOf(message)}` }
  } finally {
    unsubscribe(CHANNEL, onConnected)
    await dispatcher.destroy()
  }
}

function judge(seen: Seen | undefined, status: number): HostLook {
  if (seen === undefined) return { ok: true, detail: `answers with ${status}, without TLS` }
  const { issuer, until, fault } = seen
  if (fault === undefined) return { ok: true, issuer, detail: `certificate issued by ${issuer}, until ${until}` }
  const remedy = fault.includes('ALTNAME')
    ? 'it is for another name'
    : 'if that is your inspecting proxy, give its authority as tenant.ca_file'
  return { ok: false, issuer, detail: `certificate issued by ${issuer} is not trusted (${fault}); ${remedy}` }
}

const nameOf = (issuer: PeerCertificate['issuer'] | undefined): string =>
  Object.entries(issuer ?? {})
    .filter(([key]) => key === 'CN' || key === 'O')
    .map(([key, value]) => `${key}=${[value].flat().join('+')}`)
    .join(', ') || 'nobody'

function hintOf(message: string): string {
  if (/\(407\)|\b407\b/.test(message)) return '; the proxy wants other credentials: tenant.proxy as http://USER:PASSWORD@host:port'
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return '; the name is not resolved: is a proxy needed (tenant.proxy)?'
  return ''
}
