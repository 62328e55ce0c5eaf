/** Which of the sixteen bytes at an address are looked for: a bit each, the first byte's lowest. */

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

/** What ends or interrupts a value of a CEF extension, or must be escaped in one. */
export function marksOfCef(at: usize): i32 {
  const bytes = v128.load(at)
  const own = v128.or(i8x16.eq(bytes, i8x16.splat(EQUALS)), i8x16.eq(bytes, i8x16.splat(BACKSLASH)))
  return i8x16.bitmask(v128.or(own, i8x16.lt_u(bytes, i8x16.splat(BLANK))))
}
