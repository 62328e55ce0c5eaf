/**
 * Hot path: once per frame. The middle of the walk as one call: syslog header, identify, parse, finalize. The lanes and
 * `sluice parse` share it, so what the command prints is what is uploaded.
 */
import type { Frame, Outcome, Parser, Zone } from './contracts.ts'
import { type Binding, Identifier, type IntakeIdentity, type Tally } from './identify/identifier.ts'
import { newFrame, readHeader } from './identify/syslog-header.ts'
import { type Corrections, noCorrections } from './process/corrections.ts'
import { finalize, type Reject } from './process/finalize.ts'
import { RecordFields } from './record.ts'

export class FrameReader {
  readonly frame: Frame
  readonly fields = new RecordFields()
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
   * Reads the frame `start`…`end` of `buf`; `scratch`…`scratchEnd` is a free region of the same buffer. The record is in
   * `fields` when the answer is `parsed`, and `reject` says whether it may go on; else `fields.reason` says why there is none.
   */
  read(intake: IntakeIdentity, buf: Buffer, start: number, end: number, scratch: number, scratchEnd: number): Outcome | 'unidentified' {
    const { frame, fields } = this
    readHeader(frame, buf, start, end)
    fields.reset(buf, scratch, scratchEnd)
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
