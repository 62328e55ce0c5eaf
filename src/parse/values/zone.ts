/** Time zones: named IANA zones through Intl with a cache per hour, and the abbreviations that log lines carry. */
import type { Zone } from '../../contracts.ts'

const HOUR_MS = 3_600_000
const CACHE_MAX = 4096

/** UTC; also reads a clock as it stands, where its offset is known only later. */
export const UTC: Zone = { name: 'UTC', toUtc: wallMs => wallMs }

/**
 * A zone by IANA name. The offset is looked up once per wall-clock hour and kept, since Intl costs microseconds and lines
 * come by the hundred thousand. A clock time that occurs twice (end of summer time) takes the first offset, one that does
 * not occur takes the offset before the gap.
 * @throws RangeError when the name is no IANA zone.
 */
export function namedZone(name: string): Zone {
  if (name === 'UTC' || name === 'Etc/UTC' || name === 'GMT') return UTC
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric'
  })
  const offsetAt = (utcMs: number): number => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(utcMs)) part[type] = Number(value)
    const wall = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!)
    return wall - Math.floor(utcMs / 1000) * 1000
  }
  const cache = new Map<number, number>()
  let lastQuarter = Number.NaN
  let lastOffset = 0
  return {
    name,
    toUtc: wallMs => {
      if (!Number.isFinite(wallMs)) return Number.NaN
      const quarter = Math.floor(wallMs / (HOUR_MS / 4)) // zones change on quarter hours
      if (quarter === lastQuarter) return wallMs - lastOffset
      let offset = cache.get(quarter)
      if (offset === undefined) {
        const before = offsetAt(wallMs - 24 * HOUR_MS) // an offset from before any change nearby, as zones reach to +14
        const guess = offsetAt(wallMs - before)
        offset = offsetAt(wallMs - before) === before || offsetAt(wallMs - guess) !== guess ? before : guess
        if (cache.size >= CACHE_MAX) cache.clear()
        cache.set(quarter, offset)
      }
      lastQuarter = quarter
      lastOffset = offset
      return wallMs - offset
    }
  }
}

/** Minutes east of UTC of abbreviations that mean one thing wherever logs carry them. */
const ABBREVIATIONS: Record<string, number> = {
  UTC: 0,
  GMT: 0,
  UCT: 0,
  Z: 0,
  WET: 0,
  WEST: 60,
  CET: 60,
  CEST: 120,
  MET: 60,
  MEST: 120,
  EET: 120,
  EEST: 180,
  MSK: 180,
  EST: -300,
  EDT: -240,
  CDT: -300,
  MDT: -360,
  MST: -420,
  PST: -480,
  PDT: -420,
  AKST: -540,
  AKDT: -480,
  HST: -600,
  JST: 540,
  KST: 540,
  HKT: 480,
  SGT: 480,
  AEST: 600,
  AEDT: 660,
  ACST: 570,
  ACDT: 630,
  AWST: 480,
  NZST: 720,
  NZDT: 780,
  SAST: 120
}

/** Offset in minutes of a zone abbreviation; undefined when unknown or ambiguous (IST, BST, CST …: the configured zone decides). */
export function abbreviationOffset(name: string): number | undefined {
  return Object.hasOwn(ABBREVIATIONS, name) ? ABBREVIATIONS[name] : undefined
}
