/**
 * What `sluice upload` remembers beside the spool, so that a file is taken once and an interrupted one goes on:
 *
 *   <spool.dir>/backfill/lock           one `sluice upload` at a time
 *   <spool.dir>/backfill/done.jsonl     files that were uploaded whole, newest last, at most DONE_MAX
 *   <spool.dir>/backfill/<key>/         spool of one file under way: segments as in any spool, and
 *                       job.json        what the file is and how it is read; the clock of the first run
 *                       departed.jsonl  segments that the service has: their blocks, so that none is made again
 *
 * The key is a hash of what the file holds (unpacked) and of where it goes: the same log under another name or compression is
 * the same file.
 */
import { createHash } from 'node:crypto'
import { appendFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PieceLine } from '../spool/ledger.ts'

/** Files remembered as uploaded; the oldest are forgotten. */
const DONE_MAX = 10_000
/** Lines beyond DONE_MAX before the list is written anew. */
const DONE_SLACK = 1000

export interface DoneFile {
  key: string
  /** As it was named then. */
  file: string
  target: string
  records: number
  finishedMs: number
}

export interface JobFacts {
  key: string
  file: string
  target: string
  /** Hash of how lines are read and written; blocks of another one would not be the same blocks. */
  fingerprint: string
  /** Clock of the first run: what is too old must be the same in every run. */
  startedMs: number
}

/** A segment that the service has. */
export interface DepartedSegment {
  id: string
  records: number
  bytes: number
  /** Finalise calls whose answer never came; each may have made the service count the segment once more. */
  ambiguousFinalises: number
  /** `pieceKey` of its blocks. */
  pieces: string[]
}

export const backfillDir = (spoolDir: string): string => join(spoolDir, 'backfill')

/** `contentHash` of the unpacked bytes; `target` names data source or snapshot report. */
export const jobKey = (contentHash: string, target: string): string =>
  createHash('sha256').update(`${contentHash}\n${target}`).digest('hex')

/** Two blocks with the same key hold the same lines. */
export const pieceKey = ({ crc32, rawLength }: Pick<PieceLine, 'crc32' | 'rawLength'>): string => `${crc32}:${rawLength}`

export class DoneList {
  readonly #path: string
  readonly #byKey = new Map<string, DoneFile>()
  #lines = 0

  private constructor(path: string) {
    this.#path = path
  }

  static async read(dir: string): Promise<DoneList> {
    const list = new DoneList(join(dir, 'done.jsonl'))
    for (const entry of await readLines<DoneFile>(list.#path)) list.#remember(entry)
    return list
  }

  get(key: string): DoneFile | undefined {
    return this.#byKey.get(key)
  }

  /** Durable when it resolves. */
  async add(entry: DoneFile): Promise<void> {
    this.#remember(entry)
    if (this.#lines > DONE_MAX + DONE_SLACK) {
      await replaceFile(this.#path, [...this.#byKey.values()].map(line => `${JSON.stringify(line)}\n`).join(''))
      this.#lines = this.#byKey.size
    } else await appendLine(this.#path, entry)
  }

  #remember(entry: DoneFile): void {
    this.#lines++
    this.#byKey.delete(entry.key)
    this.#byKey.set(entry.key, entry)
    if (this.#byKey.size > DONE_MAX) this.#byKey.delete(this.#byKey.keys().next().value!)
  }
}

/** The directory of one file under way. */
export class JobDirectory {
  readonly dir: string

  constructor(backfill: string, key: string) {
    this.dir = join(backfill, key)
  }

  /** Undefined when nothing of the file is under way. */
  async facts(): Promise<JobFacts | undefined> {
    const text = await readFile(join(this.dir, 'job.json'), 'utf8').catch(emptyWhenMissing)
    try {
      return text === '' ? undefined : (JSON.parse(text) as JobFacts)
    } catch {
      return undefined // it is written whole or not at all; nothing was spooled without it
    }
  }

  async begin(facts: JobFacts): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    await replaceFile(join(this.dir, 'job.json'), `${JSON.stringify(facts)}\n`)
  }

  async departed(): Promise<DepartedSegment[]> {
    return readLines<DepartedSegment>(join(this.dir, 'departed.jsonl'))
  }

  /** Durable when it resolves. */
  async depart(segment: DepartedSegment): Promise<void> {
    await appendLine(join(this.dir, 'departed.jsonl'), segment)
  }

  async remove(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** Lines that a crash cut short are left out. */
async function readLines<T>(path: string): Promise<T[]> {
  const lines = (await readFile(path, 'utf8').catch(emptyWhenMissing)).split('\n')
  return lines.flatMap(line => {
    try {
      return line === '' ? [] : [JSON.parse(line) as T]
    } catch {
      return []
    }
  })
}

/** The line feed before it keeps a line apart from one that a crash cut short. */
async function appendLine(path: string, line: object): Promise<void> {
  await appendFile(path, `\n${JSON.stringify(line)}\n`, { mode: 0o600, flush: true })
  await syncDirectoryOf(path)
}

async function replaceFile(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectoryOf(path)
}

async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(join(path, '..'), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function emptyWhenMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}
