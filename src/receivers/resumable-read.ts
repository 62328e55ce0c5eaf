/**
 * Reads one packed or plain file (of a disk, of a bucket) into an intake, with checkpoints: now and then what was handed over is
 * committed and the position written down, at the start of a line. A stop is a checkpoint too, so that a restart goes on exactly
 * there; after a crash what followed the last checkpoint is read again, and that part may be doubled. JSON has no line to go on
 * at: it is read again from its start.
 */
import type { Framing, Intake } from '../contracts.ts'
import { type UnpackLimits, unpacked } from './unpack.ts'
import { framingOf } from './unpack-deliver.ts'

export interface ResumableReadOptions extends UnpackLimits {
  format: 'auto' | 'lines' | 'json'
  /** Unpacked bytes between two checkpoints. */
  checkpointBytes: number
}

/** Where to go on. */
export interface Position {
  /** Bytes of the unpacked content whose lines are durable; at the start of a line. */
  position: number
  /** Lines to read again before the position, because the lines after them need them (`#Fields`, a header row). */
  header: string
}

export interface ResumableReadDeps {
  open(framing: Framing): Intake
  /** Keeps the position; durable when it resolves. */
  save(position: Position): Promise<void>
  onBytes(count: number): void
  onWait(isWaiting: boolean): void
  /** Asked after each piece: `soon` ends at the next line, `now` anywhere. */
  stopping(): 'no' | 'soon' | 'now'
}

const LINE_FEED = 0x0a
const HEADER_MAX_BYTES = 16 * 1024

export class ResumableRead {
  bytes = 0
  readonly #options: ResumableReadOptions
  readonly #deps: ResumableReadDeps
  readonly #from: number
  #intake: Intake | undefined
  #framing: Framing = 'lines'
  /** Of the unpacked content: all that was handed over, and the start of its last line. */
  #at = 0
  #lineStart: number
  #saved: number
  #header: string
  #sourceError: { error: unknown } | undefined

  constructor(from: Position | undefined, options: ResumableReadOptions, deps: ResumableReadDeps) {
    this.#options = options
    this.#deps = deps
    this.#from = from?.position ?? 0
    this.#lineStart = this.#from
    this.#saved = this.#from
    this.#header = from?.header ?? ''
  }

  /** Where the next line would begin. */
  get position(): Position {
    return { position: this.#lineStart, header: this.#header }
  }

  /**
   * True when all of it is durable, false when it was stopped before the end. Rejects with UnpackError, the error of `chunks`
   * (after a checkpoint, so that what came before counts once), or that of the intake.
   */
  async run(chunks: AsyncIterable<Buffer>): Promise<boolean> {
    try {
      return await this.#readAll(this.#watched(chunks))
    } catch (error) {
      if (this.#sourceError === undefined) {
        this.#intake?.abort()
        throw error
      }
      await this.#breakOff()
      throw this.#sourceError.error
    }
  }

  async #readAll(chunks: AsyncIterable<Buffer>): Promise<boolean> {
    let skip = this.#from
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
  }

  /** Tells an error of the source from one of its content. */
  async *#watched(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      yield* chunks
    } catch (error) {
      this.#sourceError = { error }
      throw error
    }
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
    await this.#deps.save(this.position)
  }

  async #breakOff(): Promise<void> {
    const intake = this.#intake
    try {
      if (this.#framing === 'lines' && this.#lineStart > this.#saved) await this.#checkpoint()
    } finally {
      this.#intake = undefined
      intake?.abort()
    }
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
