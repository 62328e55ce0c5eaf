/**
 * Hot path: once per frame, and only while the archive takes lines. Every frame of a source goes into a block of its own kind as it came,
 * whatever becomes of it afterwards. Without the archive the lane has no tap.
 */
import type { Block } from '../contracts.ts'
import type { Deflater } from '../encode/deflate.ts'
import { OUTPUT_BYTES, Output } from '../encode/output.ts'
import type { LaneSpec } from './messages.ts'

/** Outputs that may be open at a time, as for records. */
const OPEN_OUTPUTS_MAX = 32

export class LineTap {
  readonly #spec: LaneSpec
  readonly #deflater: Deflater
  readonly #outputs: (Output | undefined)[]
  #openOutputs = 0
  readonly #freeBuffers: Buffer[] = []

  private constructor(spec: LaneSpec, deflater: Deflater) {
    this.#spec = spec
    this.#deflater = deflater
    this.#outputs = spec.sources.map(() => undefined)
  }

  /** Undefined when no source is archived as lines. */
  static of(spec: LaneSpec, deflater: Deflater): LineTap | undefined {
    return spec.sources.some(({ archivesLines }) => archivesLines === true) ? new LineTap(spec, deflater) : undefined
  }

  /** Takes the frame `start`…`end`; frames without a source (an index past the last one) belong to nobody's archive. */
  take(source: number, buf: Buffer, start: number, end: number, now: number, emit: (block: Block) => void): void {
    if (end === start || this.#spec.sources[source]?.archivesLines !== true) return
    const output = this.#outputs[source] ?? this.#open(source, emit)
    if (output.isFull) emit(this.#take(output))
    output.appendRaw(buf, start, end, now)
  }

  flush(emit: (block: Block) => void): void {
    for (let source = 0; source < this.#outputs.length; source++) if (this.#outputs[source] !== undefined) this.#close(source, emit)
  }

  #open(source: number, emit: (block: Block) => void): Output {
    if (this.#openOutputs >= OPEN_OUTPUTS_MAX)
      this.#close(
        this.#outputs.findIndex(output => output !== undefined),
        emit
      )
    const output = new Output(
      this.#spec.sources[source]!.name,
      'raw',
      null,
      this.#freeBuffers.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES)
    )
    this.#outputs[source] = output
    this.#openOutputs++
    return output
  }

  #close(source: number, emit: (block: Block) => void): void {
    const output = this.#outputs[source]!
    if (!output.isEmpty) emit(this.#take(output))
    this.#freeBuffers.push(output.buffer)
    this.#outputs[source] = undefined
    this.#openOutputs--
  }

  #take(output: Output): Block {
    const block = output.take(this.#deflater, this.#spec.compressionLevel)
    block.forArchive = true
    return block
  }
}
