/**
 * One process per spool directory. The lock file names its owner by host, pid and the kernel's start time of that pid (pids are
 * used again, and in a container every process is pid 1); an owner on another host is judged by how fresh the file is.
 * Not behind io.ts: the lock takes no part in what is durable.
 */
import { readFileSync } from 'node:fs'
import { open, readFile, rename, stat, unlink, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { CollectorError } from '../errors.ts'

/** Call `SpoolLock.touch` at least this often. */
export const LOCK_TOUCH_INTERVAL_MS = 5_000
/** An owner that cannot be asked is dead when it has not touched the file for this long. */
const LOCK_STALE_MS = 3 * LOCK_TOUCH_INTERVAL_MS
const TAKEOVERS_MAX = 3

interface Owner {
  host: string
  pid: number
  /** Start time of the process in ticks since boot, and the boot; empty where /proc is missing. */
  started: string
}

/** Directories that this process has locked: its own pid in a file tells nothing about them. */
const heldHere = new Set<string>()

export class SpoolLock {
  readonly #path: string
  readonly #key: string

  private constructor(path: string, key: string) {
    this.#path = path
    this.#key = key
  }

  /** Rejects with SPOOL_UNUSABLE when another process has the directory, or the file cannot be written. */
  static async take(dir: string): Promise<SpoolLock> {
    const path = join(dir, 'lock')
    const key = resolve(dir)
    if (heldHere.has(key)) throw held(dir, 'this process')
    heldHere.add(key)
    try {
      for (let attempt = 0; attempt < TAKEOVERS_MAX; attempt++) {
        if (await create(path)) return new SpoolLock(path, key)
        const found = await readFile(path, 'utf8').catch(() => undefined)
        if (found === undefined) continue // released meanwhile
        const owner = parseOwner(found)
        if (await isAlive(owner, path))
          throw held(dir, owner === undefined ? 'an unknown process' : `process ${owner.pid} on ${owner.host}`)
        await removeStale(path, found)
      }
      throw held(dir, 'a process that keeps starting')
    } catch (error) {
      heldHere.delete(key)
      if (error instanceof CollectorError) throw error
      throw new CollectorError('SPOOL_UNUSABLE', `Cannot lock the spool directory ${dir}: ${String(error)}`, { cause: error })
    }
  }

  /** Says that the owner lives. */
  async touch(nowMs: number): Promise<void> {
    const seconds = nowMs / 1000
    await utimes(this.#path, seconds, seconds).catch(() => undefined) // a full or failing disk is reported where it matters
  }

  async release(): Promise<void> {
    heldHere.delete(this.#key)
    await unlink(this.#path).catch(() => undefined)
  }
}

function held(dir: string, owner: string): CollectorError {
  return new CollectorError('SPOOL_UNUSABLE', `Cannot use the spool directory ${dir}: ${owner} uses it (file lock)`, { retryable: true })
}

async function create(path: string): Promise<boolean> {
  const handle = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined
    throw error
  })
  if (handle === undefined) return false
  try {
    await handle.writeFile(JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) } satisfies Owner))
  } finally {
    await handle.close()
  }
  return true
}

function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 && typeof owner.host === 'string' ? owner : undefined
  } catch {
    return undefined // cut by a crash while it was written
  }
}

async function isAlive(owner: Owner | undefined, path: string): Promise<boolean> {
  if (owner?.host !== hostname()) {
    const touchedMs = await stat(path).then(
      stats => stats.mtimeMs,
      () => 0
    )
    return Date.now() - touchedMs < LOCK_STALE_MS
  }
  // The own pid, but not held here: left by an earlier process that had the same pid.
  if (owner.pid === process.pid) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return owner.started === startOf(owner.pid)
}

/** Takes a stale lock away, unless another process was faster and put its own there. */
async function removeStale(path: string, judged: string): Promise<void> {
  const aside = `${path}.${process.pid}`
  await rename(path, aside).catch(() => undefined)
  const taken = await readFile(aside, 'utf8').catch(() => undefined)
  if (taken === judged) await unlink(aside)
  else if (taken !== undefined) await rename(aside, path)
}

/** When the process began, such that two processes of one pid differ. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // Field 22 of proc_pid_stat(5); the name in field 2 may hold spaces and parentheses.
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return `${boot} ${status.slice(status.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return ''
  }
}
