/**
 * Is the time linear in the length of the input? Compared is what n and 4n bytes of the same pattern take: 4 times as much when it is, 16 times
 * when it is quadratic. The shortest of some runs is taken, since others only make a run longer; no time is compared with a clock's.
 */

/** A pattern that scanners are apt to go back over. */
export const PATTERNS: readonly string[] = [
  ...'"\'\\=|,;:%&#<>[]{}()/?@ \t.-+*1a',
  '""',
  '\\"',
  '\\\\',
  '\\=',
  '\\|',
  '="',
  ' =',
  'a=',
  ' a=',
  ' a=b',
  ' a="',
  'a="b" ',
  ',"',
  '","',
  '{"',
  '{"a":',
  '[{',
  '"a":"\\"",',
  '\\u0022',
  '\\ud83d',
  '%41',
  '://',
  'a@',
  '::',
  '1.1.',
  '<13>',
  '[x y="z"]',
  '(a)',
  ' - ',
  '\xc3\xa4',
  '\xff',
  '\r',
  '\0',
  'src=',
  'CEF:0|',
  'http://'
]

const FACTOR = 4
/** Generous: between 4 and 16. */
const RATIO_MAX = 9
/** Of n/4 and n bytes, where what is linear weighs more in the quadratic. */
const RATIO_BELOW_MAX = 6
const RUNS = 3
const PAUSE_MS = 25
const SUSPECTED_MS = 2500

export type Make = (bytes: number) => Buffer
type Run = (input: Buffer) => void

/** What time is taken from. A test of the measure itself has one that its runs move on, since how long a machine takes is no test's to say. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number
  pause(ms: number): void
}

const WAITED_FOR = new Int32Array(new SharedArrayBuffer(4))
const realClock: Clock = {
  now: () => performance.now(),
  pause: ms => {
    Atomics.wait(WAITED_FOR, 0, 0, ms)
  }
}

/**
 * How many times as long four times the length takes, when that is too much; else undefined. The innocent are known after some runs. A
 * suspect is measured again and again for seconds, so that no neighbour who takes the core for a while makes it guilty; and then at a quarter
 * of the lengths, where the quadratic is so as well, while what jumps once (a cache that is full, memory that comes from elsewhere) is not.
 */
export function superlinear(make: Make, run: Run, bytes: number, clock: Clock = realClock): number | undefined {
  const ratio = ratioAbove(RATIO_MAX, make, run, bytes, clock)
  return ratio === undefined || ratioAbove(RATIO_BELOW_MAX, make, run, bytes / FACTOR, clock) === undefined ? undefined : ratio
}

/** The ratio, when it is above the limit after all that time. */
function ratioAbove(ratioMax: number, make: Make, run: Run, bytes: number, clock: Clock): number | undefined {
  const [small, large] = [make(bytes), make(bytes * FACTOR)]
  // Cold code would make the short input slow, and hide what the long one costs.
  for (const input of [small, large, small]) run(input)
  const endMs = clock.now() + SUSPECTED_MS
  let [a, b] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (;;) {
    // In turn, so that both meet the same moments.
    for (let count = 0; count < RUNS; count++) {
      a = Math.min(a, timeOf(small, run, clock))
      b = Math.min(b, timeOf(large, run, clock))
    }
    const ratio = b / Math.max(a, 1e-6)
    if (ratio <= ratioMax) return undefined
    if (clock.now() > endMs) return ratio
    clock.pause(PAUSE_MS) // somebody else's turn
  }
}

function timeOf(input: Buffer, run: Run, clock: Clock): number {
  const began = clock.now()
  run(input)
  return clock.now() - began
}

/** The pattern again and again, between a head and a tail. */
export const repeated =
  (pattern: string, head: Buffer = Buffer.alloc(0), tail: Buffer = Buffer.alloc(0)): Make =>
  bytes =>
    Buffer.concat([head, Buffer.alloc(bytes, Buffer.from(pattern, 'latin1')), tail])
