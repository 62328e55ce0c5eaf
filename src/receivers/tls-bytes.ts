/**
 * Reading a TLS socket into one reused buffer, and stopping at once. As a stream it makes a chunk of its own for each TLS record, and is
 * read on while it is paused, until it holds up to 145 KB (docs/performance.md).
 *
 * Sockets of clients can be given a buffer (`onread` of `tls.connect`), those of a server can not. So this one gets it afterwards, by
 * `useUserBuffer` and two properties, as Node does it itself for clients, but does not document. When they are not as expected the socket
 * is read as a stream.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ByteSource, OnBytes } from './byte-source.ts'
import { READ_BUFFER, type ReadHandle, startReading, stopReading } from './read-buffer.ts'

interface Internals {
  /** Null once the socket is destroyed. */
  _handle: (ReadHandle & { useUserBuffer?(buffer: Buffer): void }) | null
  /** `kBuffer` and `kBufferCb`, whose callback is told how many bytes are in the buffer; false stops the reading. */
  [property: symbol]: unknown
}

/** Undefined for a socket that is not TLS or can be given no buffer. */
export function tlsBytesOf(socket: Socket): ByteSource | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const symbols = Object.getOwnPropertySymbols(socket)
  const [buffer, callback] = ['kBuffer', 'kBufferCb'].map(name => symbols.find(({ description }) => description === name))
  const { _handle: handle } = socket as unknown as Internals
  if (buffer === undefined || callback === undefined || handle?.useUserBuffer === undefined) return undefined
  return new TlsBytes(socket, { buffer, callback })
}

class TlsBytes implements ByteSource {
  readonly stopsAtOnce = true
  readonly #internals: Internals
  #onBytes: OnBytes = () => {}
  #onHeld: (bytes: number) => void = () => {}
  #isStopped = true
  /** Decrypted by Node from what it had read when the reading was stopped: the rest of a read, which has 64 KiB at most. */
  readonly #held: Buffer[] = []
  #heldBytes = 0

  constructor(socket: TLSSocket, { buffer, callback }: { buffer: symbol; callback: symbol }) {
    this.#internals = socket as unknown as Internals
    if (socket.readableLength > 0) this.#hold(socket.read() as Buffer)
    this.#internals[buffer] = READ_BUFFER
    this.#internals[callback] = (count: number) => this.#take(READ_BUFFER.subarray(0, count))
    this.#internals._handle!.useUserBuffer!(READ_BUFFER)
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  handTo(onBytes: OnBytes, onHeld: (bytes: number) => void): void {
    this.#onBytes = onBytes
    this.#onHeld = onHeld
    this.readOn()
  }

  readOn(): void {
    this.#isStopped = false
    while (this.#held.length > 0 && !this.#isStopped) this.#onBytes(this.takeHeld())
    if (!this.#isStopped) startReading(this.#internals._handle)
  }

  readNoMore(): void {
    this.#isStopped = true
    stopReading(this.#internals._handle)
  }

  takeHeld(): Buffer {
    const bytes = this.#held.shift()!
    this.#heldBytes -= bytes.length
    return bytes
  }

  /** Takes what is decrypted of a record; false stops the reading. */
  #take(bytes: Buffer): boolean {
    if (this.#isStopped) {
      this.#hold(Buffer.from(bytes))
      this.#onHeld(bytes.length)
    } else this.#onBytes(bytes)
    return !this.#isStopped
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }
}
