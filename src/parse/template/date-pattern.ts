/**
 * Times by a pattern that the user gives, as Java's DateTimeFormatter and SimpleDateFormat write them; `strftime` patterns are
 * turned into these. Compiled once; reading is a walk over the steps, without backtracking. Hot path: once per line.
 *
 *   y year · M month (MMM name) · d day · E weekday (passed over) · H 0–23 · h 1–12 with a · m minute · s second · S fraction
 *   a AM/PM · z zone name or offset · Z ±hhmm · X Z or offset · epoch · epoch_ms · 'text' and other characters as they are
 */
import type { Zone } from '../../contracts.ts'
import { isDigit } from '../../lib/bytes.ts'
import { nearestYear, readEpoch, readMonth, timeReadEnd, wallTime, withOffset } from '../values/time.ts'

type Part = 'year' | 'month' | 'day' | 'hour' | 'hour12' | 'minute' | 'second' | 'fraction'

type Step =
  | { kind: 'number'; part: Part; least: number; most: number }
  | { kind: 'month' | 'word' | 'half' | 'zone' }
  | { kind: 'literal'; byte: number }

const LETTERS: Readonly<Record<string, Part>> = {
  y: 'year',
  u: 'year',
  M: 'month',
  L: 'month',
  d: 'day',
  H: 'hour',
  h: 'hour12',
  m: 'minute',
  s: 'second',
  S: 'fraction'
}
const STRFTIME: Readonly<Record<string, string>> = {
  Y: 'yyyy',
  y: 'yy',
  m: 'MM',
  b: 'MMM',
  h: 'MMM',
  B: 'MMMM',
  d: 'dd',
  e: 'd',
  a: 'EEE',
  A: 'EEEE',
  H: 'HH',
  I: 'hh',
  M: 'mm',
  S: 'ss',
  p: 'a',
  z: 'Z',
  Z: 'z',
  T: 'HH:mm:ss',
  R: 'HH:mm',
  F: 'yyyy-MM-dd',
  D: 'MM/dd/yy',
  s: 'epoch',
  n: ' ',
  t: ' ',
  '%': '%'
}
const BLANK = 0x20
const PATTERN_MAX_CHARS = 128

/** Turns a `strftime` pattern (Squid's `%{…}tl`) into a Java-like one. @throws SyntaxError for a conversion that is not known. */
export function fromStrftime(pattern: string): string {
  return pattern.replace(/%([A-Za-z%])|([A-Za-z']+)/g, (_, letter: string | undefined, literal: string | undefined) => {
    if (letter === undefined) return `'${literal?.replaceAll("'", "''")}'`
    const known = Object.hasOwn(STRFTIME, letter) ? STRFTIME[letter] : undefined
    if (known === undefined) throw new SyntaxError(`%${letter} is not supported in a time`)
    return known
  })
}

export class DatePattern {
  readonly #epoch: boolean
  readonly #steps: readonly Step[]
  readonly #values: Record<Part, number> = { year: -1, month: -1, day: -1, hour: 0, hour12: -1, minute: 0, second: 0, fraction: 0 }
  #isAfternoon = -1

  /** @throws SyntaxError that names what is wrong with the pattern. */
  constructor(pattern: string) {
    if (pattern.length > PATTERN_MAX_CHARS) throw new SyntaxError(`it has more than ${PATTERN_MAX_CHARS} characters`)
    this.#epoch = pattern === 'epoch' || pattern === 'epoch_ms'
    this.#steps = this.#epoch ? [] : compile(pattern)
  }

  /** Milliseconds since 1970 UTC, or NaN when the bytes do not fit the pattern. Blanks around are passed over. */
  read(buf: Uint8Array, start: number, end: number, zone: Zone, now: number): number {
    let at = start
    let last = end
    while (at < last && buf[at] === BLANK) at++
    while (last > at && buf[last - 1] === BLANK) last--
    // The number of digits tells the unit: a field said to be in seconds that holds milliseconds is read right as well.
    if (this.#epoch) return readEpoch(buf, at, last)
    const values = this.#values
    values.year = values.month = values.day = values.hour12 = -1
    values.hour = values.minute = values.second = values.fraction = 0
    this.#isAfternoon = -1
    let zoneStart = -1
    let zoneEnd = -1
    for (const step of this.#steps) {
      if (step.kind === 'zone') {
        zoneStart = at
        while (at < last && buf[at] !== BLANK && buf[at] !== 0x5d && buf[at] !== 0x29) at++
        zoneEnd = at
        if (zoneStart === zoneEnd) return Number.NaN
      } else at = this.#take(step, buf, at, last)
      if (at < 0) return Number.NaN
    }
    if (at !== last || !this.#resolve()) return Number.NaN
    const inYear = (year: number): number => {
      const wall = wallTime(year, values.month, values.day, values.hour, values.minute, values.second, values.fraction)
      return zoneStart < 0 ? zone.toUtc(wall) : withZone(buf, zoneStart, zoneEnd, wall, zone)
    }
    return values.year >= 0 ? inYear(values.year) : nearestYear(now, inYear)
  }

  #take(step: Exclude<Step, { kind: 'zone' }>, buf: Uint8Array, at: number, end: number): number {
    switch (step.kind) {
      case 'literal':
        if (step.byte === BLANK) return skipRun(buf, at, end)
        return at < end && buf[at] === step.byte ? at + 1 : -1
      case 'number':
        return this.#takeNumber(step.part, step.least, step.most, buf, at, end)
      case 'month': {
        const month = at + 3 <= end ? readMonth(buf, at) : 0
        this.#values.month = month
        return month === 0 ? -1 : wordEnd(buf, at, end)
      }
      case 'word': {
        const after = wordEnd(buf, at, end)
        return after > at ? after : -1
      }
      default: {
        const letter = at + 2 <= end ? buf[at]! | 0x20 : 0
        if ((letter !== 0x61 && letter !== 0x70) || (buf[at + 1]! | 0x20) !== 0x6d) return -1
        this.#isAfternoon = letter === 0x70 ? 1 : 0
        return at + 2
      }
    }
  }

  #takeNumber(part: Part, least: number, most: number, buf: Uint8Array, start: number, end: number): number {
    let at = start
    if (part === 'day') while (at < end && buf[at] === BLANK) at++ // `Jan  5`
    const first = at
    let value = 0
    while (at < end && at - first < most && isDigit(buf[at])) value = value * 10 + buf[at++]! - 0x30
    const digits = at - first
    if (digits < least) return -1
    if (part === 'fraction') value = Math.floor(value / 10 ** (digits - 3))
    else if (part === 'year' && digits <= 2) value += 2000
    this.#values[part] = value
    return at
  }

  /** Fills in the hour of a twelve-hour clock. False when date or clock is incomplete. */
  #resolve(): boolean {
    const values = this.#values
    if (values.hour12 >= 0) {
      if (values.hour12 < 1 || values.hour12 > 12) return false
      values.hour = (values.hour12 % 12) + (this.#isAfternoon === 1 ? 12 : 0)
    }
    return values.month > 0 && values.day > 0
  }
}

function withZone(buf: Uint8Array, start: number, end: number, wall: number, zone: Zone): number {
  const result = withOffset(buf, start, end, wall, zone)
  return timeReadEnd > start || isLetter(buf[start]!) ? result : Number.NaN // an ambiguous name follows the configured zone
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a

/** After one or more blanks, or -1. */
function skipRun(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (buf[at] === BLANK || buf[at] === 0x09)) at++
  return at > start ? at : -1
}

function wordEnd(buf: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isLetter(buf[at]!)) at++
  if (at > start && at < end && buf[at] === 0x2e) at++ // `Sept.`
  return at
}

function compile(pattern: string): Step[] {
  const steps: Step[] = []
  const seen = new Set<string>()
  for (const [piece, quoted] of pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[\s\S]/g)) {
    if (quoted !== undefined) steps.push(...literals(quoted === '' ? "'" : quoted.replaceAll("''", "'")))
    else if (/[A-Za-z]/.test(piece)) {
      const step = stepOf(piece)
      const name = step.kind === 'number' ? step.part.replace('12', '') : step.kind
      if (seen.has(name) && name !== 'word') throw new SyntaxError(`it has the ${name} twice`)
      seen.add(name)
      steps.push(step)
    } else if (piece === "'") throw new SyntaxError("a ' has no second one")
    else if (!(piece === ' ' && isBlank(steps.at(-1)))) steps.push(...literals(piece))
  }
  for (const part of ['month', 'day']) if (!seen.has(part)) throw new SyntaxError(`it has no ${part}`)
  if (!seen.has('hour')) throw new SyntaxError('it has no hour (HH, or hh with a)')
  if (steps.some(step => step.kind === 'number' && step.part === 'hour12') !== seen.has('half'))
    throw new SyntaxError('hh is the hour of a twelve-hour clock and belongs together with a; HH is 0 to 23')
  return steps.map((step, index) => loosened(step, steps[index + 1]))
}

const isBlank = (step: Step | undefined): boolean => step?.kind === 'literal' && step.byte === BLANK
const literals = (text: string): Step[] => [...Buffer.from(text, 'utf8')].map(byte => ({ kind: 'literal', byte }))

function stepOf(letters: string): Step {
  const letter = letters[0]!
  const width = letters.length
  if ((letter === 'M' || letter === 'L') && width >= 3) return { kind: 'month' }
  if (letter === 'E') return { kind: 'word' }
  if (letter === 'a') return { kind: 'half' }
  if (letter === 'z' || letter === 'Z' || letter === 'X' || letter === 'x') return { kind: 'zone' }
  const part = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined
  if (part === undefined) {
    throw new SyntaxError(
      `${JSON.stringify(letters)} means nothing; there are yyyy yy MM M MMM dd d EEE HH H hh h mm ss SSS a Z z XXX, epoch and epoch_ms, and other text in '…'`
    )
  }
  return part === 'fraction' ? { kind: 'number', part, least: 1, most: 9 } : { kind: 'number', part, least: width, most: width }
}

/** A number that no other number follows may be shorter or longer than its letters: `M/d` also reads 01/15, and `dd` 5. */
function loosened(step: Step, next: Step | undefined): Step {
  if (step.kind !== 'number' || step.part === 'fraction' || next?.kind === 'number') return step
  if (step.part === 'year') return { ...step, least: step.least === 2 ? 2 : 4, most: step.least === 2 ? 2 : 4 }
  return { ...step, least: 1, most: 2 }
}
