/**
 * Finds the files of a watched folder that are complete: not changed for a while, or with a marker beside them. Files under a
 * temporary name wait until they are renamed. Links and special files are never followed or opened.
 */
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface ScanOptions {
  folder: string
  sources: readonly string[]
  complete: 'age' | 'marker'
  ageMs: number
  markerSuffix: string
  ignoreSuffixes: readonly string[]
  maxFilesPerScan: number
}

export interface FoundFile {
  path: string
  /** Below the folder, for logs and the archive. */
  relative: string
  source: string | undefined
  /** The marker that says that it is complete, to be removed with it. */
  marker: string | undefined
}

export interface ScanResult {
  /** Complete, in the order of their times and names. */
  files: FoundFile[]
  /** Files that are not complete yet. */
  waiting: number
  /** Links, devices, sockets and pipes, which are left alone. */
  refused: number
  /** Folders that are no source, which are left alone. */
  unknownFolders: string[]
  /** True when there was more than a scan looks at. */
  isCut: boolean
}

interface Seen {
  size: number
  mtimeMs: number
  sinceMs: number
}

/** Folders within the folder of a source that are looked into. */
const DEPTH_MAX = 4
/** Entries looked at for each file that may be found. */
const ENTRIES_PER_FILE = 10

export class FolderScan {
  readonly #options: ScanOptions
  #seen = new Map<string, Seen>()

  constructor(options: ScanOptions) {
    this.#options = options
  }

  async scan(): Promise<ScanResult> {
    const result: ScanResult = { files: [], waiting: 0, refused: 0, unknownFolders: [], isCut: false }
    const entries: { file: FoundFile; name: string; directory: string }[] = []
    await this.#walk({ directory: this.#options.folder, relative: '', source: undefined, depth: 0 }, entries, result)
    const seen = new Map<string, Seen>()
    const complete: { file: FoundFile; mtimeMs: number }[] = []
    const paths = new Set(entries.map(({ file }) => file.path))
    for (const { file } of entries) {
      if (this.#isMarker(file.path, paths)) continue
      const now = await this.#look(file.path)
      if (now === undefined) continue
      seen.set(file.path, now)
      const marker = `${file.path}${this.#options.markerSuffix}`
      const hasMarker = this.#options.complete === 'marker' && paths.has(marker)
      if (hasMarker) complete.push({ file: { ...file, marker }, mtimeMs: now.mtimeMs })
      else if (this.#options.complete === 'age' && Date.now() - now.sinceMs >= this.#options.ageMs)
        complete.push({ file, mtimeMs: now.mtimeMs })
      else result.waiting++
    }
    this.#seen = seen
    result.files = complete
      .sort((a, b) => a.mtimeMs - b.mtimeMs || (a.file.relative < b.file.relative ? -1 : 1))
      .slice(0, this.#options.maxFilesPerScan)
      .map(({ file }) => file)
    result.isCut ||= complete.length > result.files.length
    return result
  }

  /** Size and time as they are, and since when. */
  async #look(path: string): Promise<Seen | undefined> {
    try {
      const { size, mtimeMs } = await stat(path)
      const before = this.#seen.get(path)
      const isSame = before !== undefined && before.size === size && before.mtimeMs === mtimeMs
      return { size, mtimeMs, sinceMs: isSame ? before.sinceMs : Date.now() }
    } catch {
      return undefined // it went away
    }
  }

  #isMarker(path: string, paths: ReadonlySet<string>): boolean {
    const { complete, markerSuffix } = this.#options
    return complete === 'marker' && path.endsWith(markerSuffix) && paths.has(path.slice(0, -markerSuffix.length))
  }

  async #walk(
    place: { directory: string; relative: string; source: string | undefined; depth: number },
    entries: { file: FoundFile; name: string; directory: string }[],
    result: ScanResult
  ): Promise<void> {
    const { sources, ignoreSuffixes, maxFilesPerScan } = this.#options
    const folders: string[] = []
    let looked = 0
    for await (const entry of await opendir(place.directory)) {
      if (++looked > maxFilesPerScan * ENTRIES_PER_FILE) {
        result.isCut = true
        break
      }
      const { name } = entry
      if (name.startsWith('.')) continue
      if (entry.isDirectory()) folders.push(name)
      else if (!entry.isFile()) result.refused++
      else if (!ignoreSuffixes.some(suffix => name.toLowerCase().endsWith(suffix))) {
        const relative = join(place.relative, name)
        const file = { path: join(place.directory, name), relative, source: place.source, marker: undefined }
        entries.push({ file, name, directory: place.directory })
      }
    }
    if (place.depth >= DEPTH_MAX) return
    for (const name of folders) {
      const source = place.depth === 0 ? sources.find(each => each === name) : place.source
      if (source === undefined) result.unknownFolders.push(name)
      else
        await this.#walk(
          { directory: join(place.directory, name), relative: join(place.relative, name), source, depth: place.depth + 1 },
          entries,
          result
        )
    }
  }
}
