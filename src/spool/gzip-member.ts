/**
 * The frame of a segment file: one gzip member (RFC 1952) whose deflate stream (RFC 1951) is made of independent pieces.
 *
 *   1f 8b 08 00 | 00 00 00 00 | 00 ff     header: no name, no comment, no time, so nothing of the building leaves with the file
 *   piece piece piece …                   raw deflate without history, each ending in a sync flush (… 00 00 ff ff)
 *   03 00                                 the final block, empty
 *   CRC-32 | ISIZE                        of all the pieces' bytes; both little endian, ISIZE modulo 2^32
 */
import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib'

export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
/** An empty final block with fixed codes. */
const FINAL_BLOCK = Buffer.from([0x03, 0x00])
/** Final block, CRC-32 and ISIZE. */
export const GZIP_TRAILER_BYTES = FINAL_BLOCK.length + 8
/** An empty stored block's LEN and NLEN: how every sync flush ends. */
export const SYNC_FLUSH_END = Buffer.from([0x00, 0x00, 0xff, 0xff])
/** Most bytes one piece may inflate to; what says more is damaged. */
export const PIECE_MAX_RAW_BYTES = 256 * 1024 * 1024

export function gzipTrailer(crc: number, rawBytes: number): Buffer {
  const trailer = Buffer.alloc(GZIP_TRAILER_BYTES)
  FINAL_BLOCK.copy(trailer)
  trailer.writeUInt32LE(crc, 2)
  trailer.writeUInt32LE(rawBytes % 2 ** 32, 6)
  return trailer
}

/** True when the bytes end as a piece must. */
export function endsInSyncFlush(bytes: Uint8Array): boolean {
  return SYNC_FLUSH_END.equals(bytes.subarray(Math.max(0, bytes.length - SYNC_FLUSH_END.length)))
}

/** A piece as the lanes make them. */
export function deflatePiece(raw: Uint8Array): Buffer {
  return deflateRawSync(raw, { level: 1, finishFlush: constants.Z_SYNC_FLUSH })
}

/**
 * Inflates one piece; undefined when the bytes are not one whole sound piece. A final block is put behind it: only when the
 * piece stops exactly between two deflate blocks, on a byte border, does the stream then end, and end with the last byte.
 */
export function inflatePiece(bytes: Uint8Array, maxRawBytes = PIECE_MAX_RAW_BYTES): Buffer | undefined {
  if (!endsInSyncFlush(bytes)) return undefined
  const stream = Buffer.concat([bytes, FINAL_BLOCK])
  try {
    // The size cap is one more than allowed, as zlib takes 0 for "no cap".
    const result = inflateRawSync(stream, { maxOutputLength: maxRawBytes + 1, info: true }) as unknown as {
      buffer: Buffer
      engine: { bytesWritten: number }
    }
    return result.engine.bytesWritten === stream.length && result.buffer.length <= maxRawBytes ? result.buffer : undefined
  } catch {
    return undefined // not deflate, or cut, or too long: all the same to the caller
  }
}

/** The piece's bytes when they are what the ledger says they are, else undefined. */
export function inflateChecked(bytes: Uint8Array, rawLength: number, crc: number): Buffer | undefined {
  const raw = inflatePiece(bytes, Math.min(rawLength, PIECE_MAX_RAW_BYTES))
  return raw !== undefined && raw.length === rawLength && crc32(raw) === crc ? raw : undefined
}
