/**
 * undici as the HTTP client of the Azure libraries, so that proxies, CA bundle and timeouts are set in one place. Both libraries
 * take a client; @azure/storage-blob still wants it in the older shape.
 */
import { Readable } from 'node:stream'
import type { HttpClient } from '@azure/core-rest-pipeline'
import type { HttpOperationResponse, RequestPolicy } from '@azure/storage-blob'
import type { Dispatcher } from 'undici'
import { headerOf, readBounded } from './http.ts'

const ANSWER_MAX_BYTES = 1024 * 1024

interface Call {
  url: string
  method: Dispatcher.HttpMethod
  headers: Record<string, string>
  body: unknown
  /** The libraries bring their own signal type. */
  abortSignal: { readonly aborted: boolean; addEventListener(type: 'abort', listener: () => void): void } | undefined
}

interface Answer {
  status: number
  headers: Record<string, string>
  bodyAsText: string
}

/** A client for the options of @azure/identity. `timeoutMs` bounds each request. */
export async function identityHttpClient(dispatcher: Dispatcher, timeoutMs: number): Promise<HttpClient> {
  const { createHttpHeaders, RestError } = await import('@azure/core-rest-pipeline')
  return {
    async sendRequest(request) {
      const { url, method, body, abortSignal } = request
      const call: Call = { url, method: method as Dispatcher.HttpMethod, headers: request.headers.toJSON(), body, abortSignal }
      try {
        const answer = await send(dispatcher, timeoutMs, call)
        return { request, status: answer.status, headers: createHttpHeaders(answer.headers), bodyAsText: answer.bodyAsText }
      } catch (error) {
        throw new RestError(error instanceof Error ? error.message : String(error), { code: RestError.REQUEST_SEND_ERROR, request })
      }
    }
  }
}

/** A client for the pipeline of @azure/storage-blob. */
export function blobHttpClient(dispatcher: Dispatcher, timeoutMs: number): RequestPolicy {
  return {
    async sendRequest(request) {
      const { url, method, body, abortSignal } = request
      const call: Call = { url, method: method as Dispatcher.HttpMethod, headers: request.headers.rawHeaders(), body, abortSignal }
      const { status, headers, bodyAsText } = await send(dispatcher, timeoutMs, call)
      // The library turns the older shape into its newer one at once, and reads nothing of the headers but this.
      const shape = { toJson: () => headers, rawHeaders: () => headers, get: (name: string) => headers[name.toLowerCase()] }
      return { request, status, bodyAsText, headers: shape as unknown as HttpOperationResponse['headers'] }
    }
  }
}

async function send(dispatcher: Dispatcher, timeoutMs: number, call: Call): Promise<Answer> {
  const url = new URL(call.url)
  const answer = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: call.method,
    headers: call.headers,
    body: bodyOf(call.body),
    signal: signalOf(call.abortSignal, timeoutMs),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs
  })
  const headers: Record<string, string> = {}
  for (const name of Object.keys(answer.headers)) headers[name] = headerOf(answer.headers, name) ?? ''
  return { status: answer.statusCode, headers, bodyAsText: await readBounded(answer.body, ANSWER_MAX_BYTES) }
}

function bodyOf(given: unknown): string | Buffer | Readable | null {
  const body = typeof given === 'function' ? given() : given
  if (body === undefined || body === null) return null
  if (typeof body === 'string' || body instanceof Readable) return body
  if (body instanceof ArrayBuffer) return Buffer.from(body)
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  throw new TypeError('Cannot send this kind of body')
}

function signalOf(signal: Call['abortSignal'], timeoutMs: number): AbortSignal {
  const controller = new AbortController()
  if (signal?.aborted) controller.abort()
  signal?.addEventListener('abort', () => controller.abort())
  return AbortSignal.any([controller.signal, AbortSignal.timeout(timeoutMs)])
}
