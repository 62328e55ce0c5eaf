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

/** Collects the garbage of this thread, moves what is left together and returns the pages; takes some 100 ms. Compiled code stays. */
export function collectGarbage(): void {
  collect ??= loadCollect()
  withFlag('compact-on-every-full-gc', collectAll)
}

/**
 * The same, and forgets all code that does not run at this moment: most of it was for the start only, and is compiled again when it
 * is called once more. Not for a thread whose code is warm for a load.
 */
export function forgetStart(): void {
  withFlag('stress-flush-code', collectGarbage)
}

function collectAll(): void {
  collect!({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** V8 offers neither as an argument. Flags are the process's: a collection of another thread at this moment does the same. */
function withFlag(flag: string, run: () => void): void {
  setFlagsFromString(`--${flag}`)
  try {
    run()
  } finally {
    setFlagsFromString(`--no-${flag}`)
  }
}

function loadCollect(): Gc {
  // The function is made with a context, when the flag is set at that moment. The flag is the whole process's, and another thread may
  // be at this point too, so it is not taken back: all that is seen of it is a `gc` in threads that start later.
  setFlagsFromString('--expose-gc')
  return (globalThis as { gc?: Gc }).gc ?? (runInNewContext('gc') as Gc)
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
