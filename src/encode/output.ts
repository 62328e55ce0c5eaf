/**
 * Hot path: once per record. The lines of one source on their way into a block: encoded one after another into a buffer, and
 * deflated when the buffer is full or somebody waits. A lane holds a bounded number of open outputs.
 */
import { type Block, ENCODE_ROOM_BYTES, type Encoder, type Format } from '../contracts.ts'
import { type RecordFields, TIME } from '../record.ts'
import type { Deflater } from './deflate.ts'

/** An output is deflated when it holds so much: larger gains little ratio, smaller costs some (docs/decisions). */
export const OUTPUT_FILL_BYTES = 256 * 1024
export const OUTPUT_BYTES = OUTPUT_FILL_BYTES + Math.max(ENCODE_ROOM_BYTES, 80 * 1024)

export class Output {
  readonly source: string
  readonly format: Format
  readonly #encoder: Encoder | null
  readonly #buffer: Buffer
  #used = 0
  #records = 0
  #firstTime = Number.POSITIVE_INFINITY
  #lastTime = Number.NEGATIVE_INFINITY

  /** `encoder` null: raw lines. `buffer` has OUTPUT_BYTES and belongs to the output until it is closed. */
  constructor(source: string, format: Format, encoder: Encoder | null, buffer: Buffer) {
    this.source = source
    this.format = format
    this.#encoder = encoder
    this.#buffer = buffer
  }

  get buffer(): Buffer {
    return this.#buffer
  }

  get isEmpty(): boolean {
    return this.#records === 0
  }

  get isFull(): boolean {
    return this.#used >= OUTPUT_FILL_BYTES
  }

  /** Writes the record as a line; returns its bytes, or -1 when it would be too long. Must not be full. */
  append(record: RecordFields): number {
    const end = this.#encoder!.encode(record, this.#buffer, this.#used)
    if (end < 0) return -1
    const bytes = end - this.#used
    this.#used = end
    this.#note(record.numbers[TIME]!)
    return bytes
  }

  /** Writes a frame as it came, line breaks inside it as blanks, since a file holds one message a line. Must not be full. */
  appendRaw(buf: Buffer, start: number, end: number, time: number): number {
    const out = this.#buffer
    let at = this.#used
    for (let p = start; p < end; p++) {
      const byte = buf[p]!
      out[at++] = byte === 0x0a || byte === 0x0d ? 0x20 : byte
    }
    out[at++] = 0x0a
    const bytes = at - this.#used
    this.#used = at
    this.#note(time)
    return bytes
  }

  /** The line that was written last, of so many bytes, without its line feed. Cold path only. */
  lastLine(bytes: number): string {
    return this.#buffer.toString('utf8', this.#used - bytes, this.#used - 1)
  }

  #note(time: number): void {
    this.#records++
    if (time < this.#firstTime) this.#firstTime = time
    if (time > this.#lastTime) this.#lastTime = time
  }

  /** What was collected, as a deflated block; the output is empty afterwards and must not have been before. */
  take(deflater: Deflater, level: number): Block {
    const raw = this.#buffer.subarray(0, this.#used)
    const { bytes, crc32 } = deflater.deflateBlock(raw, level)
    const block: Block = {
      source: this.source,
      format: this.format,
      bytes,
      rawLength: raw.length,
      crc32,
      recordCount: this.#records,
      firstTime: this.#firstTime,
      lastTime: this.#lastTime
    }
    this.#used = 0
    this.#records = 0
    this.#firstTime = Number.POSITIVE_INFINITY
    this.#lastTime = Number.NEGATIVE_INFINITY
    return block
  }
}
