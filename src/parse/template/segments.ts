/**
 * Hot path: once per byte. Lines made of literal text and fields in turn, as a template printed them.
 *
 *   line = head { field literal }          the literal after a field ends its value
 *
 * A value ends at the first place where the literal stands and, when the field after it is a count or an address, such a thing
 * follows: so a separator inside a text is told from the separator after it wherever the template lets one tell. Of a fixed
 * length (the times) is taken what has that length. A literal with a `=` names the field after it: when it is missing the field is
 * absent and the line goes on. Nothing is tried twice: the cost is linear in the line.
 */
import { isDigit, matchesAt } from '../../lib/bytes.ts'
import { isPlaceholder } from '../../lib/placeholder.ts'
import { DOUBLED, type Escape, PLAIN, QUOTE_BACKSLASH, type Value } from '../values/line.ts'
import { TEMPLATE_FIELDS_MAX, TemplateError } from './template.ts'

export type Shape = 'text' | 'count' | 'address'

/** A field of the template. */
export interface FieldPiece {
  /** As the template writes it, for faults. */
  name: string
  /** Where its value goes; undefined = passed over. */
  value: Value | undefined
  shape: Shape
  /** Bytes it always has, 0 when that varies. */
  length: number
}

export type Piece = string | FieldPiece

export interface SegmentSyntax {
  /** Several blanks count as one, as where fields are padded; without a literal after it the last field ends at a blank. */
  runs: boolean
  /** A backslash within quotes protects the next character; else a doubled quote stands for one. */
  backslash: boolean
}

interface Segment extends FieldPiece {
  literal: Uint8Array
  /** The literal names the next field. */
  isKeyed: boolean
  isQuoted: boolean
}

const BLANK = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** How far past the first place of a literal a better one is looked for. */
const LOOK_MAX_BYTES = 8192
/** Named fields of one line that may be missing. */
const MISSES_MAX = 16
const COUNT_MAX_DIGITS = 20
const ADDRESS_MAX_BYTES = 46
const PLACEHOLDER_MAX_BYTES = 14

export class SegmentScanner {
  readonly #head: Uint8Array
  readonly #segments: readonly Segment[]
  readonly #runs: boolean
  readonly #backslash: boolean

  /** @throws TemplateError when two fields touch whose border can not be told. */
  constructor(pieces: readonly Piece[], syntax: SegmentSyntax) {
    this.#runs = syntax.runs
    this.#backslash = syntax.backslash
    const joined = joinLiterals(pieces)
    this.#head = Buffer.from(typeof joined[0] === 'string' ? joined[0] : '')
    const segments: Segment[] = []
    let before = ''
    for (const [index, piece] of joined.entries()) {
      if (typeof piece === 'string') {
        before = piece
        continue
      }
      const after = joined[index + 1]
      const literal = typeof after === 'string' ? after : ''
      if (literal === '' && after !== undefined && piece.length === 0)
        throw fault(`nothing stands between ${piece.name} and ${(after as FieldPiece).name}, so it can not be told where one ends`)
      const isQuoted = before.endsWith('"') && literal.startsWith('"')
      segments.push({ ...piece, literal: Buffer.from(literal), isKeyed: /[A-Za-z0-9_]=/.test(literal), isQuoted })
      before = ''
    }
    if (segments.length === 0) throw fault('there is no field in it')
    if (segments.length > TEMPLATE_FIELDS_MAX) throw fault(`it has ${segments.length} fields, more than ${TEMPLATE_FIELDS_MAX}`)
    this.#segments = segments
  }

  /** Sets the values of the line that begins at `start`; of a field that comes twice the first counts. False when the line does not fit. */
  scan(buf: Buffer, start: number, end: number): boolean {
    const segments = this.#segments
    const count = segments.length
    if (!matchesAt(buf, start, end, this.#head)) return false
    let at = start + this.#head.length
    let misses = 0
    let index = 0
    while (index < count) {
      const segment = segments[index]!
      if (this.#runs && !segment.isQuoted) while (at < end && buf[at] === BLANK) at++
      let stop = this.#stop(buf, at, end, index, segment)
      while (stop < 0) {
        if (!segments[index]!.isKeyed || ++misses > MISSES_MAX) return false
        index++
        stop = this.#search(buf, at, end, index, segment.isQuoted)
      }
      const { value } = segment
      if (value !== undefined && value.start < 0) this.#set(value, buf, at, stop, segment.isQuoted)
      at = stop + segments[index]!.literal.length
      index++
    }
    return true
  }

  /** Where the value of the field at `at` ends, or -1. */
  #stop(buf: Buffer, at: number, end: number, index: number, { literal, length, isQuoted }: Segment): number {
    const isLast = index === this.#segments.length - 1
    if (length > 0 && at + length <= end && (isLast ? at + length === end : matchesAt(buf, at + length, end, literal))) return at + length
    if (literal.length === 0 && !isLast) return -1
    if (isLast && !isQuoted && !this.#runs && literal.length > 0) return endsWith(buf, at, end, literal)
    if (isLast && isQuoted && !this.#backslash) {
      const stop = endsWith(buf, at, end, literal)
      if (stop >= 0) return stop
    }
    return this.#search(buf, at, end, index, isQuoted)
  }

  /** The first good place of the literal after a field. */
  #search(buf: Buffer, at: number, end: number, index: number, isQuoted: boolean): number {
    const { literal } = this.#segments[index]!
    if (literal.length === 0) return this.#lastEnd(buf, at, end)
    const next = this.#segments[index + 1]
    const isAny = next === undefined || next.shape === 'text'
    const skipsEscapes = isQuoted && this.#backslash
    const first = literal[0]
    let stop = -1
    let last = end - literal.length
    for (let p = at; p <= last; p++) {
      if (skipsEscapes && buf[p] === BACKSLASH) p++
      else if (buf[p] === first && matchesAt(buf, p, end, literal)) {
        if (isAny || this.#fits(buf, p + literal.length, end, index + 1)) return p
        if (stop < 0) {
          stop = p
          last = Math.min(last, p + LOOK_MAX_BYTES)
        }
      }
    }
    return stop
  }

  /** The end of the line, or of the last word where fields are padded and columns may follow that the template does not know. */
  #lastEnd(buf: Buffer, start: number, end: number): number {
    if (!this.#runs) return end
    let at = start
    while (at < end && buf[at] !== BLANK) at++
    return at
  }

  /** True when the bytes at `at` can be the value of a count or an address: of its bytes, up to the literal after it. */
  #fits(buf: Buffer, from: number, end: number, index: number): boolean {
    const { shape, literal } = this.#segments[index]!
    let at = from
    if (this.#runs) while (at < end && buf[at] === BLANK) at++
    const start = at
    if (shape === 'count') {
      if (buf[at] === 0x2d) at++
      while (at < end && at - start < COUNT_MAX_DIGITS && isDigit(buf[at])) at++
    } else while (at < end && at - start < ADDRESS_MAX_BYTES && isAddressByte(buf[at]!)) at++
    if (at > start && this.#isBorder(buf, at, end, literal)) return true
    const last = Math.min(end, start + PLACEHOLDER_MAX_BYTES)
    for (at = start; at <= last; at++) if (this.#isBorder(buf, at, end, literal)) return isPlaceholder(buf, start, at)
    return false
  }

  #isBorder(buf: Buffer, at: number, end: number, literal: Uint8Array): boolean {
    return literal.length === 0 ? at === end || (this.#runs && buf[at] === BLANK) : matchesAt(buf, at, end, literal)
  }

  #set(value: Value, buf: Buffer, from: number, to: number, isQuoted: boolean): void {
    let start = from
    let end = to
    if (this.#runs) while (end > start && buf[end - 1] === BLANK) end--
    if (!isQuoted) {
      value.set(start, end, PLAIN)
      return
    }
    let escape: Escape = PLAIN
    if (!this.#backslash) {
      while (end - start >= 2 && buf[start] === QUOTE && buf[end - 1] === QUOTE) {
        start++
        end--
      }
    }
    for (let at = start; at < end && escape === PLAIN; at++) {
      if (this.#backslash && buf[at] === BACKSLASH) escape = QUOTE_BACKSLASH
      else if (!this.#backslash && buf[at] === QUOTE && buf[at + 1] === QUOTE && at + 1 < end) escape = DOUBLED
    }
    value.set(start, end, escape)
  }
}

const endsWith = (buf: Buffer, at: number, end: number, literal: Uint8Array): number => {
  const stop = end - literal.length
  return stop >= at && matchesAt(buf, stop, end, literal) ? stop : -1
}

const isAddressByte = (byte: number): boolean =>
  isDigit(byte) || byte === 0x2e || byte === 0x3a || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)

const fault = (message: string): TemplateError => new TemplateError([{ path: [], message }])

/** Literals side by side become one. */
function joinLiterals(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') joined[joined.length - 1] = last + piece
    else if (piece !== '') joined.push(piece)
  }
  return joined
}
