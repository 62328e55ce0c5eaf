/**
 * Hot path: once per frame. Where columns and words of a row begin and end (src/parse/grammar/separators.ts): 64 bytes make a window, of
 * which each is a bit, the first byte's lowest.
 */
import { blankOrTab64, equal16, equal64, inside64, isIn64 } from './marks'
import { ABSENT_WORDS, WINDOW_BYTES } from './program'

const INT_BYTES: usize = 4

/**
 * Writes where separators stand in `start`…`end` to `found`: all, or at least `wanted`. Returns how many, n, as -1 - n when a column begins with
 * `quote` (0: there are no quotes): separators between its quotes are none. There must be ROOM_BYTES more than what is wanted takes.
 */
export function columns(start: usize, end: usize, separator: i32, quote: i32, wanted: i32, found: usize): i32 {
  const separators = i8x16.splat(<i8>separator)
  const quotes = i8x16.splat(<i8>quote)
  const enough = found + <usize>wanted * INT_BYTES
  let to = found
  let isQuoted = false
  /** 1 when a column begins with the window. */
  let first: u64 = 1
  for (let at = start; at < end && to < enough; ) {
    const inside = inside64(at, end)
    const marks = equal64(at, separators) & inside
    const quoted = quote === 0 ? 0 : equal64(at, quotes) & inside & ((marks << 1) | first)
    if (quoted === 0) {
      to = writePlaces(marks, at, to)
      first = marks >>> 63
      at += WINDOW_BYTES
    } else {
      isQuoted = true
      to = writePlaces(marks & ~quoted & (quoted - 1), at, to)
      at = nextOf(quotedEnd(at + <usize>ctz(quoted) + 1, end, quotes, quote), end, separators)
      if (at < end) {
        store<u32>(to, <u32>at)
        to += INT_BYTES
      }
      first = 1
      at++
    }
  }
  const count = <i32>((to - found) / INT_BYTES)
  return isQuoted ? -1 - count : count
}

/** Writes where this byte stands in `start`…`end` to `found`, all or at least `wanted`, and returns how many; room as above. For long rows. */
export function places(start: usize, end: usize, byte: i32, wanted: i32, found: usize): i32 {
  const bytes = i8x16.splat(<i8>byte)
  const enough = found + <usize>wanted * INT_BYTES
  let to = found
  for (let at = start; at < end && to < enough; at += WINDOW_BYTES) {
    if (isIn64(at, bytes)) to = writePlaces(equal64(at, bytes) & inside64(at, end), at, to)
  }
  return <i32>((to - found) / INT_BYTES)
}

/**
 * Writes where words between runs of blanks and TABs begin and end, at most `wanted`, and returns how many. ABSENT_WORDS empty ones at the end of
 * the row follow. There must be ROOM_BYTES more than what is wanted takes.
 */
export function words(start: usize, end: usize, wanted: i32, starts: usize, ends: usize): i32 {
  const enough = ends + <usize>wanted * INT_BYTES
  let toStart = starts
  let toEnd = ends
  /** 1 when the byte before the window is in no word. */
  let outside: u64 = 1
  for (let at = start; at < end && toEnd < enough; at += WINDOW_BYTES) {
    const blanks = blankOrTab64(at) | ~inside64(at, end)
    const shifted = (blanks << 1) | outside
    toStart = writePlaces(~blanks & shifted, at, toStart)
    toEnd = writePlaces(blanks & ~shifted, at, toEnd)
    outside = blanks >>> 63
  }
  store<u32>(toEnd, <u32>end) // of a word that ends with the last window
  const count = min(<usize>wanted, (toStart - starts) / INT_BYTES)
  writeEnds(<u32>end, starts + count * INT_BYTES)
  writeEnds(<u32>end, ends + count * INT_BYTES)
  return <i32>count
}

/**
 * Writes the place of each bit and returns the address behind the last. Two are written at a time: behind the last one may be no place.
 */
function writePlaces(marks: u64, at: usize, to: usize): usize {
  const end = to + <usize>popcnt(marks) * INT_BYTES
  for (; to < end; to += 2 * INT_BYTES) {
    store<u32>(to, <u32>at + <u32>ctz(marks))
    marks &= marks - 1
    store<u32>(to, <u32>at + <u32>ctz(marks), 4)
    marks &= marks - 1
  }
  return end
}

/** Where the quote stands that ends the value at `at`: two of them are one of the value. */
function quotedEnd(at: usize, end: usize, quotes: v128, quote: i32): usize {
  while (true) {
    at = nextOf(at, end, quotes)
    if (at + 1 >= end || <i32>load<u8>(at + 1) !== quote) return at
    at += 2
  }
}

/** Offset of such a byte in `at`…`end`, or `end`. */
function nextOf(at: usize, end: usize, bytes: v128): usize {
  for (; at < end; at += 16) {
    const marks = equal16(at, bytes)
    if (marks !== 0) return min(at + <usize>ctz(marks), end)
  }
  return end
}

/** Writes a place ABSENT_WORDS times. */
function writeEnds(place: u32, to: usize): void {
  const places = i32x4.splat(<i32>place)
  for (const end = to + <usize>ABSENT_WORDS * INT_BYTES; to < end; to += 16) v128.store(to, places)
}
