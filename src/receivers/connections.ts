/**
 * The connections of a stream receiver (TCP, TLS, RELP): who may connect, how many, which are read, and how all are ended. How one is read
 * is in connection.ts (RELP: relp-session.ts). Backpressure: while there is no room no socket is read (read-gate.ts), so the senders wait.
 */
import type { Socket } from 'node:net'
import type { Intake, OpenIntake, RateLimits } from '../contracts.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import { byteSourceOf } from './byte-source.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { ReceiverDeps } from './listen.ts'
import { rateOf } from './options.ts'
import { readAnnouncement } from './proxy-protocol.ts'
import { ReadGate } from './read-gate.ts'
import type { Holds } from './receiver-state.ts'

export interface ConnectionLimits {
  allow: readonly string[]
  maxConnections: number
  maxConnectionsPerPeer: number
  /** 0: any number. */
  maxFramesPerSecondPerPeer: number
  maxBytesPerSecondPerPeer: number
  /** 0: never. */
  idleTimeoutMs: number
  /** Balancers, which must announce their clients by PROXY protocol. */
  proxies: readonly string[]
  /** Time for what comes before the first byte of a log: PROXY header and TLS handshake. */
  handshakeTimeoutMs: number
}

export interface ConnectionsDeps extends ReceiverDeps {
  receiver: string
  protocol: string
}

const KEEP_ALIVE_DELAY_MS = 60_000

export interface ConnectionCounters {
  [name: string]: number
}

export class Connections implements ConnectionOwner {
  readonly counters = {
    connections_total: 0,
    received_bytes_total: 0,
    refused_total: 0,
    refused_not_allowed_total: 0,
    refused_limit_total: 0,
    refused_peer_limit_total: 0,
    empty_connections_total: 0,
    idle_closed_total: 0,
    aborted_total: 0,
    connection_errors_total: 0,
    commit_failed_total: 0,
    pauses_total: 0,
    handshake_failed_total: 0
  } satisfies ConnectionCounters
  readonly #limits: ConnectionLimits
  readonly #deps: ConnectionsDeps
  readonly #allow: CidrList
  readonly #proxies: CidrList
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Set<Connection>()
  readonly #perPeer = new Map<string, number>()
  readonly #open: () => OpenIntake
  readonly gate = new ReadGate()
  /** Connections whose socket is not read because their peer sends faster than it may. */
  limited = 0
  /** Connections that wait for room and are not read here but by their receiver (RELP). */
  waiting = 0
  readonly rate: { rate?: RateLimits }
  #unwatch: (() => void) | undefined

  constructor(limits: ConnectionLimits, deps: ConnectionsDeps, open: () => OpenIntake) {
    this.#limits = limits
    this.#deps = deps
    this.rate = rateOf(limits)
    this.#allow = new CidrList(limits.allow)
    this.#proxies = new CidrList(limits.proxies)
    this.#open = open
  }

  /** Connections whose socket is not read because there is no room. */
  get paused(): number {
    return this.gate.waiting + this.waiting
  }

  /** Connections that are open now, those in a handshake included. */
  get size(): number {
    return this.#sockets.size
  }

  /** What holds senders back, for the status. */
  get holds(): Holds {
    return {
      waiting: { count: this.paused, of: 'connections' },
      limited: this.limited,
      isOutOfConnections: this.size >= this.#limits.maxConnections
    }
  }

  /** Takes a raw connection: refuses it, or hands it on with the address of its client once that is known. */
  accept(socket: Socket, use: (socket: Socket, address: string) => void): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const isProxy = this.#proxies.contains(address)
    if (!this.#admit(socket, address, isProxy)) return
    this.#unwatch ??= this.#deps.onFullChange?.(this.#fullListener())
    if (isProxy) void this.#announced(socket, address, use)
    else use(socket, address)
  }

  /** A spool that becomes full stops all: what one of them brought to find out would already be too much for a full disk. */
  #fullListener(): (isFull: boolean) => void {
    let hasRoom = (): void => {}
    return isFull => {
      hasRoom()
      if (!isFull) return
      const { promise, resolve } = Promise.withResolvers<void>()
      hasRoom = resolve
      if (this.gate.room === undefined) this.counters.pauses_total++
      this.gate.close(promise)
    }
  }

  /** Destroys the socket unless `passed` is called within the handshake time, however many bytes trickle in. */
  boundHandshake(socket: Socket): { passed: () => void } {
    const timer = setTimeout(() => {
      this.counters.handshake_failed_total++
      this.#deps.log.debug({ receiver: this.#deps.receiver, peer: socket.remoteAddress }, 'handshake took too long')
      socket.destroy()
    }, this.#limits.handshakeTimeoutMs)
    const passed = (): void => clearTimeout(timer)
    socket.once('close', passed)
    return { passed }
  }

  /** Reads an admitted socket, or the TLS socket on top of it (`below`), into an intake of its own. */
  read(socket: Socket, address: string, below?: Socket): void {
    const { receiver, protocol, log } = this.#deps
    const { idleTimeoutMs } = this.#limits
    const openIntake = (): Intake => this.#open()({ receiver, protocol, address, ...this.rate }, 'syslog-stream')
    const bytes = byteSourceOf(socket, below)
    const connection = new Connection(socket, { bytes, address, receiver, idleTimeoutMs, openIntake, log }, this)
    this.#connections.add(connection)
    this.gate.enter(connection)
    void connection.finished.then(() => {
      this.#connections.delete(connection)
      this.gate.leave(connection)
    })
  }

  /** Ends everything; resolves when all bytes were handed over and committed, or the signal fires. */
  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all([...this.#connections].map(connection => connection.drain(deadline)))
    for (const socket of this.#sockets) socket.destroy()
    this.#unwatch?.()
  }

  async #announced(socket: Socket, balancer: string, use: (socket: Socket, address: string) => void): Promise<void> {
    const { passed } = this.boundHandshake(socket)
    const announcement = await readAnnouncement(socket)
    passed()
    if (announcement.outcome === 'closed') {
      this.counters.empty_connections_total++
      socket.destroy()
    } else if (announcement.outcome === 'invalid') {
      this.counters.handshake_failed_total++
      this.#deps.log.warn({ receiver: this.#deps.receiver, peer: balancer }, 'a proxy sent no PROXY protocol header; connection closed')
      socket.destroy()
    } else {
      const address = announcement.address ?? balancer
      if (announcement.address !== undefined && this.#allow.size > 0 && !this.#allow.contains(address)) {
        this.#refuse(socket, address, 'refused_not_allowed_total')
      } else use(socket, address)
    }
  }

  /** Counts a raw connection in; false when it was refused. Balancers are not limited per peer: their clients are many. */
  #admit(socket: Socket, address: string, isProxy: boolean): boolean {
    // Without a listener a reset between here and the intake would be an uncaught error.
    socket.on('error', error => this.#socketError(error, address))
    const peers = this.#perPeer.get(address) ?? 0
    const isFull = this.#sockets.size >= this.#limits.maxConnections
    const refusal = isFull ? 'refused_limit_total' : isProxy ? undefined : this.#refusalOf(address, peers)
    if (refusal !== undefined) return this.#refuse(socket, address, refusal)
    this.#perPeer.set(address, peers + 1)
    this.#sockets.add(socket)
    this.counters.connections_total++
    socket.once('close', () => this.#forget(socket, address))
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
    return true
  }

  #refusalOf(address: string, peers: number): 'refused_not_allowed_total' | 'refused_peer_limit_total' | undefined {
    if (this.#allow.size > 0 && !this.#allow.contains(address)) return 'refused_not_allowed_total'
    return peers >= this.#limits.maxConnectionsPerPeer ? 'refused_peer_limit_total' : undefined
  }

  #refuse(
    socket: Socket,
    address: string,
    counter: 'refused_limit_total' | 'refused_not_allowed_total' | 'refused_peer_limit_total'
  ): false {
    this.counters.refused_total++
    this.counters[counter]++
    this.#deps.log.debug({ receiver: this.#deps.receiver, peer: address, why: counter }, 'connection refused')
    socket.destroy()
    return false
  }

  #forget(socket: Socket, address: string): void {
    this.#sockets.delete(socket)
    const left = (this.#perPeer.get(address) ?? 1) - 1
    if (left > 0) this.#perPeer.set(address, left)
    else this.#perPeer.delete(address)
  }

  #socketError(error: Error, address: string): void {
    this.counters.connection_errors_total++
    this.#deps.log.debug({ receiver: this.#deps.receiver, peer: address, err: error }, 'connection error')
  }
}
