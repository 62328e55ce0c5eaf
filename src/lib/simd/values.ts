/** Hot path. Values of rows: numbers and known words, where they stand. What lies behind one is read with it and does not count. */
import { bitsBefore, digits, equalTo } from './classes'
import { KNOWN_BYTES, KNOWN_LENGTH_MAX, KNOWN_MEANING, KNOWN_SHIFT, KNOWN_TEXT } from './program'

const VECTOR: i32 = 16
const BLANK: i8 = 0x20
const EIGHT_DIGITS: f64 = 100_000_000
const COUNT_DIGITS_MAX: i32 = 15

/** Where the next blank stands, or an offset from `end` on. */
export function blankFrom(start: i32, end: i32): i32 {
  for (let at = start; at < end; at += VECTOR) {
    const blanks = equalTo(v128.load(at), BLANK)
    if (blanks !== 0) return at + ctz(blanks)
  }
  return end
}

const LOW_BITS: u64 = ((<u64>0x0f0f_0f0f) << 32) | 0x0f0f_0f0f
const EVEN_BYTES: u64 = ((<u64>0x00ff_00ff) << 32) | 0x00ff_00ff
const EVEN_PAIRS: u64 = ((<u64>0x0000_ffff) << 32) | 0x0000_ffff

/** The number of eight digits, of which the low four bits of each byte count; the first one lowest. */
export function eightDigits(bytes: u64): u32 {
  const digits = bytes & LOW_BITS
  const pairs = (digits * 10 + (digits >> 8)) & EVEN_BYTES
  const fours = (pairs * 100 + (pairs >> 16)) & EVEN_PAIRS
  return <u32>(fours * 10_000 + (fours >> 32))
}

/** One to fifteen decimal digits and nothing else; -1 for others. */
export function countOf(start: i32, end: i32): f64 {
  const length = end - start
  if (length < 1 || length > COUNT_DIGITS_MAX) return -1
  const within = bitsBefore(length)
  if ((digits(v128.load(start)) & within) !== within) return -1
  if (length <= 8) return <f64>eightDigits(load<u64>(start) << ((<u64>(8 - length)) << 3))
  const high = eightDigits(load<u64>(start) << ((<u64>(16 - length)) << 3))
  return <f64>high * EIGHT_DIGITS + <f64>eightDigits(load<u64>(end - 8))
}

/** Which place of a table of known words is this word's, whether it is there or not. */
export function placeOf(start: i32, end: i32): i32 {
  const bytes = load<u32>(start) ^ (load<u32>(end - 4) * 31) ^ <u32>(end - start)
  return <i32>((bytes * 0x9e37_79b1) >>> KNOWN_SHIFT)
}

/** What the word of a table means, 0 or more; -1 when it is not there. */
export function knownWord(table: i32, start: i32, end: i32): i32 {
  const length = end - start
  if (length < 1 || length > KNOWN_LENGTH_MAX) return -1
  const slot = table + placeOf(start, end) * KNOWN_BYTES
  if (load<i32>(slot) !== length) return -1
  const low = equalBytes(start, slot)
  const high = length > VECTOR ? equalBytes(start + VECTOR, slot + VECTOR) : 0
  const within = length === KNOWN_LENGTH_MAX ? -1 : bitsBefore(length)
  return ((low | (high << VECTOR)) & within) === within ? load<i32>(slot, KNOWN_MEANING) : -1
}

function equalBytes(at: i32, slot: i32): i32 {
  return i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(slot, KNOWN_TEXT)))
}
