/**
 * Hot path: once per frame. The middle of the walk as one call: syslog header, identify, parse, finalize. The lanes and
 * `sluice parse` share it, so what the command prints is what is uploaded.
 */
import { FRAME_MAX_BYTES, type Frame, type Outcome, type Parser, type Zone } from './contracts.ts'
import { type Binding, Identifier, type IntakeIdentity, type Tally } from './identify/identifier.ts'
import { newFrame, readHeader } from './identify/syslog-header.ts'
import { laneBytes, SCRATCH_END, SCRATCH_START } from './lib/lane-memory.ts'
import { newLaneRecord } from './lib/lane-record.ts'
import { type Corrections, noCorrections } from './process/corrections.ts'
import { finalize, type Reject } from './process/finalize.ts'
import type { RecordFields } from './record.ts'

export class FrameReader {
  readonly frame: Frame
  readonly fields: RecordFields = newLaneRecord()
  /** By source index. */
  readonly corrections: readonly Corrections[]
  /** Who read the last frame; null when nobody did. */
  binding: Binding | null = null
  /** Why the record of the last frame, though parsed, can not go on; '' when it can. */
  reject: Reject | '' = ''
  readonly identifier: Identifier
  /** Zones by source index. */
  readonly #zones: readonly Zone[]

  /** `counts`: where to count, by source index, when that shall outlive the reader. */
  constructor(
    parsers: readonly Parser[],
    zones: readonly Zone[],
    counts: { corrections?: readonly Corrections[]; tallies?: Map<string, Tally>[] } = {}
  ) {
    this.identifier = new Identifier(parsers, counts.tallies)
    this.#zones = zones
    this.corrections = counts.corrections ?? zones.map(() => noCorrections())
    this.frame = newFrame(zones[0]!)
  }

  /** Forgets who read the last frame. */
  forget(): void {
    this.binding = null
    this.reject = ''
  }

  /**
   * Takes frames to the memory of this thread in which they are read, at the offsets they have; a line feed must lie behind each. Those of
   * earlier calls, by whichever reader, are gone.
   */
  load(frames: Buffer, length: number): void {
    frames.copy(laneBytes, 0, 0, length)
  }

  /** Reads a line that lies elsewhere, of which no more is taken than a frame may have. */
  readLine(intake: IntakeIdentity, line: Buffer): Outcome | 'unidentified' {
    const length = Math.min(line.length, FRAME_MAX_BYTES)
    this.load(line, length)
    laneBytes[length] = 0x0a
    return this.read(intake, 0, length)
  }

  /**
   * Reads the frame `start`…`end` of what was loaded. The record is in `fields` when the answer is `parsed`, and `reject` says whether it
   * may go on; else `fields.reason` says why there is none.
   */
  read(intake: IntakeIdentity, start: number, end: number): Outcome | 'unidentified' {
    const { frame, fields } = this
    readHeader(frame, laneBytes, start, end)
    fields.reset(laneBytes, SCRATCH_START, SCRATCH_END)
    this.forget()
    if (frame.start >= frame.end) {
      fields.reason = 'empty'
      return 'skipped'
    }
    const binding = this.identifier.identify(intake, frame)
    if (binding === null) {
      fields.reason = 'unidentified'
      return 'unidentified'
    }
    this.binding = binding
    frame.zone = this.#zones[binding.source]!
    const outcome = binding.parser.parse(frame, fields, binding.state)
    if (outcome !== 'parsed' || binding.parser.passThrough === true) return outcome
    this.reject = finalize(fields, this.corrections[binding.source]!)
    return 'parsed'
  }
}
