import t from 'tap'
import { FORMAT_SOURCE_STRINGS, isKnownSourceString, LOG_TYPES, logTypeOf, SOURCE_STRINGS } from '../../src/lib/source-strings.ts'

t.test('the service lists 71 strings, each once', async t => {
  t.equal(LOG_TYPES.size, 71)
  t.equal(new Set(SOURCE_STRINGS.map(entry => entry.base)).size, SOURCE_STRINGS.length)
})

t.test('only the listed form of a string is known', async t => {
  for (const known of ['GENERIC_CEF', 'GENERIC_CEF_SYSLOG', 'FORTIOS_SYSLOG', 'CORRATA', 'CUSTOM_PARSER'])
    t.ok(isKnownSourceString(known), known)
  for (const other of ['FORTIOS', 'CORRATA_SYSLOG', 'generic_cef', '', 'CUSTOM_PARSER_SYSLOG']) t.notOk(isKnownSourceString(other), other)
  for (const string of Object.values(FORMAT_SOURCE_STRINGS)) t.ok(isKnownSourceString(string))
})

t.test('numbers are those of the stream list', async t => {
  t.same(
    ['PALO_ALTO', 'PALO_ALTO_SYSLOG', 'GENERIC_CEF', 'CUSTOM_PARSER', 'WANDERA_SYSLOG', 'X'].map(logTypeOf),
    [112, 126, 179, 167, -1, -1]
  )
  const numbers = [...LOG_TYPES.values()].filter(number => number >= 0)
  t.equal(new Set(numbers).size, numbers.length, 'no number stands for two strings')
})
