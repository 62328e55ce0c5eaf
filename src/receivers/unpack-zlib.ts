/**
 * gzip (RFC 1952, every member) and zstd (RFC 8878, every frame) as streams. node:zlib ends at the first zstd frame that ends
 * within a chunk and takes padding after a gzip member for a fault, so that members and frames are told apart here.
 */
import type { Buffer } from 'node:buffer'
import type { Transform } from 'node:stream'
import { constants, crc32, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { type ChunkReader, UnpackError } from './unpack-reader.ts'

const PIECE_BYTES = 64 * 1024
/** Largest zstd window: its memory is held per file. RFC 8878 section 3.1.1.1.2 asks for 8 MiB at least; zstd -19 needs that much. */
const ZSTD_WINDOW_LOG_MAX = 25

type Engine = Transform & { bytesWritten: number }

/** Deflate without header (RFC 1951) up to its end; what follows stays in the reader. */
export const inflated = (reader: ChunkReader): AsyncGenerator<Buffer> => through(reader, createInflateRaw({ chunkSize: PIECE_BYTES }))

/** The output of an engine that is fed from the reader until it ends; bytes that it did not want go back to the reader. */
async function* through(reader: ChunkReader, engine: Engine): AsyncGenerator<Buffer> {
  const fed = { bytes: 0, last: undefined as Buffer | undefined }
  const ended = new Promise<void>(resolve => {
    engine.once('end', resolve)
    engine.once('close', resolve)
  })
  const feeding = feed(reader, engine, fed, ended)
  let isOver = false
  try {
    for await (const piece of engine as AsyncIterable<Buffer>) yield piece
    isOver = true
  } catch (error) {
    throw faultOf(error as NodeJS.ErrnoException)
  } finally {
    engine.destroy()
  }
  if (!isOver || fed.last === undefined) return
  await feeding
  const unwanted = fed.bytes - engine.bytesWritten
  if (unwanted > 0) reader.unread(fed.last.subarray(fed.last.length - unwanted))
}

function faultOf(error: NodeJS.ErrnoException): Error {
  if (error.code === 'ZSTD_error_frameParameter_windowTooLarge') {
    const message =
      'the zstd file has a window of more than 32 MiB (--long or --ultra); pack it again (zstd -dc --long=31 FILE | gzip > FILE.gz)'
    return new UnpackError('limit', message, { cause: error })
  }
  return typeof error.errno === 'number' ? new UnpackError('damaged', `the file is damaged: ${error.message}`, { cause: error }) : error
}

/** One chunk at a time, so that at the end at most one has to be put back. */
async function feed(
  reader: ChunkReader,
  engine: Engine,
  fed: { bytes: number; last: Buffer | undefined },
  ended: Promise<void>
): Promise<void> {
  try {
    while (!engine.readableEnded && !engine.destroyed) {
      const chunk = await reader.next()
      if (engine.readableEnded || engine.destroyed) {
        if (chunk !== undefined) reader.unread(chunk)
        return
      }
      if (chunk === undefined) {
        engine.end()
        return
      }
      fed.bytes += chunk.length
      fed.last = chunk
      await Promise.race([new Promise<unknown>(resolve => engine.write(chunk, resolve)), ended])
      if (engine.bytesWritten < fed.bytes) return // it wants no more, which 'end' tells only when all was read
    }
  } catch (error) {
    engine.destroy(error as Error)
  }
}

const FLAG_HEADER_CRC = 0x02
const FLAG_EXTRA = 0x04
const FLAG_NAME = 0x08
const FLAG_COMMENT = 0x10
const FLAGS_RESERVED = 0xe0
const METHOD_DEFLATE = 8
/** Longest name or comment in a gzip header. */
const TEXT_MAX_BYTES = 4096

/** Every member of a gzip file, checksums compared. Zeros after the last member (tapes, block devices) are no fault. */
export async function* gunzipped(reader: ChunkReader): AsyncGenerator<Buffer> {
  do {
    await readGzipHeader(reader)
    let crc = 0
    let size = 0
    for await (const piece of inflated(reader)) {
      crc = crc32(piece, crc)
      size += piece.length
      yield piece
    }
    const trailer = await reader.read(8)
    if (trailer.readUInt32LE(0) !== crc || trailer.readUInt32LE(4) !== size % 2 ** 32) {
      throw new UnpackError('damaged', 'the file is damaged: the gzip checksum is not that of its content')
    }
  } while (await hasMoreMembers(reader))
}

/*
 * RFC 1952 section 2.3:  1f 8b | method | flags | mtime 4 | extra flags | system | [extra: length 2, bytes] [name 0] [comment 0] [crc 2]
 */
async function readGzipHeader(reader: ChunkReader): Promise<void> {
  const head = await reader.read(10)
  const flags = head[3]!
  if (head[2] !== METHOD_DEFLATE || (flags & FLAGS_RESERVED) !== 0) throw new UnpackError('damaged', 'the gzip header is not valid')
  if ((flags & FLAG_EXTRA) !== 0) await reader.read((await reader.read(2)).readUInt16LE(0))
  if ((flags & FLAG_NAME) !== 0) await skipText(reader)
  if ((flags & FLAG_COMMENT) !== 0) await skipText(reader)
  if ((flags & FLAG_HEADER_CRC) !== 0) await reader.read(2)
}

async function skipText(reader: ChunkReader): Promise<void> {
  for (let length = 0; length < TEXT_MAX_BYTES; length++) {
    if ((await reader.read(1))[0] === 0) return
  }
  throw new UnpackError('damaged', 'the gzip header is not valid: its name or comment does not end')
}

async function hasMoreMembers(reader: ChunkReader): Promise<boolean> {
  const head = await reader.peek(2)
  if (head[0] === 0x1f && head[1] === 0x8b) return true
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    if (chunk.some(byte => byte !== 0)) throw new UnpackError('damaged', 'there is something else after the gzip data')
  }
  return false
}

/** Every frame of a zstd file; skippable frames are left out. */
export async function* unzstd(reader: ChunkReader): AsyncGenerator<Buffer> {
  while ((await reader.peek(1)).length > 0) {
    if (isSkippableFrame(await reader.peek(4))) {
      const head = await reader.read(8)
      for await (const _ of reader.pieces(head.readUInt32LE(4)));
      continue
    }
    const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX }
    yield* through(reader, createZstdDecompress({ chunkSize: PIECE_BYTES, params }) as Engine)
  }
}

/** RFC 8878 section 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian. */
export const isSkippableFrame = (head: Buffer): boolean => head.length >= 4 && (head.readUInt32LE(0) & 0xfffffff0) >>> 0 === 0x184d2a50
