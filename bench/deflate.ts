/** Deflate of CEF lines by library, level, strategy and block size: speed against bytes out per record. */
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { ENCODE_ROOM_BYTES } from '../src/contracts.ts'
import { newEncoder } from '../src/encode/encoder.ts'
import { loadIsal } from '../src/encode/isal.ts'
import { FrameReader } from '../src/frame-reader.ts'
import { loadParsers } from '../src/parse/load.ts'
import { UTC } from '../src/parse/values/zone.ts'
import { makeLines } from './lines.ts'
import { median, ownCpuSeconds } from './measure.ts'

export interface DeflateResult {
  name: string
  blockKib: number
  megabytesPerCpuSecond: number
  bytesPerRecord: number
  ratio: number
}

const TEXT_BYTES = 4 * 1024 * 1024
const BLOCKS_KIB = [64, 128, 256, 512, 1024]

type Deflate = (raw: Buffer) => { bytes: Uint8Array } | undefined

function zlib(level: number, strategy: number): Deflate {
  return raw => {
    const bytes = deflateRawSync(raw, { level, strategy, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 512 * 1024 })
    crc32(raw)
    return { bytes }
  }
}

/** What is tried; ISA-L only where it is installed, and for the blocks that its area holds. */
function candidates(): [name: string, deflate: Deflate][] {
  const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE } = constants
  const isal = loadIsal()
  return [
    ...('reason' in isal ? [] : [['ISA-L (level 1 of the configuration)', raw => isal.deflate(raw)] satisfies [string, Deflate]]),
    ...[1, 2, 3, 4, 6, 9].map((level): [string, Deflate] => [`zlib ${level}`, zlib(level, Z_DEFAULT_STRATEGY)]),
    ['zlib 1, filtered', zlib(1, Z_FILTERED)],
    ['zlib 1, runs only', zlib(1, Z_RLE)],
    ['zlib 1, Huffman only', zlib(1, Z_HUFFMAN_ONLY)]
  ]
}

/** CEF lines as a lane writes them. */
async function cefText(): Promise<{ text: Buffer; records: number }> {
  const lines = makeLines('fortinet-fortigate', TEXT_BYTES * 4.2)
  const reader = new FrameReader(await loadParsers(), [UTC])
  reader.frame.now = Date.now()
  const intake = reader.identifier.open(0, [{ source: 0, parser: null }])
  const encoder = newEncoder('cef')
  const text = Buffer.alloc(TEXT_BYTES + ENCODE_ROOM_BYTES)
  let used = 0
  let records = 0
  for (let start = 0; start < lines.length && used < TEXT_BYTES; records++) {
    const end = lines.indexOf(0x0a, start)
    reader.readLine(intake, lines.subarray(start, end))
    used = encoder.encode(reader.fields, text, used)
    start = end + 1
  }
  return { text: text.subarray(0, used), records }
}

export async function deflateResults(rounds: number): Promise<DeflateResult[]> {
  const { text, records } = await cefText()
  return candidates().flatMap(([name, deflate]) =>
    BLOCKS_KIB.flatMap(blockKib => {
      const seconds: number[] = []
      let bytes = 0
      for (let round = 0; round <= rounds; round++) {
        const before = ownCpuSeconds()
        bytes = 0
        for (let at = 0; at < text.length; at += blockKib * 1024) {
          const made = deflate(text.subarray(at, at + blockKib * 1024))
          if (made === undefined) return []
          bytes += made.bytes.length
        }
        if (round > 0) seconds.push(ownCpuSeconds() - before)
      }
      return [
        {
          name,
          blockKib,
          megabytesPerCpuSecond: text.length / 1e6 / median(seconds),
          bytesPerRecord: bytes / records,
          ratio: text.length / bytes
        }
      ]
    })
  )
}
