/**
 * One connection of a stream receiver (TCP, TLS) being read: its bytes go to an intake of its own, for which it waits, and which ends as
 * the connection does.
 *
 *   end of the sender (FIN)      the intake is ended: a last frame without trailer counts
 *   reset, error, idle for long  whole frames stay, the partial one is thrown away
 *   stop                         what was received is handed over; a sender in the middle of a line loses that line's start
 */
import type { Socket } from 'node:net'
import type { Intake } from '../contracts.ts'
import type { ByteSource } from './byte-source.ts'
import { orAborted } from './deadline.ts'
import type { ReceiverLog } from './listen.ts'
import type { ReadGate, SocketReader } from './read-gate.ts'

/** While stopping: no bytes for so long means that nothing is left in the kernel's buffer. */
const QUIET_MS = 50
const DRAIN_MAX_MS = 1000

export interface ConnectionDeps {
  bytes: ByteSource
  /** Of the client, also where a balancer connected for it. */
  address: string
  /** Name of the receiver. */
  receiver: string
  /** A sender that is silent for so long, and does not wait for us, is cut off; 0 never. */
  idleTimeoutMs: number
  openIntake: () => Intake
  log: ReceiverLog
}

/** What a connection shares with the others of its receiver. */
export interface ConnectionOwner {
  /** Decides when the socket is read. The owner enters the connection, and takes it out when it is finished. */
  readonly gate: ReadGate
  readonly counters: Record<
    'received_bytes_total' | 'pauses_total' | 'idle_closed_total' | 'empty_connections_total' | 'aborted_total' | 'commit_failed_total',
    number
  >
  /** Connections whose socket is not read because their peer sends faster than it may. */
  limited: number
}

/** One connection being read. Opens its intake with the first byte, so that silent connections cost next to nothing. */
export class Connection implements SocketReader {
  /** Resolves when its intake has ended. Never rejects. */
  readonly finished: Promise<void>
  readonly #socket: Socket
  readonly #bytes: ByteSource
  readonly #deps: ConnectionDeps
  readonly #owner: ConnectionOwner
  #intake: Intake | undefined
  /** Resolves when it is made up for that the peer sent more than it may. What waits for want of room, the gate knows. */
  #room: Promise<void> | undefined
  #isListening = false
  #isOver = false
  #isDraining = false
  #lastByteMs = 0
  #finish: () => void = () => {}

  constructor(socket: Socket, deps: ConnectionDeps, owner: ConnectionOwner) {
    this.#socket = socket
    this.#bytes = deps.bytes
    this.#deps = deps
    this.#owner = owner
    this.finished = new Promise(resolve => {
      this.#finish = resolve
    })
    socket.once('end', () => this.#over('end'))
    socket.once('close', () => this.#over('abort'))
    socket.on('error', () => {}) // counted where the raw socket was admitted; 'close' follows
    socket.on('timeout', () => this.#idle())
    socket.setTimeout(deps.idleTimeoutMs)
  }

  /** Reads on until the sender is quiet, then ends the intake. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#isDraining = true
    const started = Date.now()
    this.#lastByteMs = started
    // Over TLS the end is an alert; a sender that never reads would answer it with a reset and lose what it still sends.
    if (!this.#socket.destroyed && !('encrypted' in this.#socket)) this.#socket.end()
    let isQuiet = false
    while (!this.#isOver && !isQuiet && !deadline.aborted && Date.now() - started < DRAIN_MAX_MS) {
      await Promise.race([new Promise(resolve => setTimeout(resolve, QUIET_MS / 5)), this.finished])
      isQuiet = this.#room === undefined && !this.#owner.gate.isHeld(this) && Date.now() - this.#lastByteMs >= QUIET_MS
    }
    this.#over(isQuiet ? 'end' : 'cut')
    this.#socket.destroy()
    await orAborted(this.finished, deadline)
  }

  get stopsAtOnce(): boolean {
    return this.#bytes.stopsAtOnce
  }

  startReading(): void {
    if (this.#socket.destroyed) return
    this.#restartIdleTime()
    if (this.#isListening) {
      this.#bytes.readOn()
      return
    }
    this.#isListening = true
    this.#bytes.handTo(
      bytes => this.#take(bytes),
      bytes => this.#owner.gate.held(bytes)
    )
  }

  stopReading(): void {
    this.#bytes.readNoMore()
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return
    this.#owner.counters.received_bytes_total += chunk.length
    if (this.#isDraining) this.#lastByteMs = Date.now()
    this.#intake ??= this.#deps.openIntake()
    const room = this.#intake.accept(chunk)
    if (room !== undefined) this.#wait(room, chunk.length, this.#intake.debtMs() > 0)
    else this.#owner.gate.took(chunk.length)
  }

  /** Stops reading: this connection alone when its peer sends too fast, else all that would find no room as well. */
  #wait(room: Promise<void>, bytes: number, isLimited: boolean): void {
    const { gate, counters } = this.#owner
    const settled = room.catch((error: unknown) => {
      const facts = { receiver: this.#deps.receiver, peer: this.#deps.address, err: error }
      this.#deps.log.error(facts, 'an intake failed; its connection is closed')
      this.#socket.destroy()
    })
    if (!isLimited) {
      if (gate.room === undefined) counters.pauses_total++
      gate.foundNoRoom(this, bytes, settled)
      return
    }
    this.#owner.limited++
    gate.leave(this)
    this.stopReading()
    this.#room = settled.then(() => {
      this.#room = undefined
      this.#owner.limited--
      if (!this.#isOver) gate.enter(this)
    })
  }

  /** It counts from when the sender is read, not from when it was last. */
  #restartIdleTime(): void {
    const { timeout } = this.#socket
    if (timeout) this.#socket.setTimeout(timeout)
  }

  #idle(): void {
    if (this.#room !== undefined || this.#owner.gate.isHeld(this)) return // it is we who do not read
    this.#owner.counters.idle_closed_total++
    this.#socket.destroy()
  }

  #over(how: 'end' | 'abort' | 'cut'): void {
    if (this.#isOver) return
    if (how !== 'cut' && this.#bytes.heldBytes > 0) this.#takeHeld(how)
    else {
      this.#isOver = true
      void this.#close(how).then(this.#finish)
    }
  }

  /** What was read and waits for room when the connection ends goes to the intake first. */
  #takeHeld(how: 'end' | 'abort'): void {
    const room = this.#room ?? this.#owner.gate.room
    if (room === undefined) {
      this.#take(this.#bytes.takeHeld())
      this.#over(how)
    } else void room.then(() => this.#over(how))
  }

  async #close(how: 'end' | 'abort' | 'cut'): Promise<void> {
    const intake = this.#intake
    if (intake === undefined) {
      this.#owner.counters.empty_connections_total++
      this.#deps.log.debug({ receiver: this.#deps.receiver, peer: this.#deps.address }, 'connection closed without a byte')
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
      this.#deps.log.warn({ receiver: this.#deps.receiver, peer: this.#deps.address, err: error }, 'a connection ended without commit')
    }
  }
}
