/** Where the bytes of a connection come from, whichever way its socket is read. */
import type { Socket } from 'node:net'
import { BufferedSocket } from './buffered-socket.ts'
import { tlsBytesOf } from './tls-bytes.ts'

/** Gets bytes that are lent until it returns; it may stop the reading. */
export type OnBytes = (bytes: Buffer) => void

export interface ByteSource {
  /** Nothing is read from the socket after `readNoMore`; Node reads a stream on until that has its fill. */
  readonly stopsAtOnce: boolean
  /** What `takeHeld` can take: read and not handed over, for the reading was stopped. */
  readonly heldBytes: number
  /** Starts the reading; called once. `onHeld` is told of bytes that came after `readNoMore`, when the source keeps no stream of them. */
  handTo(onBytes: OnBytes, onHeld: (bytes: number) => void): void
  /** What is held goes first. */
  readOn(): void
  /** `onBytes` is not called again before `readOn`. */
  readNoMore(): void
  /** Takes the next of what is held, when the connection is over. */
  takeHeld(): Buffer
}

/** `below`: of a TLS socket, the one that carries it. */
export function byteSourceOf(socket: Socket, below?: Socket): ByteSource {
  return socket instanceof BufferedSocket ? socket : (tlsBytesOf(socket, below) ?? new StreamBytes(socket))
}

/** Any socket, by what Node documents. */
class StreamBytes implements ByteSource {
  readonly stopsAtOnce = false
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get heldBytes(): number {
    return this.#socket.readableLength
  }

  handTo(onBytes: OnBytes): void {
    this.#socket.on('data', onBytes)
    this.#socket.resume() // a PROXY header may have been read before, which left the socket paused
  }

  readOn(): void {
    this.#socket.resume()
  }

  readNoMore(): void {
    this.#socket.pause()
  }

  takeHeld(): Buffer {
    return this.#socket.read() as Buffer
  }
}
