/** Time that jumps to the next sleeper whenever nothing else is left to do; for simulations without sockets and files. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/upload/clock.ts'

interface Sleeper {
  atMs: number
  wake: () => void
}

export class VirtualClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 5)
  #sleepers: Sleeper[] = []

  now(): number {
    return this.#nowMs
  }

  elapsed(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const sleeper: Sleeper = {
        atMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          const index = this.#sleepers.indexOf(sleeper)
          if (index >= 0) this.#sleepers.splice(index, 1)
          signal?.removeEventListener('abort', sleeper.wake)
          resolve()
        }
      }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', sleeper.wake, { once: true })
    })
  }

  /** Lets so much time pass: everything that is due happens, in order. */
  async run(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      // All promises that can settle without time have settled when the next turn comes.
      await nextTurn()
      const next = this.#sleepers.reduce<Sleeper | undefined>((least, one) => (least && least.atMs <= one.atMs ? least : one), undefined)
      if (next === undefined || next.atMs > endMs) break
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.wake()
    }
    this.#nowMs = endMs
  }
}
