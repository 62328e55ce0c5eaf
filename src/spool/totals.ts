/** Sums over the pieces of a segment file. */
import { crc32Combine } from './crc32-combine.ts'
import { GZIP_HEADER } from './gzip-member.ts'
import type { PieceLine } from './ledger.ts'

export interface Totals {
  /** End of the last piece in the data file. */
  bytes: number
  rawBytes: number
  /** CRC-32 of all raw bytes. */
  crc32: number
  recordCount: number
  /** Smallest and largest event time, ms; null while none is known. */
  firstTime: number | null
  lastTime: number | null
}

/** A file that holds only the gzip header. */
export const EMPTY_TOTALS: Readonly<Totals> = {
  bytes: GZIP_HEADER.length,
  rawBytes: 0,
  crc32: 0,
  recordCount: 0,
  firstTime: null,
  lastTime: null
}

/** Sums with one more piece at the end. */
export function withPiece(totals: Readonly<Totals>, piece: Omit<PieceLine, 't' | 'offset'>): Totals {
  return {
    bytes: totals.bytes + piece.length,
    rawBytes: totals.rawBytes + piece.rawLength,
    crc32: crc32Combine(totals.crc32, piece.crc32, piece.rawLength),
    recordCount: totals.recordCount + piece.recordCount,
    firstTime: pick(Math.min, totals.firstTime, piece.firstTime),
    lastTime: pick(Math.max, totals.lastTime, piece.lastTime)
  }
}

function pick(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : choose(a, b)
}
