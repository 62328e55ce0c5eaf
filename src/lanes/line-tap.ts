/**
 * Hot path: once per frame, and only while the archive takes lines. Every frame of a source goes into a block of its own kind as it came,
 * whatever becomes of it afterwards. Without the archive the lane has no tap.
 */
import type { Block } from '../contracts.ts'
import type { Deflater } from '../encode/deflate.ts'
import { Outputs } from '../encode/outputs.ts'
import type { LaneSpec } from './messages.ts'

export class LineTap {
  readonly #spec: LaneSpec
  readonly #outputs: Outputs

  private constructor(spec: LaneSpec, deflater: Deflater) {
    this.#spec = spec
    this.#outputs = new Outputs(
      spec.sources.map(({ name }) => ({ name, format: 'raw', encoder: null })),
      { deflater, level: spec.compressionLevel, forArchive: true }
    )
  }

  /** Undefined when no source is archived as lines. */
  static of(spec: LaneSpec, deflater: Deflater): LineTap | undefined {
    return spec.sources.some(({ archivesLines }) => archivesLines === true) ? new LineTap(spec, deflater) : undefined
  }

  /** Takes the frame `start`…`end`; frames without a source (an index past the last one) belong to nobody's archive. */
  take(source: number, buf: Buffer, start: number, end: number, now: number, emit: (block: Block) => void): void {
    if (end === start || this.#spec.sources[source]?.archivesLines !== true) return
    this.#outputs.get(source, emit).appendRaw(buf, start, end, now)
  }

  flush(emit: (block: Block) => void): void {
    this.#outputs.flush(emit)
  }
}
