/**
 * Syslog over TLS (RFC 5425), with both framings of RFC 6587. Like TCP it has no receipt.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type SecureVersion, type TLSSocket, type Server as TlsServer } from 'node:tls'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { Connections } from './connections.ts'
import { formatListen, type ListenAddress, listenTcp, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { ConnectionOptions, ListenOption, NameOption, withDefaults } from './options.ts'
import { certificateNames, type Identity, isNameAllowed, loadIdentity, TlsOptions, watchIdentity } from './tls-identity.ts'
import { sendsSessionTickets, TICKET_REMEDY } from './tls-tickets.ts'

export const SyslogTlsOptions = Type.Object({
  name: NameOption('syslog-tls'),
  listen: ListenOption('0.0.0.0:6514'),
  ...ConnectionOptions,
  ...TlsOptions.properties
})
export type SyslogTlsOptions = Static<typeof SyslogTlsOptions>

export class SyslogTlsReceiver implements Receiver {
  readonly name: string
  readonly #options: SyslogTlsOptions
  readonly #log: ReceiverLog
  readonly #connections: Connections
  /** Takes connections; the TLS server never listens itself, so that a PROXY header can be read first. */
  #server: Server | undefined
  #tls: TlsServer | undefined
  readonly #handshakes = new Map<string, { address: string; passed: () => void }>()
  #identity: Identity | undefined
  #maxVersion: SecureVersion = 'TLSv1.3'
  #unwatch: () => void = () => {}
  #open: OpenIntake | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  #reloads = 0
  #reloadsFailed = 0
  #clientsRefused = 0

  constructor(options: Partial<SyslogTlsOptions>, deps: ReceiverDeps) {
    this.#options = withDefaults(SyslogTlsOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#address = parseListen(this.#options.listen)
    this.#connections = new Connections(this.#options, { receiver: this.name, protocol: 'syslog-tls', log: deps.log }, () => this.#open!)
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    try {
      this.#identity = await loadIdentity(this.#options)
      await this.#testTickets(this.#identity)
      this.#tls = this.#createTlsServer(this.#identity)
      this.#server = createServer(socket => this.#connections.accept(socket, (ready, address) => this.#handshake(ready, address)))
      this.#address = await listenTcp(this.#server, this.#address)
    } catch (error) {
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    this.#server.on('error', error => this.#log.warn({ receiver: this.name, err: error }, 'listener error'))
    this.#unwatch = watchIdentity(this.#options, () => void this.reload())
    this.#state = 'listening'
    this.#log.info({ receiver: this.name, address: formatListen(this.#address) }, 'listening for syslog over TLS')
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#unwatch()
    this.#server?.close()
    await this.#connections.stop(deadline)
  }

  /** Reads the certificate files again; connections that are open keep theirs. A pair that does not work is not taken. */
  async reload(): Promise<void> {
    try {
      const identity = await loadIdentity(this.#options, this.#maxVersion)
      this.#tls?.setSecureContext(identity.context)
      this.#identity = identity
      this.#reloads++
      this.#log.info({ receiver: this.name, expires: new Date(identity.expiresMs).toISOString() }, 'TLS certificate loaded again')
    } catch (error) {
      this.#reloadsFailed++
      this.#log.error({ receiver: this.name, err: error }, 'the new TLS certificate cannot be used; the old one stays')
    }
  }

  status(): ReceiverStatus[] {
    const { paused, size, counters } = this.#connections
    const isPaused = this.#state === 'listening' && paused > 0
    const reason = isPaused ? `${paused} connections wait for room` : this.#reason
    return [
      {
        name: this.name,
        protocol: 'syslog-tls',
        address: formatListen(this.#address),
        state: isPaused ? 'paused' : this.#state,
        ...(reason === undefined ? {} : { reason }),
        connections: size,
        counters: {
          ...counters,
          client_certificate_refused_total: this.#clientsRefused,
          certificate_reloads_total: this.#reloads,
          certificate_reloads_failed_total: this.#reloadsFailed
        },
        gauges: {
          paused_connections: paused,
          ...(this.#identity === undefined ? {} : { tls_certificate_expiry_timestamp_seconds: this.#identity.expiresMs / 1000 })
        }
      }
    ]
  }

  async #testTickets(identity: Identity): Promise<void> {
    if (!(await sendsSessionTickets(identity.context))) return
    if (
      this.#options.sessionTickets === 'refuse' ||
      (this.#options.sessionTickets === 'tls1.2' && this.#options.minVersion === 'TLSv1.3')
    ) {
      throw new CollectorError('LISTEN_FAILED', `Cannot listen for TLS on ${formatListen(this.#address)}: ${TICKET_REMEDY}`)
    }
    if (this.#options.sessionTickets === 'tls1.2') {
      this.#maxVersion = 'TLSv1.2'
      identity.context.maxVersion = 'TLSv1.2'
      this.#log.warn({ receiver: this.name }, 'TLS 1.2 is the newest version offered, because this process sends TLS 1.3 session tickets')
    } else this.#log.warn({ receiver: this.name }, TICKET_REMEDY)
  }

  #createTlsServer(identity: Identity): TlsServer {
    const server = createTlsServer({
      ...identity.context,
      // Judged in #secured: Node knows "required" and "not checked", not "optional, but good if shown".
      requestCert: this.#options.clientCertificate !== 'none',
      rejectUnauthorized: false
    })
    server.on('secureConnection', socket => this.#secured(socket))
    server.on('tlsClientError', (error, socket) => {
      this.#connections.counters.handshake_failed_total++
      this.#log.debug({ receiver: this.name, peer: socket.remoteAddress, err: error }, 'TLS handshake failed')
      socket.destroy()
    })
    return server
  }

  #handshake(socket: Socket, address: string): void {
    const { passed } = this.#connections.boundHandshake(socket)
    const key = connectionKey(socket)
    this.#handshakes.set(key, { address, passed })
    socket.once('close', () => this.#handshakes.delete(key))
    this.#tls!.emit('connection', socket)
  }

  #secured(socket: TLSSocket): void {
    const key = connectionKey(socket)
    const handshake = this.#handshakes.get(key)
    this.#handshakes.delete(key)
    handshake?.passed()
    const refusal = handshake === undefined ? 'closed meanwhile' : this.#judgeClient(socket)
    if (handshake === undefined || refusal !== undefined) {
      if (handshake !== undefined) this.#clientsRefused++
      this.#log.debug({ receiver: this.name, peer: handshake?.address, why: refusal }, 'TLS client refused')
      socket.destroy()
    } else this.#connections.read(socket, handshake.address)
  }

  /** Why the client may not send, if so. */
  #judgeClient(socket: TLSSocket): string | undefined {
    const { clientCertificate, clientNames } = this.#options
    if (clientCertificate === 'none') return undefined
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return clientCertificate === 'required' ? 'none was shown' : undefined
    if (!socket.authorized) return String(socket.authorizationError)
    const names = certificateNames(certificate)
    if (clientNames.length === 0 || isNameAllowed(names, clientNames)) return undefined
    return `${names.join(', ') || 'a certificate without name'} is not in clientNames`
  }
}

/** Tells the connections of a listener apart, for the TLS socket and the raw socket below it alike. */
const connectionKey = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`
