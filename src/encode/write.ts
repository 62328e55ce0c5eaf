/**
 * Hot path: once per field. Writing bytes, numbers and times into an output buffer; each function returns the new end offset.
 * Short ranges are copied by a loop: a call into native code costs more than the copy.
 */

/** Copies a range; long ones natively. */
export function writeRange(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let p = start; p < end; p++) out[at++] = from[p]!
  return at
}

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
const two = (value: number): string => (value < 10 ? `0${value}` : String(value))

/** `yyyy-MM-dd HH:mm:ss`, UTC. */
export const isoSeconds = (date: Date): string => `${date.toISOString().slice(0, 10)} ${date.toISOString().slice(11, 19)}`
/** `MMM dd yyyy HH:mm:ss`, UTC, English month names. */
export const monthSeconds = (date: Date): string =>
  `${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())} ${date.getUTCFullYear()} ${date.toISOString().slice(11, 19)}`

/** A time text that changes once a second: formatted when the second changes, copied otherwise. */
export class SecondText {
  readonly #format: (date: Date) => string
  #second = Number.NaN
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(format: (date: Date) => string) {
    this.#format = format
  }

  write(ms: number, out: Uint8Array, at: number): number {
    const second = Math.floor(ms / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#bytes = Buffer.from(this.#format(new Date(second * 1000)))
    }
    return writeBytes(this.#bytes, out, at)
  }
}
