/** The bytes of one SFTP upload between its write requests and its reader. A request is answered when its bytes were used. */
import { TransferAborted } from './ftp-upload.ts'

/** Clients keep 2 MiB on their way; who sends much more does not wait for answers. */
const QUEUED_MAX_BYTES = 8 * 1024 * 1024

interface Part {
  bytes: Buffer
  used(): void
}

export class WriteQueue implements AsyncIterable<Buffer> {
  readonly #parts: Part[] = []
  #end: 'open' | 'ended' | Error = 'open'
  #wake: () => void = () => {}
  queuedBytes = 0

  /** False when there is too much already. `used` is called when the reader wants the next bytes. */
  push(bytes: Buffer, used: () => void): boolean {
    if (this.queuedBytes + bytes.length > QUEUED_MAX_BYTES) return false
    this.queuedBytes += bytes.length
    this.#parts.push({ bytes, used })
    this.#wake()
    return true
  }

  end(): void {
    if (this.#end === 'open') this.#end = 'ended'
    this.#wake()
  }

  /** The reader fails with this, whatever is queued. */
  abort(message: string): void {
    if (this.#end === 'open') this.#end = new TransferAborted(message)
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      if (typeof this.#end === 'object') throw this.#end
      const part = this.#parts.shift()
      if (part !== undefined) {
        yield part.bytes
        this.queuedBytes -= part.bytes.length
        part.used()
      } else if (this.#end === 'ended') return
      else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }
}
