/**
 * Notices that a source that used to send has gone silent. What is usual is learned from the longest pause between its lines, so
 * that a branch office that sends every few minutes raises no alarm and a firewall that sends every second does soon.
 */
import type { SilenceStatus } from '../telemetry/status.ts'

/** A source is known well enough after this many looks at which it had sent. */
const LOOKS_MIN = 12
/** Silence is no alarm before this, however busy the source was. */
const SILENT_MIN_MS = 5 * 60_000
/** How many times its usual pause a source may be silent. */
const TOLERANCE = 10
/** How much of the usual pause is left after a look with lines, so that one long night does not blunt the alarm for good. */
const DECAY = 0.999

interface Usual {
  lastSeenMs: number
  looks: number
  pauseMs: number
}

export class SilenceWatch {
  readonly #sources = new Map<string, Usual>()

  /** Takes a look at when a source was last heard; call it every few seconds. */
  observe(source: string, lastSeenMs: number | undefined): void {
    if (lastSeenMs === undefined) return
    const usual = this.#sources.get(source)
    if (usual === undefined) this.#sources.set(source, { lastSeenMs, looks: 1, pauseMs: 0 })
    else if (lastSeenMs > usual.lastSeenMs) {
      const pauseMs = lastSeenMs - usual.lastSeenMs
      // A pause that was an alarm does not become the new usual.
      usual.pauseMs =
        pauseMs > (this.#usualLimit(source) ?? Number.POSITIVE_INFINITY) ? usual.pauseMs : Math.max(usual.pauseMs * DECAY, pauseMs)
      usual.lastSeenMs = lastSeenMs
      usual.looks++
    }
  }

  /**
   * Undefined while the source is as usual. `silentAfterMs`: what the configuration says, 0 for never; it also counts for a source
   * that has sent nothing since `startedMs`.
   */
  judge(
    source: string,
    lastSeenMs: number | undefined,
    { nowMs, startedMs, silentAfterMs }: { nowMs: number; startedMs: number; silentAfterMs: number | undefined }
  ): SilenceStatus | undefined {
    const limitMs = silentAfterMs ?? this.#usualLimit(source)
    const sinceMs = lastSeenMs ?? startedMs
    if (limitMs === undefined || limitMs === 0 || nowMs - sinceMs <= limitMs) return undefined
    return { sinceMs, limitMs }
  }

  #usualLimit(source: string): number | undefined {
    const usual = this.#sources.get(source)
    return usual === undefined || usual.looks < LOOKS_MIN ? undefined : Math.max(SILENT_MIN_MS, TOLERANCE * usual.pauseMs)
  }
}
