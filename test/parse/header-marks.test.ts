import t from 'tap'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { cefStart, leefStart } from '../../src/parse/kit.ts'
import { UTC } from '../../src/parse/values/zone.ts'

/** Where the marks of CEF and LEEF stand. */
function marksOf(line: string): [number, number] {
  const frame = newFrame(UTC)
  readHeader(frame, Buffer.from(`${line}\n`), 0, line.length)
  return [cefStart(frame), leefStart(frame)]
}

const LATE = `<13>Jan  5 09:15:31 ${'x'.repeat(275)}`
const LINES: readonly (readonly [string, number, number])[] = [
  ['CEF:0|a', 0, -1],
  ['LEEF:1.0|a', -1, 0],
  ['Jan  5 09:15:31 zscaler-nss: LEEF:1.0|a', -1, 29],
  ['Jan  5 09:15:31 zscaler-nss: CEF:0|a', 29, -1],
  ['Jan  5 09:15:31 zscaler-nss: LEEF:1.0|a|CEF:0|b', -1, 29], // whichever comes first
  ['Jan  5 09:15:31 zscaler-nss: CEF:0|a|LEEF:1.0|b', 29, -1],
  ['Jan  5 09:15:31 zscaler-nss: LEFF:1.0|a', -1, -1],
  ['Jan  5 09:15:31 zscaler-nss: EEF:LEEF:1.0', -1, 33],
  ['Jan  5 09:15:31 zscaler-nss: LEEF', -1, -1],
  ['<13>Jan  5 09:15:31 host CEF: 0|a', 25, -1],
  [`${LATE}CEF:0|a`, LATE.length, -1],
  [`${LATE}xxCEF:0|a`, -1, -1], // past the first 300 bytes
  ['', -1, -1]
]

t.test('the mark of a frame is the first that stands in its head, whatever the frame before it had', async t => {
  t.ok(LATE.length + 4 <= 300 && LATE.length + 6 > 300)
  for (const [before] of LINES) {
    for (const [line, cef, leef] of LINES) {
      marksOf(before)
      t.same(marksOf(line), [cef, leef], `${line} after ${before}`)
    }
  }
})
