/**
 * Gives memory back that a thread does not need any more. V8 collects the garbage of loading and compiling only when there is
 * much more of it, and malloc keeps what was freed; after a start both are half of what the process holds (docs/performance.md).
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadKoffi } from './koffi.ts'

type Gc = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

let collect: Gc | undefined
let trim: (() => void) | undefined

/** Collects the garbage of this thread and returns its pages; takes some 100 ms. Code that was compiled stays. */
export function collectGarbage(): void {
  if (collect === undefined) {
    // The function is made with a context, when the flag is set at that moment. The flag is the whole process's, and another thread may
    // be at this point too, so it is not taken back: all that is seen of it is a `gc` in threads that start later.
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as Gc
  }
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** Returns what is free in malloc's arenas, of all threads, to the system. Does nothing where that cannot be asked for (musl, macOS). */
export function trimMalloc(): void {
  trim ??= loadTrim()
  trim()
}

function loadTrim(): () => void {
  try {
    const mallocTrim = loadKoffi()?.load(null).func('int malloc_trim(size_t pad)')
    return mallocTrim === undefined ? () => undefined : () => void mallocTrim(0)
  } catch {
    return () => undefined
  }
}
