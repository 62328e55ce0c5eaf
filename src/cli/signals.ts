/** Signals of the process for verbs that run until they are told to stop. */

export interface StopOptions {
  /** The graceful end. */
  stop(signal: NodeJS.Signals): Promise<void>
  reload?(): void
  /** The process is ended hard when the graceful end takes longer. */
  deadlineMs: number
  onProblem(message: string, error?: unknown): void
}

/** So soon a second signal is the same one: of a Ctrl-C under `npm start` the terminal tells the process, and npm tells it again. */
const SAME_SIGNAL_MS = 500

/** Resolves to the exit code after SIGTERM or SIGINT and a graceful end; a second signal ends the process at once. */
export function untilStopped(options: StopOptions): Promise<number> {
  return new Promise(resolve => {
    let stoppedMs: number | undefined
    const onStop = (signal: NodeJS.Signals): void => {
      if (stoppedMs !== undefined) {
        if (performance.now() - stoppedMs < SAME_SIGNAL_MS) return
        options.onProblem(`${signal} again: ending at once`)
        process.exit(1)
      }
      stoppedMs = performance.now()
      // Unreferenced: it must not keep alive a process that is done.
      setTimeout(() => {
        options.onProblem(`the stop took longer than ${options.deadlineMs} ms`)
        process.exit(1)
      }, options.deadlineMs).unref()
      options.stop(signal).then(
        () => finish(0),
        error => {
          options.onProblem('the stop failed', error)
          finish(1)
        }
      )
    }
    const onReload = (): void => options.reload?.()
    const finish = (code: number): void => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, onStop)
      process.off('SIGHUP', onReload)
      resolve(code)
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onStop)
    if (options.reload) process.on('SIGHUP', onReload)
  })
}
