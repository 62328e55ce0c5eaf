/** Streams of a verb in memory. */
import { PassThrough } from 'node:stream'
import type { Io } from '../../src/cli/verb.ts'

export interface MemoryIo extends Io {
  /** What was written so far; each call gives what is new. */
  out(): string
  err(): string
}

export function memoryIo(cwd: string, env: Record<string, string> = {}): MemoryIo {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const take = (stream: PassThrough): string => stream.read()?.toString() ?? ''
  return { stdin, stdout, stderr, env, cwd, out: () => take(stdout), err: () => take(stderr) }
}
