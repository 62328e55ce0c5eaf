/** HTTP as pulls need it: proxies of the environment, bounded answers, and failures that say when to come again. */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { EnvHttpProxyAgent } from '../lib/undici.ts'
import { PullError } from './pull-loop.ts'

const CONNECT_TIMEOUT_MS = 10_000
const ERROR_MAX_BYTES = 4096
const RETRY_AFTER_MAX_MS = 60 * 60_000

/** Connections to one server; HTTPS_PROXY and NO_PROXY are heeded, loopback is always reached directly. */
export function pullDispatcher(timeoutMs: number): Dispatcher {
  const noProxy = [process.env.no_proxy ?? process.env.NO_PROXY ?? '', 'localhost', '127.0.0.1', '::1'].join(',')
  return new EnvHttpProxyAgent({
    noProxy,
    allowH2: false,
    connections: 4,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: CONNECT_TIMEOUT_MS }
  })
}

/** A PullError for an answer that is no success; reads what the server says of it. */
export async function answerError(what: string, status: number, headers: Headers, body: Readable): Promise<PullError> {
  const said = (await readBounded(body, ERROR_MAX_BYTES).catch(() => Buffer.alloc(0))).toString('utf8')
  const retryAfterMs = retryAfterOf(String(headers['retry-after'] ?? ''))
  return new PullError(`${what}: the server answers ${status}${reasonOf(said)}`, { retryAfterMs, status })
}

type Headers = Record<string, string | string[] | undefined>

/** Reads a body of at most `maxBytes`; rejects when it is longer. */
export async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw new PullError(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Seconds or a date (RFC 9110 section 10.2.3), in ms from now; 0 when it is neither. */
export function retryAfterOf(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.min(RETRY_AFTER_MAX_MS, Math.max(0, ms)) : 0
}

/** Code and message of an XML error, or the first words of another text. Nothing that was sent is in them. */
function reasonOf(said: string): string {
  const code = /<Code>([^<]{1,100})<\/Code>/.exec(said)?.[1]
  const message = /<Message>([^<]{1,300})<\/Message>/.exec(said)?.[1]
  const text = code === undefined ? said.slice(0, 200).replaceAll(/\s+/g, ' ').trim() : `${code}${message ? `: ${message}` : ''}`
  return text === '' ? '' : ` (${text})`
}
