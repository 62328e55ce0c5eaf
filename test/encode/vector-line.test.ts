/** Lines that vector code writes are those of the plain way, byte for byte, whatever stands in a record and around it. */

import t from 'tap'
import { cefEncoder } from '../../src/encode/cef.ts'
import type { EncodeOptions } from '../../src/encode/options.ts'
import { laneBytes } from '../../src/lib/lane-memory.ts'
import { newLaneRecord } from '../../src/lib/lane-record.ts'
import { DOWNLOADED, DST_PORT, RecordFields, TEXT_FIELD_COUNT, type TextField, TIME, TOTAL, UPLOADED } from '../../src/record.ts'
import fc from '../property-kit.ts'

const SCRATCH = 128 * 1024
/** Past the largest line that is written in the test. */
const OUT = 256 * 1024

interface Values {
  texts: (Uint8Array | null)[]
  numbers: number[]
  action: number
}

/** The record in this buffer; texts stand close to each other. */
function recordIn(buf: Buffer, { texts, numbers, action }: Values): RecordFields {
  const record = buf === laneBytes ? newLaneRecord() : new RecordFields()
  record.reset(buf, SCRATCH, SCRATCH + 64 * 1024)
  let at = 7
  texts.forEach((text, field) => {
    if (text === null) return
    buf.set(text, at)
    record.set(field as TextField, at, at + text.length)
    at += text.length
  })
  record.numbers[TIME] = numbers[0]!
  record.numbers[DST_PORT] = numbers[1]!
  record.numbers[UPLOADED] = numbers[2]!
  record.numbers[DOWNLOADED] = numbers[3]!
  record.numbers[TOTAL] = numbers[4]!
  record.action = action
  return record
}

const plainBytes = Buffer.alloc(laneBytes.length)

/** What a way writes, or that the line was too long. */
function written(bytes: Buffer, options: EncodeOptions, values: Values): string {
  const start = OUT + 3
  bytes.fill(0x7e, start, start + 64 * 1024)
  const end = cefEncoder(options).encode(recordIn(bytes, values), bytes, start)
  return end < 0 ? 'too long' : bytes.toString('latin1', start, end)
}

const special = fc.constantFrom(...Buffer.from('=\\\n\r\t\0 |a'))
const text = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) }, special, fc.integer({ min: 0, max: 255 })), {
    maxLength: 70
  })
  .map(bytes => Uint8Array.from(bytes))
const number = fc.oneof(
  fc.constantFrom(-1, 0, 9, 10, 99_999_999, 100_000_000, 100_000_001, 199_999_999, 9_999_999_999, Number.MAX_SAFE_INTEGER),
  // times, of which all but the last eight digits may be those of the one before
  fc.constantFrom(1_767_604_530_250, 1_767_604_530_251, 1_767_600_000_000, 1_767_599_999_999, 1_767_700_000_000),
  fc.integer({ min: -1, max: 70_000 }),
  fc.maxSafeNat()
)
const values = fc.record({
  texts: fc.array(fc.option(text), { minLength: TEXT_FIELD_COUNT, maxLength: TEXT_FIELD_COUNT }),
  numbers: fc.array(number, { minLength: 5, maxLength: 5 }),
  action: fc.integer({ min: 0, max: 3 })
})
const options: fc.Arbitrary<EncodeOptions> = fc.constantFrom<EncodeOptions[]>(
  {},
  { keys: { user: null, action: null, dstHost: 'destinationHostNameOfTheServer' }, direction: 'in-is-upload', totalOnly: 'omit' },
  { keys: { time: 'ende', url: 'ü' }, vendor: 'A | \\ very long vendor, longer than a vector' },
  { vendor: 'x'.repeat(2000) },
  { cefTime: 'text' }
)

t.test('CEF', async t => {
  fc.assert(
    fc.property(options, values, (options, values) => {
      // an event before 1970 has no line in either way
      if (values.numbers[0]! < 0) values.numbers[0] = 0
      t.equal(written(laneBytes, options, values), written(plainBytes, options, values))
    }),
    { numRuns: 2000 }
  )
})

t.test('a line that is too long is none in either way', async t => {
  const long: Values = { texts: [null, null, null, null, null, Buffer.alloc(9000, 'a')], numbers: [1, 2, 3, 4, 5], action: 1 }
  t.equal(written(laneBytes, {}, long), 'too long')
  t.equal(written(plainBytes, {}, long), 'too long')
})

t.test('each number is written with its own digits', async t => {
  const numbers = Array.from({ length: 16 }, (_, power) => 10 ** power).flatMap(power => [power - 1, power, power + 1, power * 9 - 1])
  for (const number of [...numbers, ...Array.from({ length: 10_001 }, (_, n) => n)]) {
    if (!Number.isSafeInteger(number)) continue
    const line = written(laneBytes, {}, { texts: [], numbers: [number, -1, -1, -1, -1], action: 0 })
    if (!line.endsWith(`rt=${number}\n`)) t.fail(`${number}: ${line}`)
  }
  t.pass('all of them')
})

t.test('an encoder whose memory went to others writes by the plain way', async t => {
  const first = cefEncoder()
  const record = recordIn(laneBytes, { texts: [Buffer.from('10.0.0.1')], numbers: [1, -1, -1, -1, -1], action: 1 })
  const lineOf = (): string => laneBytes.toString('latin1', OUT, first.encode(record, laneBytes, OUT))
  const before = lineOf()
  for (let others = 0; others < 300; others++) cefEncoder({ vendor: `other ${others}` })
  t.equal(lineOf(), before)
  t.match(before, /^CEF:0\|Sluice\|.*\|rt=1 src=10\.0\.0\.1 act=allowed\n$/)
})
