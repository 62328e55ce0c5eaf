/** A header that is like an earlier one says what its reader says of it, whatever else changed in the line. */
import t from 'tap'
import { random } from '../../bench/lines.ts'
import type { Frame } from '../../src/contracts.ts'
import { HeaderShapes } from '../../src/identify/header-shapes.ts'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { fastPaths } from '../../src/lib/fast-paths.ts'
import { UTC } from '../../src/parse/values/zone.ts'

const VARIANTS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 50_000 : 3000
const TIME = 'Jan 15 09:15:30'
const LINES = [
  `<134>${TIME} fw1 tag[7]: msg of text`,
  `${TIME} zscaler-nss: LEEF:1.0|Zscaler|NSS|4.1|x`,
  `<14>${TIME} PA-3220 1,2026/01/05 09:15:30,0132`,
  `<134>${TIME} gw01 CEF:0|Example|Gateway|7.1|`,
  `<134>Jan  5 09:15:30 fw1 tag: msg of text`,
  `<134>Jan 5 2026 09:15:30: fw1 tag: msg of text`,
  `<134>Jan 05 2026 09:15:30 fw1 : %ASA-6-302013: x`,
  `<134>${TIME}.250 UTC: %SEC-6-X: y and more of it`,
  `<134>${TIME} CST 2026 fw1 tag: msg of text`,
  'Mon Jan 05 09:15:30 UTC 2026 nss1 LEEF:1.0|x y',
  `<134>${TIME} CEST tag: message of some text`,
  `<134>${TIME} 2026 tag: message of some text`,
  `<134>2026 Jan 05 09:15:30 fw1 tag: message`,
  `<13>${TIME} relay <134>${TIME} fw1 tag: message`,
  `<13>${TIME} relay ${TIME} fw1 tag: message`,
  `<13>${TIME} 192.0.2.1: message of some text`,
  `<13>${TIME} [192.0.2.1] message of some text`,
  `<13>${TIME} - tag: message of some text`,
  '<134>2026-01-05T09:15:30.123456+01:00 fw1 tag: message',
  '<134>2026-01-05 09:15:30 fw1 tag: message of text',
  '<134>2015:03:02-00:39:22 utm1 httpproxy[5207]: id="0001"',
  '<134>1 2026-01-05T09:15:30Z fw1 app 7 id - message',
  '<134>1 1647479503.348215340 host urls src=1.2.3.4:1',
  '<189>148093: Jan  5 09:15:30: %SEC-6-X: y and more'
]
const BYTES = Buffer.from(' :,.;-[]<>|=*"%#\t\r\0T0123456789ACEMSTUaejnu')

t.teardown(() => {
  fastPaths.isOn = true
})

function read(line: Buffer, isOn: boolean): string {
  // bytes of other frames stand around, as in a block
  const buf = Buffer.concat([Buffer.from('2026-01-05 x\n'), line, Buffer.from('\n<13>Jan  5 09:15:30 next tag: 1\n')])
  const frame = newFrame(UTC)
  fastPaths.isOn = isOn
  readHeader(frame, buf, 13, 13 + line.length)
  const range = (start: number, end: number): string => (start < 0 ? '-' : `${start}…${end}`)
  const { pri, start, end, body, rfc5424 } = frame
  const [time, host] = [range(frame.timeStart, frame.timeEnd), range(frame.hostStart, frame.hostEnd)]
  const [app, id, sd] = [range(frame.appStart, frame.appEnd), range(frame.msgIdStart, frame.msgIdEnd), range(frame.sdStart, frame.sdEnd)]
  return `${start}…${end} pri ${pri} time ${time} host ${host} body ${body} ${rfc5424} ${app} ${id} ${sd}`
}

/** Another clock, most times; and once in a while a byte that means something, or one more or less. */
function variantOf(line: string, next: () => number): Buffer {
  const below = (limit: number): number => Math.floor(next() * limit)
  const bytes = [...Buffer.from(line)].map(byte => (byte >= 0x30 && byte <= 0x39 && next() < 0.1 ? 0x30 + below(10) : byte))
  if (next() < 0.4) {
    const at = below(bytes.length)
    const isMore = next() < 0.3
    if (next() < 0.2) bytes.splice(at)
    else bytes.splice(at, isMore ? 0 : 1, ...(next() < 0.8 ? [BYTES[below(BYTES.length)]!] : []))
  }
  return Buffer.from(bytes)
}

for (const line of LINES) {
  t.test(`like and unlike ${line}`, async t => {
    const next = random(7)
    const differences: string[] = []
    for (let i = 0; i < 32; i++) read(Buffer.from(line), true)
    for (let i = 0; i < VARIANTS; i++) {
      const bytes = variantOf(line, next)
      const [fast, plain] = [read(bytes, true), read(bytes, false)]
      if (fast !== plain) differences.push(`${JSON.stringify(bytes.toString('latin1'))}\n  fast  ${fast}\n  plain ${plain}`)
    }
    t.same(differences.slice(0, 3), [], `${differences.length} headers differ`)
  })
}

function framed(line: string): Frame {
  const frame = newFrame(UTC)
  const buf = Buffer.from(`${line}\n`)
  fastPaths.isOn = false
  readHeader(frame, buf, 0, buf.length - 1)
  fastPaths.isOn = true
  return frame
}

t.test('one of eight headers is learnt; it fits those with another clock and no other', async t => {
  const shapes = new HeaderShapes()
  const known = framed(`<134>${TIME} fw1 tag: message`)
  const fits = (line: string): boolean => {
    const frame = newFrame(UTC)
    const buf = Buffer.from(`${line}\n`)
    return shapes.fit(frame, buf, 0, buf.length - 1)
  }
  for (let i = 0; i < 7; i++) shapes.learn(known, known.buf, known.start, 5)
  t.notOk(fits(`<134>${TIME} fw1 tag: message`))
  shapes.learn(known, known.buf, known.start, 5)
  t.ok(fits(`<134>${TIME} fw1 tag: message`))
  t.ok(fits('<134>Jan 28 10:59:07 fw1 other words'))
  for (const other of [
    '<134>Jan 28 10:59:07 fw2 tag: message',
    '<134>Feb 28 10:59:07 fw1 tag: message',
    '<134>Jan 28 1:059:07 fw1 tag: message',
    '<134>Jan 28 10:59:07 fw1 : message',
    '<134>Jan 28 10:59:07 fw1 '
  ])
    t.notOk(fits(other), other)
})
