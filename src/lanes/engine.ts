/**
 * Hot path: the line path of one lane. Blocks of frames go in; blocks of serialised, deflated records come out. Every frame ends
 * in exactly one counter, and every parsed record is written or dropped with a reason. Synchronous: nothing here waits.
 */
import type { Block, Encoder, Outcome, Parser } from '../contracts.ts'
import { chooseDeflater, type Deflater } from '../encode/deflate.ts'
import { newEncoder } from '../encode/encoder.ts'
import { Outputs } from '../encode/outputs.ts'
import { FrameReader } from '../frame-reader.ts'
import type { IntakeIdentity, SourceBinding } from '../identify/identifier.ts'
import type { FrameBlock } from '../lib/frame-block.ts'
import { compileTemplate } from '../parse/template/compile.ts'
import type { Template } from '../parse/template/template.ts'
import { namedZone } from '../parse/values/zone.ts'
import { countAttributes } from '../process/attributes.ts'
import { Filter } from '../process/filter.ts'
import { judgePhase } from '../process/phases.ts'
import { Privacy } from '../process/privacy.ts'
import { DOWNLOADED, TIME, TOTAL, UPLOADED } from '../record.ts'
import { NO_SOURCE } from '../telemetry/status.ts'
import type { TapFilter, TapOutcome, TapSample } from '../telemetry/tap.ts'
import { LineTap } from './line-tap.ts'
import type { IntakeSources, LaneSpec, LaneStats, Pin, Sample } from './messages.ts'
import { rawParser } from './raw-parser.ts'
import { Samples } from './samples.ts'
import { noCounts, type SourceCounts, statsOf } from './source-counts.ts'
import { SHOWN_BYTES, WatchedFrames } from './watched-frames.ts'

export class LaneEngine {
  readonly #parsers: readonly Parser[]
  #spec!: LaneSpec
  #reader!: FrameReader
  #filter!: Filter
  #privacy!: Privacy
  #bindings!: readonly SourceBinding[]
  #encoders!: readonly (Encoder | null)[]
  #deflater!: Deflater
  /** Parsers of templates by what they are made of, so that one that stays keeps what it knows of the intakes. */
  #templates: ReadonlyMap<string, Parser> = new Map()
  readonly #intakes = new Map<number, IntakeIdentity>()
  #lastIntake: IntakeIdentity | undefined
  #outputs!: Outputs
  /** Undefined unless the archive takes lines. */
  #tap: LineTap | undefined
  /** By source index; one past the last for frames that no source takes. */
  #counts!: readonly SourceCounts[]
  /** Of all sources that ever were, so that counts go on when the specification changes. */
  readonly #countsByName = new Map<string, SourceCounts>()
  readonly #samples = new Samples()
  readonly #watched = new WatchedFrames()
  #frames = 0
  #bytes = 0
  #busyMs = 0
  /** The frame at hand was counted for its source, and as parsed. */
  #isCounted = false
  #isParsed = false
  /** What became of the frame at hand, for those who watch. */
  #outcome: Outcome | 'unidentified' = 'unidentified'
  #dropReason = ''
  #lineBytes = 0

  /** @throws Error when a source names a parser that does not exist, TemplateError when its template is no good. */
  constructor(spec: LaneSpec, parsers: readonly Parser[]) {
    this.#parsers = parsers
    this.#configure(spec)
  }

  #configure(spec: LaneSpec): void {
    const { sources } = spec
    this.#templates = this.#compile(sources)
    this.#bindings = sources.map((source, index) => ({ source: index, parser: this.#parserOf(source) }))
    this.#encoders = sources.map(source => (source.format === 'raw' ? null : newEncoder(source.format, source.encode)))
    this.#counts = [...sources.map(({ name }) => name), NO_SOURCE].map(name => this.#countsOf(name))
    this.#reader = new FrameReader(
      sources.some(source => source.format === 'raw') ? [...this.#parsers, rawParser] : this.#parsers,
      sources.map(source => namedZone(source.timeZone)),
      { corrections: this.#counts.map(({ corrections }) => corrections), tallies: this.#counts.map(({ tallies }) => tallies) }
    )
    this.#filter = new Filter(spec.filter)
    this.#privacy = new Privacy(spec.privacy)
    this.#deflater = chooseDeflater(spec.deflate ?? 'auto')
    this.#outputs = new Outputs(
      sources.map(({ name, format }, index) => ({ name, format, encoder: this.#encoders[index]! })),
      { deflater: this.#deflater, level: spec.compressionLevel }
    )
    this.#tap = LineTap.of(spec, this.#deflater)
    this.#spec = spec
  }

  #compile(sources: LaneSpec['sources']): Map<string, Parser> {
    const given = sources.flatMap(({ template }) => (template === undefined ? [] : [template]))
    return new Map(given.map(template => [keyOf(template), this.#templates.get(keyOf(template)) ?? compileTemplate(template)]))
  }

  #parserOf({ name, format, appliance, template }: LaneSpec['sources'][number]): Parser | null {
    if (template !== undefined) return this.#templates.get(keyOf(template))!
    if (format === 'raw') return rawParser
    if (appliance === 'auto') return null
    const parser = this.#parsers.find(({ id }) => id === appliance)
    if (parser === undefined) throw new Error(`Cannot find parser "${appliance}" of source "${name}"`)
    return parser
  }

  #countsOf(name: string): SourceCounts {
    const counts = this.#countsByName.get(name) ?? noCounts()
    this.#countsByName.set(name, counts)
    return counts
  }

  /**
   * Works by another specification from now on; `intakes` are all that are open, with the sources that may take their frames now.
   * What was written so far goes out. Counts go on, and so does what is known of an intake (a header row, ends of connections)
   * where its parser still has a source.
   */
  reconfigure(spec: LaneSpec, intakes: readonly IntakeSources[], emit: (block: Block) => void): void {
    this.flush(emit)
    this.#lastIntake = undefined
    this.#configure(spec)
    for (const [intake, candidates] of intakes) {
      const before = this.#intakes.get(intake)
      if (before !== undefined) this.#intakes.set(intake, this.#reader.identifier.reopen(before, this.#bindingsOf(candidates)))
    }
  }

  #bindingsOf(candidates: readonly number[]): SourceBinding[] {
    return candidates.map(index => this.#bindings[index]!)
  }

  /** A new intake and the sources that may take its frames, in configuration order. */
  openIntake(intake: number, candidates: readonly number[]): void {
    this.#lastIntake = undefined
    this.#intakes.set(intake, this.#reader.identifier.open(intake, this.#bindingsOf(candidates)))
  }

  closeIntake(intake: number): void {
    this.#lastIntake = undefined
    this.#intakes.delete(intake)
  }

  /**
   * Takes every frame of the block. `emit` gets the blocks that became full. With the same `now`, ms, the same frames give the
   * same blocks.
   */
  process(block: FrameBlock, emit: (block: Block) => void, now: number = Date.now()): void {
    const began = performance.now()
    this.#reader.frame.now = now
    const watched = this.#watched
    watched.begin()
    this.#reader.load(block.bytes, block.used)
    let index = 0
    const { count } = block
    while (index < count) {
      // One try around the loop, not one per frame: an exception is a bug of ours and costs its frame only.
      try {
        for (; index < count; index++) {
          this.#frame(block, index, now, emit)
          if (watched.left > 0) this.#show(block, index, now)
        }
      } catch (error) {
        this.#failed(block, index, error, now, emit)
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
    const intake = this.#intakeOf(block.intake(index))
    const outcome = reader.read(intake, start, end)
    this.#outcome = outcome
    this.#dropReason = ''
    const { binding, fields } = reader
    const source = binding === null ? (intake.candidates[0]?.source ?? this.#bindings.length) : binding.source
    const counts = this.#counts[source]!
    counts.frames++
    counts.bytes += end - start
    counts.lastSeenMs = now
    this.#isCounted = true
    if (this.#tap !== undefined) this.#tap.take(source, block.bytes, start, end, now, emit)
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
    if (encoder === null) bytes = this.#outputs.get(source, emit).appendRaw(block.bytes, start, end, now)
    else {
      reason = reader.reject || (this.#spec.onePerConnection ? judgePhase(fields, binding) : '') || this.#filter.apply(fields, now)
      if (reader.reject !== '') this.#sample(block, index, source, 'rejected', tally.parser, reader.reject)
      if (reason === '') {
        this.#privacy.apply(fields)
        bytes = this.#outputs.get(source, emit).append(fields)
        if (bytes < 0) reason = 'line_too_long'
        else if (encoder!.format !== 'csv' && knowsTotalOnly(fields.numbers)) reader.corrections[source]!.total_only++
      }
    }
    this.#lineBytes = bytes
    if (reason !== '') {
      this.#dropReason = reason
      counts.dropped.set(reason, (counts.dropped.get(reason) ?? 0) + 1)
      return
    }
    counts.written++
    counts.writtenBytes += bytes
    const time = fields.numbers[TIME]!
    if (time > counts.lastEventMs) counts.lastEventMs = time
    if (encoder === null) return
    counts.lag.add(time, now)
    countAttributes(fields, counts.attributes)
  }

  /** What is known of an intake. Frames of one come in runs. */
  #intakeOf(number: number): IntakeIdentity {
    if (this.#lastIntake?.index === number) return this.#lastIntake
    const intake = this.#intakes.get(number)
    if (intake === undefined) throw new Error(`Cannot find intake ${number} of a frame`)
    this.#lastIntake = intake
    return intake
  }

  /** Everything written so far goes out, so that it can be made durable. */
  flush(emit: (block: Block) => void): void {
    const began = performance.now()
    this.#outputs.flush(emit)
    this.#tap?.flush(emit)
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
    return {
      frames: this.#frames,
      bytes: this.#bytes,
      busyMs: this.#busyMs,
      sources: [...this.#countsByName].map(([source, counts]) => statsOf(source, counts)),
      samples: this.#samples.all()
    }
  }

  #sample(block: FrameBlock, index: number, source: number, outcome: Sample['outcome'], parser: string, reason: string): void {
    const atMs = this.#reader.frame.now
    if (this.#samples.wants(atMs)) this.#samples.keep(block, index, { atMs, source: this.#nameOf(source), outcome, parser, reason })
  }

  /** Name of the source with this index; NO_SOURCE for frames that no source takes. */
  #nameOf(source: number): string {
    return this.#spec.sources[source]?.name ?? NO_SOURCE
  }

  /** Shows frames that these filters want, some of each block, until the next call. */
  watch(filters: readonly TapFilter[]): void {
    this.#watched.watch(filters)
  }

  /** What was shown since the last call. */
  takeTaps(): TapSample[] {
    return this.#watched.take()
  }

  #show(block: FrameBlock, index: number, now: number): void {
    const { binding, fields } = this.#reader
    const sourceIndex = binding?.source ?? this.#intakes.get(block.intake(index))!.candidates[0]?.source ?? this.#bindings.length
    const source = this.#nameOf(sourceIndex)
    const outcome = this.#tapOutcome()
    if (!this.#watched.wants(source, outcome)) return
    const isRecord = this.#isParsed && binding?.parser.passThrough !== true
    const output = outcome === 'parsed' ? this.#outputs.peek(sourceIndex) : undefined
    this.#watched.show({
      atMs: now,
      source,
      outcome,
      parser: binding?.parser.id ?? '',
      reason: this.#isParsed ? this.#dropReason : fields.reason,
      raw: block.text(index, SHOWN_BYTES),
      ...(isRecord ? { record: fields.toRecord() } : {}),
      ...(output === undefined ? {} : { line: output.lastLine(this.#lineBytes) })
    })
  }

  #tapOutcome(): TapOutcome {
    if (this.#outcome !== 'parsed' || this.#dropReason === '') return this.#outcome
    return this.#reader.reject === '' ? 'dropped' : 'rejected'
  }

  /** A bug of ours met this frame: it is counted with its own reason, at the stage it came to. */
  #failed(block: FrameBlock, index: number, error: unknown, now: number, emit: (block: Block) => void): void {
    const { binding } = this.#reader
    const source = binding === null ? this.#bindings.length : binding.source
    const counts = this.#counts[source]!
    if (!this.#isCounted) {
      counts.frames++
      counts.bytes += block.end(index) - block.start(index)
      this.#tap?.take(source, block.bytes, block.start(index), block.end(index), now, emit)
    }
    if (this.#isParsed) counts.dropped.set('internal_error', (counts.dropped.get('internal_error') ?? 0) + 1)
    else if (binding === null) counts.unidentified++
    else binding.tally.malformed.set('internal_error', (binding.tally.malformed.get('internal_error') ?? 0) + 1)
    this.#sample(block, index, source, 'malformed', binding?.parser.id ?? '', `internal_error: ${String(error)}`)
  }
}

/** All formats but CSV have no place for a total, so it is written as downloaded or not at all. */
const knowsTotalOnly = (numbers: Float64Array): boolean => numbers[TOTAL]! >= 0 && numbers[DOWNLOADED]! < 0 && numbers[UPLOADED]! < 0

const keyOf = (template: Template): string => JSON.stringify(template)
