/**
 * The verdict before the upload: what Cloud Discovery would make of a log. It reads lines as the lanes do, counts what becomes of
 * them, which attributes they carry, and which of the service's refusals they would meet (governance log errors).
 */
import type { Outcome, Parser } from '../contracts.ts'
import { FrameReader } from '../frame-reader.ts'
import type { IntakeIdentity } from '../identify/identifier.ts'
import { LogFrames } from '../log-frames.ts'
import { compileTemplate } from '../parse/template/compile.ts'
import type { Template } from '../parse/template/template.ts'
import { namedZone } from '../parse/values/zone.ts'
import { ATTRIBUTES, type Attribute, countAttributes } from '../process/attributes.ts'
import { Filter } from '../process/filter.ts'
import { judgePhase } from '../process/phases.ts'
import { TIME } from '../record.ts'
import { byteOrderMark, MARK_BYTES } from './byte-order-mark.ts'
import { columnOf } from './place.ts'
import { type First, type Problem, problemsOf } from './problems.ts'
import { costOf, remedyFor } from './remedies.ts'
import { type Score, Scores } from './scores.ts'

const DAY_MS = 86_400_000
/** The service ignores older events; a file with nothing newer fails. */
const MAX_AGE_MS = 90 * DAY_MS
const SAMPLE_CHARS = 300

export interface AttributeShare {
  attribute: Attribute
  /** 0–1 of the records. */
  share: number
  /** What reports lose by it, when it is mostly missing. */
  costs?: string
  remedy?: string
}

export interface Explanation {
  bytes: number
  /** What is counted as a line: of a JSON document its objects. */
  unit: 'line' | 'object'
  lines: number
  /** Bytes of a JSON document that belong to no object. */
  discardedBytes: number
  /** `rejected`: read, but lacking what every record must have. */
  outcomes: { parsed: number; skipped: number; malformed: number; unidentified: number; rejected: number }
  reasons: { outcome: string; reason: string; count: number; line: number; sample: string }[]
  /** Who read how many lines; the first has the most. */
  recognised: { parser: string; appliance: string; lines: number; share: number }[]
  /** Which parsers claim how many of the first lines by their bytes; empty when the parser was named. */
  scores: Score[]
  /** One per connection, as a lane counts them; those that are dropped for another reason are among them. */
  records: number
  dropped: { reason: string; count: number }[]
  attributes: AttributeShare[]
  firstTime?: string
  lastTime?: string
  problems: Problem[]
  verdict: 'accepted' | 'refused'
}

export interface ExplainOptions {
  parsers: readonly Parser[]
  /** `auto`, or a parser's id. */
  appliance: string
  /** Makes the parser instead of `appliance`. */
  template?: Template
  timeZone: string
  now: number
}

export class Explainer {
  readonly #options: ExplainOptions
  readonly #fixed: Parser | null
  readonly #reader: FrameReader
  readonly #intake: IntakeIdentity
  readonly #filter: Filter
  readonly #scores: Scores
  readonly #frames = new LogFrames(frame => this.#line(frame))
  #bytes = 0
  #lines = 0
  #head: Buffer = Buffer.alloc(0)
  readonly #outcomes = { parsed: 0, skipped: 0, malformed: 0, unidentified: 0, rejected: 0 }
  readonly #reasons = new Map<string, First>()
  readonly #byParser = new Map<string, number>()
  readonly #dropped = new Map<string, First>()
  readonly #present = new Float64Array(ATTRIBUTES.length)
  #records = 0
  #firstTime = Number.POSITIVE_INFINITY
  #lastTime = Number.NEGATIVE_INFINITY

  /** @throws RangeError when the time zone is unknown, TemplateError when the template is no good. */
  constructor(options: ExplainOptions) {
    this.#options = options
    const { appliance, template } = options
    this.#fixed = template === undefined ? (options.parsers.find(({ id }) => id === appliance) ?? null) : compileTemplate(template)
    this.#reader = new FrameReader(options.parsers, [namedZone(options.timeZone)])
    this.#reader.frame.now = options.now
    this.#intake = this.#reader.identifier.open(0, [{ source: 0, parser: this.#fixed }])
    this.#scores = new Scores(this.#fixed === null ? options.parsers : [])
    this.#filter = new Filter({
      dropInternal: true,
      outboundOnly: false,
      ownDomains: [],
      ownNetworks: [],
      maxAgeMs: MAX_AGE_MS,
      maxFutureMs: 600_000
    })
  }

  feed(chunk: Buffer): void {
    if (this.#head.length < MARK_BYTES) this.#head = Buffer.concat([this.#head, chunk.subarray(0, MARK_BYTES)])
    this.#bytes += chunk.length
    this.#frames.feed(chunk)
  }

  #line(line: Buffer): void {
    this.#lines++
    const reader = this.#reader
    const outcome: Outcome | 'unidentified' = reader.readLine(this.#intake, line)
    this.#scores.add(reader.frame, this.#intake)
    const isRejected = outcome === 'parsed' && reader.reject !== ''
    this.#outcomes[isRejected ? 'rejected' : outcome]++
    const parser = reader.binding?.parser
    if (parser !== undefined) this.#byParser.set(parser.id, (this.#byParser.get(parser.id) ?? 0) + 1)
    if (isRejected) this.#note(this.#reasons, `rejected ${reader.reject}`, line)
    else if (outcome === 'parsed') this.#record(line)
    else this.#note(this.#reasons, `${outcome} ${reader.fields.reason}`, line)
  }

  #record(line: Buffer): void {
    const { fields, binding } = this.#reader
    const phase = judgePhase(fields, binding!)
    if (phase !== '') {
      this.#note(this.#dropped, phase, line) // another line tells of the same connection, so this one is no record of its own
      return
    }
    const reason = this.#filter.apply(fields, this.#options.now)
    if (reason !== '') this.#note(this.#dropped, reason, line)
    this.#records++
    const time = fields.numbers[TIME]!
    this.#firstTime = Math.min(this.#firstTime, time)
    this.#lastTime = Math.max(this.#lastTime, time)
    countAttributes(fields, this.#present)
  }

  #note(where: Map<string, First>, key: string, line: Buffer): void {
    const known = where.get(key)
    if (known !== undefined) known.count++
    else {
      const { frame, fields, binding } = this.#reader
      where.set(key, {
        count: 1,
        line: this.#lines,
        column: columnOf(key.slice(key.indexOf(' ') + 1), frame, fields),
        sample: line.toString('utf8', 0, SAMPLE_CHARS * 3).slice(0, SAMPLE_CHARS),
        parser: binding?.parser.id ?? ''
      })
    }
  }

  /** The explanation of everything fed; to be called once, at the end. */
  end(): Explanation {
    this.#frames.end()
    const { unit, discardedBytes } = this.#frames
    const parsers = this.#fixed === null ? this.#options.parsers : [this.#fixed]
    const named = [...this.#byParser].sort((a, b) => b[1] - a[1])
    const main = named[0]?.[0] ?? ''
    const problems = problemsOf({
      bytes: this.#bytes,
      mark: byteOrderMark(this.#head),
      outcomes: this.#outcomes,
      reasons: this.#reasons,
      records: this.#records,
      dropped: this.#dropped
    })
    return {
      bytes: this.#bytes,
      unit,
      lines: this.#lines,
      discardedBytes,
      outcomes: { ...this.#outcomes },
      reasons: [...this.#reasons].map(([key, { count, line, sample }]) => {
        const [outcome = '', reason = ''] = key.split(' ')
        return { outcome, reason, count, line, sample }
      }),
      recognised: named.map(([parser, lines]) => ({
        parser,
        appliance: parsers.find(({ id }) => id === parser)?.appliance ?? parser,
        lines,
        share: share(lines, this.#lines)
      })),
      scores: this.#scores.list(),
      records: this.#records,
      dropped: [...this.#dropped].map(([reason, { count }]) => ({ reason, count })),
      attributes: ATTRIBUTES.map(attribute => this.#attribute(attribute, main)),
      ...(this.#records === 0
        ? {}
        : { firstTime: new Date(this.#firstTime).toISOString(), lastTime: new Date(this.#lastTime).toISOString() }),
      problems,
      verdict: problems.some(({ refuses }) => refuses) ? 'refused' : 'accepted'
    }
  }

  #attribute(attribute: Attribute, parser: string): AttributeShare {
    const shareOf = (one: Attribute): number => share(this.#present[ATTRIBUTES.indexOf(one)]!, this.#records)
    const isThere = (one: Attribute): boolean => this.#records === 0 || shareOf(one) >= 0.5
    if (isThere(attribute)) return { attribute, share: shareOf(attribute) }
    const remedy = remedyFor(parser, attribute)
    return { attribute, share: shareOf(attribute), costs: costOf(attribute, isThere), ...(remedy === undefined ? {} : { remedy }) }
  }
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
