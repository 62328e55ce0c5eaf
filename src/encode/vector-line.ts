/**
 * Hot path: once per record. A line of keys and values written by vector code in one call (src/lib/simd/write.ts), where record and line
 * lie in the lane's memory. An encoder says its steps once, and sets the values of each record.
 */
import { laneBytes, laneFloats, laneInts, reserveLaneMemory, vectorCode } from '../lib/lane-memory.ts'
import { LaneSlots } from '../lib/lane-slots.ts'
import {
  STEP_BYTES,
  STEP_LENGTH,
  STEP_LITERAL,
  STEP_VALUE,
  VECTOR_BYTES,
  WRITE_LITERAL,
  WRITE_NUMBER,
  WRITE_TEXT
} from '../lib/simd/program.ts'
import type { RecordFields, TextField } from '../record.ts'

/** One encoder each; with more of them, or with very long names, lines are written by the plain way. */
const PROGRAMS = 256
const PROGRAM_BYTES = 1024
const programs = new LaneSlots(PROGRAMS, PROGRAM_BYTES)

const VALUES_MAX = 16
const valuesAt = reserveLaneMemory(VALUES_MAX * 8)
const ints = laneInts(valuesAt, VALUES_MAX * 2)
const floats = laneFloats(valuesAt, VALUES_MAX)

/** What stands before a value, and what the value is. */
export interface LineStep {
  kind: 'text' | 'number' | 'literal'
  /** Which of the record's values, 0 to 15. */
  value: number
  literal: string
}
const KINDS = { text: WRITE_TEXT, number: WRITE_NUMBER, literal: WRITE_LITERAL } as const

export class VectorLine {
  readonly #slot: number
  readonly #steps: number
  readonly #stepsEnd: number

  private constructor(steps: readonly LineStep[]) {
    this.#slot = programs.take(this)
    this.#steps = programs.address(this.#slot)
    this.#stepsEnd = this.#steps + steps.length * STEP_BYTES
    const program = new DataView(laneBytes.buffer, laneBytes.byteOffset)
    let literalAt = this.#stepsEnd
    steps.forEach(({ kind, value, literal }, index) => {
      const at = this.#steps + index * STEP_BYTES
      program.setInt32(at, KINDS[kind], true)
      program.setUint32(at + STEP_VALUE, value * 8, true)
      program.setUint32(at + STEP_LITERAL, literalAt, true)
      program.setUint32(at + STEP_LENGTH, laneBytes.write(literal, literalAt, 'utf8'), true)
      literalAt += sizeOf(literal)
    })
  }

  /** Undefined where there is no vector code, or no room for so much text. */
  static of(steps: readonly LineStep[]): VectorLine | undefined {
    const bytes = steps.reduce((sum, { literal }) => sum + STEP_BYTES + sizeOf(literal), 0)
    return vectorCode === undefined || bytes > PROGRAM_BYTES ? undefined : new VectorLine(steps)
  }

  /** False when there were too many encoders after this one. */
  get isAlive(): boolean {
    return programs.has(this.#slot, this)
  }

  /** Writes the line with the values that were set; returns its end. */
  write(at: number): number {
    return vectorCode!.writeLine(this.#steps, this.#stepsEnd, valuesAt, at)
  }
}

/** Literals are written by whole vectors. */
const sizeOf = (literal: string): number => (Buffer.byteLength(literal) + VECTOR_BYTES - 1) & -VECTOR_BYTES

/** Sets a value to a text of the record, which may be absent. */
export function setTextValue(value: number, record: RecordFields, field: TextField): void {
  ints[value * 2] = record.start[field]!
  ints[value * 2 + 1] = record.end[field]!
}

/** Sets a value to a number; below 0 it is absent. */
export function setNumberValue(value: number, number: number): void {
  floats[value] = number
}

/** Says whether the literal of this value is written. */
export function setLiteralValue(value: number, isWritten: boolean): void {
  ints[value * 2] = isWritten ? 1 : 0
}
