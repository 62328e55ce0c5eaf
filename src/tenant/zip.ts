/**
 * Finds the one entry of a zip file (PKWARE APPNOTE 4.3). The service takes zip only with exactly one file inside.
 *
 * local header | data | … | central directory: one record per entry | end record: count, directory size and offset
 */
import type { FileHandle } from 'node:fs/promises'

const END_SIGNATURE = 0x06054b50
const CENTRAL_SIGNATURE = 0x02014b50
const LOCAL_SIGNATURE = 0x04034b50
const END_BYTES = 22
const COMMENT_MAX_BYTES = 65_535
const CENTRAL_BYTES = 46
const LOCAL_BYTES = 30

export interface ZipEntry {
  /** 0 stored, 8 deflate. */
  method: number
  crc: number
  /** Range of the data in the file. */
  start: number
  end: number
}

/** The entry, or a sentence that says why there is not exactly one readable entry. */
export async function zipEntry(file: FileHandle, size: number): Promise<ZipEntry | string> {
  const tail = await bytes(file, Math.max(0, size - END_BYTES - COMMENT_MAX_BYTES), Math.min(size, END_BYTES + COMMENT_MAX_BYTES))
  const at = lastSignature(tail)
  if (at < 0) return 'the zip file is cut off'
  const count = tail.readUInt16LE(at + 10)
  if (count !== 1) return `the zip file holds ${count} files, exactly one is allowed`
  const central = await bytes(file, tail.readUInt32LE(at + 16), CENTRAL_BYTES)
  if (central.length < CENTRAL_BYTES || central.readUInt32LE(0) !== CENTRAL_SIGNATURE) return 'the zip directory is damaged or is zip64'
  if (central.readUInt16LE(8) & 1) return 'the zip entry is encrypted'
  const method = central.readUInt16LE(10)
  if (method !== 0 && method !== 8) return `the zip entry uses compression method ${method}`
  const localAt = central.readUInt32LE(42)
  const local = await bytes(file, localAt, LOCAL_BYTES)
  if (local.length < LOCAL_BYTES || local.readUInt32LE(0) !== LOCAL_SIGNATURE) return 'the zip entry is damaged'
  const start = localAt + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
  const end = start + central.readUInt32LE(20)
  if (end > size) return 'the zip entry is cut off'
  return { method, crc: central.readUInt32LE(16), start, end }
}

function lastSignature(tail: Buffer): number {
  for (let at = tail.length - END_BYTES; at >= 0; at--) if (tail.readUInt32LE(at) === END_SIGNATURE) return at
  return -1
}

async function bytes(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, at)
  return buffer.subarray(0, bytesRead)
}
