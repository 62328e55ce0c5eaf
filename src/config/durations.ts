/** Durations as people write them: `200ms`, `2s`, `5m`, `1h30m`, `90d`. A bare number has no unit and is refused, except 0. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 }

/** Milliseconds of a duration. Throws RangeError. */
export function parseDuration(text: string | number): number {
  const source = String(text).trim()
  if (source === '0') return 0
  const refuse = () => new RangeError(`${JSON.stringify(text)} is no duration; write numbers with units, such as 200ms, 2s, 5m or 1h30m`)
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(source)) throw refuse()
  let totalMs = 0
  for (const [, amount, unit] of source.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) totalMs += Number(amount) * UNIT_MS[unit!]!
  // Ten years: longer than any wait or age that makes sense, and far from what timers and dates overflow at.
  if (totalMs > 3650 * 86400e3) throw new RangeError(`${JSON.stringify(text)} is too long a duration`)
  return Math.round(totalMs)
}

/** The duration in at most two units: `1h 30m`, `2.5s`, `200ms`. For people, not for parsing back. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60e3) return `${Number((ms / 1000).toFixed(1))}s`
  const units: [string, number][] = [
    ['d', 86400e3],
    ['h', 3600e3],
    ['m', 60e3],
    ['s', 1e3]
  ]
  const parts: string[] = []
  let rest = Math.floor(ms / 1000) * 1000
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join(' ')
}
