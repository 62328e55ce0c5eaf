/** A histogram of plain numbers, filled where things happen and read at scrape; serializable, so it can cross threads. */

/** Upper bounds ascending; `counts[i]` are the values up to `bounds[i]`, the last entry those above all; not cumulative. */
export interface HistogramCounts {
  bounds: number[]
  counts: number[]
  sum: number
}

/** Bounds in seconds that fit syncs and HTTP calls. */
export const SECONDS_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export function newHistogram(bounds: readonly number[] = SECONDS_BOUNDS): HistogramCounts {
  return { bounds: [...bounds], counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 }
}

/** From counts that are cumulative, as Prometheus shows them; `count` are all values. */
export function fromCumulative(bounds: readonly number[], cumulative: readonly number[], count: number, sum: number): HistogramCounts {
  const counts = [...cumulative, count].map((value, index, all) => value - (all[index - 1] ?? 0))
  return { bounds: [...bounds], counts, sum }
}

export function observe(histogram: HistogramCounts, value: number): void {
  const { bounds, counts } = histogram
  let index = 0
  while (index < bounds.length && value > bounds[index]!) index++
  counts[index]!++
  histogram.sum += value
}
