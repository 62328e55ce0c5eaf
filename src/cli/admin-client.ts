/** Asks the admin server of a running collector. */
import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { readAdminSection } from '../config/admin-section.ts'
import { isLoopback, parseListen } from '../config/listen.ts'
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
export async function adminTarget(options: { url?: string | undefined; config?: string | undefined }, io: Io): Promise<AdminTarget> {
  if (options.url !== undefined) {
    const url = URL.parse(options.url)
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
      throw new UsageError(`${JSON.stringify(options.url)} is no http or https URL`)
    return { url: options.url.replace(/\/+$/, ''), token: io.env.SLUICE_ADMIN_TOKEN }
  }
  const path = options.config ?? configOfStarter(io.cwd)
  const { listen, token } = readAdminSection({ path, cwd: io.cwd, env: io.env }) ?? (await wholeConfig(path, io)).admin
  const { host, port } = parseListen(listen)
  return { url: `http://${reachable(host)}:${port}`, token }
}

/** Throws ConfigError. */
async function wholeConfig(path: string | undefined, io: Io) {
  const { loadForVerb } = await import('./load-for-verb.ts')
  return loadForVerb(path, io).config
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

/** Rejects with NoAnswer, whose message says why. */
export async function askAdmin(
  target: AdminTarget,
  path: string,
  method: 'GET' | 'POST' | 'PUT' = 'GET',
  body?: object
): Promise<AdminAnswer> {
  const { status, text } = await askAdminText(target, path, method, body)
  try {
    return { status, body: JSON.parse(text) }
  } catch (error) {
    throw noAnswer(target, error)
  }
}

/** As `askAdmin`, for answers that are no JSON. */
export async function askAdminText(
  target: AdminTarget,
  path: string,
  method: 'GET' | 'POST' | 'PUT' = 'GET',
  body?: object
): Promise<{ status: number; text: string }> {
  try {
    const given = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
      ...(given === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(given) })
    }
    const response = await request(new URL(target.url + path), method, headers, given)
    return { status: response.statusCode!, text: await textOf(response) }
  } catch (error) {
    throw noAnswer(target, error)
  }
}

/** By node:http and not by `fetch`, whose code takes longer to load than the rest of `sluice healthcheck`. Follows no redirect. */
async function request(url: URL, method: string, headers: Record<string, string | number>, body?: string): Promise<IncomingMessage> {
  const client = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    client.request(url, { method, headers, signal, agent: false }, resolve).on('error', reject).end(body)
  })
}

/** Lines of an answer that goes on, as they come. Rejects with NoAnswer as `askAdmin` does; ends when the collector does. */
export async function* streamAdmin(target: AdminTarget, path: string): AsyncGenerator<string> {
  const leave = new AbortController()
  const headers: Record<string, string> = target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }
  try {
    const response = await fetch(target.url + path, { headers, signal: leave.signal, redirect: 'error' }).catch(error => {
      throw noAnswer(target, error)
    })
    if (response.status !== 200) throw new NoAnswer(`${target.url} answered ${response.status}: ${await response.text()}`)
    let held = ''
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (held + text).split('\n')
      held = lines.pop()!
      yield* lines
    }
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    throw noAnswer(target, error)
  } finally {
    leave.abort()
  }
}

function noAnswer(target: AdminTarget, error: unknown): NoAnswer {
  const { cause } = error as Error
  return new NoAnswer(`No answer from ${target.url}: ${reasonOf(cause instanceof Error ? cause : (error as Error))}`)
}

/** What failed several times, once per address, has no text of its own. */
const reasonOf = ({ message, code }: NodeJS.ErrnoException): string => message || String(code)

/** The collector does not run, or something else answers on its address. */
export class NoAnswer extends Error {}
