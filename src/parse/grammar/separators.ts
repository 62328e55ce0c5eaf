/**
 * Hot path: once per row. Where the separators of a row stand, 32 bytes looked at in one go: as many bits, one a byte, of which
 * only those that are set are visited. A loop over the bytes takes twice as long, as each column ends it at another count.
 */
import { fastPaths } from '../../lib/fast-paths.ts'
import { View } from '../../lib/view.ts'

/** How many bytes are looked at in one go. */
export const STEP_BYTES = 32

const LOW_BITS = 0x7f7f7f7f
const HIGH_BITS = 0x80808080
/** Moves the high bits of four bytes side by side, the lowest byte's lowest. */
const GATHER = 0x00204081

const views = new View()

/** A bit for each of the 32 bytes from `at` on: 1 for the byte which `four` has four times. */
function bitsOf(view: DataView, at: number, four: number): number {
  let others = 0
  for (let shift = 0; shift < 32; shift += 4) {
    const rest = view.getInt32(at + shift, true) ^ four
    others |= (Math.imul((((rest & LOW_BITS) + LOW_BITS) | rest) & HIGH_BITS, GATHER) >>> 28) << shift
  }
  return ~others
}

/** As `bitsOf`, for blanks and control characters. */
function blankBits(view: DataView, at: number): number {
  let others = 0
  for (let shift = 0; shift < 32; shift += 4) {
    const word = view.getInt32(at + shift, true)
    others |= (Math.imul((((word & LOW_BITS) + 0x5f5f5f5f) | word) & HIGH_BITS, GATHER) >>> 28) << shift
  }
  return ~others
}

/** The bits of bytes before `end`, which is after `at`. */
const before = (end: number, at: number): number => (end - at >= STEP_BYTES ? -1 : (1 << (end - at)) - 1)

/** True when a row may be read so: there are bytes behind it that can be looked at with its last ones. */
const canStep = (buf: Uint8Array, end: number): boolean => fastPaths.isOn && end + STEP_BYTES <= buf.length

/**
 * Writes the offsets of separators to `found`, which has STEP_BYTES more places than are `wanted`, and returns how many there are: all
 * of the row, or some more than wanted. -1 for rows that must be read byte by byte: a column begins with `quote`.
 */
export function findSeparators(
  buf: Uint8Array,
  start: number,
  end: number,
  separator: number,
  quote: number,
  wanted: number,
  found: Int32Array
): number {
  if (!canStep(buf, end) || buf[start] === quote) return -1
  const view = views.of(buf)
  const four = Math.imul(separator, 0x01010101)
  let count = 0
  for (let at = start; at < end && count < wanted; at += STEP_BYTES) {
    let bits = bitsOf(view, at, four) & before(end, at)
    while (bits !== 0) {
      const place = at + 31 - Math.clz32(bits & -bits)
      if (buf[place + 1] === quote) return -1
      found[count++] = place
      bits &= bits - 1
    }
  }
  return count
}

/**
 * Writes where words between runs of blanks and TABs begin and end, at most `wanted`, and returns how many. -1 for rows that must be read
 * byte by byte: there is another control character, which is part of a word.
 */
export function findWords(buf: Uint8Array, start: number, end: number, wanted: number, starts: Int32Array, ends: Int32Array): number {
  if (!canStep(buf, end)) return -1
  const view = views.of(buf)
  let count = 0
  let word = start
  for (let at = start; at < end; at += STEP_BYTES) {
    let bits = blankBits(view, at) & before(end, at)
    while (bits !== 0) {
      const place = at + 31 - Math.clz32(bits & -bits)
      if (buf[place] !== 0x20 && buf[place] !== 0x09) return -1
      if (place > word) {
        if (count === wanted) return count
        starts[count] = word
        ends[count++] = place
      }
      word = place + 1
      bits &= bits - 1
    }
  }
  if (word < end && count < wanted) {
    starts[count] = word
    ends[count++] = end
  }
  return count
}
