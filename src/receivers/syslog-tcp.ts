/**
 * Syslog over plain TCP (RFC 6587), both framings. There is no receipt: a sender that saw its bytes acknowledged by TCP cannot
 * know that they were taken.
 */
import { createServer, type Server } from 'node:net'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { withReadBuffer } from './buffered-socket.ts'
import { Connections } from './connections.ts'
import { formatListen, type ListenAddress, listenTcp, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { ConnectionOptions, ListenOption, NameOption, withDefaults } from './options.ts'
import { stateOf } from './receiver-state.ts'

export const SyslogTcpOptions = Type.Object({
  name: NameOption('syslog-tcp'),
  listen: ListenOption('0.0.0.0:5514'),
  ...ConnectionOptions
})
export type SyslogTcpOptions = Static<typeof SyslogTcpOptions>

export class SyslogTcpReceiver implements Receiver {
  readonly name: string
  readonly #options: SyslogTcpOptions
  readonly #log: ReceiverLog
  readonly #connections: Connections
  #server: Server | undefined
  #open: OpenIntake | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined

  constructor(options: Partial<SyslogTcpOptions>, deps: ReceiverDeps) {
    this.#options = withDefaults(SyslogTcpOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#address = parseListen(this.#options.listen)
    this.#connections = new Connections(this.#options, { ...deps, receiver: this.name, protocol: 'syslog-tcp' }, () => this.#open!)
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    // Balancers are read by 'data' until their header is known.
    const isBuffered = this.#options.proxies.length === 0
    const server = createServer({ pauseOnConnect: isBuffered }, accepted => {
      const socket = isBuffered ? withReadBuffer(accepted) : accepted
      this.#connections.accept(socket, (ready, address) => this.#connections.read(ready, address))
    })
    this.#server = server
    try {
      this.#address = await listenTcp(server, this.#address)
    } catch (error) {
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    server.on('error', error => this.#log.warn({ receiver: this.name, err: error }, 'listener error'))
    this.#state = 'listening'
    this.#log.debug({ receiver: this.name, address: formatListen(this.#address) }, 'listening for syslog over TCP')
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#server?.close()
    await this.#connections.stop(deadline)
  }

  status(): ReceiverStatus[] {
    const { paused, limited, size, counters } = this.#connections
    return [
      {
        name: this.name,
        protocol: 'syslog-tcp',
        address: formatListen(this.#address),
        ...stateOf(this.#state, this.#reason, this.#connections.holds),
        connections: size,
        counters: { ...counters },
        gauges: { paused_connections: paused, rate_limited_connections: limited }
      }
    ]
  }
}
