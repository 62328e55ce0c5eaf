/** The archive in a folder, such as a mounted share. A file appears under its name only when it is whole and durable. */
import { closeSync, copyFileSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StepFailure } from '../retry.ts'
import type { ArchiveStore } from './store.ts'

/** Synchronous for the reason given in pack.ts. */
export const directoryStore = (dir: string): ArchiveStore => ({
  place: dir,
  async put(name, { path }) {
    const target = join(dir, ...name.split('/'))
    const part = join(dirname(target), `.${basename(target)}.part`)
    try {
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
      copyFileSync(path, part)
      sync(part)
      renameSync(part, target)
      sync(dirname(target))
    } catch (cause) {
      removeQuietly(part)
      const message = `Cannot archive a file in "${dir}": ${String(cause)}`
      throw new StepFailure(message, { stage: 'put', status: 0 }, { kind: 'retry' }, { cause })
    }
  },
  close: async () => undefined
})

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // The next try writes over it.
  }
}
