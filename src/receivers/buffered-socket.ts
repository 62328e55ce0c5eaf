/**
 * Reading accepted sockets into one reused buffer. Node allocates 64 KiB for every chunk it emits as 'data', which costs three
 * times as much as the read itself (docs/performance.md); client sockets can be given a buffer of their own (`onread`), but
 * accepted ones can not. So the accepted handle is taken over by a socket that is made with `onread`.
 *
 * This uses `_handle` and `_server`, which Node does not document. When they are not as expected, the socket stays as it is and
 * emits 'data'; both ways pass the same tests.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { ByteSource, OnBytes } from './byte-source.ts'
import { READ_BUFFER } from './read-buffer.ts'

/** What Node reads a socket by; not documented. */
export interface ReadHandle {
  reading: boolean
  readStart(): number
  readStop(): number
}

interface AcceptedHandle extends ReadHandle {
  useUserBuffer(buffer: Buffer): void
}

interface Internals {
  _handle: AcceptedHandle | null
  _server?: unknown
  server?: unknown
}

/** A socket that hands its bytes to `onBytes` instead of emitting 'data'. */
export class BufferedSocket extends Socket implements ByteSource {
  readonly stopsAtOnce = true
  onBytes: OnBytes | undefined
  /** Bytes that came before anybody listened. */
  #early: Buffer[] = []

  get heldBytes(): number {
    return this.#early.reduce((sum, { length }) => sum + length, 0)
  }

  /** Bytes go here from now on, those that came before first. */
  handTo(onBytes: OnBytes): void {
    this.onBytes = onBytes
    this.resume() // so that the end is told
    for (const bytes of this.#early.splice(0)) onBytes(bytes)
  }

  /** Stops reading. `pause` and `resume` do the same and keep the state of a stream, of which nobody here reads: ten times as dear. */
  readNoMore(): void {
    stopReading((this as unknown as Internals)._handle)
  }

  readOn(): void {
    startReading((this as unknown as Internals)._handle)
  }

  /** Its bytes come to `onBytes` again, and no more to the TLS socket that was put on it. `buffer` is the beginning of READ_BUFFER. */
  divert(buffer: Buffer, onBytes: OnBytes): void {
    this.onBytes = onBytes
    ;(this as unknown as Internals)._handle?.useUserBuffer(buffer)
  }

  takeHeld(): Buffer {
    return this.#early.shift()!
  }

  /** Called with the bytes of one read; false stops the reading. */
  takeBytes(bytes: Buffer): boolean {
    if (this.onBytes === undefined) {
      this.#early.push(Buffer.from(bytes))
      return false
    }
    this.onBytes(bytes)
    return true
  }
}

export function stopReading(handle: ReadHandle | null): void {
  if (handle === null || !handle.reading) return
  handle.reading = false
  handle.readStop()
}

export function startReading(handle: ReadHandle | null): void {
  if (handle === null || handle.reading) return
  handle.reading = true
  handle.readStart()
}

/** Takes over a socket of a server made with `pauseOnConnect`; returns the same socket when that is not possible. */
export function withReadBuffer(accepted: Socket): Socket {
  const raw = accepted as unknown as Internals
  const handle = raw._handle
  if (handle === null || typeof handle !== 'object' || raw._server === undefined) {
    accepted.resume()
    return accepted
  }
  const options = {
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    onread: {
      buffer: READ_BUFFER,
      callback: (count: number, buffer: Uint8Array): boolean => socket.takeBytes(buffer.subarray(0, count) as Buffer)
    }
  }
  const socket: BufferedSocket = new BufferedSocket(options as unknown as SocketConstructorOpts)
  const taken: Internals = socket as unknown as Internals
  taken.server = raw.server
  taken._server = raw._server
  raw._server = null
  raw.server = null
  raw._handle = null
  return socket as Socket
}
