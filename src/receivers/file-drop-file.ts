/**
 * Reads one complete file into an intake, with checkpoints: now and then what was handed over is committed and the position
 * written down, at the start of a line. A stop is a checkpoint too, so that a restart goes on exactly there; after a crash
 * what followed the last checkpoint is read again, and that part may be doubled. JSON has no line to go on at: it is read again
 * from its start.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Framing, Intake } from '../contracts.ts'
import type { FileDropState, FileState } from './file-drop-state.ts'
import { type UnpackLimits, unpacked } from './unpack.ts'
import { framingOf } from './unpack-deliver.ts'

export interface TakeOptions extends UnpackLimits {
  format: 'auto' | 'lines' | 'json'
  checkpointBytes: number
}

export interface TakeDeps {
  state: FileDropState
  open(framing: Framing): Intake
  onBytes(count: number): void
  onWait(isWaiting: boolean): void
  /** Asked after each piece: `soon` ends at the next line, `now` anywhere. */
  stopping(): 'no' | 'soon' | 'now'
}

export interface Taken {
  /** `grown`: it was read to an end that is not its end any more. `stopped`: to be continued. */
  outcome: 'taken' | 'grown' | 'stopped'
  key: string
  bytes: number
}

/** The file is not what the scan saw: a link or special file took its place. */
export class NotAFile extends Error {}

const LINE_FEED = 0x0a
const HEADER_MAX_BYTES = 16 * 1024
const READ_BYTES = 256 * 1024

/** Takes the file to its end. Rejects with UnpackError, NotAFile, errors of the file system, or those of the intake. */
export async function takeFile(path: string, options: TakeOptions, deps: TakeDeps): Promise<Taken> {
  // Without O_NONBLOCK a pipe put there meanwhile would block a thread of the pool for good.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const before = await file.stat()
    if (!before.isFile()) throw new NotAFile('it is not a regular file')
    const { key, headBytes, state } = await deps.state.find(file, before.size)
    if (state?.step === 'finished' && state.size === before.size) return { outcome: 'taken', key, bytes: 0 }
    const reading = new Reading({ key, headBytes, size: before.size, from: state }, options, deps)
    const isDone = await reading.run(readFrom(file))
    if (!isDone) return { outcome: 'stopped', key, bytes: reading.bytes }
    const after = await file.stat()
    const hasGrown = after.size !== before.size
    await reading.save(hasGrown ? 'reading' : 'finished')
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

class Reading {
  bytes = 0
  readonly #file: { key: string; headBytes: number; size: number; from: FileState | undefined }
  readonly #options: TakeOptions
  readonly #deps: TakeDeps
  #intake: Intake | undefined
  #framing: Framing = 'lines'
  /** Of the unpacked content: all that was handed over, and the start of its last line. */
  #at = 0
  #lineStart: number
  #saved: number
  #header: string

  constructor(file: { key: string; headBytes: number; size: number; from: FileState | undefined }, options: TakeOptions, deps: TakeDeps) {
    this.#file = file
    this.#options = options
    this.#deps = deps
    this.#lineStart = file.from?.position ?? 0
    this.#saved = this.#lineStart
    this.#header = file.from?.header ?? ''
  }

  /** False when it was stopped before the end. */
  async run(chunks: AsyncIterable<Buffer>): Promise<boolean> {
    try {
      let skip = this.#saved
      for await (const whole of unpacked(chunks, this.#options)) {
        if (skip === 0 && this.#at === 0) this.#header = headerOf(whole)
        const skipped = Math.min(skip, whole.length)
        skip -= skipped
        this.#at += skipped
        if (whole.length > skipped) await this.#hand(whole.subarray(skipped))
        const stopping = this.#deps.stopping()
        if (stopping === 'now' || (stopping === 'soon' && this.#framing === 'lines')) {
          await this.#breakOff()
          return false
        }
        if (this.#lineStart - this.#saved >= this.#options.checkpointBytes && this.#framing === 'lines') await this.#checkpoint()
      }
      const intake = this.#intake
      this.#intake = undefined
      await intake?.end()
      this.#lineStart = this.#at
      return true
    } catch (error) {
      this.#intake?.abort()
      throw error
    }
  }

  save(step: FileState['step']): Promise<void> {
    const { key, headBytes, size } = this.#file
    return this.#deps.state.set(key, { headBytes, size, position: this.#lineStart, header: this.#header, step })
  }

  async #hand(piece: Buffer): Promise<void> {
    if (this.#intake === undefined) {
      this.#framing = this.#saved > 0 ? 'lines' : framingOf(piece, this.#options.format)
      this.#intake = this.#deps.open(this.#framing)
      if (this.#saved > 0 && this.#header !== '') await this.#wait(this.#intake.accept(Buffer.from(this.#header, 'latin1')))
    }
    this.#follow(piece)
    await this.#wait(this.#intake.accept(piece))
  }

  /** Keeps the position of the last line, and the last directive that names fields. */
  #follow(piece: Buffer): void {
    this.bytes += piece.length
    this.#deps.onBytes(piece.length)
    const lineFeed = piece.lastIndexOf(LINE_FEED)
    if (lineFeed >= 0) this.#lineStart = this.#at + lineFeed + 1
    const isHead = this.#at === 0
    this.#at += piece.length
    const fields = piece.lastIndexOf('\n#Fields')
    if (fields < 0 || (isHead && fields < this.#header.length)) return
    const end = piece.indexOf(LINE_FEED, fields + 1)
    if (end > 0 && end - fields <= HEADER_MAX_BYTES) this.#header = piece.toString('latin1', fields + 1, end + 1)
  }

  async #wait(room: Promise<void> | undefined): Promise<void> {
    if (room === undefined) return
    this.#deps.onWait(true)
    await room.finally(() => this.#deps.onWait(false))
  }

  async #checkpoint(): Promise<void> {
    await this.#intake?.commit()
    this.#saved = this.#lineStart
    await this.save('reading')
  }

  async #breakOff(): Promise<void> {
    const intake = this.#intake
    if (this.#framing === 'lines' && this.#lineStart > this.#saved) await this.#checkpoint()
    this.#intake = undefined
    intake?.abort()
  }
}

/**
 * The lines at the head that later lines need: directives (`#…`), or a first line that looks like a header row, having neither
 * an address nor a time in it.
 */
function headerOf(first: Buffer): string {
  const text = first.toString('latin1', 0, HEADER_MAX_BYTES)
  const directives = /^(?:\xef\xbb\xbf)?(?:#[^\n]*\n)+/.exec(text)?.[0]
  if (directives !== undefined) return directives
  const line = /^[^\n]*\n/.exec(text)?.[0] ?? ''
  return /\d\.\d|\d:\d|\d{4}|:[0-9a-f]*:/i.test(line) ? '' : line
}
