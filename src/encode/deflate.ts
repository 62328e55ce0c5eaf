/**
 * Hot path: once per block. Raw deflate of some lines, ending in a sync flush: the bytes end on a byte boundary and need no
 * history, so blocks of several lanes can be appended to one gzip member as they come (RFC 1951 section 3.2.4, RFC 1952).
 */
import { constants, crc32, deflateRawSync } from 'node:zlib'

/** One piece of output covers the usual block: joining dozens of default-sized pieces costs more than the room. */
const CHUNK_BYTES = 128 * 1024

export interface Deflated {
  /** In an ArrayBuffer of its own, fit to be transferred. */
  bytes: Uint8Array<ArrayBuffer>
  crc32: number
}

/** @param level 0–9, as in zlib */
export function deflateBlock(raw: Buffer, level: number): Deflated {
  const deflated = deflateRawSync(raw, { level, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: CHUNK_BYTES })
  const bytes = new Uint8Array(deflated.length)
  bytes.set(deflated)
  return { bytes, crc32: crc32(raw) }
}
