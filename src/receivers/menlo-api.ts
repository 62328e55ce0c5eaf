/**
 * One page of Menlo's log export (cloud-discovery reference 6.3): POST fetch/client_select with `start`, `end` (Unix seconds),
 * `format=json` and `limit` in the query, and `token`, `log_type` and `pagingIdentifiers` in the body. The answer is an array with
 * one result: `[{"result":{"events":[{"event":{…}}, …],"pagingIdentifiers":{…}}}]`; without identifiers it was the last page.
 */
import { gunzipSync } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { answerError, pullDispatcher, readBounded } from './pull-http.ts'
import { PullError } from './pull-loop.ts'

export interface MenloApiOptions {
  /** Up to `fetch/client_select`, such as `https://logs.menlosecurity.com/api/rep/v1`. */
  url: string
  token: string
  logType: string
  /** Events a page; the service gives at most 1000. */
  pageEvents: number
  requestTimeoutMs: number
}

export interface PageRequest {
  /** Unix seconds. */
  start: number
  end: number
  /** As the page before gave them; undefined for the first. */
  paging: unknown
}

export interface Page {
  events: unknown[]
  /** Of the next page; undefined when there is none. */
  paging: unknown
}

/** Paging identifiers that the service does not take any more. */
export class PagingRefused extends PullError {}

const REFUSALS = new Set([400, 404, 410, 422])
/** 1000 events of 64 KiB, which none comes near to. */
const PAGE_MAX_BYTES = 64 * 1024 * 1024

export class MenloApi {
  readonly #options: MenloApiOptions
  readonly #dispatcher: Dispatcher

  constructor(options: MenloApiOptions) {
    this.#options = options
    this.#dispatcher = pullDispatcher(options.requestTimeoutMs)
  }

  /** Rejects with PullError; the token is in none of its messages. */
  async page({ start, end, paging }: PageRequest, signal: AbortSignal): Promise<Page> {
    const { url, token, logType, pageEvents, requestTimeoutMs } = this.#options
    const target = new URL(`${url.replace(/\/+$/, '')}/fetch/client_select`)
    target.search = new URLSearchParams({ start: String(start), end: String(end), format: 'json', limit: String(pageEvents) }).toString()
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)])
    try {
      const answer = await this.#dispatcher.request({
        origin: target.origin,
        path: target.pathname + target.search,
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'gzip' },
        body: JSON.stringify({ token, log_type: logType, ...(paging === undefined ? {} : { pagingIdentifiers: paging }) }),
        signal: bounded
      })
      if (answer.statusCode !== 200) {
        const error = await answerError('the log export', answer.statusCode, answer.headers, answer.body)
        throw REFUSALS.has(answer.statusCode) && paging !== undefined ? new PagingRefused(error.message) : error
      }
      const body = inflate(await readBounded(answer.body, PAGE_MAX_BYTES))
      return readPage(body)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof PullError) throw error
      throw new PullError(`the log export cannot be reached: ${(error as Error).message}`, { cause: error })
    }
  }

  close(): Promise<void> {
    return this.#dispatcher.close()
  }
}

/** By its bytes, as with logs that are pushed. */
function inflate(body: Buffer): Buffer {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body
  try {
    return gunzipSync(body, { maxOutputLength: PAGE_MAX_BYTES })
  } catch (error) {
    throw new PullError(`the answer is damaged gzip: ${(error as Error).message}`, { cause: error })
  }
}

function readPage(body: Buffer): Page {
  let answer: unknown
  try {
    answer = JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new PullError(`the answer is no JSON: ${(error as Error).message.slice(0, 200)}`, { cause: error })
  }
  // An array of one; a bare object is read as well.
  const first = (Array.isArray(answer) ? answer[0] : answer) as { result?: { events?: unknown; pagingIdentifiers?: unknown } } | undefined
  if (Array.isArray(answer) && answer.length === 0) return { events: [], paging: undefined }
  const events = first?.result?.events
  if (!Array.isArray(events)) throw new PullError('the answer has no result.events')
  return { events: events.map(eventOf), paging: isEmpty(first?.result?.pagingIdentifiers) ? undefined : first?.result?.pagingIdentifiers }
}

/** `{"event":{…}}`, or the event itself. */
const eventOf = (entry: unknown): unknown =>
  typeof entry === 'object' && entry !== null && 'event' in entry ? (entry as { event: unknown }).event : entry

const isEmpty = (paging: unknown): boolean =>
  paging === undefined || paging === null || (typeof paging === 'object' && Object.keys(paging).length === 0)
