/**
 * Hot path: once per field. Writing bytes, numbers and times into an output buffer; each function returns the new end offset.
 * Short ranges are copied by a loop: a call into native code costs more than the copy.
 */

export function writeBytes(bytes: Uint8Array, out: Uint8Array, at: number): number {
  for (let p = 0; p < bytes.length; p++) out[at + p] = bytes[p]!
  return at + bytes.length
}

/** Decimal digits of a non-negative integer up to 2^53-1. */
export function writeNumber(value: number, out: Uint8Array, at: number): number {
  if (value < 10) {
    out[at] = 0x30 + value
    return at + 1
  }
  let digits = 1
  for (let limit = 10; limit <= value; limit *= 10) digits++
  let rest = value
  let p = at + digits
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10)
    out[--p] = 0x30 + (rest - quotient * 10)
    rest = quotient
  }
  let small = rest | 0
  while (p > at) {
    const quotient = (small / 10) | 0
    out[--p] = 0x30 + (small - quotient * 10)
    small = quotient
  }
  return at + digits
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY_MS = 86_400_000

/** `yyyy-MM-dd`, UTC. */
export const isoDate = (date: Date): string => date.toISOString().slice(0, 10)
/** `MMM dd yyyy`, UTC, English month names. */
export const monthDate = (date: Date): string =>
  `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2, '0')} ${date.getUTCFullYear()}`

/** Date and clock, `<date> HH:mm:ss` in UTC. The date is formatted when the day changes, the clock digit by digit. */
export class DateAndClock {
  readonly #format: (date: Date) => string
  #day = Number.NaN
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(format: (date: Date) => string) {
    this.#format = format
  }

  write(ms: number, out: Uint8Array, start: number): number {
    const day = Math.floor(ms / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#bytes = Buffer.from(`${this.#format(new Date(day * DAY_MS))} `)
    }
    const second = ((ms - day * DAY_MS) / 1000) | 0
    const minute = (second / 60) | 0
    const hour = (minute / 60) | 0
    let at = writeBytes(this.#bytes, out, start)
    at = writeTwo(hour, out, at)
    out[at++] = 0x3a
    at = writeTwo(minute - hour * 60, out, at)
    out[at++] = 0x3a
    return writeTwo(second - minute * 60, out, at)
  }
}

function writeTwo(value: number, out: Uint8Array, at: number): number {
  const tens = (value / 10) | 0
  out[at] = 0x30 + tens
  out[at + 1] = 0x30 + value - tens * 10
  return at + 2
}
