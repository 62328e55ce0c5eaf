/** Prometheus's own tool, from Debian's `prometheus`. */
import { spawnSync } from 'node:child_process'

export interface Verdict {
  code: number | null
  /** What it wrote, both streams. */
  output: string
}

/** Runs promtool. Throws, and says which package is missing, when there is none. */
export function promtool(args: readonly string[], input = '', cwd?: string): Verdict {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8', ...(cwd === undefined ? {} : { cwd }) })
  if (error !== undefined) throw new Error(`promtool cannot be run; it is part of Debian's package prometheus: ${error.message}`)
  return { code: status, output: `${stdout}${stderr}`.trim() }
}
