/**
 * Unpacks uploaded and dropped files while they are read. What a file is, its first bytes say and never its name: plain, gzip
 * (every member), zstd (every frame), bzip2, xz, or zip with one file inside. How much comes out is bounded, in bytes and as a
 * multiple of what went in. Pulled by its reader, so that a slow reader stops the sender.
 */
import type { Buffer } from 'node:buffer'
import Type, { type Static } from 'typebox'
import { bunzipped } from './unpack-bzip2.ts'
import { ChunkReader, UnpackError } from './unpack-reader.ts'
import { unxzed } from './unpack-xz.ts'
import { unzipped } from './unpack-zip.ts'
import { gunzipped, isSkippableFrame, unzstd } from './unpack-zlib.ts'

export { UnpackError } from './unpack-reader.ts'

/** Caps on unpacking, for the options of receivers. */
export const UnpackOptions = {
  unpackedMaxBytes: Type.Integer({
    description: 'Most bytes that one compressed file may become.',
    default: 16 * 1024 ** 3,
    minimum: 1
  }),
  unpackedMaxRatio: Type.Integer({
    description: 'Most bytes that come out of a compressed file for each that went in, looked at from 16 MiB on. Logs seldom pass 50.',
    default: 300,
    minimum: 1
  })
}
const UnpackLimits = Type.Object(UnpackOptions)
export type UnpackLimits = Static<typeof UnpackLimits>

/** For a file that a person chose: these only stop what would never end. */
export const CHOSEN_FILE_LIMITS: UnpackLimits = { unpackedMaxBytes: 16 * 1024 ** 4, unpackedMaxRatio: 50_000 }

export type Packing = 'plain' | 'gzip' | 'zstd' | 'zip' | 'bzip2' | 'xz'

const RATIO_FREE_BYTES = 16 * 1024 * 1024
/** As many bytes as the longest magic below. */
export const MAGIC_BYTES = 10
/** `ustar` of a tar archive (POSIX pax, section ustar header block). */
const TAR_MAGIC_AT = 257

const MAGICS: readonly { packing: Packing; magic: RegExp }[] = [
  { packing: 'gzip', magic: /^\x1f\x8b\x08/ },
  { packing: 'zstd', magic: /^\x28\xb5\x2f\xfd/ },
  { packing: 'zip', magic: /^PK(?:\x03\x04|\x05\x06)/ },
  { packing: 'bzip2', magic: /^BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)/ },
  { packing: 'xz', magic: /^\xfd7zXZ\x00/ }
]
/** Known and not read, with the command that makes it readable. */
const REFUSED: readonly { name: string; magic: RegExp; remedy: string }[] = [
  { name: '7z', magic: /^7z\xbc\xaf\x27\x1c/, remedy: '7z x FILE' },
  { name: 'rar', magic: /^Rar!\x1a\x07/, remedy: 'unrar x FILE' },
  { name: 'lz4', magic: /^(?:\x04\x22\x4d\x18|\x02\x21\x4c\x18)/, remedy: 'lz4 -dc FILE | gzip > FILE.gz' },
  { name: 'lzip', magic: /^LZIP\x01/, remedy: 'lzip -dc FILE | gzip > FILE.gz' },
  { name: 'compress (.Z)', magic: /^\x1f\x9d/, remedy: 'gzip -dc FILE | gzip > FILE.gz' }
]

/** What a file is, by its first MAGIC_BYTES. Throws UnpackError for a compression that is known and not read. */
export function packingOf(head: Buffer): Packing {
  const text = head.toString('latin1', 0, MAGIC_BYTES)
  const refused = REFUSED.find(({ magic }) => magic.test(text))
  if (refused !== undefined) {
    const { name, remedy } = refused
    throw new UnpackError('unsupported', `${name} is not read; send it plain, or as gzip, zstd, xz, bzip2 or zip (${remedy})`)
  }
  if (isSkippableFrame(head)) return 'zstd'
  return MAGICS.find(({ magic }) => magic.test(text))?.packing ?? 'plain'
}

const UNPACKERS: Record<Exclude<Packing, 'plain'>, (reader: ChunkReader) => AsyncGenerator<Buffer>> = {
  gzip: gunzipped,
  zstd: unzstd,
  zip: unzipped,
  bzip2: bunzipped,
  xz: unxzed
}

/**
 * The content of a file in pieces of any size. Rejects with UnpackError when it is damaged, in a format that is not read, or
 * would become too large; with the error of `chunks` when that fails.
 */
export async function* unpacked(chunks: AsyncIterable<Uint8Array>, limits: UnpackLimits): AsyncGenerator<Buffer> {
  const reader = new ChunkReader(chunks)
  try {
    const packing = packingOf(await reader.peek(MAGIC_BYTES))
    let size = 0
    for await (const piece of packing === 'plain' ? wholeOf(reader) : UNPACKERS[packing](reader)) {
      if (size === 0) refuseTar(piece)
      size += piece.length
      if (packing !== 'plain') checkSize(size, reader.readBytes, limits)
      yield piece
    }
  } finally {
    await reader.close()
  }
}

async function* wholeOf(reader: ChunkReader): AsyncGenerator<Buffer> {
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) yield chunk
}

function checkSize(size: number, packedBytes: number, { unpackedMaxBytes, unpackedMaxRatio }: UnpackLimits): void {
  if (size > unpackedMaxBytes) throw new UnpackError('limit', `the file becomes more than ${unpackedMaxBytes} bytes when unpacked`)
  if (size > RATIO_FREE_BYTES && size > packedBytes * unpackedMaxRatio) {
    throw new UnpackError('limit', `the file becomes more than ${unpackedMaxRatio} times as large when unpacked`)
  }
}

function refuseTar(first: Buffer): void {
  if (first.toString('latin1', TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === 'ustar') {
    throw new UnpackError('unsupported', 'tar archives are not read; send the files in it one by one (tar -xf FILE)')
  }
}
