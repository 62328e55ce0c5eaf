/** Hot path: once per frame. Bytes that an appliance repeats from line to line, such as its name. */
import { fastPaths } from '../../lib/fast-paths.ts'
import { View } from '../../lib/view.ts'

const BYTES_MAX = 128
const WORD_BYTES = 4

const views = new View()

/** A run of bytes as the last line had it: what was found out about it then holds for a line that has the same. */
export class Repeated {
  readonly #kept = Buffer.alloc(BYTES_MAX)
  readonly #words = new DataView(this.#kept.buffer, this.#kept.byteOffset, BYTES_MAX)
  #length = 0

  /** Keeps `start`…`end`, when it has 4 to 128 bytes and lies in the buffer. */
  keep(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.#length = start >= 0 && length >= WORD_BYTES && length <= BYTES_MAX ? length : 0
    for (let i = 0; i < this.#length; i++) this.#kept[i] = buf[start + i]!
  }

  /** True when the bytes `start`…`end` are these and no more. */
  is(buf: Uint8Array, start: number, end: number): boolean {
    return end - start === this.#length && this.standsAt(buf, start, end)
  }

  forget(): void {
    this.#length = 0
  }

  /** True when these bytes stand at `at`, before `end`; never where none are kept. */
  standsAt(buf: Uint8Array, at: number, end: number): boolean {
    const length = this.#length
    if (length === 0 || at < 0 || at + length > end || !fastPaths.isOn) return false
    const words = views.of(buf)
    const last = length - WORD_BYTES
    for (let i = 0; i < last; i += WORD_BYTES) if (words.getInt32(at + i, true) !== this.#words.getInt32(i, true)) return false
    return words.getInt32(at + last, true) === this.#words.getInt32(last, true)
  }
}
