/** Reads a stream of chunks by counts of bytes, with bytes put back. The base of the unpackers. */
import { Buffer } from 'node:buffer'

/** Why a file cannot be unpacked. `limit`: it would become too large (a bomb, or a cap set too low). */
export class UnpackError extends Error {
  readonly kind: 'damaged' | 'unsupported' | 'limit'

  constructor(kind: UnpackError['kind'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'UnpackError'
    this.kind = kind
  }
}

export class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  /** Bytes that come before the next chunk. */
  #held: Buffer = Buffer.alloc(0)
  /** Bytes that came from the stream so far. */
  readBytes = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** The next bytes, however many there are; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    if (this.#held.length > 0) {
      const held = this.#held
      this.#held = Buffer.alloc(0)
      return held
    }
    for (;;) {
      const { value, done } = await this.#chunks.next()
      if (done === true) return undefined
      this.readBytes += value.length
      if (value.length > 0) return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.length)
    }
  }

  /** Puts bytes back in front. */
  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#held = this.#held.length === 0 ? bytes : Buffer.concat([bytes, this.#held])
  }

  /** At least `count` bytes without taking them; fewer only at the end of the stream. */
  async peek(count: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let size = 0
    while (size < count) {
      const chunk = await this.next()
      if (chunk === undefined) break
      parts.push(chunk)
      size += chunk.length
    }
    this.#held = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    return this.#held
  }

  /** Exactly `count` bytes (small counts); rejects with UnpackError when the stream ends before. */
  async read(count: number): Promise<Buffer> {
    const bytes = await this.peek(count)
    if (bytes.length < count) throw new UnpackError('damaged', 'the file ends in the middle')
    this.#held = bytes.subarray(count)
    return bytes.subarray(0, count)
  }

  /** Takes `count` bytes and gives them in pieces; rejects when the stream ends before. */
  async *pieces(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      const chunk = await this.next()
      if (chunk === undefined) throw new UnpackError('damaged', 'the file ends in the middle')
      this.unread(chunk.subarray(left))
      yield chunk.length > left ? chunk.subarray(0, left) : chunk
      left -= Math.min(left, chunk.length)
    }
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
