import t from 'tap'
import type { Frame } from '../../../src/contracts.ts'
import { newFrame, readHeader } from '../../../src/identify/syslog-header.ts'
import { raw } from '../../../src/parse/field.ts'
import { FieldTable } from '../../../src/parse/field-table.ts'
import {
  directiveOwner,
  isDirective,
  looksLikeRow,
  readDirective,
  readRowTime,
  rowStart,
  scanRow,
  W3cState
} from '../../../src/parse/grammar/w3c.ts'
import { UTC } from '../../../src/parse/values/zone.ts'

const table = new FieldTable({ date: raw(), time: raw(), 'c-ip': raw(), agent: raw(), 'sc-bytes': raw() })

function frameOf(line: string): Frame {
  const buf = Buffer.from(`${line}\n`)
  const frame = newFrame(UTC)
  frame.now = Date.parse('2026-02-01T00:00:00Z')
  readHeader(frame, buf, 0, buf.length - 1)
  return frame
}

function stateOf(...directives: string[]): W3cState {
  const state = new W3cState()
  for (const line of directives) readDirective(frameOf(line), state, table)
  return state
}

function rowOf(state: W3cState, line: string): Record<string, string> | undefined {
  const frame = frameOf(line)
  table.begin(frame)
  if (!scanRow(frame, rowStart(frame, state.first), state, table.values)) return undefined
  return Object.fromEntries(table.names.map(name => [name, table.v[name].text()]))
}

const FIELDS = '#Fields: date time c-ip agent sc-bytes x-last'

t.test('a row is split by the names of #Fields, runs of blanks counting as one', async t => {
  t.same(rowOf(stateOf(FIELDS), '2026-01-05 09:15:30  192.0.2.1 "UA (a b)" 12 -'), {
    date: '2026-01-05',
    time: '09:15:30',
    'c-ip': '192.0.2.1',
    agent: 'UA (a b)',
    'sc-bytes': '12'
  })
})

t.test('TABs between the names make TABs the separator, and empty columns count', async t => {
  const state = stateOf('#Fields: c-ip\tagent name\tagent\tsc-bytes')
  t.match(rowOf(state, '192.0.2.1\t\tUA with blanks\t12'), { 'c-ip': '192.0.2.1', agent: 'UA with blanks', 'sc-bytes': '12' })
})

t.test('quotes inside quotes do not move the columns after them', async t => {
  const state = stateOf(FIELDS)
  t.match(rowOf(state, '2026-01-05 09:15:30 192.0.2.1 "UA (a "b c" d)" 12 -'), { agent: 'UA (a "b c" d)', 'sc-bytes': '12' })
  t.match(rowOf(state, '2026-01-05 09:15:30 192.0.2.1 "UA ""b"" d" 12 -'), { agent: 'UA "b" d', 'sc-bytes': '12' })
})

t.test('a row is refused when it is cut, or when a quote never closes and its columns do not add up', async t => {
  const state = stateOf(FIELDS)
  t.equal(rowOf(state, '2026-01-05 09:15:30 192.0.2.1 "UA" 1'), undefined)
  t.equal(rowOf(state, '2026-01-05 09:15:30 192.0.2.1 "UA (a'), undefined)
  t.equal(rowOf(state, '2026-01-05 09:15:30 192.0.2.1 "UA never closes 12 -'), undefined)
})

t.test('#GMT-Offset shifts the times that follow, and #Date gives rows without a date theirs', async t => {
  const shifted = stateOf('#GMT-Offset: -0800', FIELDS)
  rowOf(shifted, '2026-01-05 01:15:30 192.0.2.1 - 1 -')
  const frame = frameOf('2026-01-05 01:15:30 192.0.2.1 - 1 -')
  t.equal(new Date(readRowTime(frame, shifted, table.v.date, table.v.time, shifted.zone)).toISOString(), '2026-01-05T09:15:30.000Z')
  const dated = stateOf('#Date: 2026-01-06 00:00:00', '#Fields: time c-ip')
  rowOf(dated, '09:15:30 192.0.2.1')
  t.equal(
    new Date(readRowTime(frameOf('09:15:30 192.0.2.1'), dated, table.v.date, table.v.time, dated.zone)).toISOString(),
    '2026-01-06T09:15:30.000Z'
  )
})

t.test('a row that follows a bare PRI keeps its date', async t => {
  t.match(rowOf(stateOf(FIELDS), '<134>2026-01-05 09:15:30 192.0.2.1 - 1 -'), { date: '2026-01-05', 'c-ip': '192.0.2.1' })
})

t.test('a directive tells whose it is by the software or the columns that only one product has', async t => {
  t.equal(directiveOwner(frameOf('#Software: SGOS 6.7')), 'bluecoat-proxysg')
  t.equal(directiveOwner(frameOf('#Software: Example Proxy')), 'other')
  t.equal(directiveOwner(frameOf('#Fields: x-bluecoat-request-tenant-id date sc-filter-result')), 'symantec-wss')
  t.equal(directiveOwner(frameOf('#Version: 1.0')), '')
  t.ok(isDirective(frameOf('#Version: 1.0')))
  t.notOk(isDirective(frameOf('# a comment')))
})

t.test('lines of other kinds are no rows', async t => {
  const state = stateOf(FIELDS)
  t.ok(looksLikeRow(frameOf('2026-01-05 09:15:30 192.0.2.1 - 1 -'), state))
  t.notOk(looksLikeRow(frameOf('{"a":1}'), state))
  t.notOk(looksLikeRow(frameOf('CEF:0|a|b|c|d|e|f|'), state))
  t.notOk(looksLikeRow(frameOf('2026-01-05 09:15:30 192.0.2.1 - 1 -'), new W3cState()), 'no #Fields yet')
})
