/** Asks the admin server of a running collector. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isLoopback, parseListen } from '../config/listen.ts'
import { loadForVerb } from './load-for-verb.ts'
import { type Io, UsageError } from './verb.ts'

export interface AdminTarget {
  url: string
  token?: string | undefined
}

export interface AdminAnswer {
  status: number
  body: unknown
}

const TIMEOUT_MS = 5000

/** The server named on the command line, else the one of the configuration. `SLUICE_ADMIN_TOKEN` is its token in the first case. */
export function adminTarget(options: { url?: string | undefined; config?: string | undefined }, io: Io): AdminTarget {
  if (options.url !== undefined) {
    const url = URL.parse(options.url)
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
      throw new UsageError(`${JSON.stringify(options.url)} is no http or https URL`)
    return { url: options.url.replace(/\/+$/, ''), token: io.env.SLUICE_ADMIN_TOKEN }
  }
  const { admin } = loadForVerb(options.config ?? configOfStarter(io.cwd), io).config
  const { host, port } = parseListen(admin.listen)
  return { url: `http://${reachable(host)}:${port}`, token: admin.token }
}

/** Configuration that `sluice starter` keeps in its state folder. */
export const STARTER_FILE = 'starter.yaml'

/** In the container of `sluice starter` nobody says where the configuration is: it lies in the working directory. */
function configOfStarter(cwd: string): string | undefined {
  const own = join(cwd, STARTER_FILE)
  return [join(cwd, 'sluice.yaml'), '/etc/sluice/sluice.yaml'].some(path => existsSync(path)) || !existsSync(own) ? undefined : own
}

/** From this machine a wildcard is reached over loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || isLoopback(host)) return host === '::1' ? '[::1]' : host === '0.0.0.0' ? '127.0.0.1' : host
  return host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
}

/** Rejects with an Error whose message says why there is no answer. */
export async function askAdmin(target: AdminTarget, path: string, method: 'GET' | 'POST' = 'GET'): Promise<AdminAnswer> {
  try {
    const headers: Record<string, string> = target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }
    const response = await fetch(target.url + path, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' })
    const text = await response.text()
    return { status: response.status, body: JSON.parse(text) }
  } catch (error) {
    const { message, cause } = error as Error
    throw new NoAnswer(
      `No answer from ${target.url}: ${cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message}`
    )
  }
}

/** The collector does not run, or something else answers on its address. */
export class NoAnswer extends Error {}
