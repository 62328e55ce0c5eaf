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
import { Line, type Setter, Value } from './values/line.ts'

/** Field rows by the appliance's word for them, in order of preference: of two rows for one record field the first wins. */
export type FieldRows<Name extends string = string> = Record<Name, Field | readonly Field[]>

/** `cef.vendor`, `leef.event`. */
const isOfHeader = (name: string): boolean => /^(?:cef|leef)\./.test(name)

export class FieldTable<Name extends string = string> {
  readonly names: readonly Name[]
  readonly keys: KeyTable
  readonly values: readonly Value[]
  /** What lines of this table looked like so far, by grammar: each reads the same bytes in another way. */
  readonly layouts: { readonly pairs: Layouts; readonly cef: Layouts; readonly leef: Layouts; readonly json: Layouts }
  /** The values by name, for rules that a table cannot say. */
  readonly v: Readonly<Record<Name, Value>>
  readonly #line = new Line()
  /** Of values that come from a CEF or LEEF header: a parser sets them itself, beside what a layout sets. */
  readonly #header = new Line()
  readonly #headerValues: readonly Value[]
  readonly #steps: readonly Step[]

  constructor(rows: FieldRows<Name>) {
    this.names = Object.keys(rows) as Name[]
    this.keys = new KeyTable(this.names)
    this.values = this.names.map(name => new Value(isOfHeader(name) ? this.#header : this.#line))
    this.#headerValues = this.values.filter(({ line }) => line === this.#header)
    const layouts = (): Layouts => new Layouts(this.#line)
    this.layouts = { pairs: layouts(), cef: layouts(), leef: layouts(), json: layouts() }
    this.v = Object.fromEntries(this.names.map((name, index) => [name, this.values[index]])) as Record<Name, Value>
    this.#steps = this.names.flatMap((name, index) => [rows[name]].flat().flatMap((field: Field) => stepsOf(this.values[index]!, field)))
  }

  /** Forgets the last frame's values. */
  begin(frame: Frame): void {
    const line = this.#line
    const values = this.values
    const { setter } = line
    line.buf = this.#header.buf = frame.buf
    if (setter === null) for (let i = 0; i < values.length; i++) values[i]!.start = -1
    else {
      const { wanted } = setter
      for (let i = 0; i < wanted.length; i++) values[wanted[i]!]!.start = -1
      for (let i = 0; i < this.#headerValues.length; i++) this.#headerValues[i]!.start = -1
      line.setter = null
    }
  }

  /** Fills the record by the rows. */
  apply(frame: Frame, out: RecordFields): void {
    const { setter } = this.#line
    applySteps(setter === null ? this.#steps : (setter.steps ??= this.#stepsFor(setter)), frame, out)
  }

  /** Most words of a table are in no line of a setter. */
  #stepsFor({ wanted }: Setter): readonly Step[] {
    return this.#steps.filter(({ value }) => value.line === this.#header || wanted.includes(this.values.indexOf(value)))
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
    const { values } = this
    return new JsonLevel(new Map(this.names.map((name, index) => [name, values[index]!])), { values, layouts: this.layouts.json })
  }
}
