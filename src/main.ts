#!/usr/bin/env node
/** Process entry: arguments to the command line, its exit code to the shell. */
import { ensureProcessFlags } from './cli/process-flags.ts'

ensureProcessFlags()

// A reader that has seen enough (`sluice status | head -1`) closes the pipe; that is no failure.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
  throw error
})

// Loaded only now, so that nothing is loaded twice.
const { runCommandLine } = await import('./cli/command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd()
})
