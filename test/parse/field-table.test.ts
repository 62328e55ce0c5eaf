/** A table whose lines are read by layouts and by hand in turn: values of one line never show in the next. */
import t from 'tap'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { count, raw, text } from '../../src/parse/field.ts'
import { FieldTable } from '../../src/parse/field-table.ts'
import { KEY_VALUE_SYNTAX, scanKeyValue } from '../../src/parse/grammar/key-value.ts'
import { UTC } from '../../src/parse/values/zone.ts'
import { RecordFields } from '../../src/record.ts'

const SCRATCH_BYTES = 1024
const table = new FieldTable({ user: text('user'), other: text('user'), port: count('dstPort'), note: raw(), 'cef.name': text('device') })
const out = new RecordFields()

/** The words of `table` in order, `-` where absent, and what became of them; `byHand` sets values besides. */
function read(line: string, byHand: (values: typeof table.v) => void = () => {}): string {
  const frame = newFrame(UTC)
  const bytes = Buffer.from(`${line}\n`)
  const buf = Buffer.concat([bytes, Buffer.alloc(SCRATCH_BYTES)])
  readHeader(frame, buf, 0, bytes.length - 1)
  out.reset(buf, bytes.length, buf.length)
  table.begin(frame)
  scanKeyValue(buf, frame.body, frame.end, table.keys, table.values, KEY_VALUE_SYNTAX, table.layouts.pairs)
  byHand(table.v)
  table.apply(frame, out)
  const record = out.toRecord()
  return `${table.values.map(value => (value.seen ? value.text() : '-')).join(' ')} → ${record.user} ${record.dstPort} ${record.device}`
}

t.test('a line that a layout reads leaves nothing for one that it does not, and back', async t => {
  for (let i = 0; i < 3; i++) {
    t.equal(read(`user=u${i} port=${i + 1} note=n`), `u${i} - ${i + 1} n - → u${i} ${i + 1} undefined`)
    t.equal(read(`other=o${i} note=n`), `- o${i} - n - → o${i} undefined undefined`)
    t.equal(read('nothing'), '- - - - - → undefined undefined undefined')
  }
})

t.test('what is set by hand beside a layout fills its fields and is forgotten', async t => {
  for (let i = 0; i < 3; i++) {
    const named = read(`user=u${i} port=1 note=n`, v => v['cef.name'].set(0, 4, 0))
    t.equal(named, `u${i} - 1 n user → u${i} 1 user`, 'a value of a header')
    const touched = read(`port=${i} note=n`, v => v.other.set(0, 4, 0))
    t.equal(touched, `- port ${i} n - → port ${i} undefined`, 'a value that no layout knows')
    t.equal(read(`user=u${i} port=1 note=n`), `u${i} - 1 n - → u${i} 1 undefined`)
  }
})
