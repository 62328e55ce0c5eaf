/**
 * A parser's declared table: wanted words and what each fills. Compiled once; the grammar sets the values, `apply` runs the
 * steps. One table per log layout.
 */
import type { Frame } from '../contracts.ts'
import type { RecordFields } from '../record.ts'
import { applySteps, type Field, type Step, stepsOf } from './field.ts'
import type { ColumnMap } from './grammar/delimited.ts'
import { columnMap } from './grammar/delimited.ts'
import { JsonLevel } from './grammar/json.ts'
import { Layouts } from './grammar/layouts.ts'
import { KeyTable } from './values/key-table.ts'
import { Line, Value } from './values/line.ts'

/** Field rows by the appliance's word for them, in order of preference: of two rows for one record field the first wins. */
export type FieldRows<Name extends string = string> = Record<Name, Field | readonly Field[]>

export class FieldTable<Name extends string = string> {
  readonly names: readonly Name[]
  readonly keys: KeyTable
  readonly values: readonly Value[]
  /** What lines of this table looked like so far, by grammar: each reads the same bytes in another way. */
  readonly layouts = { pairs: new Layouts(), cef: new Layouts(), leef: new Layouts() }
  /** The values by name, for rules that a table cannot say. */
  readonly v: Readonly<Record<Name, Value>>
  readonly #line = new Line()
  readonly #steps: readonly Step[]

  constructor(rows: FieldRows<Name>) {
    this.names = Object.keys(rows) as Name[]
    this.keys = new KeyTable(this.names)
    this.values = this.names.map(() => new Value(this.#line))
    this.v = Object.fromEntries(this.names.map((name, index) => [name, this.values[index]])) as Record<Name, Value>
    this.#steps = this.names.flatMap((name, index) => [rows[name]].flat().flatMap((field: Field) => stepsOf(this.values[index]!, field)))
  }

  /** Forgets the last frame's values. */
  begin(frame: Frame): void {
    this.#line.buf = frame.buf
    const values = this.values
    for (let i = 0; i < values.length; i++) values[i]!.start = -1
  }

  /** Fills the record by the rows. */
  apply(frame: Frame, out: RecordFields): void {
    applySteps(this.#steps, frame, out)
  }

  /** Column map for a header row or a documented column order; names that are not wanted are passed over. */
  columns(names: readonly string[]): ColumnMap {
    const wanted = new Map<number, number>()
    names.forEach((name, column) => {
      const index = this.names.indexOf(name as Name)
      if (index >= 0 && ![...wanted.values()].includes(index)) wanted.set(column, index)
    })
    return columnMap(wanted)
  }

  /** The names as dotted paths of a JSON object. */
  json(): JsonLevel {
    return new JsonLevel(new Map(this.names.map((name, index) => [name, this.values[index]!])))
  }
}
