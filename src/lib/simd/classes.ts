/** Of which kind the sixteen bytes at an address are: a bit each, the first byte's lowest. */

const BLANK: i8 = 0x20
const DELETE: i8 = 0x7f
const HASH: i8 = 0x23
const DASH: i8 = 0x2d
const ZERO: i8 = 0x30
const NINE: i8 = 0x39
const UNDERSCORE: i8 = 0x5f
const SMALL_A: i8 = 0x61

/** The bits of those before `end`. */
export function bitsBefore(end: i32): i32 {
  return (1 << end) - 1
}

export function equalTo(bytes: v128, byte: i8): i32 {
  return i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(byte)))
}

export function above(bytes: v128, byte: i8): i32 {
  return i8x16.bitmask(i8x16.gt_u(bytes, i8x16.splat(byte)))
}

export function digits(bytes: v128): i32 {
  return i8x16.bitmask(isBetween(bytes, ZERO, 10))
}

/** All but printable ASCII. Bytes from 0x80 on are below zero. */
export function unprintable(bytes: v128): i32 {
  return i8x16.bitmask(v128.or(i8x16.lt_s(bytes, i8x16.splat(BLANK)), i8x16.eq(bytes, i8x16.splat(DELETE))))
}

/** What a URL can not hold as it is, or that begins its fragment. */
export function notOfUrl(bytes: v128): i32 {
  const odd = v128.or(i8x16.eq(bytes, i8x16.splat(DELETE)), i8x16.eq(bytes, i8x16.splat(HASH)))
  return i8x16.bitmask(v128.or(i8x16.lt_s(bytes, i8x16.splat(BLANK + 1)), odd))
}

/** All but small letters, digits, `-`, `.` and `_`. */
export function notOfHost(bytes: v128): i32 {
  const named = v128.or(isBetween(bytes, SMALL_A, 26), isBetween(bytes, ZERO, 10))
  const signs = v128.or(isBetween(bytes, DASH, 2), i8x16.eq(bytes, i8x16.splat(UNDERSCORE)))
  return i8x16.bitmask(v128.not(v128.or(named, signs)))
}

/** Of bytes of a host, those that make it a name and no address. */
export function afterDigits(bytes: v128): i32 {
  return above(bytes, NINE)
}

/** One of so many bytes from `first` on. */
function isBetween(bytes: v128, first: i8, count: i8): v128 {
  return i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(first)), i8x16.splat(count))
}
