/**
 * Everything a file in `parsers/` needs: builders for the declared formats, the field vocabulary, the grammars, and small
 * questions about bytes. A parser imports this file and `record.ts`, nothing else.
 *
 * A parser may declare itself by a builder (`keyValueParser`, `cefParser`, `leefParser`, `jsonParser`, `delimitedParser`), or
 * write `recognizes` and `parse` by hand with `FieldTable`s and the scan functions.
 */
import type { Frame, Outcome, Parser } from '../contracts.ts'
import { find, matchesAt, type Needle, needle, readDigits, skipBlanks } from '../lib/bytes.ts'
import type { RecordFields } from '../record.ts'
import { type FieldRows, FieldTable } from './field-table.ts'
import { CefHeader, readCefHeader, scanCefExtension } from './grammar/cef.ts'
import { type DelimitedSyntax, scanDelimited } from './grammar/delimited.ts'
import { scanJson } from './grammar/json.ts'
import { KEY_VALUE_SYNTAX, type KeyValueSyntax, scanKeyValue, scanKnownKeys } from './grammar/key-value.ts'
import { LeefHeader, readLeefHeader, scanLeef } from './grammar/leef.ts'
import { cefStart, HEAD_BYTES, leefStart } from './header-marks.ts'
import type { Value } from './values/line.ts'
import { printedZone } from './values/printed-zone.ts'
import { readAnyTime, readClock } from './values/time.ts'

export type { Frame, Outcome, Parser, Zone } from '../contracts.ts'
export * from '../lib/bytes.ts'
export { fastPaths } from '../lib/fast-paths.ts'
export { isPlaceholder } from '../lib/placeholder.ts'
export { View } from '../lib/view.ts'
export { applyCommon, COMMON_FIELDS, type CommonName, commonName, isTransaction, meaningOf } from './common-names.ts'
export { applyElff, composeUrl, decodeUser, ELFF_FIELDS, type ElffName } from './elff.ts'
export { action, anyTime, clfTime, count, epoch, type Field, isoTime, monthTime, raw, setText, text } from './field.ts'
export { type FieldRows, FieldTable } from './field-table.ts'
export { AsaDirections, type AsaRule, asaTextStart, readAsaId, readAsaMessage } from './grammar/asa.ts'
export { CefHeader, readCefHeader, scanCefExtension } from './grammar/cef.ts'
export {
  ACCESS_LOG,
  BLANK_SEPARATED,
  type ColumnMap,
  CSV,
  columnMap,
  type DelimitedSyntax,
  scanDelimited,
  TSV
} from './grammar/delimited.ts'
export { JsonLevel, scanJson } from './grammar/json.ts'
export { salvageJson } from './grammar/json-salvage.ts'
export { KEY_VALUE_SYNTAX, type KeyValueSyntax, scanKeyValue, scanKnownKeys } from './grammar/key-value.ts'
export { LeefHeader, readLeefHeader, scanLeef } from './grammar/leef.ts'
export { Words } from './grammar/separators.ts'
export { SquidRow } from './grammar/squid-row.ts'
export {
  directiveOwner,
  isAddress,
  isDate,
  isDirective,
  looksLikeRow,
  ownsDirective,
  readDirective,
  readRowTime,
  rowStart,
  scanRow,
  setNames,
  W3cState
} from './grammar/w3c.ts'
export { cefIs, cefStart, leefIs, leefStart, productSignature } from './header-marks.ts'
export { KeyTable } from './values/key-table.ts'
export * from './values/line.ts'
export { printedZone } from './values/printed-zone.ts'
export { Repeated } from './values/repeated.ts'
export * as time from './values/time.ts'
export { isOtherTransport, setScheme } from './values/words.ts'
export { UTC } from './values/zone.ts'

/** A skipped frame, with its reason. */
export function skip(out: RecordFields, reason: SkipReason): Outcome {
  out.reason = reason
  return 'skipped'
}

/** A malformed frame, with its reason. */
export function malformed(out: RecordFields, reason: MalformedReason): Outcome {
  out.reason = reason
  return 'malformed'
}

/** Why a frame is no transaction. A closed set: it becomes a metric label. */
export type SkipReason =
  | 'not_traffic'
  | 'header'
  | 'interim'
  | 'not_tcp_udp'
  | 'appliance_itself'
  | 'repeats_session'
  | 'unknown_direction'
  | 'inbound'
  | 'empty'
/** Why a frame of a known appliance gave no record. A closed set: it becomes a metric label. */
export type MalformedReason = 'bad_syntax' | 'short_row' | 'no_header' | 'bad_time' | 'no_source' | 'no_destination'

/** True when the literal stands in the first 300 bytes of the frame. */
export function headHas(frame: Frame, literal: Needle): boolean {
  return headFind(frame, literal) >= 0
}

/** Offset of the literal in the first 300 bytes of the frame, or -1. */
export function headFind(frame: Frame, literal: Needle): number {
  return find(frame.buf, frame.start, Math.min(frame.end, frame.start + HEAD_BYTES), literal)
}

/**
 * A literal that stands at the same place in line after line of one device: where it stood last is tried first, so that a
 * recogniser costs no scan. For heads of frames.
 */
export class Landmark {
  readonly #literal: Needle
  #offset = 0

  constructor(literal: string) {
    this.#literal = needle(literal)
  }

  /** Offset of the literal in the first 300 bytes of the frame, or -1. */
  find(frame: Frame): number {
    const { buf, start, end } = frame
    const at = start + this.#offset
    if (matchesAt(buf, at, end, this.#literal)) return at
    const found = headFind(frame, this.#literal)
    if (found >= 0) this.#offset = found - start
    return found
  }
}

/**
 * What `read` says of a frame, worked out once per frame: for what a recogniser finds out and the parser needs again. What `read`
 * leaves in the parser's own tables stays with it.
 */
export function oncePerFrame<Answer>(read: (frame: Frame) => Answer): (frame: Frame) => Answer {
  let last: Frame | undefined
  let serial = 0
  let answer: Answer
  return frame => {
    if (frame !== last || frame.serial !== serial) {
      answer = read(frame)
      last = frame
      serial = frame.serial
    }
    return answer
  }
}

/** The syslog header's time in ms, by the source's zone; NaN without one. */
export function headerTime(frame: Frame): number {
  return frame.timeStart < 0 ? Number.NaN : readAnyTime(frame.buf, frame.timeStart, frame.timeEnd, frame.zone, frame.now)
}

/**
 * As `headerTime`, but the time of arrival when there is no header time: for formats whose body has no time, and whose header
 * may have none or was taken off (RFC 3164 section 4.3.2 has a relay add its own time then).
 */
export function headerOrArrivalTime(frame: Frame): number {
  return frame.timeStart < 0 ? frame.now : headerTime(frame)
}

/**
 * Time from a date (`2026-01-12`) and a clock in two values, and a zone in a third: an offset, an abbreviation or an IANA name;
 * absent or ambiguous it is the source's. NaN when date or clock is no such thing.
 */
export function dateAndClock(date: Value, clock: Value, zone: Value, frame: Frame): number {
  if (!date.present || date.end - date.start !== 10 || !clock.present) return Number.NaN
  const { buf } = frame
  const year = readDigits(buf, date.start, 4)
  const month = readDigits(buf, date.start + 5, 2)
  return readClock(buf, clock.start, clock.end, year, month, readDigits(buf, date.start + 8, 2), printedZone(zone, frame.zone))
}

/** Offset after a syslog tag (`squid[123]:`, `(squid-1):`, `httpproxy[5207]:`) and its blanks at the body, or the body itself. */
export function afterTag(frame: Frame): number {
  const { buf, body, end } = frame
  const last = Math.min(end, body + 64)
  for (let at = body; at < last; at++) {
    const byte = buf[at]
    if (byte === 0x20 || byte === 0x3d || byte === 0x22 || byte === 0x7b) return body
    if (byte === 0x3a) {
      if (buf[at + 1] !== 0x20) return body
      at++
      while (at < end && buf[at] === 0x20) at++
      return at
    }
  }
  return body
}

type Finish<Name extends string> = (values: Readonly<Record<Name, Value>>, out: RecordFields, frame: Frame) => Outcome

interface Declaration<Name extends string> {
  id: string
  appliance: string
  generic?: boolean
  /** What each of the appliance's words fills, in order of preference. */
  fields: FieldRows<Name>
  /** See `Parser.signature`. */
  signature?: (frame: Frame) => number
  /** Rules that a table cannot say; decides the outcome. Without it every frame is `parsed`. */
  finish?: Finish<Name>
}

/** `key=value` lines; `start` says where the pairs begin (default: after the syslog header). */
export function keyValueParser<Name extends string>(
  declared: Declaration<Name> & {
    recognizes: (frame: Frame) => boolean
    syntax?: Partial<KeyValueSyntax>
    start?: (frame: Frame) => number
    /** Bare values hold separators: every key of the format, so that a value ends where the next begins. */
    knownKeys?: boolean
  }
): Parser {
  const table = new FieldTable(declared.fields)
  const syntax = { ...KEY_VALUE_SYNTAX, ...declared.syntax }
  const { start, knownKeys = false } = declared
  const scan = (frame: Frame, from: number): number =>
    knownKeys
      ? scanKnownKeys(frame.buf, from, frame.end, table.keys, table.values, syntax)
      : scanKeyValue(frame.buf, from, frame.end, table.keys, table.values, syntax, table.layouts.pairs)
  return {
    ...identity(declared),
    recognizes: declared.recognizes,
    parse(frame, out) {
      table.begin(frame)
      const from = start === undefined ? frame.body : start(frame)
      if (from < 0 || scan(frame, from) === 0) return malformed(out, 'bad_syntax')
      return complete(table, declared.finish, frame, out)
    }
  }
}

/** CEF lines of one vendor (and product); the header fields are wanted under the names `cef.vendor`, `cef.product`, `cef.version`, `cef.class`, `cef.name`, `cef.severity`. */
export function cefParser<Name extends string>(declared: Declaration<Name> & { recognizes: (frame: Frame) => boolean }): Parser {
  const table = new FieldTable(declared.fields)
  const header = new CefHeader()
  const headerNames = ['cef.vendor', 'cef.product', 'cef.version', 'cef.class', 'cef.name', 'cef.severity'] as Name[]
  const headerValues = headerNames.map(name => (table.names.includes(name) ? table.v[name] : undefined))
  return {
    ...identity(declared),
    recognizes: declared.recognizes,
    parse(frame, out) {
      const mark = cefStart(frame)
      table.begin(frame)
      const extension = mark < 0 ? -1 : readCefHeader(frame.buf, mark, frame.end, header)
      if (extension < 0) return malformed(out, 'bad_syntax')
      scanCefExtension(frame.buf, extension, frame.end, table.keys, table.values, table.layouts.cef)
      for (let i = 0; i < headerValues.length; i++) headerValues[i]?.set(header.starts[i + 1]!, header.ends[i + 1]!, 0)
      return complete(table, declared.finish, frame, out)
    }
  }
}

/** LEEF lines; header fields are wanted as `leef.vendor`, `leef.product`, `leef.version`, `leef.event`. */
export function leefParser<Name extends string>(declared: Declaration<Name> & { recognizes: (frame: Frame) => boolean }): Parser {
  const table = new FieldTable(declared.fields)
  const header = new LeefHeader()
  const headerNames = ['leef.vendor', 'leef.product', 'leef.version', 'leef.event'] as Name[]
  const headerValues = headerNames.map(name => (table.names.includes(name) ? table.v[name] : undefined))
  return {
    ...identity(declared),
    recognizes: declared.recognizes,
    parse(frame, out) {
      const mark = leefStart(frame)
      table.begin(frame)
      if (mark < 0 || !readLeefHeader(frame.buf, mark, frame.end, header)) return malformed(out, 'bad_syntax')
      scanLeef(frame.buf, header.pairs, frame.end, header.delimiter, table.keys, table.values, table.layouts.leef)
      for (let i = 0; i < headerValues.length; i++) headerValues[i]?.set(header.starts[i + 1]!, header.ends[i + 1]!, 0)
      return complete(table, declared.finish, frame, out)
    }
  }
}

/** One JSON object per frame; fields are dotted paths. `start` says where the object begins (default: the first `{`). */
export function jsonParser<Name extends string>(declared: Declaration<Name> & { recognizes: (frame: Frame) => boolean }): Parser {
  const table = new FieldTable(declared.fields)
  const level = table.json()
  return {
    ...identity(declared),
    recognizes: declared.recognizes,
    parse(frame, out) {
      table.begin(frame)
      if (scanJson(frame.buf, jsonStart(frame), frame.end, level) < 0) return malformed(out, 'bad_syntax')
      return complete(table, declared.finish, frame, out)
    }
  }
}

/** Offset of the object under a key near the start of the frame (`{"event":{…}}`), or that of the whole when there is none. */
export function jsonInner(frame: Frame, quotedKey: Needle): number {
  const { buf, end } = frame
  const key = headFind(frame, quotedKey)
  if (key < 0) return jsonStart(frame)
  let at = skipBlanks(buf, key + quotedKey.length, end)
  if (buf[at] === 0x3a) at = skipBlanks(buf, at + 1, end)
  return buf[at] === 0x7b ? at : jsonStart(frame)
}

/** Offset of the text that a key in the first 300 bytes of a JSON object has, after its quote; -1 without the key, or when it has none. */
export function headText(frame: Frame, quotedKey: Needle): number {
  const { buf, end } = frame
  const key = headFind(frame, quotedKey)
  if (key < 0) return -1
  let at = skipBlanks(buf, key + quotedKey.length, end)
  if (buf[at] === 0x3a) at = skipBlanks(buf, at + 1, end)
  return at < end && buf[at] === 0x22 ? at + 1 : -1
}

/** True when one of the literals stands in the first 300 bytes of the frame. */
export function headHasAny(frame: Frame, literals: readonly Needle[]): boolean {
  for (const literal of literals) if (headFind(frame, literal) >= 0) return true
  return false
}

/** Offset of the first `{` in the head of the body, or the body itself. */
export function jsonStart(frame: Frame): number {
  const { buf, body } = frame
  const last = Math.min(frame.end, body + HEAD_BYTES)
  for (let at = body; at < last; at++) if (buf[at] === 0x7b) return at
  return body
}

/** Rows with a documented column order; `columns` names them, names that `fields` lacks are passed over. */
export function delimitedParser<Name extends string>(
  declared: Declaration<Name> & {
    recognizes: (frame: Frame) => boolean
    columns: readonly string[]
    syntax: DelimitedSyntax
    start?: (frame: Frame) => number
    /** Fewest columns of a row that is whole. */
    minColumns?: number
  }
): Parser {
  const table = new FieldTable(declared.fields)
  const map = table.columns(declared.columns)
  const { start, minColumns = 1 } = declared
  return {
    ...identity(declared),
    recognizes: declared.recognizes,
    parse(frame, out) {
      table.begin(frame)
      const from = start === undefined ? frame.body : start(frame)
      if (from < 0) return malformed(out, 'bad_syntax')
      if (scanDelimited(frame.buf, from, frame.end, map, table.values, declared.syntax) < minColumns) return malformed(out, 'short_row')
      return complete(table, declared.finish, frame, out)
    }
  }
}

function identity(declared: {
  id: string
  appliance: string
  generic?: boolean
  signature?: (frame: Frame) => number
}): Pick<Parser, 'id' | 'appliance' | 'generic' | 'signature'> {
  const { id, appliance, generic = false, signature } = declared
  return signature === undefined ? { id, appliance, generic } : { id, appliance, generic, signature }
}

function complete<Name extends string>(
  table: FieldTable<Name>,
  finish: Finish<Name> | undefined,
  frame: Frame,
  out: RecordFields
): Outcome {
  table.apply(frame, out)
  return finish === undefined ? 'parsed' : finish(table.v, out, frame)
}
