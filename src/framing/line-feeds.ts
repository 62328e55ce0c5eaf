/**
 * Hot path: once per line. Where the line feeds of the chunk at hand stand. Of a chunk that sockets were read into, which lies in this thread's lane
 * memory, they are found by vector code, hundreds in one call; of others each by the native search, whose call takes longer than it
 * looks (35 ns).
 */
import { isVectorMemory, laneBytes, laneInts, reserveLaneMemory, vectorCode } from '../lib/lane-memory.ts'
import { ROOM_BYTES } from '../lib/simd/program.ts'

const LF = 0x0a
const INT_BYTES = 4
/** Line feeds found in one call, or a few more. */
const PLACES = 1024
const PLACES_BYTES = PLACES * INT_BYTES + ROOM_BYTES
const placesAt = reserveLaneMemory(PLACES_BYTES)
const places = laneInts(placesAt, PLACES_BYTES / INT_BYTES)

export class LineFeeds {
  #chunk: Buffer = laneBytes
  /** Where the chunk starts in the lane's memory; below 0 when it lies elsewhere. */
  #base = -1
  #count = 0
  #next = 0
  /** Offset in the chunk before which all are found. */
  #found = 0

  /** Begins with this chunk. */
  take(chunk: Buffer): void {
    this.#chunk = chunk
    this.#base = chunk.buffer === laneBytes.buffer && isVectorMemory(laneBytes) ? chunk.byteOffset - laneBytes.byteOffset : -1
    this.#count = 0
    this.#next = 0
    this.#found = 0
  }

  /** Offset of the first line feed from `at` on, or -1; `at` must not be less than before. */
  from(at: number): number {
    const base = this.#base
    if (base < 0) return this.#chunk.indexOf(LF, at)
    for (;;) {
      for (; this.#next < this.#count; this.#next++) {
        const place = places[this.#next]! - base
        if (place >= at) return place
      }
      const { length } = this.#chunk
      const start = Math.max(at, this.#found)
      if (start >= length) return -1
      const count = vectorCode!.places(base + start, base + length, LF, PLACES, placesAt)
      this.#count = count
      this.#next = 0
      this.#found = count < PLACES ? length : places[count - 1]! - base + 1
    }
  }
}
