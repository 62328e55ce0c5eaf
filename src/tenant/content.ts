/**
 * Reads an uploaded file as the service would: gzip, zip or text, told by content. Hands out the text in chunks and says what is
 * wrong with the container: other compressions, several members or entries, damage, bytes behind the end.
 *
 * gzip (RFC 1952):  1f 8b 08 flags mtime(4) xfl os [extra] [name] [comment] [crc16] | deflate … | crc32(4) length(4)
 */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import { zipEntry } from './zip.ts'

/** Reasons in the words of the service's governance log. */
export const UNSUPPORTED_FILE = 'Unsupported file type'
export const FORMAT_MISMATCH = "The log format doesn't match"
export const TOO_OLD = 'Transactions are more than 90 days old'
export const NO_TRANSACTIONS = 'No transactions to cataloged cloud apps'
export const TOO_LARGE = 'File is too large'

export interface Fault {
  /** One of the reasons above. */
  reason: string
  /** What was seen, for a person. */
  detail: string
}

export interface Content {
  kind: 'gzip' | 'zip' | 'text' | 'unknown'
  /** Bytes of text that were read. */
  rawBytes: number
  fault?: Fault
}

/** Takes text in order; the bytes are lent until it returns. */
export type OnText = (chunk: Buffer) => void

const HEAD_BYTES = 64 * 1024
const CHUNK_BYTES = 256 * 1024

const FOREIGN_MAGIC: readonly [name: string, magic: Buffer][] = [
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['bzip2', Buffer.from('BZh')],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['7z', Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c])],
  ['UTF-16', Buffer.from([0xff, 0xfe])],
  ['UTF-16', Buffer.from([0xfe, 0xff])]
]

const unsupported = (detail: string): Fault => ({ reason: UNSUPPORTED_FILE, detail })
const damaged = (detail: string): Fault => ({ reason: FORMAT_MISMATCH, detail })

/**
 * Reads the whole file, at most `rawBytesMax` bytes of text. Rejects only when the disk fails or the signal fires; what is wrong
 * with the file comes back as `fault`.
 */
export async function readContent(path: string, rawBytesMax: number, onText: OnText, signal?: AbortSignal): Promise<Content> {
  const file = await open(path, 'r')
  try {
    const size = (await file.stat()).size
    const head = Buffer.alloc(Math.min(HEAD_BYTES, size))
    await file.read(head, 0, head.length, 0)
    if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return await readGzip(file, path, head, size, rawBytesMax, onText, signal)
    if (head.length >= 4 && head.readUInt32LE(0) === 0x04034b50) return await readZip(file, path, size, rawBytesMax, onText, signal)
    return await readText(path, head, rawBytesMax, onText, signal)
  } finally {
    await file.close()
  }
}

async function readText(path: string, head: Buffer, rawBytesMax: number, onText: OnText, signal?: AbortSignal): Promise<Content> {
  for (const [name, magic] of FOREIGN_MAGIC) {
    if (head.subarray(0, magic.length).equals(magic)) return { kind: 'unknown', rawBytes: 0, fault: unsupported(`the file is ${name}`) }
  }
  if (head.includes(0)) return { kind: 'unknown', rawBytes: 0, fault: unsupported('neither text, gzip nor zip: there are NUL bytes') }
  const tally = await drain(createReadStream(path, { highWaterMark: CHUNK_BYTES }), rawBytesMax, onText, signal)
  return withLimit({ kind: 'text', rawBytes: tally.length }, rawBytesMax)
}

async function readGzip(
  file: FileHandle,
  path: string,
  head: Buffer,
  size: number,
  rawBytesMax: number,
  onText: OnText,
  signal?: AbortSignal
): Promise<Content> {
  const start = gzipHeaderLength(head)
  if (start < 0) return { kind: 'gzip', rawBytes: 0, fault: damaged('the gzip header is broken') }
  const body = await inflate(path, start, size, rawBytesMax, onText, signal)
  const content: Content = { kind: 'gzip', rawBytes: body.length }
  if (body.length > rawBytesMax) return withLimit(content, rawBytesMax)
  if (!body.whole) return { ...content, fault: damaged('the gzip data is damaged or cut off') }
  const trailer = Buffer.alloc(8)
  const end = start + body.consumed
  const { bytesRead } = await file.read(trailer, 0, 8, end)
  if (bytesRead < 8) return { ...content, fault: damaged('the gzip trailer is missing') }
  if (trailer.readUInt32LE(0) !== body.crc) return { ...content, fault: damaged('the gzip checksum is wrong') }
  if (trailer.readUInt32LE(4) !== body.length % 2 ** 32) return { ...content, fault: damaged('the gzip length is wrong') }
  if (end + 8 === size) return content
  const next = Buffer.alloc(2)
  await file.read(next, 0, 2, end + 8)
  const detail = next[0] === 0x1f && next[1] === 0x8b ? 'the gzip file has several members' : 'there are bytes behind the gzip member'
  return { ...content, fault: unsupported(detail) }
}

/** Offset of the deflate data, or -1. */
function gzipHeaderLength(head: Buffer): number {
  if (head.length < 18 || head[2] !== 8) return -1
  const flags = head[3]!
  let at = 10
  if (flags & 4) at += 2 + head.readUInt16LE(at)
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue
    const zero = head.indexOf(0, at)
    if (zero < 0) return -1
    at = zero + 1
  }
  if (flags & 2) at += 2
  return at < head.length ? at : -1
}

async function readZip(
  file: FileHandle,
  path: string,
  size: number,
  rawBytesMax: number,
  onText: OnText,
  signal?: AbortSignal
): Promise<Content> {
  const entry = await zipEntry(file, size)
  if (typeof entry === 'string') return { kind: 'zip', rawBytes: 0, fault: unsupported(entry) }
  const body =
    entry.method === 8
      ? await inflate(path, entry.start, entry.end, rawBytesMax, onText, signal)
      : {
          ...(await drain(
            createReadStream(path, { start: entry.start, end: Math.max(entry.start, entry.end - 1), highWaterMark: CHUNK_BYTES }),
            rawBytesMax,
            onText,
            signal
          )),
          whole: true
        }
  const content = withLimit({ kind: 'zip', rawBytes: body.length }, rawBytesMax)
  if (content.fault) return content
  if (!body.whole || body.crc !== entry.crc) return { ...content, fault: damaged('the zip entry is damaged') }
  return content
}

interface Tally {
  /** Bytes that came out. */
  length: number
  crc: number
}

interface Inflated extends Tally {
  /** The deflate data came to its end. */
  whole: boolean
  /** Bytes of the file that belong to it. */
  consumed: number
}

async function inflate(
  path: string,
  start: number,
  end: number,
  rawBytesMax: number,
  onText: OnText,
  signal?: AbortSignal
): Promise<Inflated> {
  if (start >= end) return { length: 0, crc: 0, whole: false, consumed: 0 }
  const engine = createInflateRaw({ chunkSize: CHUNK_BYTES })
  const tally: Tally = { length: 0, crc: 0 }
  let whole = false
  const take = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) if (!add(tally, chunk, rawBytesMax, onText)) return
    whole = true
  }
  const input = createReadStream(path, { start, end: end - 1, highWaterMark: CHUNK_BYTES })
  try {
    await pipeline(input, engine, take, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    // When deflate ends before the file does, Node reports the unread rest as a broken pipe; `whole` tells the two cases apart.
    if (!whole && (error as NodeJS.ErrnoException).syscall !== undefined) throw error
  }
  return { ...tally, whole, consumed: engine.bytesWritten }
}

async function drain(source: Readable, rawBytesMax: number, onText: OnText, signal?: AbortSignal): Promise<Tally> {
  const tally: Tally = { length: 0, crc: 0 }
  for await (const chunk of source) {
    signal?.throwIfAborted()
    if (!add(tally, chunk as Buffer, rawBytesMax, onText)) break
  }
  return tally
}

/** False once the limit is passed: a small file may inflate to anything. */
function add(tally: Tally, chunk: Buffer, rawBytesMax: number, onText: OnText): boolean {
  tally.length += chunk.length
  if (tally.length > rawBytesMax) return false
  tally.crc = crc32(chunk, tally.crc)
  onText(chunk)
  return true
}

const withLimit = (content: Content, rawBytesMax: number): Content =>
  content.rawBytes > rawBytesMax
    ? { ...content, fault: { reason: TOO_LARGE, detail: `more than ${rawBytesMax} bytes of text; split the file` } }
    : content
