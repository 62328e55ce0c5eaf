/**
 * The outputs of a lane, one per source, within one bound of memory. A few sources get large buffers; many get small ones that grow, so
 * that two hundred sources that take turns still give blocks worth deflating: a block of a few lines costs as much to hand over, to
 * note in the ledger and to write as a large one.
 */
import type { Block, Encoder, Format } from '../contracts.ts'
import type { Deflater } from './deflate.ts'
import { OUTPUT_BYTES, Output } from './output.ts'

/** Bytes of buffers of open outputs, but for the growth that goes over it: from there on the fullest is deflated early. */
export const OPEN_BYTES_MAX = 32 * OUTPUT_BYTES
/** An output grows through these. */
const SIZES = [4 * 1024, 8 * 1024, 16 * 1024, 32 * 1024, 64 * 1024, 128 * 1024, OUTPUT_BYTES] as const

/** What an output is made for. */
export interface OutputKind {
  name: string
  format: Format
  /** Null: raw lines. */
  encoder: Encoder | null
}

/** How blocks are made. */
export interface BlockMaking {
  deflater: Deflater
  /** 0–9. */
  level: number
  /** Blocks are the archive's own. */
  forArchive?: boolean
}

export class Outputs {
  readonly #kinds: readonly OutputKind[]
  readonly #making: BlockMaking
  /** By source, while they are open. */
  readonly #open: (Output | undefined)[]
  readonly #buffers = new OutputBuffers()

  /** By source index. */
  constructor(kinds: readonly OutputKind[], making: BlockMaking) {
    this.#kinds = kinds
    this.#making = making
    this.#open = kinds.map(() => undefined)
  }

  /** The output of a source, with room for a line. Blocks that have to be made for it go to `emit`. */
  get(source: number, emit: (block: Block) => void): Output {
    if (this.#buffers.heldBytes >= OPEN_BYTES_MAX) this.#close(this.#fullest(), emit)
    const open = this.#open[source]
    if (open !== undefined) {
      if (open.isFull) emit(this.#take(open))
      return open
    }
    const { name, format, encoder } = this.#kinds[source]!
    const output = new Output(name, format, encoder, this.#buffers)
    this.#open[source] = output
    return output
  }

  /** The output of a source while it holds something. */
  peek(source: number): Output | undefined {
    return this.#open[source]
  }

  /** Everything written so far goes out. */
  flush(emit: (block: Block) => void): void {
    for (let source = 0; source < this.#open.length; source++) if (this.#open[source] !== undefined) this.#close(source, emit)
  }

  #close(source: number, emit: (block: Block) => void): void {
    const output = this.#open[source]!
    if (!output.isEmpty) emit(this.#take(output))
    output.release()
    this.#open[source] = undefined
  }

  #fullest(): number {
    let fullest = -1
    let bytes = -1
    for (let source = 0; source < this.#open.length; source++) {
      const output = this.#open[source]
      if (output === undefined || output.usedBytes <= bytes) continue
      fullest = source
      bytes = output.usedBytes
    }
    return fullest
  }

  #take(output: Output): Block {
    const { deflater, level, forArchive } = this.#making
    const block = output.take(deflater, level)
    if (forArchive === true) block.forArchive = true
    return block
  }
}

/** Buffers of a few sizes, kept for reuse within the bound. */
export class OutputBuffers {
  readonly #free: Buffer[][] = SIZES.map(() => [])
  #freeBytes = 0
  /** Bytes of the buffers that are out. */
  heldBytes = 0

  /** The smallest buffer of at least so many bytes; at most OUTPUT_BYTES. */
  take(bytes: number): Buffer {
    const at = SIZES.findIndex(size => size >= bytes)
    const size = SIZES[at]!
    const kept = this.#free[at]!.pop()
    if (kept !== undefined) this.#freeBytes -= size
    else if (this.heldBytes + this.#freeBytes + size > OPEN_BYTES_MAX) this.#drop()
    this.heldBytes += size
    return kept ?? Buffer.allocUnsafeSlow(size)
  }

  give(buffer: Buffer): void {
    this.#free[SIZES.indexOf(buffer.length as (typeof SIZES)[number])]!.push(buffer)
    this.#freeBytes += buffer.length
    this.heldBytes -= buffer.length
  }

  /** The sizes that are free are not those that are wanted. */
  #drop(): void {
    for (const buffers of this.#free) buffers.length = 0
    this.#freeBytes = 0
  }
}
