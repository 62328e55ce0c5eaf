/**
 * RELP, the syslog transport with receipts (rsyslog's omrelp): a message is answered only when it would survive a power cut.
 * Plain or over TLS.
 */
import { createServer, type Server, type Socket } from 'node:net'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { Connections } from './connections.ts'
import { orAborted } from './deadline.ts'
import { formatListen, type ListenAddress, listenTcp, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { ConnectionOptions, ListenOption, NameOption, withDefaults } from './options.ts'
import { stateOf } from './receiver-state.ts'
import { RelpSession } from './relp-session.ts'
import { TlsAcceptor } from './tls-acceptor.ts'
import { TlsOptions } from './tls-identity.ts'

export const RelpOptions = Type.Object({
  name: NameOption('relp'),
  listen: ListenOption('0.0.0.0:2514'),
  ...ConnectionOptions,
  tls: Type.Optional(Type.Object(TlsOptions.properties, { description: 'Certificates; without them RELP is plain.' }))
})
export type RelpOptions = Static<typeof RelpOptions>

export class RelpReceiver implements Receiver {
  readonly name: string
  readonly #options: RelpOptions
  readonly #log: ReceiverLog
  readonly #connections: Connections
  readonly #tls: TlsAcceptor | undefined
  readonly #sessions = new Set<RelpSession>()
  readonly #counters = { protocol_errors_total: 0, answered_total: 0 }
  #server: Server | undefined
  #open: OpenIntake | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  /** Connections that are not read before what they sent is durable. */
  #uncommitted = 0

  constructor(options: Partial<RelpOptions>, deps: ReceiverDeps) {
    this.#options = withDefaults(RelpOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#address = parseListen(this.#options.listen)
    this.#connections = new Connections(this.#options, { ...deps, receiver: this.name, protocol: 'relp' }, () => this.#open!)
    const { tls } = this.#options
    this.#tls = tls && new TlsAcceptor(tls, this.#connections, { receiver: this.name, log: deps.log })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    try {
      await this.#tls?.start({ oneWay: false }) // senders read the answers, and session tickets with them
      this.#server = createServer(socket => this.#connections.accept(socket, (ready, address) => this.#admitted(ready, address)))
      this.#address = await listenTcp(this.#server, this.#address)
    } catch (error) {
      this.#tls?.stop()
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    this.#server.on('error', error => this.#log.warn({ receiver: this.name, err: error }, 'listener error'))
    this.#state = 'listening'
    this.#log.debug({ receiver: this.name, address: formatListen(this.#address), tls: this.#tls !== undefined }, 'listening for RELP')
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#tls?.stop()
    this.#server?.close()
    await orAborted(Promise.all([...this.#sessions].map(session => session.stop())), deadline)
    await this.#connections.stop(deadline)
  }

  status(): ReceiverStatus[] {
    return [
      {
        name: this.name,
        protocol: 'relp',
        address: formatListen(this.#address),
        ...stateOf(this.#state, this.#reason, { ...this.#connections.holds, uncommitted: this.#uncommitted }),
        connections: this.#connections.size,
        counters: { ...this.#connections.counters, ...this.#counters, ...this.#tls?.counters },
        gauges: {
          paused_connections: this.#connections.paused + this.#uncommitted,
          rate_limited_connections: this.#connections.limited,
          ...this.#tls?.gauges()
        }
      }
    ]
  }

  #admitted(socket: Socket, address: string): void {
    if (this.#tls === undefined) this.#run(socket, address)
    else this.#tls.accept(socket, address, (secured, client) => this.#run(secured, client))
  }

  #run(socket: Socket, address: string): void {
    const session = new RelpSession(socket, {
      idleTimeoutMs: this.#options.idleTimeoutMs,
      openIntake: () => this.#open!({ receiver: this.name, protocol: 'relp', address, ...this.#connections.rate }, 'datagram'),
      shared: this.#connections.counters,
      own: this.#counters,
      room: () => this.#connections.gate.room,
      pausedBy: (change, why) => {
        if (why === 'commit') this.#uncommitted += change
        else if (why === 'limited') this.#connections.limited += change
        else this.#connections.waiting += change
      },
      debug: (facts, message) => this.#log.debug({ receiver: this.name, peer: address, ...facts }, message)
    })
    this.#sessions.add(session)
    void session.finished.then(() => this.#sessions.delete(session))
  }
}
