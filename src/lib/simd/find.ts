/** Hot path. Where a byte stands in a range. */
import { equal64, inside64 } from './marks'
import { WINDOW_BYTES } from './program'

/** Offset of the last such byte in `start`…`end`, which has one byte at least; -1 without one. */
export function lastOf(start: usize, end: usize, byte: i32): i32 {
  const bytes = i8x16.splat(<i8>byte)
  const before = end - start - 1
  let at = start + before - (before % <usize>WINDOW_BYTES)
  let marks = equal64(at, bytes) & inside64(at, end)
  while (marks === 0) {
    if (at === start) return -1
    at -= WINDOW_BYTES
    marks = equal64(at, bytes)
  }
  return <i32>at + 63 - <i32>clz(marks)
}
