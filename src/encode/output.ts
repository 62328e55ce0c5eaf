/**
 * Hot path: once per line. Lines of one source and format on their way into a block: encoded one after another into a buffer, and
 * deflated when the buffer is full or somebody waits. The buffer grows with what comes (outputs.ts bounds all of a lane).
 */
import { type Block, ENCODE_ROOM_BYTES, type Encoder, type Format, FRAME_MAX_BYTES } from '../contracts.ts'
import { laneBytes, reserveLaneMemory } from '../lib/lane-memory.ts'
import { type RecordFields, TIME } from '../record.ts'
import type { Deflater } from './deflate.ts'

/** An output is deflated when it holds so much: larger gains little ratio, smaller costs some (docs/decisions). */
export const OUTPUT_FILL_BYTES = 256 * 1024
/** More than a raw line, line feed included, and more than an encoder asks for. */
const ROOM_BYTES = Math.max(ENCODE_ROOM_BYTES, FRAME_MAX_BYTES + 16 * 1024)
/** The largest buffer. */
export const OUTPUT_BYTES = OUTPUT_FILL_BYTES + ROOM_BYTES

/** Where buffers come from and go to. */
export interface BufferSource {
  /** At least so many bytes. */
  take(bytes: number): Buffer
  give(buffer: Buffer): void
}

/** Lines are moved to their output's buffer when there are so many bytes of them: still in the processor's nearest cache. */
const RUN_BYTES = 16 * 1024
/**
 * Where the lines of this thread are written, in the lane's memory, which vector code writes to: a run of lines of one output, which are moved
 * to its buffer together. There is always the room that an encoder asks for, which its line seldom needs.
 */
const deskStart = reserveLaneMemory(RUN_BYTES + ENCODE_ROOM_BYTES)
let deskUsed = 0
/** Whose lines they are. */
let deskOwner: Output | undefined

export class Output {
  readonly source: string
  readonly format: Format
  readonly #encoder: Encoder | null
  readonly #buffers: BufferSource
  #buffer: Buffer
  /** Bytes in the buffer; more may lie on the desk. */
  #used = 0
  #records = 0
  #firstTime = Number.POSITIVE_INFINITY
  #lastTime = Number.NEGATIVE_INFINITY

  /** `encoder` null: raw lines. */
  constructor(source: string, format: Format, encoder: Encoder | null, buffers: BufferSource) {
    this.source = source
    this.format = format
    this.#encoder = encoder
    this.#buffers = buffers
    this.#buffer = buffers.take(1)
  }

  get isEmpty(): boolean {
    return this.#records === 0
  }

  get isFull(): boolean {
    return this.usedBytes >= OUTPUT_FILL_BYTES
  }

  get usedBytes(): number {
    return deskOwner === this ? this.#used + deskUsed : this.#used
  }

  /** Writes the record as a line; returns its bytes, or -1 when it would be too long. Must not be full. */
  append(record: RecordFields): number {
    if (deskOwner !== this) {
      if (deskOwner !== undefined) deskOwner.#clearDesk()
      deskOwner = this
    }
    const start = deskStart + deskUsed
    const end = this.#encoder!.encode(record, laneBytes, start)
    if (end < 0) return -1
    deskUsed = end - deskStart
    if (deskUsed >= RUN_BYTES) this.#clearDesk()
    this.#note(record.numbers[TIME]!)
    return end - start
  }

  /** Moves what lies on the desk to the buffer, if it is of this output. */
  #clearDesk(): void {
    if (deskOwner !== this) return
    const bytes = deskUsed
    if (bytes > 0) {
      this.#makeRoom(bytes)
      laneBytes.copy(this.#buffer, this.#used, deskStart, deskStart + bytes)
      this.#used += bytes
    }
    deskUsed = 0
    deskOwner = undefined
  }

  /** Writes a frame as it came, line breaks inside it as blanks, since a file holds one message a line. Must not be full. */
  appendRaw(buf: Buffer, start: number, end: number, time: number): number {
    this.#clearDesk()
    this.#makeRoom(end - start + 1)
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

  #makeRoom(bytes: number): void {
    const wanted = this.#used + bytes
    if (wanted <= this.#buffer.length) return
    const larger = this.#buffers.take(wanted)
    this.#buffer.copy(larger, 0, 0, this.#used)
    this.#buffers.give(this.#buffer)
    this.#buffer = larger
  }

  /** The line that was written last, of so many bytes, without its line feed. Cold path only. */
  lastLine(bytes: number): string {
    this.#clearDesk()
    return this.#buffer.toString('utf8', this.#used - bytes, this.#used - 1)
  }

  #note(time: number): void {
    this.#records++
    if (time < this.#firstTime) this.#firstTime = time
    if (time > this.#lastTime) this.#lastTime = time
  }

  /** What was collected, as a deflated block; the output is empty afterwards and must not have been before. */
  take(deflater: Deflater, level: number): Block {
    this.#clearDesk()
    const raw = this.#buffer.subarray(0, this.#used)
    const { bytes, deflatedCrc32, crc32 } = deflater.deflateBlock(raw, level)
    const block: Block = {
      source: this.source,
      format: this.format,
      bytes,
      deflatedCrc32,
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

  /** Gives its memory back; what it holds is gone. No more may be written. */
  release(): void {
    this.#buffers.give(this.#buffer)
    if (deskOwner !== this) return
    deskOwner = undefined
    deskUsed = 0
  }
}
