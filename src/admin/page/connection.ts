/**
 * Keeps the page fed: one stream of server-sent events, read by fetch because EventSource sends no token. When a stream cannot be
 * had (too many, or a proxy that collects), it asks instead. A hidden page lets its stream go.
 */
import type { Overview } from '../overview.ts'
import type { Link } from './state.ts'

const TOKEN_KEY = 'sluice-token'
/** A stream that says nothing for so long is dead; the server's heartbeat is shorter. */
const QUIET_MAX_MS = 40_000
/** The first event comes at once, or something in between holds it back. */
const FIRST_EVENT_MAX_MS = 8000
const POLL_MS = 3000
/** Asks before a stream is tried again. */
const POLLS_BETWEEN_STREAMS = 10

export interface Listener {
  overview(overview: Overview): void
  link(link: Link): void
}

/** How a try ended. */
type End = 'ended' | 'refused' | 'locked' | 'failed'

export class Connection {
  readonly #listener: Listener
  #newestPointMs = 0
  #lostSinceMs: number | undefined
  #wake: () => void = () => {}
  #abort: AbortController | undefined

  constructor(listener: Listener) {
    this.#listener = listener
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#abort?.abort() : this.#wake()))
  }

  /** Tries again with the token; it is kept until the tab is closed. */
  signIn(token: string): void {
    sessionStorage.setItem(TOKEN_KEY, token)
    this.#wake()
  }

  async run(): Promise<never> {
    let polls = 0
    for (;;) {
      if (document.hidden) await this.#sleep(3600_000)
      if (polls === 0) {
        const end = await this.#stream()
        if (end === 'locked') await this.#sleep(3600_000)
        else if (end === 'refused') polls = POLLS_BETWEEN_STREAMS
        else if (end === 'failed') await this.#sleep(2000)
      } else {
        polls--
        const end = await this.#poll()
        if (end === 'locked') await this.#sleep(3600_000)
        else if (polls > 0) await this.#sleep(POLL_MS)
      }
    }
  }

  async #stream(): Promise<End> {
    const abort = new AbortController()
    this.#abort = abort
    let timer = setTimeout(() => abort.abort(), FIRST_EVENT_MAX_MS)
    let events = 0
    let status = 0
    try {
      const response = await ask('/api/v1/live', abort.signal)
      status = response.status
      if (status !== 200) return await this.#refused(response)
      for await (const overview of overviewsOf(response)) {
        clearTimeout(timer)
        timer = setTimeout(() => abort.abort(), QUIET_MAX_MS)
        events++
        if (overview !== undefined) this.#arrived(overview, 'live')
      }
      return 'ended'
    } catch {
      if (document.hidden) return 'ended'
      if (status === 200 && events === 0) return 'refused' // something in between holds the stream back
      this.#lost(status === 200 ? 'the stream broke off' : 'the collector does not answer')
      return 'failed'
    } finally {
      clearTimeout(timer)
      abort.abort()
    }
  }

  async #poll(): Promise<End> {
    try {
      const response = await ask(`/api/v1/overview?since=${this.#newestPointMs}`, AbortSignal.timeout(10_000))
      if (response.status !== 200) return await this.#refused(response)
      this.#arrived((await response.json()) as Overview, 'polling')
      return 'ended'
    } catch {
      this.#lost('the collector does not answer')
      return 'failed'
    }
  }

  async #refused(response: Response): Promise<End> {
    const { code = '', message = '' } = (await response.json().catch(() => ({}))) as { code?: string; message?: string }
    if (response.status === 401 || response.status === 429) {
      const isFirst = code === 'TOKEN_NEEDED'
      sessionStorage.removeItem(TOKEN_KEY)
      this.#listener.link({ kind: 'locked', message: isFirst ? '' : message })
      return 'locked'
    }
    if (code === 'TOO_MANY_STREAMS') return 'refused'
    this.#lost(`the collector answered ${response.status} ${message}`)
    return 'failed'
  }

  #arrived(overview: Overview, kind: 'live' | 'polling'): void {
    this.#lostSinceMs = undefined
    this.#newestPointMs = overview.history.at(-1)?.atMs ?? this.#newestPointMs
    this.#listener.link({ kind })
    this.#listener.overview(overview)
  }

  #lost(why: string): void {
    this.#lostSinceMs ??= Date.now()
    this.#listener.link({ kind: 'lost', sinceMs: this.#lostSinceMs, why })
  }

  /** Until the time is over, or the page is seen again, or a token came. */
  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function ask(path: string, signal: AbortSignal): Promise<Response> {
  const token = sessionStorage.getItem(TOKEN_KEY)
  return fetch(path, { headers: token === null ? {} : { authorization: `Bearer ${token}` }, signal, cache: 'no-store' })
}

/** The events of a stream; undefined for a heartbeat. Data is on one line each, as the server writes it. */
async function* overviewsOf(response: Response): AsyncGenerator<Overview | undefined> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    text += value
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1]
      text = text.slice(end + 2)
      yield data === undefined ? undefined : (JSON.parse(data) as Overview)
    }
  }
}
