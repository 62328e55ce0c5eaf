/**
 * Lines in, one answer per line out, or per object of a JSON document: the engine of `sluice parse`. It sees the lines as one intake, so
 * headers keep their state.
 */
import { ENCODE_ROOM_BYTES, type Encoder, type Format, type Parser } from './contracts.ts'
import { newEncoder } from './encode/encoder.ts'
import { FrameReader } from './frame-reader.ts'
import type { IntakeIdentity } from './identify/identifier.ts'
import { LogFrames } from './log-frames.ts'
import { compileTemplate } from './parse/template/compile.ts'
import type { Template } from './parse/template/template.ts'
import { namedZone } from './parse/values/zone.ts'

export interface LineReaderOptions {
  parsers: readonly Parser[]
  /** `auto`, or the id of the one parser to use. */
  appliance: string
  /** Makes the parser instead of `appliance`. */
  template?: Template
  /** IANA zone of clocks without offset. */
  timeZone: string
  /** Now, ms; for years that are not in the line. */
  now: number
  /** Format of the output; undefined = one JSON object per line. */
  format: Format | undefined
}

export class LineReader {
  readonly #reader: FrameReader
  readonly #intake: IntakeIdentity
  readonly #encoder: Encoder | undefined
  readonly #out = Buffer.alloc(ENCODE_ROOM_BYTES)
  #frames = this.#newFrames()
  #text = ''
  #preludeDone = false

  /** @throws RangeError when the time zone is unknown, TemplateError when the template is no good. */
  constructor(options: LineReaderOptions) {
    const { parsers, appliance, template } = options
    const fixed = template === undefined ? (parsers.find(({ id }) => id === appliance) ?? null) : compileTemplate(template)
    this.#reader = new FrameReader(parsers, [namedZone(options.timeZone)])
    this.#reader.frame.now = options.now
    this.#intake = this.#reader.identifier.open(0, [{ source: 0, parser: fixed }])
    this.#encoder = options.format === undefined || options.format === 'raw' ? undefined : newEncoder(options.format)
  }

  /** Answers for the frames that the chunk completes. */
  feed(chunk: Buffer): string {
    this.#frames.feed(chunk)
    return this.#taken()
  }

  /** The answer for a last line without line feed; the next chunk is that of another file. */
  end(): { text: string; discardedBytes: number } {
    const frames = this.#frames
    frames.end()
    this.#frames = this.#newFrames()
    return { text: this.#taken(), discardedBytes: frames.discardedBytes }
  }

  #newFrames(): LogFrames {
    return new LogFrames(line => {
      this.#text += this.#answer(line)
    })
  }

  #taken(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  #answer(line: Buffer): string {
    const reader = this.#reader
    const outcome = reader.readLine(this.#intake, line)
    if (this.#encoder !== undefined) return outcome === 'parsed' && reader.reject === '' ? this.#encoded(this.#encoder) : ''
    const parser = reader.binding?.parser.id
    if (outcome !== 'parsed') return `${JSON.stringify({ outcome, parser, reason: reader.fields.reason })}\n`
    const record = reader.fields.toRecord()
    const time = Number.isNaN(record.time) ? undefined : new Date(record.time).toISOString()
    const rejected = reader.reject === '' ? undefined : reader.reject
    return `${JSON.stringify({ outcome, parser, rejected, record: { ...record, time } })}\n`
  }

  #encoded(encoder: Encoder): string {
    const end = encoder.encode(this.#reader.fields, this.#out, 0)
    const prelude = this.#preludeDone ? '' : encoder.prelude.toString('utf8')
    this.#preludeDone = true
    return prelude + (end < 0 ? '' : this.#out.toString('utf8', 0, end))
  }
}
