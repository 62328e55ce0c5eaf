/**
 * Hot path: once per record. A line of keys and values written by vector code in one call (src/lib/simd/write.ts), where record and line
 * lie in the lane's memory. An encoder says its steps once, and sets the values of each record.
 */
import { laneBytes, laneFloats, laneInts, reserveLaneMemory, vectorCode } from '../lib/lane-memory.ts'
import { laneRecordAt } from '../lib/lane-record.ts'
import { LaneSlots } from '../lib/lane-slots.ts'
import {
  RECORD_END,
  RECORD_STARTS,
  STEP_BYTES,
  STEP_LENGTH,
  STEP_LITERAL,
  STEP_VALUE,
  VECTOR_BYTES,
  WRITE_LITERAL,
  WRITE_NUMBER,
  WRITE_TEXT
} from '../lib/simd/program.ts'
import type { NumberField, RecordFields, TextField } from '../record.ts'

/** One encoder each; with more of them, or with very long names, lines are written by the plain way. */
const PROGRAMS = 256
const PROGRAM_BYTES = 1024
const programs = new LaneSlots(PROGRAMS, PROGRAM_BYTES)

const INT_BYTES = 4
const FLOAT_BYTES = 8
/** A number, the start of a text, two flags between that and its end. */
const CELLS_BYTES = 40

/** What is written that is no field of the record: one encoder has its line at hand at a time. */
const cellsAt = reserveLaneMemory(CELLS_BYTES)
const ints = laneInts(cellsAt, CELLS_BYTES / INT_BYTES)
const floats = laneFloats(cellsAt, CELLS_BYTES / FLOAT_BYTES)

/** Where what is written lies, once per field of the record and per cell. */
export const textAt = (field: TextField): number => laneRecordAt + RECORD_STARTS + field * INT_BYTES
export const numberAt = (field: NumberField): number => laneRecordAt + field * FLOAT_BYTES
/** A number besides. */
export const NUMBER_CELL = cellsAt
/** A text besides. */
export const TEXT_CELL = cellsAt + FLOAT_BYTES
/** Whether a literal is written: two of them. */
export const FIRST_LITERAL_CELL = TEXT_CELL + INT_BYTES
export const SECOND_LITERAL_CELL = FIRST_LITERAL_CELL + INT_BYTES

/** What stands before a value, and what the value is. */
export interface LineStep {
  kind: 'text' | 'number' | 'literal'
  /** Address of the value. */
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
      program.setUint32(at + STEP_VALUE, value, true)
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
    return vectorCode!.writeLine(this.#steps, this.#stepsEnd, at)
  }
}

/** Literals are written by whole vectors. */
const sizeOf = (literal: string): number => (Buffer.byteLength(literal) + VECTOR_BYTES - 1) & -VECTOR_BYTES

/** Sets the text besides to one of the record, which may be absent. */
export function setTextCell(record: RecordFields, field: TextField): void {
  ints[(TEXT_CELL - cellsAt) / INT_BYTES] = record.start[field]!
  ints[(TEXT_CELL - cellsAt + RECORD_END) / INT_BYTES] = record.end[field]!
}

/** Sets the number besides; below 0 it is absent. */
export function setNumberCell(number: number): void {
  floats[0] = number
}

/** Says which of the two literals are written. */
export function setLiteralCells(isFirst: boolean, isSecond: boolean): void {
  ints[(FIRST_LITERAL_CELL - cellsAt) / INT_BYTES] = isFirst ? 1 : 0
  ints[(SECOND_LITERAL_CELL - cellsAt) / INT_BYTES] = isSecond ? 1 : 0
}
