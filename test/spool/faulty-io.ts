/** A disk that fails when told to: wraps the real one and asks before every operation. */
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeIo, type SpoolFile, type SpoolIo } from '../../src/spool/io.ts'

export const OPERATIONS = [
  'open',
  'readFile',
  'rename',
  'remove',
  'syncDirectory',
  'freeBytes',
  'write',
  'read',
  'datasync',
  'truncate'
] as const
export type Operation = (typeof OPERATIONS)[number]
/** An errno name makes the operation fail; `short` lets a write take some of the bytes, `torn` too, but then fail with EIO. */
export type Fault = 'ENOSPC' | 'EIO' | 'short' | 'torn' | undefined

const NOTHING = Buffer.alloc(0)

export class FaultyIo implements SpoolIo {
  /** Set by the test; asked with the operation, the path it is about, and what is written. */
  fault: (operation: Operation, path: string, bytes: Buffer) => Fault = () => undefined
  /** Set by the test; called when an operation succeeded. */
  succeeded: (operation: Operation, path: string, bytes: Buffer) => void = () => undefined
  /** How long each operation takes besides, ms. */
  delayMs: () => number = () => 0
  free: number | undefined
  readonly #disk: SpoolIo

  constructor(disk: SpoolIo = nodeIo) {
    this.#disk = disk
  }

  async #do<T>(operation: Operation, path: string, work: (fault: Fault) => Promise<T>, bytes = NOTHING): Promise<T> {
    const delayMs = this.delayMs()
    if (delayMs > 0) await sleep(delayMs)
    const fault = this.fault(operation, path, bytes)
    if (fault === 'ENOSPC' || fault === 'EIO') throw Object.assign(new Error(`${fault}: made up, ${operation} ${path}`), { code: fault })
    const result = await work(fault)
    this.succeeded(operation, path, bytes)
    return result
  }

  async open(path: string, mode: 'read' | 'write'): Promise<SpoolFile> {
    return this.#wrap(await this.#do('open', path, () => this.#disk.open(path, mode)), path)
  }

  readFile(path: string): Promise<Buffer> {
    return this.#do('readFile', path, () => this.#disk.readFile(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do('rename', from, () => this.#disk.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#do('remove', path, () => this.#disk.remove(path))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#disk.makeDirectory(path)
  }

  names(path: string): AsyncIterable<string> {
    return this.#disk.names(path)
  }

  syncDirectory(path: string): Promise<void> {
    return this.#do('syncDirectory', path, () => this.#disk.syncDirectory(path))
  }

  sizeOf(path: string): number | undefined {
    return this.#disk.sizeOf(path)
  }

  freeBytes(path: string): Promise<number> {
    return this.#do('freeBytes', path, async () => this.free ?? (await this.#disk.freeBytes(path)))
  }

  #wrap(file: SpoolFile, path: string): SpoolFile {
    return {
      write: (buffers, position) => {
        const bytes = Buffer.concat(buffers)
        const work = async (fault: Fault): Promise<number> => {
          if (fault === undefined) return file.write(buffers, position)
          const written = await file.write([bytes.subarray(0, Math.max(1, bytes.length >> 1))], position)
          if (fault === 'torn') throw Object.assign(new Error('EIO: made up, torn write'), { code: 'EIO' })
          return written
        }
        return this.#do('write', path, work, bytes)
      },
      read: (buffer, position) => this.#do('read', path, () => file.read(buffer, position)),
      datasync: () => this.#do('datasync', path, () => file.datasync()),
      truncate: size => this.#do('truncate', path, () => file.truncate(size)),
      size: () => file.size(),
      close: () => file.close()
    }
  }
}
