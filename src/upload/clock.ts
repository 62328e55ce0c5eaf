/** Time as the upload room sees it, so that tests need not wait. */

export interface Clock {
  /** Milliseconds since 1970 UTC. */
  now(): number
  /** Milliseconds on a clock that only goes forward, at its pace: for waiting, so that a jump of the other costs nothing. */
  elapsed(): number
  /** Resolves after `ms`, or at once when the signal fires; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Longest delay that a timer takes (2^31 − 1 ms); a longer one would fire at once. */
const TIMER_MAX_MS = 0x7fffffff

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const finish = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      const timer = setTimeout(finish, Math.min(Math.max(0, ms), TIMER_MAX_MS))
      signal?.addEventListener('abort', finish, { once: true })
    })
}
