/**
 * The TLS side of a stream receiver: handshakes on connections that are already admitted, judges client certificates, and
 * follows the certificate files.
 */
import type { Socket } from 'node:net'
import { createServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls'
import { CollectorError } from '../errors.ts'
import type { Connections } from './connections.ts'
import type { ReceiverLog } from './listen.ts'
import { type Identity, judgeClient, loadIdentity, type TlsOptions, watchIdentity } from './tls-identity.ts'
import { sendsSessionTickets, TICKET_REMEDY } from './tls-tickets.ts'

interface Handshake {
  address: string
  passed: () => void
  use: (socket: TLSSocket, address: string) => void
}

export class TlsAcceptor {
  readonly counters = { client_certificate_refused_total: 0, certificate_reloads_total: 0, certificate_reloads_failed_total: 0 }
  readonly #options: TlsOptions
  readonly #connections: Connections
  readonly #receiver: string
  readonly #log: ReceiverLog
  readonly #handshakes = new Map<string, Handshake>()
  /** Never listens itself, so that a PROXY header can be read from the raw socket first. */
  #server: Server | undefined
  #identity: Identity | undefined
  #maxVersion: SecureVersion = 'TLSv1.3'
  #unwatch: () => void = () => {}

  constructor(options: TlsOptions, connections: Connections, deps: { receiver: string; log: ReceiverLog }) {
    this.#options = options
    this.#connections = connections
    this.#receiver = deps.receiver
    this.#log = deps.log
  }

  /** Loads the files. `oneWay`: the protocol's senders never read, so session tickets would cost lines. */
  async start({ oneWay }: { oneWay: boolean }): Promise<void> {
    const identity = await loadIdentity(this.#options)
    if (oneWay) await this.#testTickets(identity)
    this.#identity = identity
    this.#server = this.#createServer(identity)
    this.#unwatch = watchIdentity(this.#options, () => void this.reload())
  }

  stop(): void {
    this.#unwatch()
  }

  gauges(): Record<string, number> {
    return this.#identity === undefined ? {} : { tls_certificate_expiry_timestamp_seconds: this.#identity.expiresMs / 1000 }
  }

  /** Reads the certificate files again; connections that are open keep theirs. A pair that does not work is not taken. */
  async reload(): Promise<void> {
    try {
      const identity = await loadIdentity(this.#options, this.#maxVersion)
      this.#server?.setSecureContext(identity.context)
      this.#identity = identity
      this.counters.certificate_reloads_total++
      this.#log.info({ receiver: this.#receiver, expires: new Date(identity.expiresMs).toISOString() }, 'TLS certificate loaded again')
    } catch (error) {
      this.counters.certificate_reloads_failed_total++
      this.#log.error({ receiver: this.#receiver, err: error }, 'the new TLS certificate cannot be used; the old one stays')
    }
  }

  /** Does the handshake on an admitted socket and hands the TLS socket on. */
  accept(socket: Socket, address: string, use: Handshake['use']): void {
    const { passed } = this.#connections.boundHandshake(socket)
    const key = connectionKey(socket)
    this.#handshakes.set(key, { address, passed, use })
    socket.once('close', () => this.#handshakes.delete(key))
    this.#server!.emit('connection', socket)
  }

  async #testTickets(identity: Identity): Promise<void> {
    if (!(await sendsSessionTickets(identity.context))) return
    const { sessionTickets, minVersion } = this.#options
    if (sessionTickets === 'refuse' || (sessionTickets === 'tls1.2' && minVersion === 'TLSv1.3')) {
      throw new CollectorError('LISTEN_FAILED', `Cannot listen for TLS as receiver "${this.#receiver}": ${TICKET_REMEDY}`)
    }
    if (sessionTickets === 'tls1.2') {
      this.#maxVersion = 'TLSv1.2'
      identity.context.maxVersion = 'TLSv1.2'
      this.#log.warn(
        { receiver: this.#receiver },
        'TLS 1.2 is the newest version offered, because this process sends TLS 1.3 session tickets'
      )
    } else this.#log.warn({ receiver: this.#receiver }, TICKET_REMEDY)
  }

  #createServer(identity: Identity): Server {
    const server = createServer({
      ...identity.context,
      // Judged in #secured: Node knows "required" and "not checked", not "optional, but good if shown".
      requestCert: this.#options.clientCertificate !== 'none',
      rejectUnauthorized: false
    })
    server.on('secureConnection', socket => this.#secured(socket))
    server.on('tlsClientError', (error, socket) => {
      this.#connections.counters.handshake_failed_total++
      this.#log.debug({ receiver: this.#receiver, peer: socket.remoteAddress, err: error }, 'TLS handshake failed')
      socket.destroy()
    })
    return server
  }

  #secured(socket: TLSSocket): void {
    const key = connectionKey(socket)
    const handshake = this.#handshakes.get(key)
    if (handshake === undefined) {
      socket.destroy() // it closed meanwhile
      return
    }
    this.#handshakes.delete(key)
    handshake.passed()
    const refusal = judgeClient(socket, this.#options)
    if (refusal === undefined) {
      handshake.use(socket, handshake.address)
      return
    }
    this.counters.client_certificate_refused_total++
    this.#log.debug({ receiver: this.#receiver, peer: handshake.address, why: refusal }, 'client certificate refused')
    socket.destroy()
  }
}

/** Tells the connections of a listener apart, for the TLS socket and the raw socket below it alike. */
const connectionKey = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`
