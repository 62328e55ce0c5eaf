/**
 * A zip archive with one file inside, read from front to back by its local headers (PKWARE APPNOTE 6.3.10, sections 4.3.7 to
 * 4.3.12), so that it can be unpacked while it arrives. Folders, and the files that macOS adds, are left out.
 */
import type { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { type ChunkReader, UnpackError } from './unpack-reader.ts'
import { inflated } from './unpack-zlib.ts'

const LOCAL_HEADER = 0x04034b50
const DESCRIPTOR = 0x08074b50
const CENTRAL_HEADER = 0x02014b50
const END_OF_DIRECTORY = 0x06054b50
const ARCHIVE_EXTRA = 0x08064b50
const FLAG_ENCRYPTED = 0x0001
const FLAG_DESCRIPTOR = 0x0008
const STORED = 0
const DEFLATED = 8
const ZIP64_EXTRA = 0x0001
const IN_ZIP64 = 0xffffffff

interface Entry {
  name: string
  method: number
  hasDescriptor: boolean
  isZip64: boolean
  crc: number
  packedBytes: number
}

export async function* unzipped(reader: ChunkReader): AsyncGenerator<Buffer> {
  let files = 0
  for (;;) {
    const signature = (await reader.peek(4)).subarray(0, 4)
    if (signature.length < 4) throw new UnpackError('damaged', 'the zip archive ends in the middle')
    if (signature.readUInt32LE(0) !== LOCAL_HEADER) break
    const entry = await readLocalHeader(reader)
    const isExtra = entry.name.endsWith('/') || entry.name.startsWith('__MACOSX/')
    if (!isExtra && ++files > 1) throw new UnpackError('unsupported', 'the zip archive has more than one file inside; send one file each')
    for await (const piece of content(reader, entry)) if (!isExtra) yield piece
  }
  await readDirectory(reader)
  if (files === 0) throw new UnpackError('unsupported', 'the zip archive has no file inside')
}

/*
 * signature 4 | version 2 | flags 2 | method 2 | time 2 | date 2 | crc 4 | packed size 4 | size 4 | name length 2 | extra length 2 | name | extra
 */
async function readLocalHeader(reader: ChunkReader): Promise<Entry> {
  const head = await reader.read(30)
  const flags = head.readUInt16LE(6)
  const method = head.readUInt16LE(8)
  const name = (await reader.read(head.readUInt16LE(26))).toString('latin1')
  const extra = await reader.read(head.readUInt16LE(28))
  if ((flags & FLAG_ENCRYPTED) !== 0) throw new UnpackError('unsupported', 'the zip archive is encrypted; unpack it and send its file')
  if (method !== STORED && method !== DEFLATED)
    throw new UnpackError('unsupported', `the zip archive uses compression method ${method}; unpack it and send its file`)
  const hasDescriptor = (flags & FLAG_DESCRIPTOR) !== 0
  const zip64 = zip64Extra(extra)
  let packedBytes = head.readUInt32LE(18)
  // Both sizes are in the zip64 field of a local header (section 4.5.3), the unpacked one first.
  if (packedBytes === IN_ZIP64 && zip64 !== undefined && zip64.length >= 16) packedBytes = Number(zip64.readBigUInt64LE(8))
  if (method === STORED && hasDescriptor && packedBytes === 0 && !name.endsWith('/')) {
    throw new UnpackError('unsupported', 'the zip archive was stored as a stream without compression; its end cannot be told')
  }
  return { name, method, hasDescriptor, isZip64: zip64 !== undefined, crc: head.readUInt32LE(14), packedBytes }
}

function zip64Extra(extra: Buffer): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === ZIP64_EXTRA) return extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2))
  }
  return undefined
}

async function* content(reader: ChunkReader, entry: Entry): AsyncGenerator<Buffer> {
  let crc = 0
  for await (const piece of entry.method === DEFLATED ? inflated(reader) : reader.pieces(entry.packedBytes)) {
    crc = crc32(piece, crc)
    yield piece
  }
  const wanted = entry.hasDescriptor ? await readDescriptor(reader, entry.isZip64) : entry.crc
  if (wanted !== crc) throw new UnpackError('damaged', 'the zip archive is damaged: the checksum is not that of its content')
}

/** The data descriptor, with or without its signature: crc 4 | packed size 4 or 8 | size 4 or 8. Returns the checksum. */
async function readDescriptor(reader: ChunkReader, isZip64: boolean): Promise<number> {
  const hasSignature = (await reader.peek(4)).subarray(0, 4).readUInt32LE(0) === DESCRIPTOR
  if (hasSignature) await reader.read(4)
  const crc = (await reader.read(4)).readUInt32LE(0)
  const sizes = isZip64 ? 16 : 8
  await reader.read(sizes)
  return crc
}

/** What follows the files must be the directory of the archive; it is read over. */
async function readDirectory(reader: ChunkReader): Promise<void> {
  const signature = (await reader.read(4)).readUInt32LE(0)
  if (signature !== CENTRAL_HEADER && signature !== END_OF_DIRECTORY && signature !== ARCHIVE_EXTRA) {
    throw new UnpackError('damaged', 'the zip archive is damaged: its directory does not follow its files')
  }
  let hasEnd = signature === END_OF_DIRECTORY
  let tail = signature === END_OF_DIRECTORY ? '' : ' '
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    const text = tail + chunk.toString('latin1')
    hasEnd ||= text.includes('PK\x05\x06')
    tail = text.slice(-3)
  }
  if (!hasEnd) throw new UnpackError('damaged', 'the zip archive ends in the middle of its directory')
}
