/**
 * Hot path: once per written record. How long after its event a record arrives: a histogram for the usual lag, and the least
 * lag of the last minutes, which tells what the clock of a source is worth, since nothing arrives before it happens.
 */

/** Upper bounds of the histogram, seconds: from live logs to files of last week. */
export const LAG_BOUNDS_SECONDS: readonly number[] = [1, 5, 15, 60, 300, 900, 3600, 10_800, 43_200, 86_400, 604_800]

const BOUNDS_MS = Float64Array.from(LAG_BOUNDS_SECONDS, seconds => seconds * 1000)
/** The least lag is that of one to two windows. */
export const LAG_WINDOW_MS = 60_000

/** What a lane knows; crosses threads. */
export interface LagCounts {
  /** Records by bound, one more than there are bounds; not cumulative. */
  counts: number[]
  /** Sum of the lags, where one below 0 counts as 0. */
  sumSeconds: number
  /** Least lag, ms, below 0 when the source's clock is ahead; Infinity without records. */
  leastMs: number
  /** When the last record of that window arrived, ms; 0 without records. */
  leastAtMs: number
}

export class EventLag {
  readonly #counts = new Float64Array(BOUNDS_MS.length + 1)
  #sumMs = 0
  #windowEndMs = 0
  #leastMs = Infinity
  #leastBeforeMs = Infinity
  #leastAtMs = 0
  /** Bucket of the last record: that of most. */
  #bucket = 0

  /** A record of an event at `eventMs` arrived at `nowMs`. */
  add(eventMs: number, nowMs: number): void {
    const lagMs = nowMs - eventMs
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + LAG_WINDOW_MS
      this.#leastBeforeMs = this.#leastMs
      this.#leastMs = Infinity
    }
    this.#leastAtMs = nowMs
    if (lagMs < this.#leastMs) this.#leastMs = lagMs
    if (lagMs > 0) this.#sumMs += lagMs
    let bucket = this.#bucket
    while (bucket > 0 && lagMs <= BOUNDS_MS[bucket - 1]!) bucket--
    while (bucket < BOUNDS_MS.length && lagMs > BOUNDS_MS[bucket]!) bucket++
    this.#bucket = bucket
    this.#counts[bucket]!++
  }

  counts(): LagCounts {
    return {
      counts: [...this.#counts],
      sumSeconds: this.#sumMs / 1000,
      leastMs: Math.min(this.#leastMs, this.#leastBeforeMs),
      leastAtMs: this.#leastAtMs
    }
  }
}

/** Sums the counts of lanes up. The least lag is that of lanes that had records lately, not of those that had some long ago. */
export function mergeLags(lags: readonly LagCounts[]): LagCounts {
  const merged: LagCounts = { counts: LAG_BOUNDS_SECONDS.map(() => 0), sumSeconds: 0, leastMs: Infinity, leastAtMs: 0 }
  merged.counts.push(0)
  for (const { leastAtMs } of lags) merged.leastAtMs = Math.max(merged.leastAtMs, leastAtMs)
  for (const { counts, sumSeconds, leastMs, leastAtMs } of lags) {
    counts.forEach((count, index) => {
      merged.counts[index]! += count
    })
    merged.sumSeconds += sumSeconds
    if (leastAtMs > merged.leastAtMs - 2 * LAG_WINDOW_MS) merged.leastMs = Math.min(merged.leastMs, leastMs)
  }
  return merged
}
