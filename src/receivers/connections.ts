/**
 * The connections of a stream receiver (TCP, TLS): who may connect, how many, how bytes go to the intake, and how each
 * connection ends. Backpressure: while an intake has no room its socket is not read, so the sender waits.
 *
 *   end of the sender (FIN)      the intake is ended: a last frame without trailer counts
 *   reset, error, idle for long  whole frames stay, the partial one is thrown away
 *   stop                         what was received is handed over; a sender in the middle of a line loses that line's start
 */
import type { Socket } from 'node:net'
import type { Intake, OpenIntake } from '../contracts.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import type { ReceiverLog } from './listen.ts'

export interface ConnectionLimits {
  allow: readonly string[]
  maxConnections: number
  maxConnectionsPerPeer: number
  /** 0: never. */
  idleTimeoutMs: number
}

export interface ConnectionsDeps {
  receiver: string
  protocol: string
  log: ReceiverLog
}

/** While stopping: no bytes for so long means that nothing is left in the kernel's buffer. */
const QUIET_MS = 50
const DRAIN_MAX_MS = 1000
const KEEP_ALIVE_DELAY_MS = 60_000

export interface ConnectionCounters {
  [name: string]: number
}

export class Connections {
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
    pauses_total: 0
  } satisfies ConnectionCounters
  readonly #limits: ConnectionLimits
  readonly #deps: ConnectionsDeps
  readonly #allow: CidrList
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Set<Connection>()
  readonly #perPeer = new Map<string, number>()
  readonly #open: () => OpenIntake
  /** Connections whose socket is not read because their intake has no room. */
  paused = 0

  constructor(limits: ConnectionLimits, deps: ConnectionsDeps, open: () => OpenIntake) {
    this.#limits = limits
    this.#deps = deps
    this.#allow = new CidrList(limits.allow)
    this.#open = open
  }

  /** Connections that are open now, those in a handshake included. */
  get size(): number {
    return this.#sockets.size
  }

  /**
   * Counts a raw connection in; false when it was refused and destroyed. `isTrusted` peers (balancers that announce their
   * clients) are neither matched against the allow-list nor limited per peer.
   */
  admit(socket: Socket, isTrusted = false): boolean {
    const address = plainAddress(socket.remoteAddress ?? '')
    const peers = this.#perPeer.get(address) ?? 0
    const refusal =
      this.#sockets.size >= this.#limits.maxConnections ? 'refused_limit_total' : isTrusted ? undefined : this.#refusalOf(address, peers)
    // Without a listener a reset between here and the intake would be an uncaught error.
    socket.on('error', error => this.#socketError(error, address))
    if (refusal !== undefined) return this.#refuse(socket, address, refusal)
    this.#perPeer.set(address, peers + 1)
    this.#sockets.add(socket)
    this.counters.connections_total++
    socket.once('close', () => this.#forget(socket, address))
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
    return true
  }

  /** True when a client that a balancer announced may send. */
  mayAnnounced(address: string): boolean {
    if (this.#allow.size === 0 || this.#allow.contains(address)) return true
    this.counters.refused_total++
    this.counters.refused_not_allowed_total++
    return false
  }

  /** Reads an admitted socket (or the TLS socket on top of it) into an intake of its own. */
  read(socket: Socket, address: string): void {
    const connection = new Connection(socket, address, this.#deps, this, this.#open, this.#limits.idleTimeoutMs)
    this.#connections.add(connection)
    void connection.finished.then(() => this.#connections.delete(connection))
  }

  /** Ends everything; resolves when all bytes were handed over and committed, or the signal fires. */
  async stop(deadline: AbortSignal): Promise<void> {
    const work = Promise.all([...this.#connections].map(connection => connection.drain(deadline)))
    await work
    for (const socket of this.#sockets) socket.destroy()
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

/** One connection being read. Opens its intake with the first byte, so that silent connections cost next to nothing. */
class Connection {
  readonly finished: Promise<void>
  readonly #socket: Socket
  readonly #address: string
  readonly #deps: ConnectionsDeps
  readonly #owner: Connections
  readonly #open: () => OpenIntake
  #intake: Intake | undefined
  /** Resolves when the intake has room again. */
  #room: Promise<void> | undefined
  #isOver = false
  #isDraining = false
  #lastByteMs = 0
  #finish: () => void = () => {}

  constructor(socket: Socket, address: string, deps: ConnectionsDeps, owner: Connections, open: () => OpenIntake, idleTimeoutMs: number) {
    this.#socket = socket
    this.#address = address
    this.#deps = deps
    this.#owner = owner
    this.#open = open
    this.finished = new Promise(resolve => {
      this.#finish = resolve
    })
    socket.on('data', chunk => this.#take(chunk))
    socket.once('end', () => this.#over('end'))
    socket.once('close', () => this.#over('abort'))
    socket.on('error', () => {}) // counted where the raw socket was admitted; 'close' follows
    if (idleTimeoutMs > 0) socket.setTimeout(idleTimeoutMs, () => this.#idle())
  }

  /** Reads on until the sender is quiet, then ends the intake. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#isDraining = true
    const started = Date.now()
    this.#lastByteMs = started
    if (!this.#socket.destroyed) this.#socket.end()
    let isQuiet = false
    while (!this.#isOver && !isQuiet && !deadline.aborted && Date.now() - started < DRAIN_MAX_MS) {
      await Promise.race([new Promise(resolve => setTimeout(resolve, QUIET_MS / 5)), this.finished])
      isQuiet = this.#room === undefined && Date.now() - this.#lastByteMs >= QUIET_MS
    }
    this.#over(isQuiet ? 'end' : 'cut')
    this.#socket.destroy()
    await Promise.race([this.finished, aborted(deadline)])
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return
    this.#owner.counters.received_bytes_total += chunk.length
    if (this.#isDraining) this.#lastByteMs = Date.now()
    this.#intake ??= this.#open()({ receiver: this.#deps.receiver, protocol: this.#deps.protocol, address: this.#address }, 'syslog-stream')
    const room = this.#intake.accept(chunk)
    if (room !== undefined) this.#pause(room)
  }

  #pause(room: Promise<void>): void {
    this.#socket.pause()
    this.#owner.paused++
    this.#owner.counters.pauses_total++
    this.#room = room.then(
      () => this.#resume(),
      error => {
        this.#resume()
        this.#deps.log.error(
          { receiver: this.#deps.receiver, peer: this.#address, err: error },
          'an intake failed; its connection is closed'
        )
        this.#socket.destroy()
      }
    )
  }

  #resume(): void {
    this.#room = undefined
    this.#owner.paused--
    if (!this.#socket.destroyed) this.#socket.resume()
  }

  #idle(): void {
    if (this.#room !== undefined) return // it is we who do not read
    this.#owner.counters.idle_closed_total++
    this.#socket.destroy()
  }

  #over(how: 'end' | 'abort' | 'cut'): void {
    if (this.#isOver) return
    if (how === 'abort' && this.#leftover()) return
    this.#isOver = true
    void this.#close(how).then(this.#finish)
  }

  /** A reset while the socket was not read leaves bytes in its buffer: they go to the intake first. */
  #leftover(): boolean {
    if (this.#room !== undefined) {
      void this.#room.then(() => this.#over('abort'))
      return true
    }
    const chunk = this.#socket.read() as Buffer | null
    if (chunk === null) return false
    this.#take(chunk)
    this.#over('abort')
    return true
  }

  async #close(how: 'end' | 'abort' | 'cut'): Promise<void> {
    const intake = this.#intake
    if (intake === undefined) {
      this.#owner.counters.empty_connections_total++
      this.#deps.log.debug({ receiver: this.#deps.receiver, peer: this.#address }, 'connection closed without a byte')
      return
    }
    try {
      await this.#room
      if (how === 'end') await intake.end()
      else {
        this.#owner.counters.aborted_total++
        const committed = how === 'cut' ? intake.commit() : undefined
        intake.abort()
        await committed
      }
    } catch (error) {
      this.#owner.counters.commit_failed_total++
      this.#deps.log.warn({ receiver: this.#deps.receiver, peer: this.#address, err: error }, 'a connection ended without commit')
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
