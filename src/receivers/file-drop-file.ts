/** Takes one complete file of a watched folder to its end, or on from where it was left; see resumable-read.ts. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { FileDropState } from './file-drop-state.ts'
import { ResumableRead, type ResumableReadDeps, type ResumableReadOptions } from './resumable-read.ts'

export interface TakeDeps extends Omit<ResumableReadDeps, 'save'> {
  state: FileDropState
}

export interface Taken {
  /** `grown`: it was read to an end that is not its end any more. `stopped`: to be continued. */
  outcome: 'taken' | 'grown' | 'stopped'
  key: string
  bytes: number
}

/** The file is not what the scan saw: a link or special file took its place. */
export class NotAFile extends Error {}

const READ_BYTES = 256 * 1024

/** Takes the file to its end. Rejects with UnpackError, NotAFile, errors of the file system, or those of the intake. */
export async function takeFile(path: string, options: ResumableReadOptions, deps: TakeDeps): Promise<Taken> {
  // Without O_NONBLOCK a pipe put there meanwhile would block a thread of the pool for good.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const before = await file.stat()
    if (!before.isFile()) throw new NotAFile('it is not a regular file')
    const { key, headBytes, state } = await deps.state.find(file, before.size)
    if (state?.step === 'finished' && state.size === before.size) return { outcome: 'taken', key, bytes: 0 }
    const facts = { headBytes, size: before.size }
    const reading = new ResumableRead(state, options, {
      ...deps,
      save: position => deps.state.set(key, { ...facts, ...position, step: 'reading' })
    })
    const isDone = await reading.run(readFrom(file))
    if (!isDone) return { outcome: 'stopped', key, bytes: reading.bytes }
    const after = await file.stat()
    const hasGrown = after.size !== before.size
    await deps.state.set(key, { ...facts, ...reading.position, step: hasGrown ? 'reading' : 'finished' })
    return { outcome: hasGrown ? 'grown' : 'taken', key, bytes: reading.bytes }
  } finally {
    await file.close()
  }
}

async function* readFrom(file: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}
