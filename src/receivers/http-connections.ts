/** The connections of the HTTP receiver: how many there may be, and how those end that bring no request. */
import type { Server, Socket } from 'node:net'
import { plainAddress } from '../lib/cidr.ts'
import type { ReceiverLog } from './listen.ts'

export interface HttpConnectionLimits {
  name: string
  maxConnections: number
  maxConnectionsPerPeer: number
}

export interface HttpConnectionCounters {
  connections_total: number
  refused_total: number
  refused_limit_total: number
  refused_peer_limit_total: number
  handshake_failed_total: number
  idle_closed_total: number
  connection_errors_total: number
}

export class HttpConnections {
  /** Connections that are open now. */
  size = 0
  readonly #limits: HttpConnectionLimits
  readonly #counters: HttpConnectionCounters
  readonly #log: ReceiverLog
  readonly #perPeer = new Map<string, number>()

  constructor(limits: HttpConnectionLimits, counters: HttpConnectionCounters, log: ReceiverLog) {
    this.#limits = limits
    this.#counters = counters
    this.#log = log
  }

  /** From now on connections of the server are counted and limited. */
  watch(server: Server): void {
    server.maxConnections = this.#limits.maxConnections
    server.on('connection', socket => this.#admit(socket))
    server.on('drop', () => {
      this.#counters.refused_total++
      this.#counters.refused_limit_total++
    })
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      this.#counters.handshake_failed_total++
      this.#log.debug({ receiver: this.#limits.name, peer: socket.remoteAddress, err: error }, 'TLS handshake failed')
      socket.destroy()
    })
  }

  /** What came is no request, or did not come in time. */
  brokeOff(error: Error & { code?: string }, socket: Socket): void {
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    this.#counters[isLate ? 'idle_closed_total' : 'connection_errors_total']++
    this.#log.debug({ receiver: this.#limits.name, peer: socket.remoteAddress, err: error }, 'a connection brought no request')
    if (socket.writable && error.code !== 'ECONNRESET')
      socket.write(`HTTP/1.1 ${isLate ? '408 Request Timeout' : '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    socket.destroySoon()
  }

  #admit(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const before = this.#perPeer.get(address) ?? 0
    if (before >= this.#limits.maxConnectionsPerPeer) {
      this.#counters.refused_total++
      this.#counters.refused_peer_limit_total++
      socket.destroy()
      return
    }
    this.#counters.connections_total++
    this.size++
    this.#perPeer.set(address, before + 1)
    socket.once('close', () => {
      this.size--
      const left = this.#perPeer.get(address)! - 1
      if (left > 0) this.#perPeer.set(address, left)
      else this.#perPeer.delete(address)
    })
  }
}
