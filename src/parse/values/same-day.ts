/**
 * Hot path: once per record. Times of one sender have the same date and zone for a day: what those came to is kept, and of the next
 * time only the clock is read.
 */
import type { Zone } from '../../contracts.ts'
import { fastPaths } from '../../lib/fast-paths.ts'
import { View } from '../../lib/view.ts'

const BYTES_MAX = 48
const CLOCK_BYTES = 8
const WORD_BYTES = 4
/** Where dates come in turn, one of so many is kept. */
const MISSES_PER_DAY = 8

const views = new View()

/** The date before `hh:mm:ss` and the offset after it, as the last time had them, for one notation of times. */
export class SameDay {
  readonly #text = new Uint8Array(BYTES_MAX)
  readonly #words = new DataView(this.#text.buffer)
  #length = 0
  #clockAt = 0
  /** Of midnight: ms since 1970 UTC, or as if it were UTC when no offset follows the clock. */
  #midnight = 0
  #isInZone = false
  #misses = 0

  /** The time that `start`…`end` is, when it differs from the one kept by its clock only; NaN otherwise. */
  read(buf: Uint8Array, start: number, end: number, zone: Zone): number {
    const length = this.#length
    if (length === 0 || end - start !== length || !fastPaths.isOn) return Number.NaN
    const view = views.of(buf)
    const clockAt = this.#clockAt
    if (!this.#same(view, start, 0, clockAt) || !this.#same(view, start, clockAt + CLOCK_BYTES, length)) return Number.NaN
    const ms = clockMs(view, start + clockAt)
    if (ms < 0) return Number.NaN
    const time = this.#midnight + ms
    return this.#isInZone ? zone.toUtc(time) : time
  }

  /** True when the bytes from `from` to `to` of the text are those that are kept. */
  #same(view: DataView, start: number, from: number, to: number): boolean {
    let at = from
    for (; at + WORD_BYTES <= to; at += WORD_BYTES) if (view.getInt32(start + at, true) !== this.#words.getInt32(at, true)) return false
    for (; at < to; at++) if (view.getUint8(start + at) !== this.#text[at]) return false
    return true
  }

  /**
   * Keeps a time whose clock is at `clockAt`. `wall` is the whole text read in a zone that changes nothing; nothing but an offset that
   * was understood may follow the clock.
   */
  keep(buf: Uint8Array, start: number, end: number, clockAt: number, wall: number): void {
    const clockEnd = clockAt + CLOCK_BYTES
    const ms = clockEnd > end ? -1 : clockMs(views.of(buf), clockAt)
    const after = buf[clockEnd]
    if (ms < 0 || Number.isNaN(wall) || end - start > BYTES_MAX || (clockEnd < end && (after === 0x2e || after === 0x2c))) return
    this.#length = end - start
    this.#clockAt = clockAt - start
    this.#midnight = wall - ms
    this.#isInZone = clockEnd === end
    this.#text.set(buf.subarray(start, end))
  }

  /** True when a time that was none of this day should be kept. */
  get wantsDay(): boolean {
    return this.#misses++ % MISSES_PER_DAY === 0
  }
}

/** Milliseconds of `hh:mm:ss`, -1 when it is no such clock; four bytes at a time, whose digits are then 0 to 9 and colons 0. */
function clockMs(view: DataView, at: number): number {
  const hours = view.getInt32(at, true) ^ 0x303a3030 // hh:m
  const seconds = view.getInt32(at + WORD_BYTES, true) ^ 0x30303a30 // m:ss
  if (((hours | (hours + 0x06000606)) & 0xf0fff0f0) !== 0 || ((seconds | (seconds + 0x06060006)) & 0xf0f0fff0) !== 0) return -1
  const hour = (hours & 0xff) * 10 + ((hours >> 8) & 0xff)
  const minute = (hours >> 24) * 10 + (seconds & 0xff)
  const second = ((seconds >> 16) & 0xff) * 10 + (seconds >> 24)
  return hour > 23 || minute > 59 || second > 59 ? -1 : ((hour * 60 + minute) * 60 + second) * 1000
}
