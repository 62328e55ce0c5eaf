import t from 'tap'
import type { Frame } from '../../../src/contracts.ts'
import { newFrame } from '../../../src/identify/syslog-header.ts'
import { raw } from '../../../src/parse/field.ts'
import { FieldTable } from '../../../src/parse/field-table.ts'
import { salvageJson } from '../../../src/parse/grammar/json-salvage.ts'
import { UTC } from '../../../src/parse/values/zone.ts'

const table = new FieldTable({ ua: raw(), user: raw(), bytes: raw(), last: raw() })

function salvage(text: string): Record<string, string> {
  const buf = Buffer.from(text)
  const frame: Frame = newFrame(UTC)
  frame.buf = buf
  table.begin(frame)
  salvageJson(buf, 0, buf.length, table.keys, table.values)
  return Object.fromEntries(table.names.filter(name => table.v[name].seen).map(name => [name, table.v[name].text()]))
}

t.test('unescaped quotes stay in the text, and what follows is read', async t => {
  t.same(salvage('{"ua":"a "b" c","user":"alice","bytes":12,"last":"x"}'), { ua: 'a "b" c', user: 'alice', bytes: '12', last: 'x' })
})

t.test('a backslash that escapes nothing stays', async t => {
  t.same(salvage('{"user":"EXAMPLE\\karl","ua":"\\q\\"z"}'), { user: 'EXAMPLE\\karl', ua: '\\q"z' })
})

t.test('keys are found in objects within objects, and the first of a repeated key is kept', async t => {
  t.same(salvage('{"event":{"user":"alice", "ua" : "x"},"user":"bob"'), { user: 'alice', ua: 'x' })
})

t.test('a text that never ends goes to the end of the frame', async t => {
  t.same(salvage('{"bytes":1,"user":"alice, "ua'), { bytes: '1', user: 'alice, "ua' })
})

t.test('null, lists and objects are no values', async t => {
  t.same(salvage('{"user":null,"ua":["a"],"bytes":{"n":1},"last":"z"}'), { last: 'z' })
})
