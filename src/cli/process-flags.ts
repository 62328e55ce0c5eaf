/**
 * What can be said only when a process begins: that TLS 1.3 session tickets are not sent (config/openssl.cnf says why), and how
 * memory is shared out. So that no way of starting the collector can forget it, the process replaces itself once.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { packageRoot } from '../lib/package-root.ts'

/**
 * The receiving thread makes little garbage, so a small young generation costs nothing; and one malloc arena instead of one per
 * thread gives memory back. Together 100 MB less at full load (382 to 240 MB with two lanes, same load). Blocks of frames come from
 * mmap and go back when they are freed; without a fixed threshold malloc soon takes them from its arena, where small pieces behind
 * them keep it large (241 to 211 MB after a full load).
 */
const MEMORY_FLAGS = ['--max-semi-space-size=2']
const MEMORY_ENV = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' }

/**
 * V8 takes memory that comes from other threads for growth of a heap of 30 MB until it has seen it leave, and at full load marked all of
 * that heap four times a second, a tenth of the CPU time of the whole process. With room for three times as much it seldom does: a FortiGate
 * line 4.6 to 4.1 µs with two lanes while blocks of frames were transferred as well; deflated blocks still are. Node has no option of that
 * name for NODE_OPTIONS, and V8 reads it whenever it reckons a limit, so it is set here.
 */
const HEAP_GROWTH = '--heap-growing-percent=300'

/**
 * The way of a line is many small functions, called one after another: with V8's bound of 920 bytes a function takes in the first of them
 * and calls the rest. 2500 makes a lane 3 to 9 % faster for every format, 4000 no more. Read by the compiler whenever it works.
 */
const INLINING = '--max-inlined-bytecode-size-cumulative=2500'

/** Flags of V8 that are set while the process runs. */
export const V8_FLAGS = [HEAP_GROWTH, INLINING] as const

export interface Start {
  /** Arguments behind the program. */
  args: readonly string[]
  execArgv: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  /** The settings of the package. */
  settingsFile: string
}

/** Flags of Node that the process must be started again with; undefined when it runs with OpenSSL settings, or needs none. */
export function missingFlags({ args, execArgv, env, settingsFile }: Start): string[] | undefined {
  const [verb = 'run'] = args
  if (verb !== 'run' && verb !== 'starter' && !verb.startsWith('-')) return undefined // the others run no collector
  const flags = [...execArgv, env.NODE_OPTIONS ?? ''].join(' ')
  // Who chose settings of their own keeps them; receivers test at start whether tickets are sent, and warn.
  if (/--openssl-(shared-)?config/.test(flags) || env.OPENSSL_CONF || !existsSync(settingsFile)) return undefined
  return [...execArgv, `--openssl-config=${settingsFile}`, ...MEMORY_FLAGS]
}

/** Starts this process again, same id and streams, when it lacks the settings. Returns when it does not, or cannot (Windows). */
export function ensureProcessFlags(): void {
  for (const flag of V8_FLAGS) setFlagsFromString(flag)
  const settingsFile = join(packageRoot(), 'config', 'openssl.cnf')
  const flags = missingFlags({ args: process.argv.slice(2), execArgv: process.execArgv, env: process.env, settingsFile })
  if (flags === undefined || process.execve === undefined) return
  try {
    process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], { ...MEMORY_ENV, ...process.env })
  } catch {
    // Not on this platform: a TLS receiver will say that tickets are sent.
  }
}
