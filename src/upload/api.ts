/**
 * The calls to the tenant's API (cloud-discovery 1.1, 1.10): upload URL, finalise, stream list. Each takes one request of the
 * tenant's budget, has a time limit and a bounded answer, and fails as a StepFailure that says what to do.
 */
import type { Dispatcher } from 'undici'
import type { Auth } from './auth.ts'
import { type Clock, systemClock } from './clock.ts'
import { headerOf, isLoopback, readBounded } from './http.ts'
import type { RequestBudget } from './rate-limit.ts'
import { requestId } from './request-id.ts'
import { answerFailure, classify, networkFailure, type Stage, StepFailure } from './retry.ts'

export interface ApiOptions {
  /** As `normalizeBaseUrl` makes it. */
  baseUrl: string
  auth: Auth
  dispatcher: Dispatcher
  budget: RequestBudget
  /** Version of Sluice, for the User-Agent. */
  version: string
  clock?: Clock
  /** Bounds one call. @default 60000 */
  timeoutMs?: number
  /** Is told once about each storage host that is not of the usual domains. */
  log?: { warn(facts: object, message: string): void }
}

export interface UploadTarget {
  url: string
  provider: string
}

/** A data source as the stream list shows it; unknown numbers are 0, unknown texts empty. */
export interface StreamInfo {
  name: string
  id: string
  logType: number
  /** ms, 0 when it never got a file. */
  lastDataReceivedMs: number
  files: number
  failedFiles: number
}

const ANSWER_MAX_BYTES = 64 * 1024
const LIST_MAX_BYTES = 2 * 1024 * 1024
const LIST_PAGE = 100
/** 2,000 data sources; far beyond any tenant, and each page costs a request. */
const LIST_PAGES_MAX = 20
const URL_MAX_CHARS = 8192
/** Where the service's storage lives (cloud-discovery 1.3); `aws` is the older provider. */
const STORAGE_DOMAINS = ['.blob.core.windows.net', '.blob.core.usgovcloudapi.net', '.amazonaws.com']
const STRANGE_HOSTS_MAX = 16

type Answer = Record<string, unknown>

interface Request {
  stage: Stage
  method: 'GET' | 'POST'
  path: string
  body: object | undefined
  signal: AbortSignal | undefined
  beforeSend: (() => Promise<void>) | undefined
}

interface RawAnswer {
  status: number
  text: string
  retryAfter: string | undefined
}

export class DiscoveryApi {
  readonly baseUrl: string
  /** Clock of this host minus clock of the service, ms, from the `Date` header of the last answer; undefined before the first. */
  clockSkewMs: number | undefined
  readonly #options: ApiOptions
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #strangeHosts = new Set<string>()

  constructor(options: ApiOptions) {
    this.baseUrl = options.baseUrl
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#timeoutMs = options.timeoutMs ?? 60_000
  }

  /** Requests that could go out at once. */
  get budgetLeft(): number {
    return this.#options.budget.left
  }

  /** Call 1. */
  async uploadUrl(filename: string, source: string, signal?: AbortSignal): Promise<UploadTarget> {
    const query = new URLSearchParams({ filename, source })
    const { url, provider } = await this.#call('url', 'GET', `/api/v1/discovery/upload_url/?${query}`, undefined, signal)
    if (typeof url !== 'string' || url.length > URL_MAX_CHARS || !URL.canParse(url))
      throw this.#odd('url', 'the answer holds no usable url')
    if (provider !== 'azure' && provider !== 'aws') throw this.#odd('url', `the provider "${String(provider).slice(0, 40)}" is not known`)
    this.#checkTarget(new URL(url))
    return { url, provider }
  }

  /**
   * Call 3. Resolves with the id of the input stream, empty when the answer has none. `beforeSend` runs when token and budget are
   * there and the request is about to leave: what is persisted then is true of a request that may have been heard.
   */
  async doneUpload(
    uploadUrl: string,
    inputStreamName: string,
    uploadAsSnapshot: boolean,
    signal?: AbortSignal,
    beforeSend?: () => Promise<void>
  ): Promise<string> {
    const body = { uploadUrl, inputStreamName, ...(uploadAsSnapshot ? { uploadAsSnapshot } : {}) }
    const answer = await this.#call('done', 'POST', '/api/v1/discovery/done_upload/', body, signal, beforeSend)
    if (answer.success === false) {
      const failure = { stage: 'done', status: 200, body: JSON.stringify(answer) } as const
      const decision = classify({ ...failure, status: 400 }, this.#clock.now())
      throw new StepFailure(`Cannot finalise: the service answered ${failure.body.slice(0, 200)}`, failure, decision)
    }
    return typeof answer.inputStreamId === 'string' ? answer.inputStreamId : ''
  }

  /** The data sources of the tenant, all pages. */
  async streams(signal?: AbortSignal): Promise<StreamInfo[]> {
    const found: StreamInfo[] = []
    for (let page = 0; page < LIST_PAGES_MAX; page++) {
      const path = `/api/discovery/streams/?${new URLSearchParams({ skip: String(page * LIST_PAGE), limit: String(LIST_PAGE) })}`
      const answer = await this.#call('list', 'GET', path, undefined, signal)
      const rows = Array.isArray(answer.data) ? answer.data.slice(0, LIST_PAGE) : []
      found.push(...rows.map(readStream))
      if (answer.hasNext !== true || rows.length === 0) break
    }
    return found
  }

  async #call(
    stage: Stage,
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    signal?: AbortSignal,
    beforeSend?: () => Promise<void>
  ): Promise<Answer> {
    const request: Request = { stage, method, path, body, signal, beforeSend }
    const first = await this.#send(request)
    // A token may end between its check and its use; a second 401 means that the credentials are no good.
    const answer = first.status === 401 && this.#options.auth.renew() ? await this.#send(request) : first
    if (answer.status === 200 || answer.status === 201) return this.#read(stage, answer.text)
    const failure = { stage, status: answer.status, body: answer.text, retryAfter: answer.retryAfter }
    const error = answerFailure(WHAT[stage], failure, this.#clock.now())
    if (error.decision.kind === 'throttled') this.#options.budget.rest(error.decision.waitMs)
    throw error
  }

  async #send({ stage, method, path, body, signal, beforeSend }: Request): Promise<RawAnswer> {
    const authorization = await this.#options.auth.header()
    await this.#options.budget.take(signal)
    await beforeSend?.()
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    try {
      const {
        statusCode,
        headers,
        body: stream
      } = await this.#options.dispatcher.request({
        origin: this.baseUrl,
        path,
        method,
        headers: {
          authorization,
          accept: 'application/json',
          'user-agent': `sluice/${this.#options.version}`,
          ...(requestId() === undefined ? {} : { 'x-request-id': requestId() }),
          ...(body ? { 'content-type': 'application/json' } : {})
        },
        body: body ? JSON.stringify(body) : null,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout
      })
      const text = await readBounded(stream, stage === 'list' ? LIST_MAX_BYTES : ANSWER_MAX_BYTES)
      this.#readClock(headerOf(headers, 'date'))
      return { status: statusCode, text, retryAfter: headerOf(headers, 'retry-after') }
    } catch (cause) {
      signal?.throwIfAborted()
      throw networkFailure(WHAT[stage], stage, cause)
    }
  }

  /** Finalise answers are not documented: an empty body is a yes. */
  #read(stage: Stage, text: string): Answer {
    if (stage === 'done' && text.trim() === '') return {}
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Answer
      if (stage === 'list' && Array.isArray(value)) return { data: value }
    } catch {
      // Told below: most likely the page of a proxy that wants a login.
    }
    throw this.#odd(stage, 'the answer is not JSON of the expected shape; does a proxy answer instead of the service?')
  }

  #odd(stage: Stage, why: string): StepFailure {
    return new StepFailure(`Cannot ${WHAT[stage]}: ${why}`, { stage, status: 200 }, { kind: 'retry' }, { ambiguous: stage === 'done' })
  }

  /** Log lines must not leave in the clear because an answer says so. */
  #checkTarget(target: URL): void {
    const local = isLoopback(new URL(this.baseUrl)) && isLoopback(target)
    if (target.protocol !== 'https:' && !(target.protocol === 'http:' && local)) {
      throw this.#odd('url', `the url is not https but ${target.protocol}//${target.host}`)
    }
    this.#noteHost(target.hostname, local)
  }

  /** A new data center is no reason to stop, a strange host is one to look. */
  #noteHost(host: string, local: boolean): void {
    if (local || STORAGE_DOMAINS.some(domain => host.endsWith(domain)) || this.#strangeHosts.has(host)) return
    if (this.#strangeHosts.size >= STRANGE_HOSTS_MAX) return
    this.#strangeHosts.add(host)
    this.#options.log?.warn({ host }, 'upload: the service names a storage host outside the usual domains')
  }

  #readClock(date: string | undefined): void {
    const theirs = date === undefined ? Number.NaN : Date.parse(date)
    // The header counts whole seconds, so half a second is the best guess.
    if (!Number.isNaN(theirs)) this.clockSkewMs = this.#clock.now() - theirs - 500
  }
}

const WHAT: Record<Stage, string> = {
  url: 'get an upload URL',
  put: 'store the file',
  done: 'finalise the upload',
  list: 'list the data sources',
  token: 'get an access token'
}

function readStream(row: unknown): StreamInfo {
  const { displayName, _id, logType, lastDataReceived, logFilesHistoryCount, logFilesFailsCount } = (row ?? {}) as Answer
  const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
  return {
    name: typeof displayName === 'string' ? displayName.slice(0, 256) : '',
    id: typeof _id === 'string' ? _id.slice(0, 64) : '',
    logType: typeof logType === 'number' ? logType : -1,
    lastDataReceivedMs: typeof lastDataReceived === 'string' ? Date.parse(lastDataReceived) || 0 : number(lastDataReceived),
    files: number(logFilesHistoryCount),
    failedFiles: number(logFilesFailsCount)
  }
}
