/** Date and time of day from two values, put side by side so that one reader reads both. */
import type { Value } from '../values/line.ts'

const PART_MAX_BYTES = 64
const BLANK = 0x20

/** One per parser; holds the text of the time at hand. */
export class JoinedTime {
  readonly buf = Buffer.alloc(2 * PART_MAX_BYTES + 2, 0x0a)
  end = 0

  /** Joins the two with a blank between; false when one is absent or too long for a time. */
  join(date: Value, clock: Value): boolean {
    if (!date.present || !clock.present || date.end - date.start > PART_MAX_BYTES || clock.end - clock.start > PART_MAX_BYTES) return false
    let at = date.line.buf.copy(this.buf, 0, date.start, date.end)
    this.buf[at++] = BLANK
    this.end = at + clock.line.buf.copy(this.buf, at, clock.start, clock.end)
    this.buf[this.end] = 0x0a
    return true
  }
}
