/**
 * Logs pushed over HTTP: Zscaler Cloud NSS (JSON array, objects, NDJSON; gzip whatever the header says), plain lines, and
 * Splunk's HTTP Event Collector. 200 means that the records would survive a power cut; 503 with Retry-After asks to send the
 * same body again. A bad record is no reason for 400: senders throw the whole batch away on it.
 */
import type { Server as HttpsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Framing, Intake, OpenIntake, RateLimits, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import { orAborted } from './deadline.ts'
import { type HttpCredentials, isAuthentic } from './http-auth.ts'
import { BodyBudget, BodyError, hecLines, readBody, unpackedBody } from './http-body.ts'
import { HttpConnections } from './http-connections.ts'
import { HEC_PATHS, type HttpPath, HttpPushOptions } from './http-options.ts'
import { formatListen, type ListenAddress, listenError, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { rateOf, withDefaults } from './options.ts'
import { type Holds, stateOf } from './receiver-state.ts'
import { type Identity, judgeClient, loadIdentity, watchIdentity } from './tls-identity.ts'

export interface HttpPushDeps extends ReceiverDeps {
  /** True while nothing should be taken; asked before a body is used. */
  isFull?: () => boolean
}

const SLOW_PEERS_MAX = 10_000
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const BLANKS_AND_BOM = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf])
/** The answer that HEC senders look for; others look at the status only. */
const SUCCESS = { text: 'Success', code: 0 }

export class HttpPushReceiver implements Receiver {
  readonly name: string
  readonly #options: HttpPushOptions
  readonly #log: ReceiverLog
  readonly #isFull: () => boolean
  readonly #allow: CidrList
  readonly #budget: BodyBudget
  #app: FastifyInstance | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  #open: OpenIntake | undefined
  #identity: Identity | undefined
  #unwatch: () => void = () => {}
  #requests = 0
  readonly #connections: HttpConnections
  #waiting = 0
  readonly #rate: { rate?: RateLimits; overdraws?: true }
  /** Addresses that sent more than they may, and until when they shall wait. */
  readonly #slowUntilMs = new LRUCache<string, number>({ max: SLOW_PEERS_MAX })
  readonly #counters = {
    connections_total: 0,
    requests_total: 0,
    received_bytes_total: 0,
    inflated_bytes_total: 0,
    refused_total: 0,
    refused_not_allowed_total: 0,
    refused_limit_total: 0,
    refused_peer_limit_total: 0,
    refused_credentials_total: 0,
    rate_limited_total: 0,
    put_off_total: 0,
    bad_bodies_total: 0,
    aborted_total: 0,
    commit_failed_total: 0,
    pauses_total: 0,
    handshake_failed_total: 0,
    idle_closed_total: 0,
    connection_errors_total: 0,
    certificate_reloads_failed_total: 0
  }

  constructor(options: Partial<HttpPushOptions>, deps: HttpPushDeps) {
    this.#options = withDefaults(HttpPushOptions, options)
    const { name, listen, allow, anonymous, secret, basicPassword, paths } = this.#options
    if (!anonymous && secret === undefined && basicPassword === undefined && !paths.every(path => path.secret !== undefined)) {
      throw new RangeError(`Cannot use receiver "${name}": set secret or basicUser and basicPassword, or say anonymous: true`)
    }
    this.name = name
    this.#log = deps.log
    this.#isFull = deps.isFull ?? (() => false)
    this.#allow = new CidrList(allow)
    const rate = rateOf(this.#options)
    this.#rate = rate.rate === undefined ? {} : { ...rate, overdraws: true }
    this.#address = parseListen(listen)
    this.#budget = new BodyBudget(this.#options.bufferedMaxBytes)
    this.#connections = new HttpConnections(this.#options, this.#counters, deps.log)
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    try {
      if (this.#options.tls !== undefined) this.#identity = await loadIdentity(this.#options.tls)
      this.#app = this.#createApp()
      await this.#app.ready()
      await this.#app.listen(this.#address).catch(error => {
        throw listenError(error, this.#address, 'tcp')
      })
    } catch (error) {
      this.#state = 'failed'
      this.#reason = (error as Error).message
      await this.#app?.close()
      throw error
    }
    const bound = this.#app.server.address()
    if (bound !== null && typeof bound === 'object') this.#address = { host: this.#address.host, port: bound.port }
    if (this.#options.tls !== undefined) this.#unwatch = watchIdentity(this.#options.tls, () => void this.reload())
    this.#state = 'listening'
    this.#log.debug(
      { receiver: this.name, address: formatListen(this.#address), tls: this.#identity !== undefined },
      'listening for logs over HTTP'
    )
  }

  /** Takes no new request and answers those that are here. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening' || this.#app === undefined) return
    this.#state = 'stopped'
    this.#unwatch()
    await orAborted(this.#app.close(), deadline)
    this.#app.server.closeAllConnections()
  }

  /** Reads the certificate files again; a pair that does not work is not taken. */
  async reload(): Promise<void> {
    try {
      const identity = await loadIdentity(this.#options.tls!)
      const server = this.#app!.server as unknown as HttpsServer
      server.setSecureContext(identity.context)
      this.#identity = identity
      this.#log.info({ receiver: this.name, expires: new Date(identity.expiresMs).toISOString() }, 'TLS certificate loaded again')
    } catch (error) {
      this.#counters.certificate_reloads_failed_total++
      this.#log.error({ receiver: this.name, err: error }, 'the new TLS certificate cannot be used; the old one stays')
    }
  }

  status(): ReceiverStatus[] {
    return [
      {
        name: this.name,
        protocol: 'http',
        address: formatListen(this.#address),
        ...stateOf(this.#state, this.#reason, this.#holds()),
        connections: this.#connections.size,
        counters: { ...this.#counters },
        gauges: {
          requests: this.#requests,
          buffered_bytes: this.#budget.heldBytes,
          ...(this.#identity === undefined ? {} : { tls_certificate_expiry_timestamp_seconds: this.#identity.expiresMs / 1000 })
        }
      }
    ]
  }

  #holds(): Holds {
    const nowMs = Date.now()
    const { maxConnections, maxRequests } = this.#options
    let limited = 0
    for (const untilMs of this.#slowUntilMs.values()) if (untilMs > nowMs) limited++
    return {
      waiting: { count: this.#waiting, of: 'requests' },
      isFull: this.#isFull(),
      limited,
      isOutOfConnections: this.#connections.size >= maxConnections,
      isOutOfRequests: this.#requests >= maxRequests
    }
  }

  #createApp(): FastifyInstance {
    const { proxies, requestTimeoutMs, paths, hec, tls } = this.#options
    // By default connections are looked through every 30 s only.
    const timing = { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.max(10, Math.min(5000, requestTimeoutMs / 4)) }
    const app = fastify({
      trustProxy: proxies.length > 0 ? proxies : false,
      requestTimeout: requestTimeoutMs,
      forceCloseConnections: 'idle',
      clientErrorHandler: (error, socket) => this.#connections.brokeOff(error, socket),
      ...(this.#identity === undefined || tls === undefined
        ? { http: timing }
        : {
            https: {
              ...timing,
              ...this.#identity.context,
              handshakeTimeout: requestTimeoutMs,
              requestCert: tls.clientCertificate !== 'none',
              rejectUnauthorized: false
            }
          })
    }) as unknown as FastifyInstance
    this.#connections.watch(app.server)
    // Bodies are read by hand, whatever their type says.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.setErrorHandler((error, _request, reply) => this.#failed(error, reply))
    app.get('/services/collector/health', () => ({ text: 'HEC is healthy', code: 17 }))
    const more = hec ? HEC_PATHS.filter(({ path }) => !paths.some(own => own.path === path)) : []
    for (const path of [...paths, ...more]) this.#route(app, path)
    return app
  }

  #route(app: FastifyInstance, path: HttpPath): void {
    const { secretHeader, basicUser = '', basicPassword, secret } = this.#options
    const credentials: HttpCredentials = {
      headerName: secretHeader.toLowerCase(),
      ...((path.secret ?? secret) === undefined ? {} : { secret: (path.secret ?? secret)! }),
      ...(basicPassword === undefined || path.secret !== undefined ? {} : { basic: `${basicUser}:${basicPassword}` })
    }
    app.route({
      method: ['GET', 'POST', 'PUT'],
      url: path.path,
      onRequest: async (request, reply) => this.#checkSender(request, reply, credentials),
      handler: (request, reply) => this.#receive(request, reply, path)
    })
  }

  async #checkSender(request: FastifyRequest, reply: FastifyReply, credentials: HttpCredentials): Promise<FastifyReply | undefined> {
    this.#counters.requests_total++
    const address = plainAddress(request.ip)
    if (this.#allow.size > 0 && !this.#allow.contains(address)) {
      this.#counters.refused_total++
      this.#counters.refused_not_allowed_total++
      return reply.code(403).header('connection', 'close').send({ text: 'Not allowed', code: 4 })
    }
    const refusal = this.#options.tls && judgeClient(request.raw.socket as TLSSocket, this.#options.tls)
    if (refusal !== undefined) {
      this.#counters.refused_total++
      this.#counters.refused_credentials_total++
      this.#log.debug({ receiver: this.name, peer: address, why: refusal }, 'client certificate refused')
      return reply.code(403).header('connection', 'close').send({ text: 'Client certificate refused', code: 4 })
    }
    if (this.#options.anonymous || isAuthentic(request.headers, credentials)) return undefined
    this.#counters.refused_total++
    this.#counters.refused_credentials_total++
    // Without the query: senders that know no headers put their token there.
    const path = request.url.split('?', 1)[0]
    this.#log.debug({ receiver: this.name, peer: address, path }, 'request without valid credentials refused')
    return reply
      .code(401)
      .header('www-authenticate', 'Basic realm="sluice"')
      .header('connection', 'close')
      .send({ text: 'Invalid token', code: 4 })
  }

  async #receive(request: FastifyRequest, reply: FastifyReply, path: HttpPath): Promise<FastifyReply> {
    if (this.#isFull() || this.#requests >= this.#options.maxRequests) throw new BodyError(503, 'there is no room')
    const address = plainAddress(request.ip)
    this.#checkRate(address)
    this.#requests++
    let held = 0
    try {
      const chunks = await readBody(request.raw, this.#options.bodyMaxBytes, this.#budget)
      held = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      this.#counters.received_bytes_total += held
      const coding = (request.headers['content-encoding'] ?? '').trim().toLowerCase()
      // A connectivity test sends an empty body and wants to hear 200.
      if (held > 0) await this.#deliver(unpackedBody(chunks, coding, this.#options.inflatedMaxBytes), address, path)
      if (this.#state !== 'listening') reply.header('connection', 'close') // else a stop waits for the sender to hang up
      return reply.code(200).send(SUCCESS)
    } finally {
      this.#budget.release(held)
      this.#requests--
    }
  }

  /** A body is taken whole, however long it is; what it was too long is waited for before the next. */
  #checkRate(address: string): void {
    const waitMs = (this.#slowUntilMs.get(address) ?? 0) - Date.now()
    if (waitMs <= 0) return
    this.#counters.rate_limited_total++
    throw new BodyError(429, 'too much at a time', Math.ceil(waitMs / 1000))
  }

  /** Hands a body over and waits until it is durable. */
  async #deliver(pieces: AsyncGenerator<Buffer>, address: string, path: HttpPath): Promise<void> {
    const bound = path.source === undefined ? {} : { source: path.source }
    const peer = { receiver: this.name, protocol: 'http', address, ...bound, ...this.#rate }
    let intake: Intake | undefined
    let isOver = false
    try {
      for await (const piece of path.format === 'hec' ? linesOfEvents(pieces) : pieces) {
        intake ??= this.#open!(peer, framingOf(piece, path.format))
        this.#counters.inflated_bytes_total += piece.length
        const room = intake.accept(piece)
        const debtMs = intake.debtMs()
        if (debtMs > 0) this.#slowUntilMs.set(address, Date.now() + debtMs)
        if (room !== undefined) await this.#waitForRoom(room)
      }
      isOver = true
      await intake?.end()
    } catch (error) {
      if (!isOver && intake !== undefined) {
        this.#counters.aborted_total++
        intake.abort()
      }
      if (isOver) {
        this.#counters.commit_failed_total++
        throw new BodyError(503, 'the records could not be made durable')
      }
      throw error
    }
  }

  async #waitForRoom(room: Promise<void>): Promise<void> {
    this.#counters.pauses_total++
    this.#waiting++
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new BodyError(503, 'there is no room')), this.#options.roomTimeoutMs)
    })
    try {
      await Promise.race([room, late])
    } finally {
      clearTimeout(timer)
      this.#waiting--
    }
  }

  #failed(error: unknown, reply: FastifyReply): FastifyReply {
    const status = error instanceof BodyError ? error.status : 503
    const message = error instanceof Error ? error.message : String(error)
    if (status === 503 || status === 429) {
      this.#counters.put_off_total++
      reply.header('retry-after', (error instanceof BodyError ? error.retryAfterSeconds : undefined) ?? this.#options.retryAfterSeconds)
      if (!(error instanceof BodyError)) this.#log.error({ receiver: this.name, err: error }, 'a request failed')
    } else {
      this.#counters.bad_bodies_total++
      this.#log.warn({ receiver: this.name, peer: plainAddress(reply.request.ip), status }, `a body was refused: ${message}`)
    }
    // What is left of the body would have to be read to keep the connection.
    return reply
      .code(status)
      .header('connection', 'close')
      .send({ text: message, code: status === 503 || status === 429 ? 9 : 6 })
  }
}

/** Framing of a body by its first piece. */
function framingOf(piece: Buffer, format: HttpPath['format']): Framing {
  if (format === 'json') return 'json'
  if (format !== 'auto') return 'lines'
  const first = piece.find(byte => !BLANKS_AND_BOM.has(byte))
  return first === OPEN_BRACE || first === OPEN_BRACKET ? 'json' : 'lines'
}

/** The lines of events come together, for an event may lie over pieces. */
async function* linesOfEvents(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const whole: Buffer[] = []
  for await (const piece of pieces) whole.push(piece)
  const lines = Buffer.from(hecLines(Buffer.concat(whole)))
  if (lines.length > 0) yield lines
}
