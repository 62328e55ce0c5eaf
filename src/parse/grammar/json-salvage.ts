/**
 * Reads what can be read of a JSON object whose strings hold unescaped quotes or backslashes, as gateways write them when a
 * feed's escape setting is wrong. For objects that `scanJson` gave up on; linear in the length of the frame.
 *
 *   pair = quote key quote ":" ( quote text quote | bare )     text ends at a quote that a separator and the next key, or a
 *                                                              closing brace, follow
 */
import type { KeyTable } from '../values/key-table.ts'
import { JSON_ESCAPES, PLAIN, type Value } from '../values/line.ts'

const QUOTE = 0x22
const KEY_MAX_BYTES = 64

/** Sets the wanted values of pairs at any depth; of repeated keys the first is kept. Returns how many it set. */
export function salvageJson(buf: Uint8Array, start: number, end: number, keys: KeyTable, values: readonly Value[]): number {
  let found = 0
  let at = start
  while (at < end) {
    const colon = buf[at] === QUOTE ? keyColon(buf, at, end) : -1
    if (colon < 0) {
      at++
      continue
    }
    const keyEnd = quoteBefore(buf, colon)
    const valueStart = skipSpace(buf, colon + 1, end)
    const quoted = buf[valueStart] === QUOTE
    const valueEnd = quoted ? textEnd(buf, valueStart + 1, end) : bareEnd(buf, valueStart, end)
    const index = keys.indexOf(buf, at + 1, keyEnd)
    const value = index < 0 ? undefined : values[index]
    if (value !== undefined && value.start < 0 && (quoted || isNumber(buf[valueStart]))) {
      if (quoted) value.set(valueStart + 1, valueEnd, JSON_ESCAPES)
      else value.set(valueStart, valueEnd, PLAIN)
      found++
    }
    at = quoted ? valueEnd + 1 : Math.max(valueEnd, colon + 1)
  }
  return found
}

/** Offset of the colon after the key whose opening quote is at `at`, or -1 when no key stands there. */
function keyColon(buf: Uint8Array, at: number, end: number): number {
  let p = at + 1
  const last = Math.min(end, at + KEY_MAX_BYTES)
  while (p < last && isKeyByte(buf[p]!)) p++
  if (p === at + 1 || p >= last || buf[p] !== QUOTE) return -1
  p = skipSpace(buf, p + 1, Math.min(end, p + 16))
  return p < end && buf[p] === 0x3a ? p : -1
}

function quoteBefore(buf: Uint8Array, colon: number): number {
  let at = colon - 1
  while (buf[at] !== QUOTE) at--
  return at
}

/** Offset of the quote that ends a text: the first that is followed by `,"key":` or a closing brace; else the end of the frame. */
function textEnd(buf: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (buf[at] !== QUOTE) continue
    const after = skipSpace(buf, at + 1, Math.min(end, at + 17))
    if (after >= end || buf[after] === 0x7d) return at
    if (buf[after] !== 0x2c) continue
    const next = skipSpace(buf, after + 1, Math.min(end, after + 17))
    if (buf[next] === QUOTE && keyColon(buf, next, end) >= 0) return at
  }
  return end
}

function bareEnd(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && buf[at] !== 0x2c && buf[at] !== 0x7d && buf[at] !== QUOTE && buf[at] !== 0x7b && buf[at] !== 0x20) at++
  return at
}

function skipSpace(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (buf[at] === 0x20 || buf[at] === 0x09)) at++
  return at
}

const isNumber = (byte: number | undefined): boolean => byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || byte === 0x2d)

const isKeyByte = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x5f ||
  byte === 0x2d ||
  byte === 0x2e
