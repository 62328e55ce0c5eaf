/**
 * Reading a TLS socket into one reused buffer, and stopping at once. As a stream it makes a chunk of its own for each TLS record, and is
 * read on while it is paused, until it holds up to 145 KB (docs/performance.md). And what is read below TLS goes to OpenSSL in small pieces:
 * Node would read straight into buffers of OpenSSL, 64 KiB at a time, of which each connection keeps one or more.
 *
 *   kernel ──▶ SEALED_BUFFER ──▶ pieces to OpenSSL ──▶ RECORD_BUFFER ──▶ intake
 *
 * Sockets of clients can be given a buffer (`onread` of `tls.connect`), those of a server can not. So this one gets it afterwards, by
 * `useUserBuffer` and two properties, as Node does it itself for clients, but does not document. When they are not as expected the socket
 * is read as a stream.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { BufferedSocket, type ReadHandle, startReading, stopReading } from './buffered-socket.ts'
import type { ByteSource, OnBytes } from './byte-source.ts'
import { newReadBuffer, READ_BUFFER } from './read-buffer.ts'

interface TlsHandle extends ReadHandle {
  useUserBuffer?(buffer: Buffer): void
  /** Takes bytes as if they were read from the socket below, and calls back with what it can decrypt. */
  receive?(bytes: Buffer): void
}

interface Internals {
  /** Null once the socket is destroyed. */
  _handle: TlsHandle | null
  /** `kBuffer` and `kBufferCb`, whose callback is told how many bytes are in the buffer; false stops the reading. */
  [property: symbol]: unknown
}

/** What Node decrypts at a time: a record of TLS. */
const RECORD_BUFFER = newReadBuffer(16 * 1024)
/** What a connection that finds no room may have read. */
const SEALED_BUFFER = READ_BUFFER.subarray(0, 64 * 1024)
/** Node's own least size of a buffer for OpenSSL. */
const PIECE_BYTES = 16 * 1024
const NOTHING = Buffer.alloc(0)

/** `below`: the socket that carries it. Undefined for a socket that is not TLS or can be given no buffer. */
export function tlsBytesOf(socket: Socket, below: Socket | undefined): ByteSource | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const symbols = Object.getOwnPropertySymbols(socket)
  const [buffer, callback] = ['kBuffer', 'kBufferCb'].map(name => symbols.find(({ description }) => description === name))
  const { _handle: handle } = socket as unknown as Internals
  if (buffer === undefined || callback === undefined || handle?.useUserBuffer === undefined) return undefined
  const bytes = new TlsBytes(socket, { buffer, callback })
  if (below instanceof BufferedSocket && handle.receive !== undefined) bytes.readBelow(below)
  return bytes
}

class TlsBytes implements ByteSource {
  readonly stopsAtOnce = true
  readonly #socket: TLSSocket
  readonly #internals: Internals
  #onBytes: OnBytes = () => {}
  #onHeld: (bytes: number) => void = () => {}
  #isStopped = true
  /** Decrypted by Node from what it had when the reading was stopped. */
  readonly #held: Buffer[] = []
  #heldBytes = 0
  /** Read and not decrypted, since the reading was stopped: the rest of one read. */
  #sealed: Buffer | undefined

  constructor(socket: TLSSocket, { buffer, callback }: { buffer: symbol; callback: symbol }) {
    this.#socket = socket
    this.#internals = socket as unknown as Internals
    if (socket.readableLength > 0) this.#hold(socket.read() as Buffer)
    this.#internals[buffer] = RECORD_BUFFER
    this.#internals[callback] = (count: number) => this.#take(RECORD_BUFFER.subarray(0, count))
    this.#internals._handle!.useUserBuffer!(RECORD_BUFFER)
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes the reading of the socket below out of Node's hands; called before `handTo`. */
  readBelow(below: BufferedSocket): void {
    below.divert(SEALED_BUFFER, bytes => this.#unseal(bytes))
    below.once('end', () => {
      this.#socket.push(null)
      this.#socket.read(0) // tells the end, as Node does
    })
  }

  handTo(onBytes: OnBytes, onHeld: (bytes: number) => void): void {
    this.#onBytes = onBytes
    this.#onHeld = onHeld
    this.readOn()
  }

  readOn(): void {
    this.#isStopped = false
    while (this.#held.length > 0 && !this.#isStopped) this.#onBytes(this.takeHeld())
    if (this.#sealed !== undefined && !this.#isStopped) this.#unseal(NOTHING)
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

  /** Has what is sealed and then the bytes decrypted, as far as there is room. */
  #unseal(read: Buffer): void {
    const bytes = this.#sealed === undefined ? read : Buffer.concat([this.#sealed, read])
    this.#sealed = undefined
    let at = 0
    for (; at < bytes.length && !this.#isStopped; at += PIECE_BYTES) {
      this.#internals._handle?.receive?.(bytes.subarray(at, at + PIECE_BYTES))
    }
    if (at >= bytes.length) return
    this.#sealed = Buffer.from(bytes.subarray(at))
    this.#onHeld(this.#sealed.length)
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
