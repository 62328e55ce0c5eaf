/**
 * Reads an old log twice: once to see that it is whole and what it holds, once through the line path. Both times the file is
 * unpacked as it is read, and only as far as it was long at first, so that a file that grows meanwhile is no trouble.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Block, Parser } from '../contracts.ts'
import { createFramer } from '../framing/framer.ts'
import { LaneEngine } from '../lanes/engine.ts'
import type { LaneSpec } from '../lanes/messages.ts'
import { FrameBlock } from '../lib/frame-block.ts'
import { CHOSEN_FILE_LIMITS, unpacked } from '../receivers/unpack.ts'
import { framingOf } from '../receivers/unpack-deliver.ts'

const READ_BYTES = 256 * 1024
const HEAD_BYTES = 256

/** Every line ends in one of these counts, and every parsed one in `written` or in one of `dropped`. */
export interface LineCounts {
  lines: number
  parsed: number
  skipped: number
  malformed: number
  unidentified: number
  written: number
  /** Records that were not written, by reason: `too_old` is the 90-day rule. */
  dropped: Record<string, number>
  /** Lines that gave no record, by outcome, parser and reason. */
  rejected: { outcome: 'skipped' | 'malformed'; parser: string; reason: string; count: number }[]
  /** Lines cut at the length cap. */
  truncated: number
}

export interface FileSize {
  /** Bytes on the disk that are read. */
  bytes: number
}

/** Size of a plain file. Rejects with an Error that says why it is not one. */
export async function sizeOfFile(path: string): Promise<FileSize> {
  const stats = await stat(path)
  if (!stats.isFile()) throw new Error('it is no plain file; an old log is read twice')
  return { bytes: stats.size }
}

export interface ReadOptions {
  path: string
  bytes: number
  signal: AbortSignal
  /** Bytes of the file that were read so far. */
  onProgress(bytes: number): void
}

/**
 * SHA-256 of the unpacked content. Rejects with UnpackError when the file is damaged or packed in a way that is not read, with the
 * signal's reason when it fires.
 */
export async function hashFile(options: ReadOptions): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of contentOf(options)) hash.update(piece)
  return hash.digest('hex')
}

async function* contentOf({ path, bytes, signal, onProgress }: ReadOptions): AsyncGenerator<Buffer> {
  if (bytes === 0) return
  let read = 0
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: READ_BYTES })) {
      signal.throwIfAborted()
      read += (chunk as Buffer).length
      onProgress(read)
      yield chunk as Buffer
    }
  }
  yield* unpacked(chunks(), CHOSEN_FILE_LIMITS)
}

export interface ParseOptions extends ReadOptions {
  /** With the one source whose lines these are. */
  spec: LaneSpec
  parsers: readonly Parser[]
  /** Clock, ms. The same file, spec and clock give the same blocks. */
  nowMs: number
  /** Takes the blocks in order; the reading waits for it. */
  onBlocks(blocks: Block[]): Promise<void>
}

/** Reads the file as lines of its source. Resolves to what became of them and the hash of what was read. */
export async function parseFile(options: ParseOptions): Promise<{ counts: LineCounts; hash: string }> {
  const lines = new FileLines(options)
  const hash: Hash = createHash('sha256')
  for await (const piece of contentOf(options)) {
    hash.update(piece)
    lines.feed(piece)
    await lines.handOver()
  }
  lines.end()
  await lines.handOver()
  return { counts: lines.counts(), hash: hash.digest('hex') }
}

class FileLines {
  readonly #options: ParseOptions
  readonly #engine: LaneEngine
  readonly #frames = new FrameBlock()
  #framer: ReturnType<typeof createFramer> | undefined
  #head: Buffer = Buffer.alloc(0)
  #blocks: Block[] = []

  constructor(options: ParseOptions) {
    this.#options = options
    this.#engine = new LaneEngine(options.spec, options.parsers)
    this.#engine.openIntake(0, [0])
  }

  feed(piece: Buffer): void {
    if (this.#framer === undefined) {
      // What the content is, its first bytes say, and an unpacker may give them one by one.
      this.#head = Buffer.concat([this.#head, piece])
      if (this.#head.length >= HEAD_BYTES) this.#begin()
    } else this.#framer.feed(piece, this.#onFrame)
  }

  #begin(): void {
    this.#framer = createFramer(framingOf(this.#head, 'auto'))
    this.#framer.feed(this.#head, this.#onFrame)
    this.#head = Buffer.alloc(0)
  }

  end(): void {
    if (this.#framer === undefined) this.#begin()
    this.#framer!.end(this.#onFrame)
    this.#process()
    this.#engine.flush(this.#emit)
  }

  async handOver(): Promise<void> {
    if (this.#blocks.length === 0) return
    const blocks = this.#blocks
    this.#blocks = []
    await this.#options.onBlocks(blocks)
  }

  readonly #onFrame = (buf: Buffer, start: number, end: number): void => {
    this.#frames.append(buf, start, end, 0)
    if (this.#frames.isFull) this.#process()
  }

  readonly #emit = (block: Block): void => void this.#blocks.push(block)

  #process(): void {
    this.#engine.process(this.#frames, this.#emit, this.#options.nowMs)
    this.#frames.clear()
  }

  counts(): LineCounts {
    const counts: LineCounts = { ...NO_LINES, dropped: {}, rejected: [], truncated: this.#framer?.stats.truncated ?? 0 }
    for (const source of this.#engine.stats().sources) {
      counts.lines += source.frames
      counts.parsed += source.parsed
      counts.unidentified += source.unidentified
      counts.written += source.written
      for (const [reason, count] of source.dropped) counts.dropped[reason] = (counts.dropped[reason] ?? 0) + count
      for (const [outcome, parser, reason, count] of source.outcomes) {
        if (outcome === 'parsed') continue
        counts[outcome] += count
        counts.rejected.push({ outcome, parser, reason, count })
      }
    }
    return counts
  }
}

export const NO_LINES: Readonly<LineCounts> = {
  lines: 0,
  parsed: 0,
  skipped: 0,
  malformed: 0,
  unidentified: 0,
  written: 0,
  dropped: {},
  rejected: [],
  truncated: 0
}
