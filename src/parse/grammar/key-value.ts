/**
 * Hot path: once per byte. `key=value key="value"` lines, as firewalls write them.
 *
 *   line  = { separator } pair { separator { separator } pair }
 *   pair  = key assign ( quoted | bare )
 *   quoted = quote { any | "\" any } quote        a quote that never closes ends at the end of the frame
 *   bare  = { byte that is no separator }
 *
 * The engine is driven by a table of the wanted keys; the others are passed over.
 */

import { TO_END } from '../../lib/simd/program.ts'
import type { KeyTable } from '../values/key-table.ts'
import { PLAIN, QUOTE_BACKSLASH, type Value } from '../values/line.ts'
import type { Layouts } from './layouts.ts'
import type { Trace } from './trace.ts'

export interface KeyValueSyntax {
  /** Between pairs; runs count as one. @default 0x20 (a TAB then separates as well) */
  separator: number
  /** Between key and value. @default 0x3d `=` */
  assign: number
  /** Around values. @default 0x22 `"` */
  quote: number
  /** A backslash inside quotes protects the next character. @default true */
  escapes: boolean
  /** When a key repeats: keep the first or the last. @default 'first' */
  repeated: 'first' | 'last'
}

export const KEY_VALUE_SYNTAX: KeyValueSyntax = { separator: 0x20, assign: 0x3d, quote: 0x22, escapes: true, repeated: 'first' }

/**
 * Scans the range and sets the values whose keys are in the table (same index). Returns how many wanted pairs it met. With
 * `layouts`, for which all values must be absent, lines like earlier ones are read by those.
 */
export function scanKeyValue(
  buf: Uint8Array,
  start: number,
  end: number,
  keys: KeyTable,
  values: readonly Value[],
  syntax: KeyValueSyntax,
  layouts?: Layouts
): number {
  const { separator, assign, quote, escapes } = syntax
  const keepFirst = syntax.repeated === 'first'
  if (separator === 0x20 && assign === 0x3d && quote === 0x22 && escapes) {
    if (layouts === undefined) return scanBlankPairs(buf, start, end, keys, values, keepFirst, null)
    const fitted = layouts.fit(buf, start, end, values)
    if (fitted >= 0) return fitted
    if (!layouts.wantsTrace) return scanBlankPairs(buf, start, end, keys, values, keepFirst, null)
    layouts.trace.begin(start, end, QUOTE_BACKSLASH)
    const found = scanBlankPairs(buf, start, end, keys, values, keepFirst, layouts.trace)
    layouts.learn(buf)
    return found
  }
  const blank = separator === 0x20 ? 0x09 : separator
  let found = 0
  let at = start
  while (at < end) {
    let byte = buf[at]!
    while (byte === separator || byte === blank || byte === 0x20) {
      if (++at >= end) return found
      byte = buf[at]!
    }
    const keyStart = at
    while (byte !== assign && byte !== separator && byte !== blank) {
      if (++at >= end) return found
      byte = buf[at]!
    }
    if (byte !== assign) continue // a word without value
    const keyEnd = at++
    let valueStart = at
    let valueEnd: number
    let escaped = false
    if (at < end && buf[at] === quote) {
      valueStart = ++at
      while (at < end && (byte = buf[at]!) !== quote) {
        if (byte === 0x5c && escapes) {
          escaped = true
          at++
        }
        at++
      }
      if (at > end) at = end
      valueEnd = at++
    } else {
      while (at < end && (byte = buf[at]!) !== separator && byte !== blank) at++
      valueEnd = at
    }
    const index = keys.indexOf(buf, keyStart, keyEnd)
    if (index >= 0) {
      const value = values[index]!
      if (value.start < 0 || !keepFirst) {
        value.set(valueStart, valueEnd, escaped ? QUOTE_BACKSLASH : PLAIN)
        found++
      }
    }
  }
  return found
}

/**
 * The usual syntax – blanks, `=`, double quotes – with one comparison per byte where it counts. The loops stop at the line feed
 * that stands at `buf[end]` (see `Frame`), or at a control character, which is looked at more closely.
 */
function scanBlankPairs(
  buf: Uint8Array,
  start: number,
  end: number,
  keys: KeyTable,
  values: readonly Value[],
  keepFirst: boolean,
  trace: Trace | null
): number {
  let found = 0
  let at = start
  while (at < end) {
    let byte = buf[at]!
    if (byte <= 0x20) {
      at++
      continue
    }
    const keyStart = at
    while (byte !== 0x3d && byte > 0x20) byte = buf[++at]!
    if (byte !== 0x3d || at >= end) continue // a word without value
    const keyEnd = at++
    let valueStart = at
    let valueEnd: number
    let escaped = false
    const isQuoted = buf[at] === 0x22 && at < end
    if (isQuoted) {
      valueStart = ++at
      for (;;) {
        byte = buf[at]!
        while (byte > 0x22 && byte !== 0x5c) byte = buf[++at]!
        if (byte === 0x22 || at >= end) break
        if (byte === 0x5c) {
          escaped = true
          at++
        }
        at++
      }
      if (at > end) at = end
      valueEnd = at++
    } else {
      byte = buf[at]!
      while (byte > 0x20 || (byte !== 0x20 && byte !== 0x09 && at < end)) byte = buf[++at]!
      if (at > end) at = end
      valueEnd = at
    }
    let index = keys.indexOf(buf, keyStart, keyEnd)
    if (index >= 0) {
      const value = values[index]!
      if (value.start < 0 || !keepFirst) {
        value.set(valueStart, valueEnd, escaped ? QUOTE_BACKSLASH : PLAIN)
        found++
      } else index = -1
    }
    if (trace !== null) {
      trace.add(valueStart, valueEnd, index, isQuoted ? 0x22 : valueEnd === end ? TO_END : 0x20, escaped ? QUOTE_BACKSLASH : PLAIN)
      if (valueEnd === end ? isQuoted : !isQuoted && buf[valueEnd] !== 0x20) trace.isUnusual = true
    }
  }
  return found
}

/**
 * Pairs whose bare values hold separators (`src zone=Null dst zone=self`, `user name=Bob Jones`): a value ends where the next
 * known key begins, so every key of the format must be in the table, wanted or not. Quotes are honoured.
 * Slower than `scanKeyValue`: for formats that need it.
 */
export function scanKnownKeys(
  buf: Uint8Array,
  start: number,
  end: number,
  keys: KeyTable,
  values: readonly Value[],
  syntax: KeyValueSyntax
): number {
  const { separator, assign, quote } = syntax
  const longest = keys.words.reduce((most, word) => Math.max(most, word.length), 0)
  let found = 0
  let open: Value | undefined
  let at = start
  while (at < end) {
    const byte = buf[at]!
    if (byte === quote && at > start && buf[at - 1] === assign) {
      at++
      while (at < end && buf[at] !== quote) at += buf[at] === 0x5c && syntax.escapes ? 2 : 1
      at++
      continue
    }
    if (byte === assign) {
      const key = keyBefore(buf, start, at, keys, longest, separator)
      if (key >= 0) {
        const keyStart = at - keys.words[key]!.length
        if (open !== undefined) closeValue(buf, open, keyStart, separator, quote)
        const value = values[key]!
        open = value.start < 0 ? value : undefined
        if (open !== undefined) {
          open.set(at + 1, end, PLAIN)
          found++
        }
      }
    }
    at++
  }
  if (open !== undefined) closeValue(buf, open, end, separator, quote)
  return found
}

/** Index of the longest known key that ends at `end` and starts the line or follows a separator. */
function keyBefore(buf: Uint8Array, start: number, end: number, keys: KeyTable, longest: number, separator: number): number {
  for (let length = Math.min(longest, end - start); length > 0; length--) {
    const keyStart = end - length
    if (keyStart > start && buf[keyStart - 1] !== separator && buf[keyStart - 1] !== 0x20) continue
    const index = keys.indexOf(buf, keyStart, end)
    if (index >= 0) return index
  }
  return -1
}

function closeValue(buf: Uint8Array, value: Value, nextKey: number, separator: number, quote: number): void {
  let start = value.start
  let end = nextKey
  while (end > start && (buf[end - 1] === separator || buf[end - 1] === 0x20)) end--
  if (end - start >= 2 && buf[start] === quote && buf[end - 1] === quote) {
    start++
    end--
  }
  value.set(start, end, PLAIN)
}
