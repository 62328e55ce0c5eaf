/**
 * The directories that FTP and SFTP clients see: one per source, as in Microsoft's collector, and below each what clients make.
 * Nothing of it is on a disk, and no name of a client ever becomes a path; files that were taken are remembered for listings.
 */
import { LRUCache } from 'lru-cache'
import type { Account } from './ftp-accounts.ts'

/** Names from the root on; empty is the root. */
export type TreePath = readonly string[]

export interface TreeFile {
  bytes: number
  modifiedMs: number
}

export interface TreeEntry extends TreeFile {
  name: string
  isDirectory: boolean
}

const REMEMBERED_MAX = 4096
const PATH_MAX_LENGTH = 1024
const DEPTH_MAX = 16

/** A path as written by a client, from the directory it is in; undefined when it has control characters or is too long. */
export function resolvePath(from: TreePath, text: string): TreePath | undefined {
  if (text.length > PATH_MAX_LENGTH || /[\x00-\x1f\x7f]/.test(text)) return undefined
  const parts = text.startsWith('/') ? [] : [...from]
  for (const part of text.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.length > DEPTH_MAX ? undefined : parts
}

export const formatPath = (path: TreePath): string => `/${path.join('/')}`

export interface TreeOptions {
  /** Names of sources, which are the directories at the root. */
  sources: readonly string[]
  /** Any other directory may be made at the root as well; its name becomes the source. */
  anySource: boolean
  /** Files may be put at the root; they belong to no source by name. */
  rootUploads: boolean
}

export class UploadTree {
  readonly #options: TreeOptions
  readonly #startedMs = Date.now()
  readonly #directories = new LRUCache<string, TreeFile>({ max: REMEMBERED_MAX })
  readonly #files = new LRUCache<string, TreeFile>({ max: REMEMBERED_MAX })

  constructor(options: TreeOptions) {
    this.#options = options
  }

  isDirectory(path: TreePath, account: Account): boolean {
    const [top] = path
    if (top === undefined) return true
    if (!this.#maySee(top, account)) return false
    return (path.length === 1 && this.#options.sources.includes(top)) || this.#directories.has(formatPath(path))
  }

  file(path: TreePath): TreeFile | undefined {
    return this.#files.get(formatPath(path))
  }

  /** Why a file may not be put there, if so. */
  refusal(path: TreePath, account: Account): string | undefined {
    const [top] = path
    if (top === undefined || this.isDirectory(path, account)) return 'this is a directory'
    if (path.length === 1)
      return this.#options.rootUploads || account.source !== undefined ? undefined : 'put files into the directory of a source'
    return this.isDirectory(path.slice(0, -1), account)
      ? undefined
      : 'no such directory; the directories are the sources of the configuration'
  }

  /** The source that a file belongs to by its place. */
  sourceOf(path: TreePath, account: Account): string | undefined {
    return account.source ?? (path.length > 1 ? path[0] : undefined)
  }

  /** Makes a directory, or finds it there; false when it may not be. */
  makeDirectory(path: TreePath, account: Account): boolean {
    const [top] = path
    if (top === undefined || this.isDirectory(path, account)) return top !== undefined
    const isAllowed =
      path.length === 1
        ? (this.#options.anySource || account.source !== undefined) && this.#maySee(top, account)
        : this.isDirectory(path.slice(0, -1), account)
    if (isAllowed) this.#directories.set(formatPath(path), { bytes: 0, modifiedMs: Date.now() })
    return isAllowed
  }

  /** Forgets a directory that a client made; false when there is none. */
  removeDirectory(path: TreePath): boolean {
    return this.#directories.delete(formatPath(path))
  }

  remember(path: TreePath, bytes: number): void {
    this.#files.set(formatPath(path), { bytes, modifiedMs: Date.now() })
  }

  /** Shows a file that was taken under another name; its content is where it was before. False when it is not known. */
  rename(from: TreePath, to: TreePath, account: Account): boolean {
    const file = this.file(from)
    if (file === undefined || this.refusal(to, account) !== undefined) return false
    this.#files.delete(formatPath(from))
    this.#files.set(formatPath(to), file)
    return true
  }

  /** Takes a file out of the listing; its content was taken and stays. */
  forget(path: TreePath): boolean {
    return this.#files.delete(formatPath(path))
  }

  list(path: TreePath, account: Account): TreeEntry[] {
    const prefix = path.length === 0 ? '/' : `${formatPath(path)}/`
    const below = (entries: LRUCache<string, TreeFile>, isDirectory: boolean): TreeEntry[] =>
      [...entries.entries()].flatMap(([key, entry]) => {
        const name = key.slice(prefix.length)
        return key.startsWith(prefix) && !name.includes('/') ? [{ ...entry, name, isDirectory }] : []
      })
    const sources = path.length > 0 ? [] : this.#options.sources.filter(name => this.#maySee(name, account))
    return [
      ...sources.map(name => ({ name, isDirectory: true, bytes: 0, modifiedMs: this.#startedMs })),
      ...below(this.#directories, true).filter(({ name }) => path.length > 0 || (!sources.includes(name) && this.#maySee(name, account))),
      ...below(this.#files, false)
    ]
  }

  #maySee(top: string, account: Account): boolean {
    return account.sources.length === 0 || account.sources.includes(top)
  }
}
