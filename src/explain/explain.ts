/**
 * The verdict before the upload: what Cloud Discovery would make of a log. It reads lines as the lanes do, counts what becomes of
 * them, which attributes they carry, and which of the service's refusals they would meet (governance log errors).
 */
import { FRAME_MAX_BYTES, type Outcome, type Parser } from '../contracts.ts'
import { FrameReader } from '../frame-reader.ts'
import type { IntakeIdentity } from '../identify/identifier.ts'
import { compileTemplate } from '../parse/template/compile.ts'
import type { Template } from '../parse/template/template.ts'
import { namedZone } from '../parse/values/zone.ts'
import { ATTRIBUTES, type Attribute, countAttributes } from '../process/attributes.ts'
import { Filter } from '../process/filter.ts'
import { TIME } from '../record.ts'
import { COST, REASON_REMEDIES, remedyFor } from './remedies.ts'
import { type Score, Scores } from './scores.ts'

const SCRATCH_BYTES = 64 * 1024
const DAY_MS = 86_400_000
/** The service ignores older events; a file with nothing newer fails. */
const MAX_AGE_MS = 90 * DAY_MS
/** Above this a raw file is refused in the stricter reading of the documentation. */
const RAW_MAX_BYTES = 1_000_000_000
/** Above this share of lines that give no record, the service is expected to say that the format does not match. */
const MISMATCH_SHARE = 0.5
const SAMPLE_CHARS = 300

export interface Problem {
  rule: 'format_mismatch' | 'too_old' | 'internal_only' | 'byte_order_mark' | 'too_large' | 'bad_lines' | 'future' | 'no_records'
  /** True when the service would refuse the file, false when lines are lost only. */
  refuses: boolean
  text: string
  /** The first offending line, counted from 1, with the column where it goes wrong. */
  line?: number
  column?: number
  sample?: string
  remedy?: string
}

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
  lines: number
  /** `rejected`: read, but lacking what every record must have. */
  outcomes: { parsed: number; skipped: number; malformed: number; unidentified: number; rejected: number }
  reasons: { outcome: string; reason: string; count: number; line: number; sample: string }[]
  /** Who read how many lines; the first has the most. */
  recognised: { parser: string; appliance: string; lines: number; share: number }[]
  /** Which parsers claim how many of the first lines by their bytes; empty when the parser was named. */
  scores: Score[]
  records: number
  dropped: { reason: string; count: number }[]
  attributes: AttributeShare[]
  firstTime?: string
  lastTime?: string
  problems: Problem[]
  verdict: 'accepted' | 'refused'
}

interface First {
  count: number
  line: number
  column: number
  sample: string
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
  readonly #work = Buffer.alloc(FRAME_MAX_BYTES + 1 + SCRATCH_BYTES)
  #carry: Buffer = Buffer.alloc(0)
  #bytes = 0
  #lines = 0
  #hasBom = false
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
    if (this.#bytes === 0 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) this.#hasBom = true
    this.#bytes += chunk.length
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const line = chunk.subarray(start, end)
      this.#line(this.#carry.length === 0 ? line : Buffer.concat([this.#carry, line]))
      this.#carry = Buffer.alloc(0)
      start = end + 1
    }
    if (start < chunk.length && this.#carry.length <= FRAME_MAX_BYTES) this.#carry = Buffer.concat([this.#carry, chunk.subarray(start)])
  }

  #line(line: Buffer): void {
    this.#lines++
    const length = Math.min(line.length, FRAME_MAX_BYTES)
    const work = this.#work
    line.copy(work, 0, 0, length)
    work[length] = 0x0a
    const reader = this.#reader
    const outcome: Outcome | 'unidentified' = reader.read(this.#intake, work, 0, length, length + 1, work.length)
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
    const { fields } = this.#reader
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
      const column = this.#reader.frame.body + 1
      where.set(key, { count: 1, line: this.#lines, column, sample: line.toString('utf8', 0, SAMPLE_CHARS * 3).slice(0, SAMPLE_CHARS) })
    }
  }

  /** The explanation of everything fed; to be called once, at the end. */
  end(): Explanation {
    if (this.#carry.length > 0) this.#line(this.#carry)
    const parsers = this.#fixed === null ? this.#options.parsers : [this.#fixed]
    const named = [...this.#byParser].sort((a, b) => b[1] - a[1])
    const main = named[0]?.[0] ?? ''
    const problems = this.#problems()
    return {
      bytes: this.#bytes,
      lines: this.#lines,
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
      attributes: ATTRIBUTES.map((attribute, index) => this.#attribute(attribute, this.#present[index]!, main)),
      ...(this.#records === 0
        ? {}
        : { firstTime: new Date(this.#firstTime).toISOString(), lastTime: new Date(this.#lastTime).toISOString() }),
      problems,
      verdict: problems.some(({ refuses }) => refuses) ? 'refused' : 'accepted'
    }
  }

  #attribute(attribute: Attribute, count: number, parser: string): AttributeShare {
    const present = share(count, this.#records)
    if (present >= 0.5 || this.#records === 0) return { attribute, share: present }
    const remedy = remedyFor(parser, attribute)
    return { attribute, share: present, costs: COST[attribute], ...(remedy === undefined ? {} : { remedy }) }
  }

  #problems(): Problem[] {
    const problems: Problem[] = []
    const { parsed, malformed, unidentified, rejected } = this.#outcomes
    const failed = malformed + unidentified + rejected
    const traffic = parsed + failed
    const worst = [...this.#reasons].filter(([key]) => !key.startsWith('skipped')).sort((a, b) => b[1].count - a[1].count)[0]
    const reason = worst?.[0].split(' ')[1] ?? ''
    const where = worst === undefined ? {} : { line: worst[1].line, column: worst[1].column, sample: worst[1].sample }
    const remedy = REASON_REMEDIES[reason]
    if (failed > 0) {
      const refuses = failed / traffic > MISMATCH_SHARE
      problems.push({
        rule: refuses ? 'format_mismatch' : 'bad_lines',
        refuses,
        text: refuses
          ? `The log format does not match: ${failed} of ${traffic} lines give no record (${reason})`
          : `${failed} of ${traffic} lines give no record (most often: ${reason})`,
        ...where,
        ...(remedy === undefined ? {} : { remedy })
      })
    }
    if (parsed === 0 && failed === 0) problems.push({ rule: 'no_records', refuses: true, text: 'No line is web or network traffic' })
    const dropped = (name: string): number => this.#dropped.get(name)?.count ?? 0
    const add = (rule: Problem['rule'], name: string, refuses: boolean, text: string, advice: string): void => {
      const first = this.#dropped.get(name)!
      problems.push({ rule, refuses, text, line: first.line, column: first.column, sample: first.sample, remedy: advice })
    }
    if (dropped('too_old') > 0) {
      const all = dropped('too_old') === this.#records
      add(
        'too_old',
        'too_old',
        all,
        `${dropped('too_old')} of ${this.#records} transactions are more than 90 days old`,
        'upload newer logs; check the clock and the time zone of the appliance'
      )
    }
    if (dropped('in_future') > 0) {
      add(
        'future',
        'in_future',
        false,
        `${dropped('in_future')} of ${this.#records} transactions lie in the future`,
        'check the clock of the appliance and give the source its time_zone; a time without a year takes the nearest one, so that a log of more than half a year ago seems to be of the coming months'
      )
    }
    if (dropped('internal') > 0 && dropped('internal') + dropped('too_old') === this.#records) {
      add(
        'internal_only',
        'internal',
        true,
        'No transactions to cataloged cloud apps: all destinations are internal',
        'log outbound traffic, at the rules that lead to the internet'
      )
    }
    if (this.#hasBom) {
      problems.push({
        rule: 'byte_order_mark',
        refuses: false,
        text: 'The file begins with a byte-order mark, which the service refuses',
        line: 1,
        column: 1,
        remedy: 'Sluice removes it; who uploads the file by hand must remove it'
      })
    }
    if (this.#bytes > RAW_MAX_BYTES) {
      problems.push({
        rule: 'too_large',
        refuses: false,
        text: `The file has ${this.#bytes} bytes, and the service takes at most ${RAW_MAX_BYTES}`,
        remedy: 'Sluice splits it; who uploads it by hand must split it'
      })
    }
    return problems
  }
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
