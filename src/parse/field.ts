/**
 * The vocabulary of a parser's field table: which record field a wanted value fills, and how it is read. A table is compiled
 * once into steps; `applySteps` runs them per line. Hot path: once per field.
 */
import type { Frame } from '../contracts.ts'
import { isPlaceholder } from '../lib/placeholder.ts'
import {
  type Action,
  DEVICE,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type NumberField,
  type RecordFields,
  SRC_IP,
  type TextField,
  TIME,
  TOTAL,
  UPLOADED,
  URL,
  USER
} from '../record.ts'
import { ActionTable, PLAIN, unescapeToScratch, type Value } from './values/line.ts'
import { readAnyTime, readClfTime, readEpoch, readIsoTime, readMonthTime } from './values/time.ts'

const TEXT_FIELDS = { srcIp: SRC_IP, user: USER, device: DEVICE, dstIp: DST_IP, dstHost: DST_HOST, url: URL } as const
const COUNT_FIELDS = { uploadedBytes: UPLOADED, downloadedBytes: DOWNLOADED, totalBytes: TOTAL, dstPort: DST_PORT } as const

type TextName = keyof typeof TEXT_FIELDS
type CountName = keyof typeof COUNT_FIELDS

const KIND_TEXT = 0
const KIND_COUNT = 1
const KIND_EPOCH = 2
const KIND_ISO = 3
const KIND_MONTH = 4
const KIND_CLF = 5
const KIND_ANY_TIME = 6
const KIND_ACTION = 7
const KIND_RAW = 8

/** One row of a field table. Make it by the functions below. */
export interface Field {
  readonly kind: number
  readonly target: number
  readonly actions?: ActionTable
}

/**
 * Text as it stands, placeholders absent. When several keys fill one field, the first in the table that has a value wins.
 */
export const text = (name: TextName): Field => ({ kind: KIND_TEXT, target: TEXT_FIELDS[name] })
/** A decimal count; anything else leaves the field absent. */
export const count = (name: CountName): Field => ({ kind: KIND_COUNT, target: COUNT_FIELDS[name] })
/** Epoch in s, ms, µs or ns by its number of digits. */
export const epoch = (): Field => ({ kind: KIND_EPOCH, target: TIME })
/** `YYYY-MM-DD hh:mm:ss` and its kin; without offset in the source's zone. */
export const isoTime = (): Field => ({ kind: KIND_ISO, target: TIME })
/** Month name first, with or without weekday, year and zone. */
export const monthTime = (): Field => ({ kind: KIND_MONTH, target: TIME })
/** `[dd/Mmm/yyyy:hh:mm:ss ±hhmm]`. */
export const clfTime = (): Field => ({ kind: KIND_CLF, target: TIME })
/** Any of the time forms, told by the bytes. */
export const anyTime = (): Field => ({ kind: KIND_ANY_TIME, target: TIME })
/** The decision; the words given come on top of the usual ones. */
export const action = (words: Record<string, Action | null> = {}): Field => ({
  kind: KIND_ACTION,
  target: 0,
  actions: new ActionTable(words)
})
/** Wanted by `finish` only; fills no field of the record. */
export const raw = (): Field => ({ kind: KIND_RAW, target: 0 })

/** A compiled field table: what to do with each wanted value. */
export interface Step {
  readonly value: Value
  readonly field: Field
}

/** The step of one row; none for a value that only `finish` wants (eight of them: 50 ns of a FortiGate line). */
export const stepsOf = (value: Value, field: Field): Step[] => (field.kind === KIND_RAW ? [] : [{ value, field }])

/** Runs the steps of a table on the values of the frame at hand. */
export function applySteps(steps: readonly Step[], frame: Frame, out: RecordFields): void {
  for (let i = 0; i < steps.length; i++) {
    const { value, field } = steps[i]!
    if (value.start >= 0 && value.end > value.start) applyField(value, field, frame, out)
  }
}

function applyField(value: Value, field: Field, frame: Frame, out: RecordFields): void {
  const { start, end } = value
  const { target } = field
  const buf = out.buf
  switch (field.kind) {
    case KIND_TEXT:
      if (out.start[target]! < 0) setText(value, target as TextField, out)
      return
    case KIND_COUNT:
      if (out.numbers[target]! < 0) out.numbers[target as NumberField] = value.count()
      return
    case KIND_ACTION:
      if (out.action === 0) out.action = field.actions!.read(buf, start, end)
      return
  }
  if (!Number.isNaN(out.numbers[TIME])) return
  switch (field.kind) {
    case KIND_EPOCH:
      out.numbers[TIME] = readEpoch(buf, start, end)
      return
    case KIND_ISO:
      out.numbers[TIME] = readIsoTime(buf, start, end, frame.zone)
      return
    case KIND_MONTH:
      out.numbers[TIME] = readMonthTime(buf, start, end, frame.zone, frame.now)
      return
    case KIND_CLF:
      out.numbers[TIME] = readClfTime(buf, start, end, frame.zone)
      return
    case KIND_ANY_TIME:
      out.numbers[TIME] = readAnyTime(buf, start, end, frame.zone, frame.now)
  }
}

/** Sets a text field to a value, escapes undone, placeholders left out. */
export function setText(value: Value, target: TextField, out: RecordFields): void {
  if (value.start < 0) return
  if (value.escape === PLAIN) {
    if (!isPlaceholder(out.buf, value.start, value.end)) out.set(target, value.start, value.end)
    return
  }
  const start = unescapeToScratch(value, out)
  if (start >= 0 && !isPlaceholder(out.buf, start, out.scratch)) out.set(target, start, out.scratch)
}
