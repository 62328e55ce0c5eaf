/**
 * Hot path: once per block. Raw deflate of some lines, ending in a sync flush: the bytes end on a byte boundary and need no
 * history, so blocks of several lanes can be appended to one gzip member as they come (RFC 1951 section 3.2.4, RFC 1952).
 * ISA-L makes them where it is installed and the level is the one it is good at, node:zlib otherwise
 * (docs/decisions/0006-native-deflate.md).
 */
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { type IsalDeflate, loadIsal } from './isal.ts'

/** One piece of output covers the usual block: joining dozens of default-sized pieces costs more than the room. */
const CHUNK_BYTES = 128 * 1024
/** ISA-L is 3 times as fast as zlib's level 1 at its size; from level 2 on zlib makes smaller blocks, which is why it was chosen. */
const ISAL_LEVEL = 1

export interface Deflated {
  /** In an ArrayBuffer of its own, fit to be transferred. */
  bytes: Uint8Array<ArrayBuffer>
  deflatedCrc32: number
  /** Of what was deflated. */
  crc32: number
}

/** `auto`: ISA-L where it can be had. */
export type DeflateChoice = 'auto' | 'zlib' | 'isal'

export interface Deflater {
  readonly library: 'zlib' | 'isal'
  /** Which library, of which version, or why it is not the faster one; for the log. */
  readonly description: string
  /** @param level 0–9, as in zlib */
  deflateBlock(raw: Buffer, level: number): Deflated
}

function deflateByZlib(raw: Buffer, level: number): Deflated {
  const deflated = deflateRawSync(raw, { level, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: CHUNK_BYTES })
  const bytes = new Uint8Array(deflated.length)
  bytes.set(deflated)
  return { bytes, deflatedCrc32: crc32(bytes), crc32: crc32(raw) }
}

const deflaterOf = (isal: IsalDeflate): Deflater => ({
  library: 'isal',
  description: `ISA-L (${isal.file}) at level ${ISAL_LEVEL}, zlib at others`,
  deflateBlock: (raw, level) => (level === ISAL_LEVEL ? isal.deflate(raw) : undefined) ?? deflateByZlib(raw, level)
})

/** What this thread deflates with. Throws when `isal` is asked for and cannot be had; `auto` takes zlib then. */
export function chooseDeflater(choice: DeflateChoice): Deflater {
  if (choice === 'zlib') return { library: 'zlib', description: 'zlib', deflateBlock: deflateByZlib }
  const isal = loadIsal()
  if (!('reason' in isal)) return deflaterOf(isal)
  if (choice === 'isal') throw new Error(`Cannot deflate with ISA-L: ${isal.reason}`)
  return { library: 'zlib', description: `zlib (without ISA-L: ${isal.reason})`, deflateBlock: deflateByZlib }
}
