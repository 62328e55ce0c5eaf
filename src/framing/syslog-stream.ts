/**
 * Syslog over a byte stream: newline framing and octet counting (RFC 6587 sections 3.4.1 and 3.4.2), told apart per frame
 * because relays mix their senders.
 *
 *   counted   MSG-LEN SP MSG        1–6 digits, one blank, and a message that starts with `<`; MSG-LEN counts octets and may
 *                                   include a trailing LF; the next frame follows at once or after LF, CR, NUL or blanks
 *   newline   MSG ( LF | CR LF | NUL before the next `<` )
 *
 * A NUL ends a frame only where `<` (or LF) follows: a NUL inside a line must not make a fake message of the line's tail. So
 * the last message of a sender that ends messages by NUL alone is delivered with its next message or at the end.
 *
 * Hot path: nothing is allocated per frame, and frames are ranges of the
 * given chunk unless they cross its border.
 */
import type { Framer, FramerStats, OnFrame } from '../contracts.ts'
import { FRAME_MAX_BYTES } from '../contracts.ts'
import { Carry, HELD_MAX_BYTES } from './carry.ts'
import { LineFeeds } from './line-feeds.ts'
import { newFramerStats } from './stats.ts'

/** Largest octet count that is believed. Above it (or with leading zero) the framer goes on at the next newline. */
export const OCTET_COUNT_MAX = 256 * 1024

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const LESS_THAN = 0x3c
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const COUNT_DIGITS_MAX = 6
/** Digits, blank and `<`: after so many bytes it is known whether they are a count. */
const HEAD_MAX = COUNT_DIGITS_MAX + 2
const NUL_TRAILER = Buffer.from([NUL, LESS_THAN])

/** Where in the stream the next byte lies. */
const AT_START = 0
/** Some digits that may become a count are carried. */
const IN_HEAD = 1
const IN_LINE = 2
const IN_COUNTED = 3
/** In bytes to throw away: up to a line's end, or a number of octets. */
const SKIPPING_LINE = 4
const SKIPPING_OCTETS = 5

/** What `readHead` found: more bytes are needed, no count, or a count that cannot be believed; else the count itself. */
const HEAD_OPEN = -1
const NO_COUNT = -2
const BAD_COUNT = -3

/** Reads `digits blank <` at `at`; the count's message then starts at `messageStart(…)`. */
function readHead(buf: Buffer, at: number, end: number): number {
  let count = 0
  let i = at
  for (; i < end && i - at < HEAD_MAX; i++) {
    const byte = buf[i]!
    if (byte >= DIGIT_0 && byte <= DIGIT_9) {
      if (i - at === COUNT_DIGITS_MAX) return NO_COUNT
      count = count * 10 + byte - DIGIT_0
    } else if (byte !== SPACE || i === at) return NO_COUNT
    else {
      if (i + 1 === end) return HEAD_OPEN
      if (buf[i + 1] !== LESS_THAN) return NO_COUNT
      return count > OCTET_COUNT_MAX || buf[at] === DIGIT_0 ? BAD_COUNT : count
    }
  }
  return HEAD_OPEN
}

/** The end of `buf[start…end]` without trailing LF, CR and NUL. */
function trimEnd(buf: Buffer, start: number, end: number): number {
  let i = end
  while (i > start) {
    const byte = buf[i - 1]!
    if (byte !== CR && byte !== NUL && byte !== LF) break
    i--
  }
  return i
}

/** Of the chunk that is fed: one at a time in a thread. */
const lineFeeds = new LineFeeds()

export class SyslogStreamFramer implements Framer {
  readonly stats: FramerStats = newFramerStats()
  readonly #carry = new Carry()
  #state = AT_START
  /** Octets of the counted frame, or of a skipped tail, still to come. */
  #missing = 0
  /** The last frame was counted and nothing separates it from the next byte, which then must be a count or `<`. */
  #glued = false
  /** While skipping a line: the last byte was a NUL, which together with `<` ends it. */
  #skippedNul = false
  /** Offset of the next NUL before `<` in the chunk at hand, or its length. */
  #nul = 0

  feed(chunk: Buffer, onFrame: OnFrame): void {
    const length = chunk.length
    if (length === 0) return
    lineFeeds.take(chunk)
    this.#findNul(chunk, 0)
    let at = this.#state === AT_START ? 0 : this.#resume(chunk, onFrame)
    while (at < length) {
      const first = chunk[at]!
      if (first === LESS_THAN) {
        this.#glued = false
        at = this.#line(chunk, at, onFrame)
      } else if (first === LF || first === NUL) {
        this.#glued = false
        at++
      } else if (first === SPACE || first === CR) at++
      else at = this.#other(chunk, at, first, onFrame)
    }
  }

  end(onFrame: OnFrame): void {
    const carry = this.#carry
    if (this.#state === IN_LINE || this.#state === IN_HEAD) {
      if (this.#glued) this.#reject(carry.length)
      else this.#emitLine(carry.buf, 0, carry.length, onFrame)
    } else if (this.#state === IN_COUNTED) {
      // Its own count says that the message is cut: half a message would be a wrong one.
      this.#reject(carry.length)
    }
    carry.clear()
    this.#state = AT_START
    this.#glued = false
  }

  /** A frame that starts with neither `<` nor a separator. Returns where the next one starts. */
  #other(chunk: Buffer, at: number, first: number, onFrame: OnFrame): number {
    if (first >= DIGIT_0 && first <= DIGIT_9) {
      const head = readHead(chunk, at, chunk.length)
      if (head === HEAD_OPEN) {
        this.#carry.append(chunk, at, chunk.length)
        this.#state = IN_HEAD
        return chunk.length
      }
      if (head >= 0) return this.#counted(chunk, chunk.indexOf(SPACE, at) + 1, head, onFrame)
      if (head === BAD_COUNT) return this.#skipLine(chunk, at)
    }
    if (this.#glued) return this.#skipLine(chunk, at)
    return this.#line(chunk, at, onFrame)
  }

  /** Delivers the newline frame at `at`, or carries it when its end is not there yet. */
  #line(chunk: Buffer, at: number, onFrame: OnFrame): number {
    const end = this.#lineEnd(chunk, at)
    if (end < 0) return this.#carryLine(chunk, at, onFrame)
    this.#emitLine(chunk, at, end, onFrame)
    return end + 1
  }

  #emitLine(buf: Buffer, start: number, rawEnd: number, onFrame: OnFrame): void {
    if (rawEnd - start > HELD_MAX_BYTES) {
      this.stats.newline++
      this.#emitCut(buf, start, rawEnd, onFrame)
      return
    }
    const end = trimEnd(buf, start, rawEnd)
    if (end === start) return
    this.stats.newline++
    if (end - start > FRAME_MAX_BYTES) this.#emitCut(buf, start, end, onFrame)
    else onFrame(buf, start, end)
  }

  #emitCut(buf: Buffer, start: number, end: number, onFrame: OnFrame): void {
    this.stats.truncated++
    this.stats.discardedBytes += end - start - FRAME_MAX_BYTES
    onFrame(buf, start, start + FRAME_MAX_BYTES)
  }

  /** Delivers the counted frame whose message starts at `at`, or carries what is there of it. */
  #counted(chunk: Buffer, at: number, count: number, onFrame: OnFrame): number {
    const end = at + count
    if (end <= chunk.length) {
      this.#emitCounted(chunk, at, end, onFrame)
      return end
    }
    this.#missing = count
    this.#state = IN_COUNTED
    return this.#resumeCounted(chunk, at, onFrame)
  }

  #emitCounted(buf: Buffer, start: number, rawEnd: number, onFrame: OnFrame): void {
    this.stats.octetCounted++
    const last = buf[rawEnd - 1]
    this.#glued = last !== LF && last !== NUL
    if (rawEnd - start > HELD_MAX_BYTES) {
      this.#emitCut(buf, start, rawEnd, onFrame)
      return
    }
    const end = trimEnd(buf, start, rawEnd)
    if (end - start > FRAME_MAX_BYTES) this.#emitCut(buf, start, end, onFrame)
    else onFrame(buf, start, end)
  }

  // ── a frame that crosses chunks ────────────────────────────────────────────────────────────────────────────────────────────

  /** Goes on with what earlier chunks began; returns where the next frame starts. */
  #resume(chunk: Buffer, onFrame: OnFrame): number {
    switch (this.#state) {
      case IN_HEAD:
        return this.#resumeHead(chunk, onFrame)
      case IN_LINE:
        return this.#resumeLine(chunk, 0, onFrame)
      case IN_COUNTED:
        return this.#resumeCounted(chunk, 0, onFrame)
      case SKIPPING_LINE:
        return this.#resumeSkip(chunk, 0)
      default:
        return this.#resumeSkipOctets(chunk, 0)
    }
  }

  #resumeHead(chunk: Buffer, onFrame: OnFrame): number {
    const carry = this.#carry
    const carried = carry.length
    carry.append(chunk, 0, Math.min(HEAD_MAX - carried, chunk.length))
    const head = readHead(carry.buf, 0, carry.length)
    if (head === HEAD_OPEN) return chunk.length
    if (head >= 0) {
      const messageStart = carry.buf.indexOf(SPACE) + 1 - carried
      carry.clear()
      this.#state = AT_START
      return this.#counted(chunk, messageStart, head, onFrame)
    }
    carry.length = carried
    if (head === BAD_COUNT || this.#glued) {
      this.#reject(carried)
      carry.clear()
      this.#state = SKIPPING_LINE
      this.#skippedNul = false
      return this.#resumeSkip(chunk, 0)
    }
    this.#state = IN_LINE
    return this.#resumeLine(chunk, 0, onFrame)
  }

  #carryLine(chunk: Buffer, at: number, onFrame: OnFrame): number {
    this.#state = IN_LINE
    return this.#resumeLine(chunk, at, onFrame)
  }

  #resumeLine(chunk: Buffer, at: number, onFrame: OnFrame): number {
    const carry = this.#carry
    const endedByNul = carry.length > 0 && carry.buf[carry.length - 1] === NUL && chunk[at] === LESS_THAN
    const found = endedByNul ? at : this.#lineEnd(chunk, at)
    const end = found < 0 ? chunk.length : found
    if (carry.length + end - at > HELD_MAX_BYTES) {
      this.#state = SKIPPING_LINE
      this.stats.newline++
      const next = this.#overflow(chunk, at, onFrame)
      this.#skippedNul = false
      return this.#resumeSkip(chunk, next)
    }
    carry.append(chunk, at, end)
    if (found < 0) return chunk.length
    this.#state = AT_START
    this.#emitLine(carry.buf, 0, carry.length, onFrame)
    carry.clear()
    return endedByNul ? at : end + 1
  }

  #resumeCounted(chunk: Buffer, at: number, onFrame: OnFrame): number {
    const carry = this.#carry
    const end = Math.min(at + this.#missing, chunk.length)
    if (carry.length + end - at > HELD_MAX_BYTES) {
      this.#state = SKIPPING_OCTETS
      this.stats.octetCounted++
      const next = this.#overflow(chunk, at, onFrame)
      this.#missing -= next - at
      return this.#resumeSkipOctets(chunk, next)
    }
    carry.append(chunk, at, end)
    this.#missing -= end - at
    if (this.#missing > 0) return chunk.length
    this.#state = AT_START
    this.#emitCounted(carry.buf, 0, carry.length, onFrame)
    carry.clear()
    return end
  }

  /** Delivers the first FRAME_MAX_BYTES of a frame that grew too long; returns the offset of the first byte not taken. */
  #overflow(chunk: Buffer, at: number, onFrame: OnFrame): number {
    const carry = this.#carry
    const surplus = carry.length - FRAME_MAX_BYTES
    this.stats.truncated++
    let next = at
    if (surplus > 0) this.stats.discardedBytes += surplus
    else {
      next = at - surplus
      carry.append(chunk, at, next)
    }
    onFrame(carry.buf, 0, FRAME_MAX_BYTES)
    carry.clear()
    return next
  }

  // ── bytes to throw away ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resynchronises: everything up to the next line end is thrown away. */
  #skipLine(chunk: Buffer, at: number): number {
    this.#reject(0)
    this.#state = SKIPPING_LINE
    this.#skippedNul = false
    return this.#resumeSkip(chunk, at)
  }

  #reject(bytes: number): void {
    this.stats.resynchronised++
    this.stats.discardedBytes += bytes
    this.#glued = false
  }

  #resumeSkip(chunk: Buffer, at: number): number {
    if (at >= chunk.length) return at
    if (this.#skippedNul && chunk[at] === LESS_THAN) {
      this.stats.discardedBytes-- // the NUL was a trailer after all
      this.#state = AT_START
      return at
    }
    const end = this.#lineEnd(chunk, at)
    if (end < 0) {
      this.#skippedNul = chunk[chunk.length - 1] === NUL
      this.stats.discardedBytes += chunk.length - at
      return chunk.length
    }
    this.stats.discardedBytes += end - at
    this.#state = AT_START
    return end + 1
  }

  #resumeSkipOctets(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#missing, chunk.length)
    this.stats.discardedBytes += end - at
    this.#missing -= end - at
    if (this.#missing > 0) return end
    const last = chunk[end - 1]
    this.#glued = last !== LF && last !== NUL
    this.#state = AT_START
    return end
  }

  // ── line ends ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Offset of the LF, or of the NUL before `<`, that ends the line at `at`; -1 when the chunk does not hold it. */
  #lineEnd(chunk: Buffer, at: number): number {
    const lf = lineFeeds.from(at)
    if (this.#nul < at) this.#findNul(chunk, at)
    const nul = this.#nul
    if (lf >= 0 && lf < nul) return lf
    return nul < chunk.length ? nul : lf
  }

  /** Looked up once a chunk while there is none, so that streams without NUL pay one search for all their lines. */
  #findNul(chunk: Buffer, at: number): void {
    const nul = chunk.indexOf(NUL_TRAILER, at)
    this.#nul = nul < 0 ? chunk.length : nul
  }
}
