/**
 * Hot path: once per byte. One JSON object, read for its wanted keys only. Nested objects are entered when a wanted key lies in
 * them, everything else is skipped by counting braces outside strings. Broken input ends the scan; what was found stays.
 */

import { NUMBER } from '../../lib/simd/program.ts'
import { KeyTable } from '../values/key-table.ts'
import { JSON_ESCAPES, PLAIN, type Value } from '../values/line.ts'
import type { Layouts } from './layouts.ts'

const DEPTH_MAX = 64
const QUOTE = 0x22
const MINUS = 0x2d

/** All values of a table, and what its objects looked like so far. */
export interface KnownObjects {
  readonly values: readonly Value[]
  readonly layouts: Layouts
}

/** Wanted keys of one object level: a value to fill, or a level to enter. */
export class JsonLevel {
  readonly keys: KeyTable
  readonly values: readonly (Value | undefined)[]
  readonly levels: readonly (JsonLevel | undefined)[]
  readonly known: KnownObjects | undefined

  /** `wanted` maps dotted paths (`event.login`) to values. With `known`, objects like earlier ones are read by those. */
  constructor(wanted: ReadonlyMap<string, Value>, known?: KnownObjects) {
    this.known = known
    const direct = new Map<string, Value>()
    const nested = new Map<string, Map<string, Value>>()
    for (const [path, value] of wanted) {
      const dot = path.indexOf('.')
      if (dot < 0) direct.set(path, value)
      else {
        const head = path.slice(0, dot)
        if (!nested.has(head)) nested.set(head, new Map())
        nested.get(head)!.set(path.slice(dot + 1), value)
      }
    }
    const words = [...new Set([...direct.keys(), ...nested.keys()])]
    this.keys = new KeyTable(words)
    this.values = words.map(word => direct.get(word))
    this.levels = words.map(word => (nested.has(word) ? new JsonLevel(nested.get(word)!) : undefined))
  }
}

/**
 * Reads the object that starts at or after `start` (blanks allowed). Returns the offset after it, or the end of the frame when an earlier
 * one is like it (Zscaler, 44 pairs: a line in a lane 4.3 to 2.8 µs); -1 when it is broken. All values must be absent before the call.
 */
export function scanJson(buf: Uint8Array, start: number, end: number, level: JsonLevel): number {
  const { known } = level
  if (known === undefined) return scanWhole(buf, start, end, level, undefined)
  const { layouts, values } = known
  if (layouts.fit(buf, start, end, values) >= 0) return end
  if (!layouts.wantsTrace) return scanWhole(buf, start, end, level, undefined)
  layouts.trace.begin(start, end, JSON_ESCAPES)
  const after = scanWhole(buf, start, end, level, known)
  if (after < 0) layouts.trace.isUnusual = true
  layouts.learn(buf)
  return after
}

function scanWhole(buf: Uint8Array, start: number, end: number, level: JsonLevel, tracing: KnownObjects | undefined): number {
  const at = skipSpace(buf, start, end)
  if (buf[at] !== 0x7b || at >= end) return -1
  return scanObject(buf, at, end, level, 0, tracing)
}

function scanObject(
  buf: Uint8Array,
  start: number,
  end: number,
  level: JsonLevel,
  depth: number,
  tracing: KnownObjects | undefined
): number {
  if (depth > DEPTH_MAX) return -1
  let at = start + 1
  for (;;) {
    at = skipSpace(buf, at, end)
    if (at >= end) return -1
    if (buf[at] === 0x7d) return at + 1
    if (buf[at] === 0x2c) {
      at++
      continue
    }
    if (buf[at] !== 0x22) return -1
    const keyStart = ++at
    let byte = 0
    while (at < end && (byte = buf[at]!) !== 0x22) {
      if (byte === 0x5c) at++
      at++
    }
    if (at >= end) return -1
    const keyEnd = at
    at = skipSpace(buf, at + 1, end)
    if (buf[at] !== 0x3a || at >= end) return -1
    at = skipSpace(buf, at + 1, end)
    const index = level.keys.indexOf(buf, keyStart, keyEnd)
    const valueStart = at
    at = index < 0 ? skipValue(buf, at, end) : readValue(buf, at, end, level, index, depth, tracing)
    if (at < 0) return -1
    if (tracing !== undefined) traceValue(tracing, buf, valueStart, at, level.values[index])
  }
}

/** Text and numbers may change from object to object; whatever else is there must be the same, so a wanted value that is such makes none. */
function traceValue({ layouts, values }: KnownObjects, buf: Uint8Array, start: number, end: number, value: Value | undefined): void {
  const first = buf[start]!
  const isText = first === QUOTE
  const isNumber = first === MINUS || (first >= 0x30 && first <= 0x39)
  const from = isText ? start + 1 : start
  const isSet = value !== undefined && value.start >= start && value.end <= end
  const index = isSet && value.start === from ? values.indexOf(value) : -1
  if (isText || isNumber) {
    const to = isText ? end - 1 : end
    layouts.trace.add(from, to, index, isText ? QUOTE : NUMBER, index < 0 ? PLAIN : value!.escape)
  } else if (isSet) layouts.trace.isUnusual = true
}

function readValue(
  buf: Uint8Array,
  start: number,
  end: number,
  level: JsonLevel,
  index: number,
  depth: number,
  tracing: KnownObjects | undefined
): number {
  const first = buf[start]
  const value = level.values[index]
  const inner = level.levels[index]
  if (first === 0x7b && inner !== undefined) return scanObject(buf, start, end, inner, depth + 1, tracing)
  if (value === undefined || value.start >= 0) return skipValue(buf, start, end)
  if (first === 0x22) return readString(buf, start, end, value)
  if (first === 0x5b) {
    // of a list, its first string or number stands for it
    const head = skipSpace(buf, start + 1, end)
    if (buf[head] === 0x22) readString(buf, head, end, value)
    else if (buf[head] !== 0x5d && buf[head] !== 0x7b && buf[head] !== 0x5b) {
      const headEnd = skipValue(buf, head, end)
      if (headEnd > 0) value.set(head, headEnd, PLAIN)
    }
    return skipValue(buf, start, end)
  }
  const valueEnd = skipValue(buf, start, end)
  if (valueEnd > 0 && first !== 0x7b && first !== 0x6e) value.set(start, valueEnd, PLAIN) // null is absent
  return valueEnd
}

function readString(buf: Uint8Array, start: number, end: number, value: Value): number {
  let at = start + 1
  let byte = 0
  let escaped = false
  while (at < end && (byte = buf[at]!) !== 0x22) {
    if (byte === 0x5c) {
      escaped = true
      at++
    }
    at++
  }
  if (at >= end) return -1
  value.set(start + 1, at, escaped ? JSON_ESCAPES : PLAIN)
  return at + 1
}

/** Offset after the value that starts at `start`; -1 when it does not end. */
function skipValue(buf: Uint8Array, start: number, end: number): number {
  let at = start
  let depth = 0
  while (at < end) {
    const byte = buf[at]!
    if (byte === 0x22) {
      at++
      while (at < end && buf[at] !== 0x22) at += buf[at] === 0x5c ? 2 : 1
      if (at >= end) return -1
      if (depth === 0) return at + 1
    } else if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (byte === 0x2c || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)) return at
    at++
  }
  return depth === 0 ? at : -1
}

function skipSpace(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (buf[at] === 0x20 || buf[at] === 0x0a || buf[at] === 0x0d || buf[at] === 0x09)) at++
  return at
}
