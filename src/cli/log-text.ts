/** Where verbs read logs from. */
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { CHOSEN_FILE_LIMITS, unpacked } from '../receivers/unpack.ts'
import type { Io } from './verb.ts'

/**
 * The chunks of a file, or of standard input for `-`, unpacked as dropped and uploaded files are, whatever the name. `onRead` is told
 * how many bytes were read so far, before unpacking. Rejects with UnpackError or what the file system says.
 */
export function textOf(file: string, io: Io, onRead: (bytes: number) => void = () => undefined): AsyncGenerator<Buffer> {
  const bytes = file === '-' ? io.stdin : createReadStream(resolve(io.cwd, file), { highWaterMark: 256 * 1024 })
  return unpacked(counted(bytes as Readable, onRead), CHOSEN_FILE_LIMITS)
}

async function* counted(chunks: AsyncIterable<Buffer>, onRead: (bytes: number) => void): AsyncGenerator<Buffer, undefined> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    onRead(bytes)
    yield chunk
  }
}
