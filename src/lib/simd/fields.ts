/**
 * Hot path: once per field. Names, addresses and hosts that are as they should be in a record; what looks like a word for an absent value is
 * not. What lies behind a field is read with it and does not count.
 */
import { above, afterDigits, bitsBefore, digits, equalTo, notOfHost, unprintable } from './classes'

const VECTOR: i32 = 16
const BLANK: u8 = 0x20
const DOT: i8 = 0x2e
const ZERO: u8 = 0x30
const TWO: i8 = 0x32
const FIVE: i8 = 0x35
const DASH: u8 = 0x2d
const COLON: u8 = 0x3a
const PARENTHESIS: u8 = 0x28
const SMALL_A: u8 = 0x61
const SMALL_N: u8 = 0x6e
const SMALL_U: u8 = 0x75
const NAME_MAX: i32 = 256
const HOST_MAX: i32 = 253

/** Printable ASCII without blanks around, not too long. */
export function isName(start: i32, end: i32): bool {
  if (start >= end || end - start > NAME_MAX || mayMeanNone(start, end)) return false
  if (load<u8>(start) === BLANK || load<u8>(end - 1) === BLANK) return false
  let at = start
  for (; at + VECTOR < end; at += VECTOR) if (unprintable(v128.load(at)) !== 0) return false
  return (unprintable(v128.load(at)) & bitsBefore(end - at)) === 0
}

/** True for every word of src/lib/placeholder.ts and for `anonymous`, in any case, and few others. */
function mayMeanNone(start: i32, end: i32): bool {
  const length = end - start
  if (length > 13) return false
  const first = load<u8>(start) | 0x20
  if (first === SMALL_N) return length <= 4 || length === 9 || length === 13
  if (first === SMALL_A) return length === 9
  return length <= 7 && (first === SMALL_U || first === ZERO || first === DASH || first === PARENTHESIS || first === COLON)
}

/** Four numbers from 0 to 255 without zeros in front, as `readIpv4` of src/lib/ip.ts reads them. Bits stand for bytes. */
export function isIpv4(start: i32, end: i32): bool {
  const length = end - start
  if (length < 7 || length > 15 || mayMeanNone(start, end)) return false
  const bytes = v128.load(start)
  const within = bitsBefore(length)
  const dots = equalTo(bytes, DOT) & within
  const numbers = digits(bytes) & within
  const firsts = (dots << 1) | 1
  const ends = dots | (1 << length)
  if ((dots | numbers) !== within || popcnt(dots) !== 3 || (firsts & ends) !== 0) return false
  const pairs = numbers & (numbers >> 1)
  const threes = pairs & (numbers >> 2)
  const zeros = equalTo(bytes, ZERO)
  if ((threes & (numbers >> 3)) !== 0 || (firsts & zeros & pairs) !== 0) return false
  const aboveFive = above(bytes, FIVE)
  const after55 = (aboveFive >> 1) | ((equalTo(bytes, FIVE) >> 1) & (aboveFive >> 2))
  return (threes & (above(bytes, TWO) | (equalTo(bytes, TWO) & after55))) === 0
}

/** Host name in small letters, without port, of which a letter shows that it is no address. */
export function isHost(start: i32, end: i32): bool {
  if (!isNamed(start, end)) return false
  let letters = 0
  let at = start
  for (; at + VECTOR < end; at += VECTOR) {
    const bytes = v128.load(at)
    if (notOfHost(bytes) !== 0) return false
    letters |= afterDigits(bytes)
  }
  const bytes = v128.load(at)
  const within = bitsBefore(end - at)
  return (notOfHost(bytes) & within) === 0 && (letters | (afterDigits(bytes) & within)) !== 0
}

/** The same of what is known to be made of a host's bytes, a letter among them. */
export function isNamed(start: i32, end: i32): bool {
  if (start >= end || end - start > HOST_MAX || mayMeanNone(start, end)) return false
  return load<u8>(start) !== <u8>DOT && load<u8>(end - 1) !== <u8>DOT
}
