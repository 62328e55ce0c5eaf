/** Where verbs read logs from. */
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Io } from './verb.ts'

const GZIP_MARK = Buffer.from([0x1f, 0x8b])

/**
 * The chunks of a file, or of standard input for `-`, unpacked when they begin with the mark of gzip, whatever the name. `onRead` is
 * told how many bytes were read so far, before unpacking.
 */
export async function* textOf(file: string, io: Io, onRead: (bytes: number) => void = () => undefined): AsyncGenerator<Buffer> {
  const bytes = (file === '-' ? io.stdin : createReadStream(resolve(io.cwd, file), { highWaterMark: 256 * 1024 })) as Readable
  const chunks = counted(bytes, onRead)
  let head: Buffer = Buffer.alloc(0)
  let end = false
  while (head.length < GZIP_MARK.length && !end) {
    const { done, value } = await chunks.next()
    if (done === true) end = true
    else head = Buffer.concat([head, value])
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield head
    for (;;) {
      const { done, value } = await chunks.next()
      if (done === true) return
      yield value
    }
  }
  if (!head.subarray(0, GZIP_MARK.length).equals(GZIP_MARK)) return yield* all()
  const inflated = createGunzip()
  pipeline(Readable.from(all()), inflated, () => {}) // an error destroys `inflated` with it, and so ends the loop below
  yield* inflated as AsyncIterable<Buffer>
}

async function* counted(chunks: AsyncIterable<Buffer>, onRead: (bytes: number) => void): AsyncGenerator<Buffer, undefined> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    onRead(bytes)
    yield chunk
  }
}
