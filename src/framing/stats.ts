import type { FramerStats } from '../contracts.ts'

/** Counters of a framer that has seen nothing yet. */
export function newFramerStats(): FramerStats {
  return { truncated: 0, discardedBytes: 0, resynchronised: 0, newline: 0, octetCounted: 0 }
}
