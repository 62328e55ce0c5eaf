/**
 * A file of real bytes that is given up when the disk is full, so that the few hundred bytes of a ledger step or a trailer still
 * find room: without them nothing could be uploaded, and without uploads a full disk would stay full.
 */
import { isNoSpace } from './failure.ts'
import { type SpoolIo, writeFully } from './io.ts'

export const RESERVE_FILE_BYTES = 1024 * 1024

export class ReserveFile {
  readonly #io: SpoolIo
  readonly #path: string

  constructor(io: SpoolIo, dir: string) {
    this.#io = io
    this.#path = `${dir}/reserve`
  }

  /** Makes the file unless it is there; a failure only means that there is no reserve now. */
  async ensure(): Promise<void> {
    if (this.#io.sizeOf(this.#path) === RESERVE_FILE_BYTES) return
    try {
      const file = await this.#io.open(this.#path, 'write')
      try {
        await writeFully(file, [Buffer.alloc(RESERVE_FILE_BYTES, 0x55)], 0)
        await file.datasync()
      } finally {
        await file.close()
      }
    } catch {
      await this.#io.remove(this.#path).catch(() => undefined)
    }
  }

  /** Runs the work, and once more without the reserve when the disk is full. The work must bear being repeated. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isNoSpace(error)) throw error
      await this.#io.remove(this.#path)
      return await work()
    }
  }
}
