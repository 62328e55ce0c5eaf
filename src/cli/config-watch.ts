/**
 * Notices that the content of files changed: by looking, not by events of the kernel, so that it works for a symbolic link that
 * is swapped (ConfigMap and Secret of Kubernetes), for an editor that renames, for a bind mount and for a network file system.
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

const INTERVAL_MS = 1000

export interface ConfigWatch {
  /** The files as they are now are known. */
  know(): void
  /** From now on these files; content that is not known is a change. */
  watch(files: readonly string[]): void
  close(): void
}

/** Calls `onChange` once the files have other content than is known and have been left alone for one look. */
export function watchConfig(onChange: () => void, intervalMs = INTERVAL_MS): ConfigWatch {
  let files: readonly string[] = []
  let known = ''
  let looked = ''
  let settled = ''
  const look = (): void => {
    const marks = marksOf(files)
    const isSettled = marks === looked
    looked = marks
    if (!isSettled || marks === settled) return
    settled = marks
    const content = contentOf(files)
    if (content === known || content === undefined) return
    known = content
    onChange()
  }
  const timer = setInterval(look, intervalMs)
  timer.unref()
  return {
    know() {
      looked = settled = marksOf(files)
      known = contentOf(files) ?? ''
    },
    watch(next) {
      files = next
    },
    close: () => clearInterval(timer)
  }
}

/** What changes when a file is written or replaced; cheap to ask. A file that is not there just now is being replaced. */
const marksOf = (files: readonly string[]): string =>
  files
    .map(file => {
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
      return stat === undefined ? '-' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}`
    })
    .join('\n')

function contentOf(files: readonly string[]): string | undefined {
  const hash = createHash('sha256')
  try {
    for (const file of files) hash.update(readFileSync(file)).update('\0')
  } catch {
    return undefined // gone, or not readable just now
  }
  return hash.digest('hex')
}
