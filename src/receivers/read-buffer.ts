/**
 * Buffers into which this thread reads sockets. They lie in the memory of its lane (lane-memory.ts), where vector code finds the line feeds
 * of what is framed.
 */
import { laneBytes, reserveLaneMemory } from '../lib/lane-memory.ts'
import { WINDOW_BYTES } from '../lib/simd/program.ts'

/** A buffer of so many bytes behind which vector code may read on. For modules, when they are loaded. */
export function newReadBuffer(bytes: number): Buffer {
  const at = reserveLaneMemory(bytes + WINDOW_BYTES)
  return laneBytes.subarray(at, at + bytes)
}

/** The buffer of all sockets of this thread: each read is consumed before the next one begins. */
export const READ_BUFFER: Buffer = newReadBuffer(256 * 1024)
