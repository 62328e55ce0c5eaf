/** Which of the sixteen (or 64) bytes at an address are looked for: a bit each, the first byte's lowest. */
import { WINDOW_BYTES } from './program'

const TAB: i8 = 0x09
const BLANK: i8 = 0x20
const QUOTE: i8 = 0x22
const EQUALS: i8 = 0x3d
const BACKSLASH: i8 = 0x5c

/** Blanks and control characters. */
export function blanks(at: usize): i32 {
  return i8x16.bitmask(i8x16.lt_u(v128.load(at), i8x16.splat(BLANK + 1)))
}

export function controls(at: usize): i32 {
  return i8x16.bitmask(i8x16.lt_u(v128.load(at), i8x16.splat(BLANK)))
}

/** What ends or interrupts quoted text. */
export function marksOfQuoted(at: usize): i32 {
  const bytes = v128.load(at)
  const own = v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(BACKSLASH)))
  return i8x16.bitmask(v128.or(own, i8x16.lt_u(bytes, i8x16.splat(BLANK))))
}

/** The same of bytes: what ends or interrupts a value of a CEF extension, or must be escaped in one. */
export function marksOfCef(bytes: v128): i32 {
  const own = v128.or(i8x16.eq(bytes, i8x16.splat(EQUALS)), i8x16.eq(bytes, i8x16.splat(BACKSLASH)))
  return i8x16.bitmask(v128.or(own, i8x16.lt_u(bytes, i8x16.splat(BLANK))))
}

/** Bytes equal to those of the vector. */
export function equal16(at: usize, bytes: v128): i32 {
  return i8x16.bitmask(i8x16.eq(v128.load(at), bytes))
}

/** The same for a window of 64 bytes. */
export function equal64(at: usize, bytes: v128): u64 {
  return join(equal16(at, bytes), equal16(at + 16, bytes), equal16(at + 32, bytes), equal16(at + 48, bytes))
}

/** True when one of them stands in the window: half of what it takes to say where. */
export function isIn64(at: usize, bytes: v128): bool {
  const first = v128.or(i8x16.eq(v128.load(at), bytes), i8x16.eq(v128.load(at, 16), bytes))
  const second = v128.or(i8x16.eq(v128.load(at, 32), bytes), i8x16.eq(v128.load(at, 48), bytes))
  return v128.any_true(v128.or(first, second))
}

/** Blanks and TABs of a window. */
export function blankOrTab64(at: usize): u64 {
  return join(blankOrTab16(at), blankOrTab16(at + 16), blankOrTab16(at + 32), blankOrTab16(at + 48))
}

function blankOrTab16(at: usize): i32 {
  const bytes = v128.load(at)
  return i8x16.bitmask(v128.or(i8x16.eq(bytes, i8x16.splat(BLANK)), i8x16.eq(bytes, i8x16.splat(TAB))))
}

function join(first: i32, second: i32, third: i32, fourth: i32): u64 {
  return <u64>(<u32>(first | (second << 16))) | ((<u64>(<u32>(third | (fourth << 16)))) << 32)
}

/** Of a window of 64 bytes those before `end`, which is not before the window. */
export function inside64(at: usize, end: usize): u64 {
  const left = end - at
  return left >= <usize>WINDOW_BYTES ? -1 : ((<u64>1) << (<u64>left)) - 1
}
