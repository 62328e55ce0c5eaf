/**
 * Every file operation of the spool, behind one small interface, so that tests can let each of them fail, write short, or be
 * slow. Errors are node's own (`code` is ENOSPC, EIO, …); `failure.ts` turns them into CollectorErrors.
 */
import { constants, statSync } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, opendir, readFile, rename, statfs, unlink } from 'node:fs/promises'

/** An open file. Calls on one file never overlap. */
export interface SpoolFile {
  /** Writes the buffers one after the other from `position` on; returns how many bytes were taken, which may be fewer than asked. */
  write(buffers: readonly Uint8Array[], position: number): Promise<number>
  /** Reads up to `buffer.length` bytes; returns how many there were, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** fdatasync: content and size are on the disk when it resolves. */
  datasync(): Promise<void>
  truncate(size: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** `read`: must exist. `write`: for reading and writing, made with mode 0600 when missing. */
export type OpenMode = 'read' | 'write'

export interface SpoolIo {
  open(path: string, mode: OpenMode): Promise<SpoolFile>
  /** The whole file; only for files whose size was checked or is ours (ledgers, VERSION). */
  readFile(path: string): Promise<Buffer>
  rename(from: string, to: string): Promise<void>
  /** Removes a file; one that is missing is fine. */
  remove(path: string): Promise<void>
  /** Makes a directory with mode 0700, and its parents; takes the rights of others away from one that exists. */
  makeDirectory(path: string): Promise<void>
  /** Names of the files in a directory, streamed, in no order. */
  names(path: string): AsyncIterable<string>
  /** fsync of a directory: renames and new names in it are on the disk when it resolves. */
  syncDirectory(path: string): Promise<void>
  /**
   * Size of a file, or undefined when it is missing. Synchronous, because at start it is asked for every file of the spool and
   * a promise per file makes 100,000 segments take ten times as long.
   */
  sizeOf(path: string): number | undefined
  /** Bytes this process may still write on the disk that holds the path. */
  freeBytes(path: string): Promise<number>
}

/** Most buffers in one writev call; Linux allows 1,024. */
const WRITEV_MAX = 512

class NodeFile implements SpoolFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<number> {
    const { bytesWritten } = await this.#handle.writev(buffers.slice(0, WRITEV_MAX), position)
    return bytesWritten
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position)
    return bytesRead
  }

  datasync(): Promise<void> {
    return this.#handle.datasync()
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size)
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** The real disk. */
export const nodeIo: SpoolIo = {
  async open(path, mode) {
    const flags = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT
    return new NodeFile(await open(path, flags, 0o600))
  },
  readFile: path => readFile(path),
  rename: (from, to) => rename(from, to),
  async remove(path) {
    await unlink(path).catch(ignoreMissing)
  },
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    // A volume may belong to another user who lets this one write; then its rights are not ours to change.
    await chmod(path, 0o700).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPERM') throw error
    })
  },
  async *names(path) {
    for await (const entry of await opendir(path, { bufferSize: 1024 })) if (entry.isFile()) yield entry.name
  },
  async syncDirectory(path) {
    const handle = await open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  sizeOf: path => statSync(path, { throwIfNoEntry: false })?.size,
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** Writes all the bytes at `position`, going on after short writes. */
export async function writeFully(file: SpoolFile, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers.filter(buffer => buffer.length > 0)
  let at = position
  while (rest.length > 0) {
    const written = await file.write(rest, at)
    if (written <= 0) throw Object.assign(new Error('the disk took no bytes of a write'), { code: 'EIO' })
    at += written
    rest = after(rest, written)
  }
}

/** What is left of the buffers when their first `count` bytes are gone. */
function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let index = 0
  let left = count
  while (index < buffers.length && buffers[index]!.length <= left) left -= buffers[index++]!.length
  const rest = buffers.slice(index)
  if (left > 0) rest[0] = rest[0]!.subarray(left)
  return rest
}

/** Reads exactly `length` bytes from `position`, or fewer when the file ends before. */
export const readFully = (file: SpoolFile, position: number, length: number): Promise<Buffer> =>
  readInto(Buffer.allocUnsafe(length), file, position)

/** Fills the buffer from `position` on, or as far as the file goes; returns what was filled. */
export async function readInto(buffer: Buffer, file: SpoolFile, position: number): Promise<Buffer> {
  let filled = 0
  while (filled < buffer.length) {
    const count = await file.read(buffer.subarray(filled), position + filled)
    if (count === 0) break
    filled += count
  }
  return buffer.subarray(0, filled)
}
