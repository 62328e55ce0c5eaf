/**
 * A segment of the archive's spool as a zstd file. Streams: memory is a few buffers, whatever the segment holds. Reads and writes are
 * synchronous, since this runs in the archive's own thread: a disk that hangs must not take threads from the pool that the tenant's
 * spool lives on.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Segment } from '../../contracts.ts'
import { CollectorError } from '../../errors.ts'
import type { ZstdLibrary } from './zstd.ts'

export interface PackedFile {
  path: string
  bytes: number
  /** Of the file, as Content-MD5 wants it. */
  md5: Buffer
}

const READ_BYTES = 256 * 1024

/**
 * Writes `to`, over what a crash may have left there. Rejects with SEGMENT_DAMAGED when the segment's content is not what its ledger says;
 * with the disk's error otherwise.
 */
export async function packSegment(segment: Segment, to: string, zstd: ZstdLibrary, level: number): Promise<PackedFile> {
  const hash = createHash('md5')
  const gunzip = createGunzip()
  let rawBytes = 0
  let bytes = 0
  const file = openSync(to, 'w', 0o600)
  try {
    await pipeline(
      chunksOf(segment.path),
      gunzip,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          rawBytes += chunk.length
          yield chunk
        }
      },
      zstd.compressor(level),
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          try {
            for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at)
            bytes += chunk.length
            hash.update(chunk)
            done()
          } catch (error) {
            done(error as Error)
          }
        }
      })
    )
  } catch (error) {
    if (/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) throw damaged(segment, String(error))
    throw error
  } finally {
    closeSync(file)
  }
  if (rawBytes !== segment.rawBytes) throw damaged(segment, `it holds ${rawBytes} bytes of lines, expected ${segment.rawBytes}`)
  return { path: to, bytes, md5: hash.digest() }
}

/** A chunk is a copy of its own: the next one is read while streams still hold it. */
function* chunksOf(path: string): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(READ_BYTES)
      const count = readSync(file, buffer)
      if (count === 0) return
      yield buffer.subarray(0, count)
    }
  } finally {
    closeSync(file)
  }
}

const damaged = (segment: Segment, why: string): CollectorError =>
  new CollectorError('SEGMENT_DAMAGED', `Cannot archive segment ${segment.id}: ${why}`)
