/**
 * A disk that keeps only what it was told to keep: content of a file as of its last fdatasync, names of a folder as of its last fsync.
 * That is the least that POSIX promises for a power cut; real file systems mostly keep more.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { nodeIo, type OpenMode, type SpoolFile, type SpoolIo } from '../../src/spool/io.ts'

interface Kept {
  path: string
  content: Buffer
}

export class PowerCutIo implements SpoolIo {
  /** By their names now. */
  readonly #files = new Map<string, Kept>()
  readonly #keptNames = new Map<string, Map<string, Kept>>()
  /** Called after every operation that changes the disk. */
  changed: () => void = () => {}

  async open(path: string, mode: OpenMode): Promise<SpoolFile> {
    const file = await nodeIo.open(path, mode)
    const kept = this.#files.get(path) ?? { path, content: Buffer.alloc(0) }
    this.#files.set(path, kept)
    const did = <T>(result: T): T => {
      this.changed()
      return result
    }
    return {
      write: async (buffers, position) => did(await file.write(buffers, position)),
      read: (buffer, position) => file.read(buffer, position),
      datasync: async () => {
        await file.datasync()
        kept.content = readFileSync(kept.path)
        this.changed()
      },
      truncate: async size => did(await file.truncate(size)),
      size: () => file.size(),
      close: () => file.close()
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await nodeIo.rename(from, to)
    const kept = this.#files.get(from)!
    this.#files.delete(from)
    this.#files.set(to, kept)
    kept.path = to
    this.changed()
  }

  async remove(path: string): Promise<void> {
    await nodeIo.remove(path)
    this.#files.delete(path)
    this.changed()
  }

  async syncDirectory(path: string): Promise<void> {
    await nodeIo.syncDirectory(path)
    const names = [...this.#files].filter(([name]) => dirname(name) === path)
    this.#keptNames.set(path, new Map(names.map(([name, kept]) => [basename(name), kept])))
    this.changed()
  }

  readFile = nodeIo.readFile
  makeDirectory = nodeIo.makeDirectory
  names = nodeIo.names
  sizeOf = nodeIo.sizeOf
  freeBytes = nodeIo.freeBytes

  /** What a power cut now would leave of `dir`, as a function that puts it elsewhere. */
  cut(dir: string): (target: string) => void {
    const left = [...this.#keptNames].flatMap(([folder, names]) =>
      [...names].map(([name, { content }]) => ({ path: join(relative(dir, folder), name), content }))
    )
    return target => {
      for (const { path, content } of left) {
        mkdirSync(join(target, dirname(path)), { recursive: true })
        writeFileSync(join(target, path), content)
      }
    }
  }
}
