/**
 * Whole frames of many intakes in shared memory, as it goes from the receiving thread to a lane and back.
 *
 *   0 ………………… DATA_BYTES ……… BLOCK_BYTES
 *   │ frames, LF after each │ table: start, end, intake per frame (uint32) │
 *
 * Frames of all intakes share a block, with the intake beside each frame, so ten thousand connections cost no ten thousand
 * blocks (docs/decisions/0001-threads-and-blocks.md). Both threads see the memory, and only the one that the block was handed to last may
 * touch it. It has a fixed size: resizable buffers make hot functions slow.
 */
import { FRAME_MAX_BYTES } from '../contracts.ts'

/** A block is handed over when it holds this many bytes. */
export const BLOCK_FILL_BYTES = 256 * 1024
/** The frames, and as much behind them as the last one may take. */
export const DATA_BYTES = BLOCK_FILL_BYTES + FRAME_MAX_BYTES + 64
/** A block is handed over when it holds this many frames. */
export const BLOCK_FRAMES_MAX = 4096
const FRAME_ENTRY = 3
export const BLOCK_BYTES = DATA_BYTES + BLOCK_FRAMES_MAX * FRAME_ENTRY * 4

/** A short frame is copied by a loop: the call of the native copy costs more. */
const LOOP_COPY_MAX_BYTES = 48

export class FrameBlock {
  readonly memory: SharedArrayBuffer
  /** The frames. */
  readonly bytes: Buffer
  readonly #table: Uint32Array
  count = 0
  used = 0
  /** A run of frames of one chunk that is not copied yet: its bytes, and where in the block they belong. */
  #chunk: Buffer | undefined
  #runStart = 0
  #runEnd = 0
  #runAt = 0

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(BLOCK_BYTES)) {
    this.memory = memory
    this.bytes = Buffer.from(memory, 0, DATA_BYTES)
    this.#table = new Uint32Array(memory, DATA_BYTES)
  }

  /** True when no further frame may be appended. */
  get isFull(): boolean {
    return this.used >= BLOCK_FILL_BYTES || this.count >= BLOCK_FRAMES_MAX
  }

  /**
   * Takes a frame of at most FRAME_MAX_BYTES that ends in a line feed, from a chunk whose bytes stay until `settle`; the block must
   * not be full. Frames that follow each other are copied in one go (FortiGate lines: 165 to 110 ns for framing and copy).
   */
  appendLine(chunk: Buffer, start: number, end: number, intake: number): void {
    if (chunk !== this.#chunk || start !== this.#runEnd) {
      this.settle()
      this.#chunk = chunk
      this.#runStart = start
      this.#runAt = this.used
    }
    this.#runEnd = end + 1
    const at = this.#runAt - this.#runStart
    this.#note(at + start, at + end, intake)
  }

  /** Copies what `appendLine` took; the chunk may change afterwards. */
  settle(): void {
    if (this.#chunk === undefined) return
    copyRange(this.#chunk, this.#runStart, this.#runEnd, this.bytes, this.#runAt)
    this.#chunk = undefined
  }

  /** Copies a frame of at most FRAME_MAX_BYTES; the block must not be full. */
  append(buf: Buffer, start: number, end: number, intake: number): void {
    this.settle()
    const at = this.used
    const length = end - start
    const { bytes } = this
    if (length <= LOOP_COPY_MAX_BYTES) for (let i = 0; i < length; i++) bytes[at + i] = buf[start + i]!
    else copyRange(buf, start, end, bytes, at)
    bytes[at + length] = 0x0a
    this.#note(at, at + length, intake)
  }

  #note(start: number, end: number, intake: number): void {
    const entry = this.count * FRAME_ENTRY
    const table = this.#table
    table[entry] = start
    table[entry + 1] = end
    table[entry + 2] = intake
    this.count++
    this.used = end + 1
  }

  start(index: number): number {
    return this.#table[index * FRAME_ENTRY]!
  }

  end(index: number): number {
    return this.#table[index * FRAME_ENTRY + 1]!
  }

  intake(index: number): number {
    return this.#table[index * FRAME_ENTRY + 2]!
  }

  /** The frame as text, at most so many bytes of it. */
  text(index: number, bytesMax: number): string {
    const start = this.start(index)
    return this.bytes.toString('utf8', start, Math.min(this.end(index), start + bytesMax))
  }

  setIntake(index: number, intake: number): void {
    this.#table[index * FRAME_ENTRY + 2] = intake
  }

  clear(): void {
    this.#chunk = undefined
    this.count = 0
    this.used = 0
  }
}

/**
 * Copies bytes, of which there is at least one. The last goes by itself, since Node copies a range natively and a whole buffer by
 * `TypedArray.set`, which goes byte by byte into shared memory: 4 KiB in 1,380 ns and in 89 (Node 24.21).
 */
function copyRange(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  from.copy(to, at, start, end - 1)
  to[at + end - 1 - start] = from[end - 1]!
}
