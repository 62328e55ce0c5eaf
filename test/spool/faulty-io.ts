/** A disk that fails when told to: wraps the real one and asks before every operation. */
import { nodeIo, type SpoolFile, type SpoolIo } from '../../src/spool/io.ts'

export type Operation =
  | 'open'
  | 'readFile'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'freeBytes'
  | 'write'
  | 'read'
  | 'datasync'
  | 'truncate'
/** An errno name makes the operation fail; `short` lets a write take some of the bytes, `torn` too, but then fail with EIO. */
export type Fault = 'ENOSPC' | 'EIO' | 'short' | 'torn' | undefined

export class FaultyIo implements SpoolIo {
  /** Set by the test; asked with the operation and the path it is about. */
  fault: (operation: Operation, path: string) => Fault = () => undefined
  free: number | undefined

  #ask(operation: Operation, path: string): Fault {
    const fault = this.fault(operation, path)
    if (fault === 'ENOSPC' || fault === 'EIO') throw Object.assign(new Error(`${fault}: made up, ${operation} ${path}`), { code: fault })
    return fault
  }

  async open(path: string, mode: 'read' | 'write'): Promise<SpoolFile> {
    this.#ask('open', path)
    return this.#wrap(await nodeIo.open(path, mode), path)
  }

  async readFile(path: string): Promise<Buffer> {
    this.#ask('readFile', path)
    return nodeIo.readFile(path)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#ask('rename', from)
    await nodeIo.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    this.#ask('remove', path)
    await nodeIo.remove(path)
  }

  makeDirectory(path: string): Promise<void> {
    return nodeIo.makeDirectory(path)
  }

  names(path: string): AsyncIterable<string> {
    return nodeIo.names(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#ask('syncDirectory', path)
    await nodeIo.syncDirectory(path)
  }

  sizeOf(path: string): number | undefined {
    return nodeIo.sizeOf(path)
  }

  async freeBytes(path: string): Promise<number> {
    this.#ask('freeBytes', path)
    return this.free ?? nodeIo.freeBytes(path)
  }

  #wrap(file: SpoolFile, path: string): SpoolFile {
    return {
      write: async (buffers, position) => {
        const fault = this.#ask('write', path)
        if (fault === undefined) return file.write(buffers, position)
        const bytes = Buffer.concat(buffers)
        const written = await file.write([bytes.subarray(0, Math.max(1, bytes.length >> 1))], position)
        if (fault === 'torn') throw Object.assign(new Error('EIO: made up, torn write'), { code: 'EIO' })
        return written
      },
      read: async (buffer, position) => {
        this.#ask('read', path)
        return file.read(buffer, position)
      },
      datasync: async () => {
        this.#ask('datasync', path)
        await file.datasync()
      },
      truncate: async size => {
        this.#ask('truncate', path)
        await file.truncate(size)
      },
      size: () => file.size(),
      close: () => file.close()
    }
  }
}
