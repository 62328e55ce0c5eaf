/** What every verb of the command line is. */

/** Where a verb reads and writes; tests bring their own. */
export interface Io {
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream & { isTTY?: boolean }
  stderr: NodeJS.WritableStream
  env: Readonly<Record<string, string | undefined>>
  cwd: string
}

/** 0 fine, 1 failed, 2 usage, 78 bad configuration (EX_CONFIG of sysexits.h). */
export const EXIT = { OK: 0, FAILED: 1, USAGE: 2, CONFIG: 78 } as const

/** Runs the verb with the arguments after its name; resolves to the exit code. Throws UsageError for wrong arguments. */
export type Verb = (args: string[], io: Io) => Promise<number>

/** Wrong arguments: the message and how the verb is used are printed, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
