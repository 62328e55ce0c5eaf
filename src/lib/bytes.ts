/** Hot path: runs per frame or per field. Questions about byte ranges, answered without making a string. */

/** A literal to look for, as bytes. */
export type Needle = Uint8Array

/** Turns a literal into bytes once, at start. */
export const needle = (text: string): Needle => Buffer.from(text, 'utf8')

/** True when the bytes at `at` are the literal; `at` plus its length must not pass `end`. */
export function matchesAt(buf: Uint8Array, at: number, end: number, literal: Needle): boolean {
  const length = literal.length
  if (at < 0 || at + length > end) return false
  for (let i = 0; i < length; i++) if (buf[at + i] !== literal[i]) return false
  return true
}

/** Offset of the literal in `start`…`end`, or -1. A plain scan: for heads of lines, not for whole blocks. */
export function find(buf: Uint8Array, start: number, end: number, literal: Needle): number {
  const first = literal[0]
  const last = end - literal.length
  for (let at = start; at <= last; at++) {
    if (buf[at] === first && matchesAt(buf, at, end, literal)) return at
  }
  return -1
}

/** Offset of a byte in `start`…`end`, or -1. */
export function findByte(buf: Uint8Array, start: number, end: number, byte: number): number {
  for (let at = start; at < end; at++) if (buf[at] === byte) return at
  return -1
}

/** Offset of the last such byte in `start`…`end`, or -1. */
export function findLastByte(buf: Uint8Array, start: number, end: number, byte: number): number {
  for (let at = end - 1; at >= start; at--) if (buf[at] === byte) return at
  return -1
}

/** First offset at or after `start` that is not a blank or TAB. */
export function skipBlanks(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (buf[at] === 0x20 || buf[at] === 0x09)) at++
  return at
}

/** End of the run of non-blank bytes that starts at `start`. */
export function tokenEnd(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && buf[at] !== 0x20 && buf[at] !== 0x09) at++
  return at
}

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

/** True when the range equals the literal. */
export function equals(buf: Uint8Array, start: number, end: number, literal: Needle): boolean {
  return end - start === literal.length && matchesAt(buf, start, end, literal)
}

/** True when the range equals the lower-case ASCII literal, whatever the case in the range. */
export function equalsIgnoreCase(buf: Uint8Array, start: number, end: number, literal: Needle): boolean {
  if (end - start !== literal.length) return false
  for (let i = 0; i < literal.length; i++) {
    const byte = buf[start + i]!
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== literal[i]) return false
  }
  return true
}

/** Reads a run of decimal digits as a number; -1 when the range is empty, holds anything else, or exceeds 2^53-1. */
export function readCount(buf: Uint8Array, start: number, end: number): number {
  if (start >= end || end - start > 16) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = buf[at]! - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1
}

/** Reads exactly `length` decimal digits at `at`; -1 when one of them is none. */
export function readDigits(buf: Uint8Array, at: number, length: number): number {
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = buf[at + i]! - 0x30
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}
