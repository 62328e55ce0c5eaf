/** What can be fuzzed, and how a case is made and told again. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Chance } from '../fault/chance.ts'
import { mutate } from './mutate.ts'

export interface FuzzTarget {
  name: string
  /** Cases to begin with; those found earlier come to them. */
  seeds(): Buffer[]
  /** Words worth putting in. */
  tokens?: readonly string[]
  /** Longest input. @default 200,000 */
  maxBytes?: number
  /** Throws, or rejects, when the code behaves as it must not. Must not depend on earlier cases. */
  check(input: Buffer, chance: Chance): void | Promise<void>
}

const CORPUS = join(import.meta.dirname, 'corpus')
const MAX_BYTES = 200_000

/** Inputs that once hurt a property, kept for ever. */
export function keptCases(target: FuzzTarget): { name: string; input: Buffer }[] {
  const folder = join(CORPUS, target.name)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map(name => ({ name, input: readFileSync(join(folder, name)) }))
}

/** Keeps a found case; returns its path. */
export function keepCase(target: FuzzTarget, input: Buffer): string {
  const folder = join(CORPUS, target.name)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`)
  writeFileSync(path, input)
  return path
}

/** All that a case is made of: the same numbers give the same bytes. */
export class Cases {
  readonly #target: FuzzTarget
  readonly #seeds: Buffer[]

  constructor(target: FuzzTarget) {
    this.#target = target
    this.#seeds = [...target.seeds(), ...keptCases(target).map(({ input }) => input)]
  }

  /** Runs one case. Throws what the check throws. */
  async run(seed: number, index: number): Promise<void> {
    const { input, chance } = this.make(seed, index)
    await this.#target.check(input, chance)
  }

  make(seed: number, index: number): { input: Buffer; chance: Chance } {
    const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
    const { tokens = [], maxBytes = MAX_BYTES } = this.#target
    return { input: mutate(this.#seeds, tokens, chance, maxBytes), chance }
  }
}

/** Does the input still hurt? With a chance of its own, as kept cases have. */
export async function failureOf(target: FuzzTarget, input: Buffer): Promise<unknown> {
  try {
    await target.check(input, new Chance(1))
    return undefined
  } catch (error) {
    return error ?? new Error('thrown: nothing')
  }
}

/** Takes pieces out of a failing input for as long as it fails. */
export async function shrunk(target: FuzzTarget, input: Buffer, triesMax = 2000): Promise<Buffer> {
  let best = input
  let tries = 0
  for (let size = best.length >> 1; size >= 1 && tries < triesMax; size >>= 1) {
    for (let at = 0; at < best.length && tries < triesMax; tries++) {
      const less = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      if ((await failureOf(target, less)) !== undefined) best = less
      else at += size
    }
  }
  return best
}

/** Throws when two things that must be the same are not. */
export function same(what: string, a: unknown, b: unknown): void {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  if (left === right) return
  let at = 0
  while (left[at] === right[at]) at++
  const from = Math.max(0, at - 80)
  throw new Error(`${what}: …${left.slice(from, at + 120)}… is not …${right.slice(from, at + 120)}…`)
}

/** Cuts bytes at random places: in two, in some, or into single bytes when there are few. */
export function cutAtRandom(bytes: Buffer, chance: Chance): Buffer[] {
  if (bytes.length < 2) return [bytes]
  const count = bytes.length < 3000 && chance.happens(0.1) ? bytes.length : chance.between(1, 6)
  const places =
    count === bytes.length
      ? Array.from({ length: count - 1 }, (_, index) => index + 1)
      : [...new Set(Array.from({ length: count }, () => chance.between(1, bytes.length - 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
}
