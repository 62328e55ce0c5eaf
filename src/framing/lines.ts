/**
 * Lines of a file or a request body: a frame ends at LF or CR LF, and nothing else is special. Empty lines are no frames.
 * Hot path: one `Buffer.indexOf` a line; frames are ranges of the chunk unless they cross its border.
 */
import type { Framer, FramerStats, OnFrame } from '../contracts.ts'
import { FRAME_MAX_BYTES } from '../contracts.ts'
import { Carry, HELD_MAX_BYTES } from './carry.ts'
import { newFramerStats } from './stats.ts'

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d

export class LinesFramer implements Framer {
  readonly stats: FramerStats = newFramerStats()
  readonly #carry = new Carry()
  /** In the tail of a line that was cut. */
  #skipping = false

  feed(chunk: Buffer, onFrame: OnFrame): void {
    let at = this.#carry.length > 0 || this.#skipping ? this.#resume(chunk, onFrame) : 0
    while (at < chunk.length) {
      const end = chunk.indexOf(LF, at)
      if (end < 0) {
        this.#hold(chunk, at, chunk.length, onFrame)
        return
      }
      this.#emit(chunk, at, end, onFrame)
      at = end + 1
    }
  }

  end(onFrame: OnFrame): void {
    this.#emit(this.#carry.buf, 0, this.#carry.length, onFrame)
    this.#carry.clear()
    this.#skipping = false
  }

  #resume(chunk: Buffer, onFrame: OnFrame): number {
    const found = chunk.indexOf(LF)
    const end = found < 0 ? chunk.length : found
    if (this.#skipping) this.stats.discardedBytes += end
    else this.#hold(chunk, 0, end, onFrame)
    if (found < 0) return end
    if (!this.#skipping) this.#emit(this.#carry.buf, 0, this.#carry.length, onFrame)
    this.#carry.clear()
    this.#skipping = false
    return end + 1
  }

  /** Carries a part of a line; when the line grows too long its head is delivered and the rest will be skipped. */
  #hold(chunk: Buffer, start: number, end: number, onFrame: OnFrame): void {
    const carry = this.#carry
    const length = carry.length + end - start
    carry.append(chunk, start, Math.min(end, start + HELD_MAX_BYTES - carry.length))
    if (length <= HELD_MAX_BYTES) return
    this.#cut(carry.buf, 0, length, onFrame)
    carry.clear()
    this.#skipping = true
  }

  #emit(buf: Buffer, start: number, rawEnd: number, onFrame: OnFrame): void {
    let end = rawEnd
    if (end - start <= HELD_MAX_BYTES) while (end > start && (buf[end - 1] === CR || buf[end - 1] === NUL)) end--
    if (end - start > FRAME_MAX_BYTES) this.#cut(buf, start, end - start, onFrame)
    else if (end > start) {
      this.stats.newline++
      onFrame(buf, start, end)
    }
  }

  #cut(buf: Buffer, start: number, length: number, onFrame: OnFrame): void {
    this.stats.newline++
    this.stats.truncated++
    this.stats.discardedBytes += length - FRAME_MAX_BYTES
    onFrame(buf, start, start + FRAME_MAX_BYTES)
  }
}
