/** Numbers and times for people. A number stays on one line with its unit; hours are those of the log, 0 to 23. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const timeWithSeconds = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

const DAY_MS = 86_400_000

export const number = (value: number): string => whole.format(value)
/** `1 file`, `2 files`. */
export const files = (count: number): string => `${number(count)} ${count === 1 ? 'file' : 'files'}`
export const compact = (value: number): string => (value < 10_000 ? whole.format(value) : short.format(value))

/** A second. */
export function rate(value: number): string {
  if (value === 0) return '0/s'
  if (value < 0.1) return '< 0.1/s'
  return `${value < 10 ? value.toFixed(1) : compact(value)}/s`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}\u00a0${UNITS[unit]}`
}

export function percent(part: number, of: number): string {
  if (of === 0) return '–'
  const share = (100 * part) / of
  if (share > 0 && share < 1) return '<\u00a01\u00a0%'
  // What is not all is not shown as all.
  return share > 99 && share < 100 ? '>\u00a099\u00a0%' : `${Math.round(share)}\u00a0%`
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return `${seconds}\u00a0s`
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}\u00a0h`
  return `${Math.round(seconds / 86_400)}\u00a0days`
}

export const ago = (ms: number | undefined, nowMs: number): string => (ms === undefined ? 'never' : `${duration(nowMs - ms)} ago`)

/** A moment of the last day by its time alone. */
export const clock = (ms: number, nowMs: number): string => (nowMs - ms < DAY_MS && nowMs >= ms ? time : day).format(ms)
export const exactClock = (ms: number, nowMs: number): string => (nowMs - ms < DAY_MS ? timeWithSeconds : day).format(ms)
export const onDay = (ms: number): string => date.format(ms)

/** `1 pause`, `2 pauses`. */
export const count = (value: number, one: string, many: string): string => `${number(value)} ${value === 1 ? one : many}`

/** Reasons of the metrics whose names say too little, or another thing than is meant: a source here is what sends. */
const REASONS: Readonly<Record<string, string>> = {
  no_source: 'without client',
  no_destination: 'without destination',
  bad_time: 'without a readable time'
}
export const reasonText = (reason: string): string => REASONS[reason] ?? reason.replaceAll('_', ' ')

/** Control characters as pictures of themselves, so that a line shows what is in it. */
export const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f]/g, char => (char === '\u007f' ? '␡' : String.fromCharCode(0x2400 + char.charCodeAt(0))))
