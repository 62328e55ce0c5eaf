/** Hot path: once per record. A line of keys and values written by the steps of an encoder (src/encode/vector-line.ts), escaped as CEF is. */
import { marksOfCef } from './marks'
import { RECORD_END, STEP_BYTES, STEP_LENGTH, STEP_LITERAL, STEP_VALUE, VECTOR_BYTES, WRITE_NUMBER, WRITE_TEXT } from './program'

const LINE_FEED: u8 = 0x0a
const CARRIAGE_RETURN: u8 = 0x0d
const EQUALS: u8 = 0x3d
const BACKSLASH: u8 = 0x5c

/** Writes the line, line feed included, and returns where it ends. Up to fifteen bytes behind it are overwritten. */
export function writeLine(steps: usize, stepsEnd: usize, out: usize): usize {
  let at = out
  for (let step = steps; step < stepsEnd; step += STEP_BYTES) {
    const kind = load<i32>(step)
    const value: usize = load<u32>(step, STEP_VALUE)
    if (kind === WRITE_TEXT) {
      const start = load<i32>(value)
      if (start >= 0) at = writeEscaped(start, load<u32>(value, RECORD_END), writeLiteral(step, at))
    } else if (kind === WRITE_NUMBER) {
      const number = load<f64>(value)
      if (number >= 0) at = writeNumber(number, writeLiteral(step, at))
    } else if (load<i32>(value) !== 0) at = writeLiteral(step, at)
  }
  store<u8>(at, LINE_FEED)
  return at + 1
}

/** By whole vectors, over bytes that come next. */
function writeLiteral(step: usize, out: usize): usize {
  const from: usize = load<u32>(step, STEP_LITERAL)
  const length: usize = load<u32>(step, STEP_LENGTH)
  for (let done: usize = 0; done < length; done += VECTOR_BYTES) v128.store(out + done, v128.load(from + done))
  return out + length
}

/**
 * As src/encode/cef.ts: a backslash before `\` and `=`, `\n` and `\r` for line breaks, everything else as it is. Where the next vector goes does not
 * wait for what is in this one, unless there is something to escape.
 */
function writeEscaped(start: usize, end: usize, out: usize): usize {
  let from = start
  let at = out
  while (from < end) {
    const bytes = v128.load(from)
    v128.store(at, bytes)
    const left = end - from
    const marks = marksOfCef(bytes) & (left >= <usize>VECTOR_BYTES ? -1 : (1 << (<i32>left)) - 1)
    if (marks === 0) {
      from += VECTOR_BYTES
      at += VECTOR_BYTES
      continue
    }
    const run: usize = ctz(marks)
    const byte = load<u8>(from + run)
    at += run
    from += run + 1
    if (byte === BACKSLASH || byte === EQUALS) at = writeTwo(BACKSLASH, byte, at)
    else if (byte === LINE_FEED) at = writeTwo(BACKSLASH, 0x6e, at)
    else if (byte === CARRIAGE_RETURN) at = writeTwo(BACKSLASH, 0x72, at)
    else store<u8>(at++, byte)
  }
  return at - (from - end)
}

function writeTwo(first: u8, second: u8, at: usize): usize {
  store<u8>(at, first)
  store<u8>(at, second, 1)
  return at + 2
}

const EIGHT_DIGITS: u64 = 100_000_000
/** The digits of the last number of more than eight but for its last eight: those of the next one, since times follow each other. */
let highDigits: u64 = 0
let highLength: usize = 0
/** That number with zeros for the last eight; below 0 when there was none. */
let highNumber: f64 = -1

/** Decimal digits of a number below 10^16. */
function writeNumber(value: f64, out: usize): usize {
  if (value < <f64>EIGHT_DIGITS) return out + writeUpToEight(<u32>value, out)
  let low = value - highNumber
  if (highNumber < 0 || low < 0 || low >= <f64>EIGHT_DIGITS) {
    const high = <u64>value / EIGHT_DIGITS
    highNumber = <f64>(high * EIGHT_DIGITS)
    highLength = writeUpToEight(<u32>high, out)
    highDigits = load<u64>(out)
    low = value - highNumber
  }
  store<u64>(out, highDigits)
  const at = out + highLength
  store<u64>(at, digitsOf(<u32>low) | ASCII_ZEROS)
  return at + 8
}

const ASCII_ZEROS: u64 = ((<u64>0x3030_3030) << 32) | 0x3030_3030

/** Returns how many digits there are. */
function writeUpToEight(value: u32, out: usize): usize {
  const digits = digitsOf(value)
  const leading = value === 0 ? 7 : ctz(digits) >> 3
  store<u64>(out, (digits | ASCII_ZEROS) >> (leading << 3))
  return 8 - <usize>leading
}

/** The eight digits of a number below 10^8, a byte each, the first one lowest: halves, then pairs, then digits, side by side. */
function digitsOf(value: u32): u64 {
  const fours = value / 10_000
  const halves = <u64>fours | ((<u64>(value - fours * 10_000)) << 32)
  const hundreds = ((halves * 10_486) >> 20) & 0x7f_0000_007f
  const pairs = ((halves - hundreds * 100) << 16) | hundreds
  const tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f
  return ((pairs - tens * 10) << 8) | tens
}
