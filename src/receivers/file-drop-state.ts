/**
 * What the file-drop receiver remembers over a restart: how far it is with a file, by the hash of the file's head, so that a
 * file that was renamed meanwhile is known again and another file under the same name is not mistaken for it.
 *
 * One small JSON file, replaced as a whole: {"version":1,"files":{"<sha-256 of the head>":{"headBytes":…,"position":…,…}}}
 */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { CollectorError } from '../errors.ts'
import type { Position } from './resumable-read.ts'
import { readState, replaceState } from './state-file.ts'

/** Bytes of a file that tell it from others. */
const HEAD_MAX_BYTES = 64 * 1024
const FILES_MAX = 10_000

export interface FileState extends Position {
  /** Bytes of the head that were hashed. */
  headBytes: number
  /** Size of the file when this was written. */
  size: number
  /** `finished`: all of it is durable, and what was to be done with the file may not have been. */
  step: 'reading' | 'finished'
}

export class FileDropState {
  readonly #path: string
  readonly #files: Map<string, FileState>

  private constructor(path: string, files: Map<string, FileState>) {
    this.#path = path
    this.#files = files
  }

  /** Reads the state; a file that cannot be understood is CONFIG_INVALID, since to go on would double what was read. */
  static async load(path: string): Promise<FileDropState> {
    let text: string | undefined
    try {
      text = await readState(path)
    } catch (error) {
      throw new CollectorError('CONFIG_INVALID', `Cannot read the state file "${path}": ${(error as Error).message}`, { cause: error })
    }
    if (text === undefined) return new FileDropState(path, new Map())
    try {
      const { version, files } = JSON.parse(text) as { version: number; files: Record<string, FileState> }
      if (version !== 1) throw new Error(`version ${version} is not known`)
      return new FileDropState(path, new Map(Object.entries(files)))
    } catch (error) {
      const remedy = 'remove it to read the files that are there from their start'
      throw new CollectorError('CONFIG_INVALID', `Cannot use the state file "${path}": ${(error as Error).message}; ${remedy}`, {
        cause: error
      })
    }
  }

  /** Key and state of an open file; state undefined when it is new. */
  async find(file: FileHandle, size: number): Promise<{ key: string; headBytes: number; state: FileState | undefined }> {
    const head = Buffer.alloc(Math.min(size, HEAD_MAX_BYTES))
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    const key = hashOf(head.subarray(0, bytesRead))
    const known = this.#files.get(key)
    if (known !== undefined && size >= known.size) return { key, headBytes: bytesRead, state: known }
    // It was shorter than a head when it was seen last.
    for (const [shortKey, state] of this.#files) {
      if (state.headBytes < bytesRead && size >= state.size && hashOf(head.subarray(0, state.headBytes)) === shortKey) {
        return { key: shortKey, headBytes: state.headBytes, state }
      }
    }
    return { key, headBytes: bytesRead, state: undefined }
  }

  /** Durable when it resolves. */
  async set(key: string, state: FileState): Promise<void> {
    this.#files.delete(key)
    this.#files.set(key, state)
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= FILES_MAX) break
      this.#files.delete(oldest)
    }
    await this.#write()
  }

  async forget(key: string): Promise<void> {
    if (this.#files.delete(key)) await this.#write()
  }

  #write(): Promise<void> {
    return replaceState(this.#path, JSON.stringify({ version: 1, files: Object.fromEntries(this.#files) }))
  }
}

const hashOf = (head: Buffer): string => createHash('sha256').update(head).digest('hex')
