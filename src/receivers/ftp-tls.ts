/**
 * TLS of the FTP receiver (RFC 4217): handshakes on control and data connections, certificates that follow their files.
 *
 * Uploading clients write to the data connection, close it, and never read from it: with TLS 1.3 session tickets in their
 * buffer the close would become a reset and the end of the file be lost (config/openssl.cnf). When this process sends tickets,
 * data connections therefore speak TLS 1.2 at most.
 */
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type SecureContext, type Server, TLSSocket } from 'node:tls'
import { CollectorError } from '../errors.ts'
import type { ReceiverLog } from './listen.ts'
import { type Identity, judgeClient, loadIdentity, type TlsOptions, watchIdentity } from './tls-identity.ts'
import { sendsSessionTickets, TICKET_REMEDY } from './tls-tickets.ts'

interface Handshake {
  resolve(socket: TLSSocket): void
  reject(error: Error): void
}

export class FtpTls {
  readonly counters = { client_certificate_refused_total: 0, certificate_reloads_total: 0, certificate_reloads_failed_total: 0 }
  readonly #options: TlsOptions
  readonly #receiver: string
  readonly #log: ReceiverLog
  readonly #timeoutMs: number
  readonly #handshakes = new Map<string, Handshake>()
  #server: Server | undefined
  #identity: Identity | undefined
  #dataContext: SecureContext | undefined
  #hasTickets = false
  #unwatch: () => void = () => {}

  constructor(options: TlsOptions, deps: { receiver: string; log: ReceiverLog; timeoutMs: number }) {
    this.#options = options
    this.#receiver = deps.receiver
    this.#log = deps.log
    this.#timeoutMs = deps.timeoutMs
  }

  async start(): Promise<void> {
    const identity = await loadIdentity(this.#options)
    this.#hasTickets = await sendsSessionTickets(identity.context)
    if (this.#hasTickets && (this.#options.minVersion === 'TLSv1.3' || this.#options.sessionTickets === 'refuse')) {
      if (this.#options.sessionTickets === 'refuse') {
        throw new CollectorError('LISTEN_FAILED', `Cannot listen for FTPS as receiver "${this.#receiver}": ${TICKET_REMEDY}`)
      }
      this.#log.warn({ receiver: this.#receiver }, TICKET_REMEDY)
      this.#hasTickets = false
    }
    this.#use(identity)
    this.#server = this.#createServer(identity)
    this.#unwatch = watchIdentity(this.#options, () => void this.reload())
  }

  stop(): void {
    this.#unwatch()
  }

  gauges(): Record<string, number> {
    return this.#identity === undefined ? {} : { tls_certificate_expiry_timestamp_seconds: this.#identity.expiresMs / 1000 }
  }

  /** Reads the certificate files again; a pair that does not work is not taken. */
  async reload(): Promise<void> {
    try {
      const identity = await loadIdentity(this.#options)
      this.#server?.setSecureContext(identity.context)
      this.#use(identity)
      this.counters.certificate_reloads_total++
      this.#log.info({ receiver: this.#receiver, expires: new Date(identity.expiresMs).toISOString() }, 'TLS certificate loaded again')
    } catch (error) {
      this.counters.certificate_reloads_failed_total++
      this.#log.error({ receiver: this.#receiver, err: error }, 'the new TLS certificate cannot be used; the old one stays')
    }
  }

  /** Does the handshake of a control connection; rejects when it fails, takes too long, or the client's certificate is no good. */
  control(socket: Socket): Promise<TLSSocket> {
    const key = keyOf(socket)
    const handshake = new Promise<TLSSocket>((resolve, reject) => {
      this.#handshakes.set(key, { resolve, reject })
      socket.once('close', () => reject(new Error('closed in the TLS handshake')))
      this.#server!.emit('connection', socket)
    })
    return this.#bounded(handshake, socket).finally(() => this.#handshakes.delete(key))
  }

  /** Does the handshake of a data connection, this end being the server whoever connected (RFC 4217 section 7). */
  data(socket: Socket): Promise<TLSSocket> {
    const secured = new TLSSocket(socket, { isServer: true, secureContext: this.#dataContext! })
    const handshake = new Promise<TLSSocket>((resolve, reject) => {
      secured.once('secure', () => resolve(secured))
      secured.on('error', reject)
      secured.once('close', () => reject(new Error('closed in the TLS handshake')))
    })
    return this.#bounded(handshake, socket)
  }

  async #bounded(handshake: Promise<TLSSocket>, socket: Socket): Promise<TLSSocket> {
    const timer = setTimeout(() => socket.destroy(), this.#timeoutMs)
    try {
      return await handshake
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #use(identity: Identity): void {
    this.#identity = identity
    this.#dataContext = createSecureContext({ ...identity.context, ...(this.#hasTickets ? { maxVersion: 'TLSv1.2' } : {}) })
  }

  #createServer(identity: Identity): Server {
    const server = createServer({
      ...identity.context,
      requestCert: this.#options.clientCertificate !== 'none',
      rejectUnauthorized: false // judged below
    })
    server.on('tlsClientError', (error, socket) => this.#handshakes.get(keyOf(socket))?.reject(error))
    server.on('secureConnection', socket => {
      const refusal = judgeClient(socket, this.#options)
      if (refusal !== undefined) this.counters.client_certificate_refused_total++
      const handshake = this.#handshakes.get(keyOf(socket))
      if (handshake === undefined) socket.destroy()
      else if (refusal === undefined) handshake.resolve(socket)
      else handshake.reject(new Error(`client certificate refused: ${refusal}`))
    })
    return server
  }
}

const keyOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`
