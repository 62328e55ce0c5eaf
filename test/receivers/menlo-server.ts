/**
 * A stand-in for Menlo's log export, from the documented shapes (docs/receivers/menlo-pull.md): POST fetch/client_select with
 * start, end, format and limit in the query, token, log_type and pagingIdentifiers in the body; gzip when it is asked for.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'

export interface MenloEvent {
  /** ISO without a zone, UTC. */
  event_time: string
  [key: string]: unknown
}

export interface MenloRequest {
  start: number
  end: number
  paging: { searchAfter: number } | undefined
}

type Fault = { status: number; headers?: Record<string, string>; body?: string } | { body: string } | { sameAs: number }

export const MENLO_TOKEN = 'menlo-token-of-the-test'

export class MenloServer {
  events: MenloEvent[] = []
  /** Requests that were answered with events. */
  readonly requests: MenloRequest[] = []
  asked = 0
  pageEvents = 1000
  /** Another answer: a status, a broken body, or the page that begins at another event. */
  fault: (request: MenloRequest) => Fault | undefined = () => undefined
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<MenloServer> {
    const server = createServer((request, response) => void menlo.#handle(request, response))
    const menlo = new MenloServer(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return menlo
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/rep/v1`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked++
    const url = new URL(request.url!, 'http://127.0.0.1')
    const body = JSON.parse(await text(request)) as { token: string; log_type: string; pagingIdentifiers?: { searchAfter: number } }
    const { searchParams: query } = url
    const [start, end, limit] = ['start', 'end', 'limit'].map(key => Number(query.get(key))) as [number, number, number]
    const isRight =
      request.method === 'POST' &&
      url.pathname === '/api/rep/v1/fetch/client_select' &&
      query.get('format') === 'json' &&
      end - start <= 3600
    if (!isRight || limit > 1000 || body.log_type !== 'web') return void response.writeHead(400).end('bad request')
    if (body.token !== MENLO_TOKEN) return void response.writeHead(401).end('invalid token')
    const asked = { start, end, paging: body.pagingIdentifiers }
    const fault = this.fault(asked)
    if (fault !== undefined && !('sameAs' in fault)) {
      response.writeHead('status' in fault ? fault.status : 200, 'headers' in fault ? fault.headers : {}).end(fault.body ?? '')
      return
    }
    this.requests.push(asked)
    this.#answer(response, asked, Math.min(limit, this.pageEvents), fault?.sameAs, /gzip/.test(request.headers['accept-encoding'] ?? ''))
  }

  #answer(response: ServerResponse, { start, end, paging }: MenloRequest, limit: number, sameAs: number | undefined, zip: boolean): void {
    const inWindow = this.events.filter(({ event_time }) => {
      const seconds = Date.parse(`${event_time}Z`) / 1000
      return seconds >= start && seconds < end
    })
    const from = paging?.searchAfter ?? 0
    const shown = sameAs ?? from
    const next = from + limit
    const result = {
      events: inWindow.slice(shown, shown + limit).map(event => ({ event })),
      ...(next < inWindow.length ? { pagingIdentifiers: { searchAfter: next } } : {})
    }
    const content = Buffer.from(JSON.stringify([{ result }]))
    response.writeHead(200, { 'content-type': 'application/json', ...(zip ? { 'content-encoding': 'gzip' } : {}) })
    response.end(zip ? gzipSync(content) : content)
  }
}
