/**
 * What the frames of a log file are, for the verbs that read one: its lines, each of them, also empty ones; or, of a JSON document, its
 * objects, as an HTTP push has them. A document is told by its first bytes: `[` and `{`, as an export writes an array, or a `{` that
 * is alone on its line, as one that is laid out for people begins. Objects one a line are lines.
 */
import { FRAME_MAX_BYTES, type Framer } from './contracts.ts'
import { createFramer } from './framing/framer.ts'

/** So many bytes are looked at for the first ones that are no blanks. */
const HEAD_BYTES = 256
const DOCUMENT = /^(?:\xef\xbb\xbf)?\s*(?:\[\s*\{|\{[ \t\r]*\n)/
/** What may still become one of the above. */
const UNDECIDED = /^(?:\xef?\xbb?\xbf?)\s*(?:\[\s*|\{[ \t\r]*)?$/

/** Takes one frame; of a line without its line feed, of at most a little more than FRAME_MAX_BYTES. */
export type OnLogFrame = (frame: Buffer) => void

export class LogFrames {
  readonly #onFrame: OnLogFrame
  #head: Buffer = Buffer.alloc(0)
  #isDecided = false
  #framer: Framer | undefined
  #carry: Buffer = Buffer.alloc(0)

  constructor(onFrame: OnLogFrame) {
    this.#onFrame = onFrame
  }

  /** What a frame is; `line` until the first bytes have said so. */
  get unit(): 'line' | 'object' {
    return this.#framer === undefined ? 'line' : 'object'
  }

  /** Bytes of a JSON document that belong to no object, or to one that is too long or too deep or was cut off. */
  get discardedBytes(): number {
    return this.#framer?.stats.discardedBytes ?? 0
  }

  feed(chunk: Buffer): void {
    if (this.#isDecided) this.#take(chunk)
    else {
      this.#head = Buffer.concat([this.#head, chunk])
      if (this.#head.length >= HEAD_BYTES || !UNDECIDED.test(this.#head.toString('latin1'))) this.#decide()
    }
  }

  /** The frame that nothing ended. To be called once, after the last byte. */
  end(): void {
    if (!this.#isDecided) this.#decide()
    if (this.#framer !== undefined) this.#framer.end(this.#onObject)
    else if (this.#carry.length > 0) this.#onFrame(this.#carry)
    this.#carry = Buffer.alloc(0)
  }

  #decide(): void {
    this.#isDecided = true
    if (DOCUMENT.test(this.#head.toString('latin1', 0, HEAD_BYTES))) this.#framer = createFramer('json')
    this.#take(this.#head)
    this.#head = Buffer.alloc(0)
  }

  #take(chunk: Buffer): void {
    if (this.#framer !== undefined) this.#framer.feed(chunk, this.#onObject)
    else this.#lines(chunk)
  }

  readonly #onObject = (buf: Buffer, start: number, end: number): void => this.#onFrame(buf.subarray(start, end))

  #lines(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const line = chunk.subarray(start, end)
      this.#onFrame(this.#carry.length === 0 ? line : Buffer.concat([this.#carry, line]))
      this.#carry = Buffer.alloc(0)
      start = end + 1
    }
    if (start < chunk.length && this.#carry.length <= FRAME_MAX_BYTES) this.#carry = Buffer.concat([this.#carry, chunk.subarray(start)])
  }
}
