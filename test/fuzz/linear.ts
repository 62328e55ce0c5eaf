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
const RUNS = [3, 10, 30, 60]

export type Make = (bytes: number) => Buffer

/** How many times as long four times the length takes, when that is too much; else undefined. */
export function superlinear(make: Make, run: (input: Buffer) => void, bytes: number): number | undefined {
  const [small, large] = [make(bytes), make(bytes * FACTOR)]
  // Cold code would make the short input slow, and hide what the long one costs.
  for (const input of [small, large, small]) run(input)
  let ratio = 0
  // A machine that is busy elsewhere makes suspects of the innocent, but not again and again.
  for (const runs of RUNS) {
    let [a, b] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    // In turn, so that both meet the same moments.
    for (let count = 0; count < runs; count++) {
      a = Math.min(a, timeOf(small, run))
      b = Math.min(b, timeOf(large, run))
    }
    ratio = b / Math.max(a, 1e-6)
    if (ratio <= RATIO_MAX) return undefined
  }
  return ratio
}

function timeOf(input: Buffer, run: (input: Buffer) => void): number {
  const began = performance.now()
  run(input)
  return performance.now() - began
}

/** The pattern again and again, between a head and a tail. */
export const repeated =
  (pattern: string, head: Buffer = Buffer.alloc(0), tail: Buffer = Buffer.alloc(0)): Make =>
  bytes =>
    Buffer.concat([head, Buffer.alloc(bytes, Buffer.from(pattern, 'latin1')), tail])
