/**
 * The partial frame that a framer keeps between two chunks. Grows on demand up to a bound and allocates nothing before it is
 * needed, so that a connection that sends nothing, or whole lines only, costs no buffer.
 */
import { FRAME_MAX_BYTES } from '../contracts.ts'

/**
 * Bytes of a frame that are looked at before it is called over-long: the cap and room for a trailer (CR, NUL, or the LF that
 * an octet count includes), so that a frame of exactly the cap is not counted as cut for its trailer's sake.
 */
export const HELD_MAX_BYTES = FRAME_MAX_BYTES + 2

const FIRST_SIZE = 1024
/** A buffer above this size is given back once its frame is delivered. */
const KEPT_SIZE = 16 * 1024
const EMPTY = Buffer.alloc(0)

export class Carry {
  buf: Buffer = EMPTY
  length = 0

  /** Copies `chunk[start…end]` behind what is held; the caller keeps the sum within HELD_MAX_BYTES. */
  append(chunk: Buffer, start: number, end: number): void {
    const length = this.length + end - start
    if (length > this.buf.length) this.#grow(length)
    chunk.copy(this.buf, this.length, start, end)
    this.length = length
  }

  clear(): void {
    this.length = 0
    if (this.buf.length > KEPT_SIZE) this.buf = EMPTY
  }

  #grow(length: number): void {
    let size = Math.max(FIRST_SIZE, this.buf.length * 2)
    while (size < length) size *= 2
    // Slow: never a piece of the shared pool, which this long-lived piece would keep alive.
    const grown = Buffer.allocUnsafeSlow(Math.min(size, Math.max(length, HELD_MAX_BYTES)))
    this.buf.copy(grown, 0, 0, this.length)
    this.buf = grown
  }
}
