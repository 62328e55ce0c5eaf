/**
 * One datagram is one frame (RFC 5426 section 3.1), without its trailing LF, CR and NUL. A datagram of several lines is several
 * frames only when each later line starts like a new message – `<pri>`, or the epoch seconds of squid's UDP logger, which
 * packs lines; any other text of several lines stays one message.
 */
import type { Framer, FramerStats, OnFrame } from '../contracts.ts'
import { FRAME_MAX_BYTES } from '../contracts.ts'
import { isDigit } from '../lib/bytes.ts'
import { newFramerStats } from './stats.ts'

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const DOT = 0x2e
const LESS_THAN = 0x3c
const GREATER_THAN = 0x3e
const EPOCH_DIGITS = 10

/** True for `<` 1–3 digits `>`. */
function startsWithPri(buf: Buffer, at: number): boolean {
  if (buf[at] !== LESS_THAN || !isDigit(buf[at + 1])) return false
  let i = at + 2
  while (i < at + 4 && isDigit(buf[i])) i++
  return buf[i] === GREATER_THAN
}

/** True for squid's time: ten digits of epoch seconds, a dot, a digit; squid may pad in front with blanks. */
function startsWithEpoch(buf: Buffer, at: number): boolean {
  let i = at
  while (buf[i] === SPACE) i++
  for (const end = i + EPOCH_DIGITS; i < end; i++) if (!isDigit(buf[i])) return false
  return buf[i] === DOT && isDigit(buf[i + 1])
}

function trimEnd(buf: Buffer, start: number, end: number): number {
  let i = end
  while (i > start && (buf[i - 1] === LF || buf[i - 1] === CR || buf[i - 1] === NUL)) i--
  return i
}

/** True when each line after the first starts a new message. */
function holdsSeveral(buf: Buffer, firstLf: number, end: number): boolean {
  for (let lf = firstLf; lf >= 0 && lf < end; lf = buf.indexOf(LF, lf + 1)) {
    if (!startsWithPri(buf, lf + 1) && !startsWithEpoch(buf, lf + 1)) return false
  }
  return true
}

export class DatagramFramer implements Framer {
  readonly stats: FramerStats = newFramerStats()

  feed(chunk: Buffer, onFrame: OnFrame): void {
    this.feedRange(chunk, 0, chunk.length, onFrame)
  }

  /** A datagram inside a larger buffer; `buf[rangeEnd]` must be a line feed or the end of the buffer. */
  feedRange(buf: Buffer, rangeStart: number, rangeEnd: number, onFrame: OnFrame): void {
    const end = trimEnd(buf, rangeStart, rangeEnd)
    let start = rangeStart
    let lf = buf.indexOf(LF, start)
    if (lf >= 0 && lf < end && holdsSeveral(buf, lf, end)) {
      while (lf >= 0 && lf < end) {
        this.#emit(buf, start, trimEnd(buf, start, lf), onFrame)
        start = lf + 1
        lf = buf.indexOf(LF, start)
      }
    }
    this.#emit(buf, start, end, onFrame)
  }

  /** Nothing is ever carried from one datagram to the next. */
  end(_onFrame: OnFrame): void {}

  #emit(buf: Buffer, start: number, end: number, onFrame: OnFrame): void {
    if (start === end) return
    this.stats.newline++
    if (end - start <= FRAME_MAX_BYTES) onFrame(buf, start, end)
    else {
      this.stats.truncated++
      this.stats.discardedBytes += end - start - FRAME_MAX_BYTES
      onFrame(buf, start, start + FRAME_MAX_BYTES)
    }
  }
}
