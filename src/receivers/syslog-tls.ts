/**
 * Syslog over TLS (RFC 5425), with both framings of RFC 6587. Like TCP it has no receipt.
 */
import { createServer, type Server, type Socket } from 'node:net'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { withReadBuffer } from './buffered-socket.ts'
import { Connections } from './connections.ts'
import { formatListen, type ListenAddress, listenTcp, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { ConnectionOptions, ListenOption, NameOption, withDefaults } from './options.ts'
import { stateOf } from './receiver-state.ts'
import { TlsAcceptor } from './tls-acceptor.ts'
import { TlsOptions } from './tls-identity.ts'

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
  readonly #tls: TlsAcceptor
  #server: Server | undefined
  #open: OpenIntake | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined

  constructor(options: Partial<SyslogTlsOptions>, deps: ReceiverDeps) {
    this.#options = withDefaults(SyslogTlsOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#address = parseListen(this.#options.listen)
    this.#connections = new Connections(this.#options, { ...deps, receiver: this.name, protocol: 'syslog-tls' }, () => this.#open!)
    this.#tls = new TlsAcceptor(this.#options, this.#connections, { receiver: this.name, log: deps.log })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    // Balancers are read by 'data' until their header is known.
    const isBuffered = this.#options.proxies.length === 0
    try {
      await this.#tls.start({ oneWay: true })
      this.#server = createServer({ pauseOnConnect: isBuffered }, accepted => {
        const socket = isBuffered ? withReadBuffer(accepted) : accepted
        this.#connections.accept(socket, (ready, address) => this.#handshake(ready, address))
      })
      this.#address = await listenTcp(this.#server, this.#address)
    } catch (error) {
      this.#tls.stop()
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    this.#server.on('error', error => this.#log.warn({ receiver: this.name, err: error }, 'listener error'))
    this.#state = 'listening'
    this.#log.debug({ receiver: this.name, address: formatListen(this.#address) }, 'listening for syslog over TLS')
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#tls.stop()
    this.#server?.close()
    await this.#connections.stop(deadline)
  }

  /** Reads the certificate files again. */
  reload(): Promise<void> {
    return this.#tls.reload()
  }

  status(): ReceiverStatus[] {
    const { paused, limited, size, counters } = this.#connections
    return [
      {
        name: this.name,
        protocol: 'syslog-tls',
        address: formatListen(this.#address),
        ...stateOf(this.#state, this.#reason, this.#connections.holds),
        connections: size,
        counters: { ...counters, ...this.#tls.counters },
        gauges: { paused_connections: paused, rate_limited_connections: limited, ...this.#tls.gauges() }
      }
    ]
  }

  #handshake(socket: Socket, address: string): void {
    this.#tls.accept(socket, address, (secured, client) => this.#connections.read(secured, client, socket))
  }
}
