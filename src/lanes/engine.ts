/**
 * Hot path: the line path of one lane. Blocks of frames go in; blocks of serialised, deflated records come out. Every frame ends
 * in exactly one counter, and every parsed record is written or dropped with a reason. Synchronous: nothing here waits.
 */
import type { Block, Encoder, Parser } from '../contracts.ts'
import { chooseDeflater, type Deflater } from '../encode/deflate.ts'
import { newEncoder } from '../encode/encoder.ts'
import { OUTPUT_BYTES, Output } from '../encode/output.ts'
import { FrameReader } from '../frame-reader.ts'
import type { IntakeIdentity, SourceBinding } from '../identify/identifier.ts'
import type { FrameBlock } from '../lib/frame-block.ts'
import { compileTemplate } from '../parse/template/compile.ts'
import { namedZone } from '../parse/values/zone.ts'
import { ATTRIBUTES, countAttributes } from '../process/attributes.ts'
import { Filter } from '../process/filter.ts'
import { judgePhase } from '../process/phases.ts'
import { Privacy } from '../process/privacy.ts'
import { DOWNLOADED, TIME, TOTAL, UPLOADED } from '../record.ts'
import { EventLag } from './event-lag.ts'
import type { LaneSourceStats, LaneSpec, LaneStats, Pin, Sample } from './messages.ts'
import { rawParser } from './raw-parser.ts'

/** Outputs that may be open at a time; with more sources than this in flight, the first is deflated early. */
const OPEN_OUTPUTS_MAX = 32
/** Samples kept per lane of frames that gave no record, and how much of each. */
const SAMPLES_MAX = 50
const SAMPLE_BYTES = 1024

interface SourceCounts {
  frames: number
  bytes: number
  parsed: number
  unidentified: number
  /** Frames without a byte in them, which no parser can be blamed for. */
  empty: number
  written: number
  writtenBytes: number
  attributes: Float64Array
  dropped: Map<string, number>
  lag: EventLag
  lastEventMs: number
  lastSeenMs: number
}

export class LaneEngine {
  readonly #spec: LaneSpec
  readonly #reader: FrameReader
  readonly #filter: Filter
  readonly #privacy: Privacy
  readonly #bindings: readonly SourceBinding[]
  readonly #encoders: readonly (Encoder | null)[]
  readonly #deflater: Deflater
  readonly #intakes = new Map<number, IntakeIdentity>()
  /** Open output per source, or undefined. */
  readonly #outputs: (Output | undefined)[]
  #openOutputs = 0
  readonly #freeBuffers: Buffer[] = []
  readonly #counts: SourceCounts[]
  readonly #samples: Sample[] = []
  #frames = 0
  #bytes = 0
  #busyMs = 0
  /** The frame at hand was counted for its source, and as parsed. */
  #isCounted = false
  #isParsed = false

  /** @throws Error when a source names a parser that does not exist, TemplateError when its template is no good. */
  constructor(spec: LaneSpec, parsers: readonly Parser[]) {
    this.#spec = spec
    const zones = spec.sources.map(source => namedZone(source.timeZone))
    const templates = spec.sources.map(({ template }) => (template === undefined ? undefined : compileTemplate(template)))
    const asked = spec.sources.some(source => source.format === 'raw') ? [...parsers, rawParser] : parsers
    this.#reader = new FrameReader(asked, zones)
    this.#filter = new Filter(spec.filter)
    this.#privacy = new Privacy(spec.privacy)
    this.#bindings = spec.sources.map((source, index) => ({ source: index, parser: templates[index] ?? parserOf(source, parsers) }))
    this.#encoders = spec.sources.map(source => (source.format === 'raw' ? null : newEncoder(source.format, source.encode)))
    this.#deflater = chooseDeflater(spec.deflate ?? 'auto')
    this.#outputs = spec.sources.map(() => undefined)
    this.#counts = [...spec.sources.map(noCounts), noCounts()]
  }

  /** A new intake and the sources that may take its frames, in configuration order. */
  openIntake(intake: number, candidates: readonly number[]): void {
    this.#intakes.set(
      intake,
      this.#reader.identifier.open(
        intake,
        candidates.map(index => this.#bindings[index]!)
      )
    )
  }

  closeIntake(intake: number): void {
    this.#intakes.delete(intake)
  }

  /**
   * Takes every frame of the block. `emit` gets the blocks that became full. With the same `now`, ms, the same frames give the
   * same blocks.
   */
  process(block: FrameBlock, emit: (block: Block) => void, now: number = Date.now()): void {
    const began = performance.now()
    this.#reader.frame.now = now
    let index = 0
    const { count } = block
    while (index < count) {
      // One try around the loop, not one per frame: an exception is a bug of ours and costs its frame only.
      try {
        for (; index < count; index++) this.#frame(block, index, now, emit)
      } catch (error) {
        this.#failed(block, index, error)
        index++
      }
    }
    this.#busyMs += performance.now() - began
  }

  #frame(block: FrameBlock, index: number, now: number, emit: (block: Block) => void): void {
    const start = block.start(index)
    const end = block.end(index)
    this.#frames++
    this.#bytes += end - start
    this.#isCounted = false
    this.#isParsed = false
    const reader = this.#reader
    reader.forget()
    const intake = this.#intakes.get(block.intake(index))
    if (intake === undefined) throw new Error(`Cannot find intake ${block.intake(index)} of a frame`)
    const outcome = reader.read(intake, block.bytes, start, end, block.scratchStart, block.scratchEnd)
    const { binding, fields } = reader
    const source = binding === null ? (intake.candidates[0]?.source ?? this.#bindings.length) : binding.source
    const counts = this.#counts[source]!
    counts.frames++
    counts.bytes += end - start
    counts.lastSeenMs = now
    this.#isCounted = true
    if (binding === null) {
      if (outcome === 'skipped') counts.empty++
      else {
        counts.unidentified++
        this.#sample(block, index, source, 'unidentified', '', fields.reason)
      }
      return
    }
    const { tally } = binding
    if (outcome !== 'parsed') {
      const { reason } = fields
      const reasons = outcome === 'skipped' ? tally.skipped : tally.malformed
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      if (outcome === 'malformed') this.#sample(block, index, source, 'malformed', tally.parser, reason)
      return
    }
    tally.parsed++
    counts.parsed++
    this.#isParsed = true
    const encoder = this.#encoders[source]
    let reason: string = ''
    let bytes = 0
    if (encoder === null) bytes = this.#output(source, emit).appendRaw(block.bytes, start, end, now)
    else {
      countAttributes(fields, counts.attributes)
      reason = reader.reject || (this.#spec.onePerConnection ? judgePhase(fields, binding) : '') || this.#filter.apply(fields, now)
      if (reader.reject !== '') this.#sample(block, index, source, 'rejected', tally.parser, reader.reject)
      if (reason === '') {
        this.#privacy.apply(fields)
        bytes = this.#output(source, emit).append(fields)
        if (bytes < 0) reason = 'line_too_long'
        else if (encoder!.format !== 'csv' && knowsTotalOnly(fields.numbers)) reader.corrections[source]!.total_only++
      }
    }
    if (reason !== '') {
      counts.dropped.set(reason, (counts.dropped.get(reason) ?? 0) + 1)
      return
    }
    counts.written++
    counts.writtenBytes += bytes
    const time = fields.numbers[TIME]!
    if (time > counts.lastEventMs) counts.lastEventMs = time
    if (encoder !== null) counts.lag.add(time, now)
  }

  /** The open output of a source, with room for a line. */
  #output(source: number, emit: (block: Block) => void): Output {
    const open = this.#outputs[source]
    if (open !== undefined) {
      if (open.isFull) emit(open.take(this.#deflater, this.#spec.compressionLevel))
      return open
    }
    if (this.#openOutputs >= OPEN_OUTPUTS_MAX) this.#closeOne(emit)
    const { name, format } = this.#spec.sources[source]!
    const output = new Output(name, format, this.#encoders[source]!, this.#freeBuffers.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES))
    this.#outputs[source] = output
    this.#openOutputs++
    return output
  }

  #closeOne(emit: (block: Block) => void): void {
    const source = this.#outputs.findIndex(output => output !== undefined)
    this.#close(source, emit)
  }

  #close(source: number, emit: (block: Block) => void): void {
    const output = this.#outputs[source]!
    if (!output.isEmpty) emit(output.take(this.#deflater, this.#spec.compressionLevel))
    this.#freeBuffers.push(output.buffer)
    this.#outputs[source] = undefined
    this.#openOutputs--
  }

  /** Everything written so far goes out, so that it can be made durable. */
  flush(emit: (block: Block) => void): void {
    const began = performance.now()
    for (let source = 0; source < this.#outputs.length; source++) if (this.#outputs[source] !== undefined) this.#close(source, emit)
    this.#busyMs += performance.now() - began
  }

  /** Intakes that met a new parser since the last call, and whether they must stay on this lane. */
  takePins(): Pin[] {
    const { changed } = this.#reader.identifier
    if (changed.length === 0) return []
    const pins = changed.map(({ index, known }) => ({
      intake: index,
      pinned: known.some(binding => binding.parser.newState !== undefined)
    }))
    changed.length = 0
    return pins
  }

  stats(): LaneStats {
    const outcomes: LaneSourceStats['outcomes'][] = this.#counts.map(() => [])
    for (const tally of this.#reader.identifier.tallies) {
      const of = outcomes[tally.source]!
      of.push(['parsed', tally.parser, '', tally.parsed])
      for (const [reason, count] of tally.skipped) of.push(['skipped', tally.parser, reason, count])
      for (const [reason, count] of tally.malformed) of.push(['malformed', tally.parser, reason, count])
    }
    this.#counts.forEach(({ empty }, source) => {
      if (empty > 0) outcomes[source]!.push(['skipped', '', 'empty', empty])
    })
    return {
      frames: this.#frames,
      bytes: this.#bytes,
      busyMs: this.#busyMs,
      sources: this.#counts.map(({ empty: _, ...counts }, source) => ({
        ...counts,
        source,
        attributes: [...counts.attributes],
        dropped: [...counts.dropped],
        lag: counts.lag.counts(),
        corrections: Object.entries(this.#reader.corrections[source] ?? {}).filter(([, count]) => count > 0),
        outcomes: outcomes[source]!
      })),
      samples: [...this.#samples]
    }
  }

  #sample(block: FrameBlock, index: number, source: number, outcome: Sample['outcome'], parser: string, reason: string): void {
    if (this.#samples.length >= SAMPLES_MAX) {
      // Keep some of the newest without paying for every bad line: past the bound one in 64 replaces the oldest.
      if ((this.#frames & 63) !== 0) return
      this.#samples.shift()
    }
    const start = block.start(index)
    const text = block.bytes.toString('utf8', start, Math.min(block.end(index), start + SAMPLE_BYTES))
    this.#samples.push({ atMs: Date.now(), source, outcome, parser, reason, text })
  }

  /** A bug of ours met this frame: it is counted with its own reason, at the stage it came to. */
  #failed(block: FrameBlock, index: number, error: unknown): void {
    const { binding } = this.#reader
    const source = binding === null ? this.#bindings.length : binding.source
    const counts = this.#counts[source]!
    if (!this.#isCounted) {
      counts.frames++
      counts.bytes += block.end(index) - block.start(index)
    }
    if (this.#isParsed) counts.dropped.set('internal_error', (counts.dropped.get('internal_error') ?? 0) + 1)
    else if (binding === null) counts.unidentified++
    else binding.tally.malformed.set('internal_error', (binding.tally.malformed.get('internal_error') ?? 0) + 1)
    this.#sample(block, index, source, 'malformed', binding?.parser.id ?? '', `internal_error: ${String(error)}`)
  }
}

/** All formats but CSV have no place for a total, so it is written as downloaded or not at all. */
const knowsTotalOnly = (numbers: Float64Array): boolean => numbers[TOTAL]! >= 0 && numbers[DOWNLOADED]! < 0 && numbers[UPLOADED]! < 0

const noCounts = (): SourceCounts => ({
  frames: 0,
  bytes: 0,
  parsed: 0,
  unidentified: 0,
  empty: 0,
  written: 0,
  writtenBytes: 0,
  attributes: new Float64Array(ATTRIBUTES.length),
  dropped: new Map(),
  lag: new EventLag(),
  lastEventMs: 0,
  lastSeenMs: 0
})

function parserOf(source: LaneSpec['sources'][number], parsers: readonly Parser[]): Parser | null {
  if (source.format === 'raw') return rawParser
  if (source.appliance === 'auto') return null
  const parser = parsers.find(({ id }) => id === source.appliance)
  if (parser === undefined) throw new Error(`Cannot find parser "${source.appliance}" of source "${source.name}"`)
  return parser
}
