/**
 * Server-sent events for the page: every client gets the whole overview first and then what is new. One message is made for all
 * that have the same; clients and their memory are bounded: who does not read is left out, and starts anew when he reads again.
 */
import type { ServerResponse } from 'node:http'
import type { Overviews } from './overview.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

export const CLIENTS_MAX = 16
const INTERVAL_MS = 2000
/** Proxies and browsers give up on streams that say nothing. */
const HEARTBEAT_MS = 15_000
/** Who has not read for so long has gone. */
const STUCK_MAX_MS = 60_000
/** With hundreds of sources the messages are large, and come less often: at most so much a second for each client. */
const BYTES_PER_SECOND = 200_000

/** x-accel-buffering: a proxy in between must not collect. */
const HEAD = { ...SECURITY_HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

interface Client {
  response: ServerResponse
  /** Newest point of the history that it was sent; 0 before the first message. */
  sentPointMs: number
  lastWriteMs: number
}

export class LiveStream {
  readonly #overviews: Overviews
  readonly #clients = new Set<Client>()
  #timer: NodeJS.Timeout | undefined
  #nextMs = 0

  constructor(overviews: Overviews) {
    this.#overviews = overviews
  }

  get isFull(): boolean {
    return this.#clients.size >= CLIENTS_MAX
  }

  /** Takes over the response. Throws when the status cannot be made; then nothing is sent yet. */
  add(response: ServerResponse): void {
    const { text, newestMs } = this.#message(0)
    const client: Client = { response, sentPointMs: newestMs, lastWriteMs: 0 }
    this.#clients.add(client)
    response.once('close', () => this.#forget(client))
    response.on('error', () => {}) // 'close' follows
    response.writeHead(200, HEAD)
    write(client, text, Date.now())
    this.#timer ??= setInterval(() => this.#tick(), INTERVAL_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { response } of this.#clients) response.end()
  }

  #forget(client: Client): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const nowMs = Date.now()
    const ready: Client[] = []
    for (const client of this.#clients) {
      if (client.response.writableNeedDrain) {
        if (nowMs - client.lastWriteMs > STUCK_MAX_MS) client.response.destroy()
      } else if (nowMs >= this.#nextMs) ready.push(client)
      else if (nowMs - client.lastWriteMs >= HEARTBEAT_MS) write(client, ': still here\n\n', nowMs)
    }
    try {
      if (ready.length > 0) this.#send(ready)
    } catch {
      // The status cannot be made: asked for by itself it answers 500, and here the stream ends, so that it is asked for.
      for (const { response } of ready) response.end()
    }
  }

  /** Clients that have the same points get the same message. */
  #send(clients: readonly Client[]): void {
    const messages = new Map<number, { text: string; newestMs: number }>()
    for (const client of clients) {
      const message = messages.get(client.sentPointMs) ?? this.#message(client.sentPointMs)
      messages.set(client.sentPointMs, message)
      client.sentPointMs = message.newestMs
      write(client, message.text, Date.now())
    }
  }

  #message(sinceMs: number): { text: string; newestMs: number } {
    const overview = this.#overviews.make(sinceMs)
    const text = `event: overview\nid: ${overview.nowMs}\ndata: ${JSON.stringify(overview)}\n\n`
    if (sinceMs > 0) this.#nextMs = Date.now() + (text.length * 1000) / BYTES_PER_SECOND
    return { text, newestMs: overview.history.at(-1)?.atMs ?? sinceMs }
  }
}

function write(client: Client, text: string, nowMs: number): void {
  client.response.write(text)
  client.lastWriteMs = nowMs
}
