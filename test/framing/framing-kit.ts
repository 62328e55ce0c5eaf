/** Helpers of the framer tests: frames of a list of chunks, and the same bytes cut in other ways. */

import type { Framer, FramerStats, Framing } from '../../src/contracts.ts'
import { createFramer } from '../../src/framing/framer.ts'
import fc from '../property-kit.ts'

export interface Framed {
  frames: string[]
  stats: FramerStats
}

/** Gives the bytes of a chunk that is lent to a framer. */
export type Lend = (bytes: Buffer) => Buffer

/** Runs a framer over chunks; latin1, so that every byte is seen as it is. Each chunk is overwritten after its call. */
export function frame(framing: Framing, chunks: readonly (string | Buffer)[], lend?: Lend): Framed {
  return collect(createFramer(framing), chunks, lend)
}

export function collect(framer: Framer, chunks: readonly (string | Buffer)[], lend: Lend = bytes => bytes): Framed {
  const frames: string[] = []
  const onFrame = (buf: Buffer, start: number, end: number): void => {
    frames.push(buf.toString('latin1', start, end))
  }
  for (const chunk of chunks) {
    const lent = lend(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : Buffer.from(chunk))
    framer.feed(lent, onFrame)
    lent.fill(0x7e) // the bytes were only lent
  }
  framer.end(onFrame)
  return { frames, stats: framer.stats }
}

/** Cuts bytes after each of the given offsets. */
export function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const sorted = [...new Set(offsets)].filter(offset => offset > 0 && offset < bytes.length).sort((a, b) => a - b)
  return [0, ...sorted].map((from, i) => bytes.subarray(from, sorted[i] ?? bytes.length))
}

/** Runs a property with many cases. */
export function checkProperty<T>(t: { pass(text: string): void }, property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns: 400 })
  t.pass('holds for 400 random cases')
}
