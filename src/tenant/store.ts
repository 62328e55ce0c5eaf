/**
 * What the tenant keeps: `<stream>/<file name>` as it was sent, `index.json` with the newest uploads and the counts per stream,
 * `key` that signs upload URLs, `.incoming/` for bytes that are not finalised. Bounded: beyond `maxKeptBytes` the oldest files go,
 * beyond `maxEntries` the oldest entries.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ticket } from './signing.ts'
import type { Verdict } from './verdict.ts'

export interface TenantUpload {
  id: string
  stream: string
  inputStreamId: string
  /** Relative to the tenant's folder. */
  file: string
  sourceString: string
  bytes: number
  receivedMs: number
  snapshot: boolean
  /** How often call 3 was made for it; more than one means that an answer got lost. */
  finalised: number
  /** Absent until the file was processed. */
  verdict?: Verdict
  /** The bytes were removed to keep the folder bounded. */
  removed?: boolean
}

export interface TenantStream {
  name: string
  id: string
  sourceString: string
  files: number
  failedFiles: number
  lastReceivedMs: number
}

export interface StoreLimits {
  /** @default 20 GiB */
  maxKeptBytes?: number
  /** @default 2000 */
  maxEntries?: number
  /** @default 1000 */
  maxStreams?: number
}

const ABANDONED_MS = 24 * 3600_000

export const streamId = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 24)

/** Letters, digits, `.`, `_`, `-`; never hidden, never long. */
export const safeName = (name: string): string =>
  name
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^\.+/, '_')
    .slice(-200) || '_'

export class TenantStore {
  readonly dir: string
  readonly incoming: string
  key: Buffer = Buffer.alloc(0)
  readonly uploads: TenantUpload[] = []
  readonly streams = new Map<string, TenantStream>()
  readonly #limits: Required<StoreLimits>
  #saving: Promise<void> = Promise.resolve()
  #dirty = false

  constructor(dir: string, limits: StoreLimits = {}) {
    this.dir = dir
    this.incoming = join(dir, '.incoming')
    this.#limits = { maxKeptBytes: 20 * 1024 ** 3, maxEntries: 2000, maxStreams: 1000, ...limits }
  }

  async open(): Promise<void> {
    await mkdir(this.incoming, { recursive: true })
    this.key = await this.#readKey()
    const text = await readFile(join(this.dir, 'index.json'), 'utf8').catch(() => '{}')
    const index = readIndex(text)
    this.uploads.push(...index.uploads)
    for (const stream of index.streams) this.streams.set(stream.name, stream)
    await this.#sweepIncoming()
  }

  find(id: string): TenantUpload | undefined {
    return this.uploads.findLast(upload => upload.id === id)
  }

  /** Where the bytes of a ticket lie until call 3. */
  incomingPath(id: string): string {
    return join(this.incoming, id)
  }

  /** Moves the bytes of a ticket to their stream; undefined when none were put. */
  async finalise(ticket: Ticket, stream: string, snapshot: boolean, now: number): Promise<TenantUpload | undefined> {
    const from = this.incomingPath(ticket.id)
    const info = await stat(from).catch(() => undefined)
    if (!info) return undefined
    await mkdir(join(this.dir, stream), { recursive: true })
    const file = join(stream, await this.#reserveName(stream, safeName(ticket.filename)))
    try {
      await rename(from, join(this.dir, file))
    } catch (error) {
      await rm(join(this.dir, file), { force: true })
      throw error
    }
    const upload: TenantUpload = {
      id: ticket.id,
      stream,
      inputStreamId: streamId(stream),
      file,
      sourceString: ticket.source,
      bytes: info.size,
      receivedMs: now,
      snapshot,
      finalised: 1
    }
    this.uploads.push(upload)
    if (!snapshot) this.#count(upload, now)
    await this.#trim()
    await this.save()
    return upload
  }

  async judged(upload: TenantUpload, verdict: Verdict): Promise<void> {
    upload.verdict = verdict
    const stream = this.streams.get(upload.stream)
    if (stream && !upload.snapshot && !verdict.accepted) stream.failedFiles++
    await this.save()
  }

  /** Writes the index; calls that come while one is under way share the next. */
  save(): Promise<void> {
    if (this.#dirty) return this.#saving
    this.#dirty = true
    this.#saving = this.#saving.catch(() => {}).then(() => this.#write())
    return this.#saving
  }

  async #write(): Promise<void> {
    this.#dirty = false
    const text = JSON.stringify({ version: 1, streams: [...this.streams.values()], uploads: this.uploads }, undefined, 1)
    const temporary = join(this.dir, 'index.json.tmp')
    await writeFile(temporary, text)
    await rename(temporary, join(this.dir, 'index.json'))
  }

  #count(upload: TenantUpload, now: number): void {
    const { maxStreams } = this.#limits
    let stream = this.streams.get(upload.stream)
    if (!stream) {
      if (this.streams.size >= maxStreams) this.streams.delete(this.streams.keys().next().value!)
      stream = {
        name: upload.stream,
        id: upload.inputStreamId,
        sourceString: upload.sourceString,
        files: 0,
        failedFiles: 0,
        lastReceivedMs: 0
      }
      this.streams.set(upload.stream, stream)
    }
    stream.files++
    stream.lastReceivedMs = now
    stream.sourceString = upload.sourceString
  }

  async #trim(): Promise<void> {
    let kept = 0
    for (let index = this.uploads.length - 1; index >= 0; index--) {
      const upload = this.uploads[index]!
      if (upload.removed) continue
      kept += upload.bytes
      const tooMany = index < this.uploads.length - this.#limits.maxEntries
      if (index === this.uploads.length - 1 || (kept <= this.#limits.maxKeptBytes && !tooMany)) continue
      await rm(join(this.dir, upload.file), { force: true })
      upload.removed = true
    }
    this.uploads.splice(0, this.uploads.length - this.#limits.maxEntries)
  }

  /** Makes an empty file of that name, or of one near it: two uploads that end at the same time must not take the same. */
  async #reserveName(stream: string, name: string): Promise<string> {
    for (let index = 1; index < 1000; index++) {
      const free = index === 1 ? name : `${index}-${name}`
      if (await isCreated(join(this.dir, stream, free))) return free
    }
    return `${randomBytes(8).toString('hex')}-${name}`
  }

  async #readKey(): Promise<Buffer> {
    const path = join(this.dir, 'key')
    const known = await readFile(path).catch(() => Buffer.alloc(0))
    if (known.length === 32) return known
    const key = randomBytes(32)
    await writeFile(path, key, { mode: 0o600 })
    return key
  }

  /** Bytes whose call 3 never came: nobody will ask for them after a day. */
  async #sweepIncoming(): Promise<void> {
    for (const name of await readdir(this.incoming)) {
      const path = join(this.incoming, name)
      const info = await stat(path).catch(() => undefined)
      if (info && Date.now() - info.mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true })
    }
  }
}

/** A damaged index costs the list, not the start: the files themselves stay where they are. */
function readIndex(text: string): { uploads: TenantUpload[]; streams: TenantStream[] } {
  try {
    const { uploads, streams } = JSON.parse(text) as { uploads?: unknown; streams?: unknown }
    return {
      uploads: Array.isArray(uploads) ? (uploads as TenantUpload[]) : [],
      streams: Array.isArray(streams) ? (streams as TenantStream[]) : []
    }
  } catch {
    return { uploads: [], streams: [] }
  }
}

async function isCreated(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
