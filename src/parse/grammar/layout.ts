/** Hot path: once per frame. One line as literals and holes (layouts.ts), and how another is read by it. */

import { laneBytes, laneInts, reserveLaneMemory, vectorCode } from '../../lib/lane-memory.ts'
import { LaneSlots } from '../../lib/lane-slots.ts'
import {
  PART_BYTES,
  PART_FIRST_EQUALS,
  PART_IS_WANTED,
  PART_LENGTH,
  PART_PLACED_END,
  PART_TERMINATOR,
  PLACED_BYTES,
  PLACED_END,
  PLACED_ESCAPE,
  VECTOR_BYTES
} from '../../lib/simd/program.ts'
import type { Step } from '../field.ts'
import type { Escape, Setter, Value } from '../values/line.ts'
import { LINE_MAX_BYTES, PAIRS_MAX, Trace } from './trace.ts'

const EQUALS = 0x3d
const PARTS_MAX = PAIRS_MAX + 1
const PLACED_INTS = PLACED_BYTES / 4

/** Each part has a literal, whose last vector may be filled in part. */
const LITERALS_BYTES = (LINE_MAX_BYTES / VECTOR_BYTES + PARTS_MAX) * 2 * VECTOR_BYTES
const PLACED_AT = PARTS_MAX * PART_BYTES
const LITERALS_AT = (PLACED_AT + PAIRS_MAX * PLACED_BYTES + VECTOR_BYTES - 1) & -VECTOR_BYTES

/** A lane of many sources learns less; who lost its place learns anew. */
const programs = new LaneSlots(256, LITERALS_AT + LITERALS_BYTES)
/** Where the values of a line are found. */
const foundAt = reserveLaneMemory(PAIRS_MAX * PLACED_BYTES)
const found = laneInts(foundAt, (PAIRS_MAX * PLACED_BYTES) / 4)

export class Layout implements Setter {
  readonly wanted: readonly number[]
  steps: readonly Step[] | null = null
  readonly #line: Buffer
  readonly #trace = new Trace()
  readonly #isHole = new Uint8Array(PAIRS_MAX)
  /** The program that `fit` of src/lib/simd/fit.ts follows: parts, values in literals, literals. */
  readonly #slot: number
  readonly #parts: number
  readonly #placed: number
  #lastPart = 0

  constructor(buf: Uint8Array, trace: Trace) {
    this.#line = Buffer.alloc(trace.end - trace.start)
    this.#line.set(buf.subarray(trace.start, trace.end))
    const own = this.#trace
    own.begin(0, this.#line.length, trace.escape)
    for (let i = 0; i < trace.count; i++) {
      const escape = trace.escapes[i] as Escape
      own.add(trace.valueStarts[i]! - trace.start, trace.valueEnds[i]! - trace.start, trace.indexes[i]!, trace.terminators[i]!, escape)
    }
    this.wanted = [...trace.indexes.subarray(0, trace.count)].filter(index => index >= 0)
    this.#slot = programs.take(this)
    this.#parts = programs.address(this.#slot)
    this.#placed = this.#parts + PLACED_AT
    this.#compile()
  }

  /** False when its memory went to another layout: it fits no line any more. */
  get isAlive(): boolean {
    return programs.has(this.#slot, this)
  }

  /** Sets the values of a line in the lane's memory and returns how many, or -1 when the line does not fit: nothing is set then. */
  fit(start: number, end: number, values: readonly Value[]): number {
    if (!this.isAlive) return -1
    const count = vectorCode!.fit(this.#parts, this.#lastPart, this.#placed, this.#trace.escape, start, end, foundAt)
    const { wanted } = this
    for (let i = 0, at = 0; i < count; i++, at += PLACED_INTS)
      values[wanted[i]!]!.place(found[at]!, found[at + PLACED_END / 4]!, found[at + PLACED_ESCAPE / 4] as Escape)
    return count
  }

  /** The line has the same keys: what differs from this one becomes a hole. False when it has other ones. */
  widen(buf: Uint8Array, trace: Trace): boolean {
    if (!this.isAlive) return false
    const own = this.#trace
    if (trace.count !== own.count) return false
    let at = 0
    let theirs = trace.start
    for (let i = 0; i <= own.count; i++) {
      const end = i < own.count ? own.valueStarts[i]! : own.end
      const theirEnd = i < own.count ? trace.valueStarts[i]! : trace.end
      if (end - at !== theirEnd - theirs || !this.#same(at, end, buf, theirs)) return false
      if (i === own.count) break
      if (own.indexes[i] !== trace.indexes[i] || own.terminators[i] !== trace.terminators[i]) return false
      at = own.valueEnds[i]!
      theirs = trace.valueEnds[i]!
    }
    for (let i = 0; i < own.count; i++) {
      const length = own.valueEnds[i]! - own.valueStarts[i]!
      const equal =
        length === trace.valueEnds[i]! - trace.valueStarts[i]! &&
        this.#same(own.valueStarts[i]!, own.valueEnds[i]!, buf, trace.valueStarts[i]!)
      if (!equal) this.#isHole[i] = 1
    }
    this.#compile()
    return true
  }

  #same(start: number, end: number, buf: Uint8Array, at: number): boolean {
    for (let i = start; i < end; i++) if (this.#line[i] !== buf[at + i - start]) return false
    return true
  }

  #compile(): void {
    const trace = this.#trace
    const program = new DataView(laneBytes.buffer, laneBytes.byteOffset)
    let part = this.#parts
    let placed = this.#placed
    let literals = this.#parts + LITERALS_AT
    let literalStart = 0
    const setLiteral = (end: number): void => {
      program.setUint32(part, literals, true)
      program.setUint32(part + PART_LENGTH, end - literalStart, true)
      program.setUint32(part + PART_PLACED_END, placed, true)
      program.setUint32(part + PART_FIRST_EQUALS, this.#line.subarray(literalStart, end).indexOf(EQUALS), true)
      literals = writeLiteral(this.#line.subarray(literalStart, end), literals)
    }
    for (let i = 0; i < trace.count; i++) {
      const isWanted = trace.indexes[i]! >= 0
      if (this.#isHole[i] === 1) {
        setLiteral(trace.valueStarts[i]!)
        program.setInt32(part + PART_TERMINATOR, trace.terminators[i]!, true)
        program.setInt32(part + PART_IS_WANTED, isWanted ? 1 : 0, true)
        part += PART_BYTES
        literalStart = trace.valueEnds[i]!
      } else if (isWanted) {
        program.setUint32(placed, trace.valueStarts[i]! - literalStart, true)
        program.setUint32(placed + PLACED_END, trace.valueEnds[i]! - literalStart, true)
        program.setInt32(placed + PLACED_ESCAPE, trace.escapes[i]!, true)
        placed += PLACED_BYTES
      }
    }
    setLiteral(trace.end)
    this.#lastPart = part
  }
}

/** Writes a literal as vectors with their masks, an empty one as one, and returns the address after it. */
function writeLiteral(literal: Uint8Array, at: number): number {
  let from = 0
  do {
    const vector = literal.subarray(from, from + VECTOR_BYTES)
    laneBytes.fill(0, at, at + 2 * VECTOR_BYTES)
    laneBytes.set(vector, at)
    laneBytes.fill(0xff, at + VECTOR_BYTES, at + VECTOR_BYTES + vector.length)
    at += 2 * VECTOR_BYTES
    from += VECTOR_BYTES
  } while (from < literal.length)
  return at
}
