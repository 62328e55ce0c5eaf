/**
 * Hot path: once per wanted field. The values that a grammar found in the frame at hand, as byte ranges with a way to read
 * them. A parser declares which words it wants; each gets one `Value` that is reused for every line.
 */

import { readCount } from '../../lib/bytes.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, ACTION_UNKNOWN, type Action, type RecordFields } from '../../record.ts'
import type { Step } from '../field.ts'
import { WordTable } from './word-table.ts'

/** How a value was written: as it stands, or with escapes that must be undone before it is kept. */
export const PLAIN = 0
/** Backslash before the character meant; `\n`, `\r`, `\t` are control characters (CEF). */
export const BACKSLASH = 1
/** A doubled quote stands for one (CSV). */
export const DOUBLED = 2
/** JSON string escapes, `\uXXXX` included. */
export const JSON_ESCAPES = 3
/** `%HH`. */
export const PERCENT = 4
/** Backslash only before a quote or a backslash; elsewhere it is itself, as in `DOMAIN\user` (key=value). */
export const QUOTE_BACKSLASH = 5

export type Escape = typeof PLAIN | typeof BACKSLASH | typeof DOUBLED | typeof JSON_ESCAPES | typeof PERCENT | typeof QUOTE_BACKSLASH

/** What set the values of a frame by itself: the indexes of those it sets, the same ones for each frame. */
export interface Setter {
  readonly wanted: readonly number[]
  /** What is left of the table's steps for those; made when it is wanted first. */
  steps: readonly Step[] | null
}

/** What the values of one parser share. */
export class Line {
  /** The buffer of the frame at hand. */
  buf: Buffer = Buffer.alloc(0)
  /** What alone has set the values of the frame at hand, when they are known by that; all others are absent. */
  setter: Setter | null = null
}

/** One wanted value of the frame at hand. Absent values have `start` -1. */
export class Value {
  readonly line: Line
  start = -1
  end = -1
  escape: Escape = PLAIN

  constructor(line: Line) {
    this.line = line
  }

  /** True when the key was there with a value that is not empty. */
  get present(): boolean {
    return this.start >= 0 && this.end > this.start
  }

  /** True when the key was there, even with an empty value. */
  get seen(): boolean {
    return this.start >= 0
  }

  set(start: number, end: number, escape: Escape): void {
    this.line.setter = null
    this.start = start
    this.end = end
    this.escape = escape
  }

  /** As `set`, for a setter. */
  place(start: number, end: number, escape: Escape): void {
    this.start = start
    this.end = end
    this.escape = escape
  }

  /** True when the bytes are exactly this ASCII word. */
  is(word: string): boolean {
    const start = this.start
    if (start < 0 || this.end - start !== word.length) return false
    const buf = this.line.buf
    for (let i = 0; i < word.length; i++) if (buf[start + i] !== word.charCodeAt(i)) return false
    return true
  }

  /** True when the bytes begin with this ASCII word. */
  startsWith(word: string): boolean {
    const start = this.start
    if (start < 0 || this.end - start < word.length) return false
    const buf = this.line.buf
    for (let i = 0; i < word.length; i++) if (buf[start + i] !== word.charCodeAt(i)) return false
    return true
  }

  /** True when the bytes end with this ASCII word. */
  endsWith(word: string): boolean {
    const start = this.end - word.length
    if (this.start < 0 || start < this.start) return false
    const buf = this.line.buf
    for (let i = 0; i < word.length; i++) if (buf[start + i] !== word.charCodeAt(i)) return false
    return true
  }

  /** The bytes as a count; -1 when absent or no number. */
  count(): number {
    return this.start < 0 ? -1 : readCount(this.line.buf, this.start, this.end)
  }

  /** The value as a string with its escapes undone; empty when absent. Cold path. */
  text(): string {
    if (this.start < 0) return ''
    return unescapeText(this.line.buf.toString('utf8', this.start, this.end), this.escape)
  }
}

/** Undoes the escapes of a value that became a string. */
export function unescapeText(text: string, escape: Escape): string {
  switch (escape) {
    case PLAIN:
      return text
    case BACKSLASH:
      return text.replace(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char === 'r' ? '\r' : char === 't' ? '\t' : char))
    case DOUBLED:
      return text.replaceAll('""', '"')
    case JSON_ESCAPES:
      return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, seq: string) => {
        if (seq.length === 5) return String.fromCharCode(Number.parseInt(seq.slice(1), 16))
        const control = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }[seq]
        // a backslash before anything else is no escape; senders forget to double it in DOMAIN\user
        return control ?? (seq === '"' || seq === '\\' || seq === '/' ? seq : `\\${seq}`)
      })
    case PERCENT:
      return decodePercent(text)
    case QUOTE_BACKSLASH:
      return text.replace(/\\(["'\\])/g, '$1')
  }
}

/** Percent-decoding that never throws: what is no escape, or decodes to no UTF-8, stays as it is. */
export function decodePercent(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text.replace(/(?:%[0-9a-fA-F]{2})+/g, run => {
      try {
        return decodeURIComponent(run)
      } catch {
        return run
      }
    })
  }
}

/** Writes a value with escapes to the scratch region of `out`; returns where it starts, or -1. Its end is `out.scratch`. */
export function unescapeToScratch(value: Value, out: RecordFields): number {
  if (value.escape === BACKSLASH) return unescapeBackslash(value, out)
  return out.write(value.text())
}

function unescapeBackslash(value: Value, out: RecordFields): number {
  const buf = out.buf
  const start = out.scratch
  if (value.end - value.start > out.scratchEnd - start) return -1
  let to = start
  for (let at = value.start; at < value.end; at++) {
    let byte = buf[at]!
    if (byte === 0x5c && at + 1 < value.end) {
      byte = buf[++at]!
      if (byte === 0x6e) byte = 0x0a
      else if (byte === 0x72) byte = 0x0d
      else if (byte === 0x74) byte = 0x09
    }
    buf[to++] = byte
  }
  out.scratch = to
  return start
}

const ALLOWED_WORDS =
  'allow allowed accept accepted permit permitted pass passed passthrough observed monitor monitored alert isolate direct continue proceed forward detected exempt bypass'
const BLOCKED_WORDS =
  'block blocked block-url deny denied drop dropped reject rejected reset reset-both reset-client reset-server soft-blocked tcp_denied caution block-continue block-override drop-icmp'

/** Words of one appliance for its decision; case does not matter. */
export class ActionTable {
  readonly #table: WordTable
  readonly #codes: readonly number[]

  /** Words beside the usual ones of record.md section 2; `null` says that a word decides nothing. */
  constructor(words: Record<string, Action | null> = {}) {
    const all = new Map<string, number>()
    for (const word of ['-', 'n/a', 'none', 'null', 'unknown']) all.set(word, 0)
    for (const word of ALLOWED_WORDS.split(' ')) all.set(word, ACTION_ALLOWED)
    for (const word of BLOCKED_WORDS.split(' ')) all.set(word, ACTION_BLOCKED)
    for (const [word, action] of Object.entries(words)) {
      all.set(word.toLowerCase(), action === 'allowed' ? ACTION_ALLOWED : action === 'blocked' ? ACTION_BLOCKED : 0)
    }
    this.#table = new WordTable([...all.keys()])
    this.#codes = [...all.values()]
  }

  /** Code of the word; ACTION_UNKNOWN when it is in no table, 0 for an empty range. */
  read(buf: Uint8Array, start: number, end: number): number {
    if (start < 0 || start >= end) return 0
    const index = this.#table.indexOf(buf, start, end)
    return index < 0 ? ACTION_UNKNOWN : this.#codes[index]!
  }
}

/** The usual action words and nothing else. */
export const USUAL_ACTIONS = new ActionTable()
