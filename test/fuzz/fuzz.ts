/** One target in a thread, watched: a case that does not end, and memory that grows, are failures too. */
import { Worker } from 'node:worker_threads'
import type { FuzzJob, FuzzResult } from './worker.ts'

/** The slowest case takes some milliseconds; a machine under load some hundred. */
const HANG_MS = 30_000
/** What a thread may hold more at its end than after a fifth of its time. */
const GROWTH_MAX_BYTES = 64 * 1024 * 1024

export async function fuzz(target: string, job: Omit<FuzzJob, 'target' | 'progress'>): Promise<FuzzResult> {
  const progress = new SharedArrayBuffer(4)
  const index = new Int32Array(progress)
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { ...job, target, progress } satisfies FuzzJob })
  let seen = -1
  let seenMs = performance.now()
  let watch: NodeJS.Timeout | undefined
  const failed = (message: string): FuzzResult => ({ cases: 0, grownBytes: 0, failure: { index: Atomics.load(index, 0), message } })
  try {
    const result = await new Promise<FuzzResult>(resolve => {
      worker.once('message', resolve)
      worker.once('error', error => resolve(failed(`outside of a case: ${error instanceof Error ? error.stack : String(error)}`)))
      worker.once('exit', () => resolve(failed('the thread ended')))
      watch = setInterval(() => {
        const now = Atomics.load(index, 0)
        if (now !== seen) seenMs = performance.now()
        seen = now
        if (performance.now() - seenMs > HANG_MS) resolve(failed(`a case did not end within ${HANG_MS / 1000} s`))
      }, 1000)
    })
    return result.grownBytes > GROWTH_MAX_BYTES
      ? { ...result, failure: { index: 0, message: `it grew by ${result.grownBytes} bytes` } }
      : result
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}
