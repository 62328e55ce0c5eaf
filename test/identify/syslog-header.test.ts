import t from 'tap'
import type { Frame } from '../../src/contracts.ts'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { UTC } from '../../src/parse/values/zone.ts'
import fc from '../property-kit.ts'

/** What the header said, as text; only what is there. */
interface Said {
  pri?: number
  time?: string
  host?: string
  app?: string
  msgId?: string
  sd?: string
  rfc5424?: true
  body: string
}

function read(bytes: Uint8Array): Frame {
  // bytes of other frames stand around, as in a block
  const buf = Buffer.concat([Buffer.from('2026-01-05 x\n'), bytes, Buffer.from('\n<13>Jan  5 09:15:30 next tag: 1\n')])
  const frame = newFrame(UTC)
  readHeader(frame, buf, 13, 13 + bytes.length)
  return frame
}

function said(line: string): Said {
  const frame = read(Buffer.from(line))
  const text = (start: number, end: number): string => frame.buf.toString('utf8', start, end)
  const all: Said = { body: text(frame.body, frame.end) }
  if (frame.pri >= 0) all.pri = frame.pri
  if (frame.timeStart >= 0) all.time = text(frame.timeStart, frame.timeEnd)
  if (frame.hostStart >= 0) all.host = text(frame.hostStart, frame.hostEnd)
  if (frame.appStart >= 0) all.app = text(frame.appStart, frame.appEnd)
  if (frame.msgIdStart >= 0) all.msgId = text(frame.msgIdStart, frame.msgIdEnd)
  if (frame.sdStart >= 0) all.sd = text(frame.sdStart, frame.sdEnd)
  if (frame.rfc5424) all.rfc5424 = true
  return all
}

const TIME = 'Jan  5 09:15:30'

t.test('RFC 3164 and what senders make of it', async t => {
  const table: [string, Said][] = [
    [`<134>${TIME} fw1 tag[7]: msg`, { pri: 134, time: TIME, host: 'fw1', body: 'tag[7]: msg' }],
    [`<134> ${TIME} fw1 tag: msg`, { pri: 134, time: TIME, host: 'fw1', body: 'tag: msg' }],
    ['<134>JAN 05 09:15:30 fw1 tag msg', { pri: 134, time: 'JAN 05 09:15:30', host: 'fw1', body: 'tag msg' }],
    ['<134>Jan 5 09:15:30 fw1 tag:msg', { pri: 134, time: 'Jan 5 09:15:30', host: 'fw1', body: 'tag:msg' }],
    ['<134>Jan 5 2026 09:15:30: fw1 tag: msg', { pri: 134, time: 'Jan 5 2026 09:15:30', host: 'fw1', body: 'tag: msg' }],
    ['<134>Jan 05 2026 09:15:30 fw1 : %ASA-6-302013: x', { pri: 134, time: 'Jan 05 2026 09:15:30', host: 'fw1', body: '%ASA-6-302013: x' }],
    ['Jan 05 2026 09:15:30: %ASA-6-302013: x', { time: 'Jan 05 2026 09:15:30', body: '%ASA-6-302013: x' }],
    [`<134>${TIME}.250 UTC: %SEC-6-X: y`, { pri: 134, time: `${TIME}.250 UTC`, body: '%SEC-6-X: y' }],
    [`<134>${TIME} CST 2026 fw1 tag: msg`, { pri: 134, time: `${TIME} CST 2026`, host: 'fw1', body: 'tag: msg' }],
    ['Mon Jan 05 09:15:30 UTC 2026 nss1 LEEF:1.0|', { time: 'Mon Jan 05 09:15:30 UTC 2026', host: 'nss1', body: 'LEEF:1.0|' }],
    [`${TIME} fw1 tag: msg`, { time: TIME, host: 'fw1', body: 'tag: msg' }],
    [`${TIME} fw1 -- MARK --`, { time: TIME, host: 'fw1', body: '-- MARK --' }],
    [`<134>${TIME} %ASA-6-302013: x`, { pri: 134, time: TIME, body: '%ASA-6-302013: x' }],
    [`<134>${TIME} tag: msg`, { pri: 134, time: TIME, body: 'tag: msg' }],
    [`<134>${TIME} tag[7]: msg`, { pri: 134, time: TIME, body: 'tag[7]: msg' }],
    [`<134>${TIME} key=value other="x y"`, { pri: 134, time: TIME, body: 'key=value other="x y"' }],
    [`<134>${TIME} fw1 key=value`, { pri: 134, time: TIME, host: 'fw1', body: 'key=value' }],
    [`<134>${TIME} {"a":1}`, { pri: 134, time: TIME, body: '{"a":1}' }],
    [`<134>${TIME} CEF:0|A|B|1|2|3|4|x=y`, { pri: 134, time: TIME, body: 'CEF:0|A|B|1|2|3|4|x=y' }],
    [`<134>${TIME} 192.0.2.1 msg`, { pri: 134, time: TIME, host: '192.0.2.1', body: 'msg' }],
    [`<134>${TIME} 10.321.1.123 msg`, { pri: 134, time: TIME, host: '10.321.1.123', body: 'msg' }],
    [`<134>${TIME} 192.0.2.1: msg`, { pri: 134, time: TIME, host: '192.0.2.1', body: 'msg' }],
    [`<134>${TIME} [192.0.2.1] msg`, { pri: 134, time: TIME, host: '192.0.2.1', body: 'msg' }],
    [`<134>${TIME} [2026-01-05 09:15:30] EFW: x`, { pri: 134, time: TIME, body: '[2026-01-05 09:15:30] EFW: x' }],
    [`<134>${TIME} a@b tag: msg`, { pri: 134, time: TIME, host: 'a@b', body: 'tag: msg' }],
    [`<134>${TIME} a/b tag: msg`, { pri: 134, time: TIME, host: 'a/b', body: 'tag: msg' }],
    [`<134>${TIME} fw1`, { pri: 134, time: TIME, host: 'fw1', body: '' }],
    [`<134>${TIME} fw1 `, { pri: 134, time: TIME, host: 'fw1', body: '' }],
    [`<134>${TIME}`, { pri: 134, time: TIME, body: '' }],
    ['<134>', { pri: 134, body: '' }],
    [`<134>${TIME} - tag: msg`, { pri: 134, time: TIME, body: 'tag: msg' }],
    ['<134>2026-01-05T09:15:30.123+02:00 fw1 tag: msg', { pri: 134, time: '2026-01-05T09:15:30.123+02:00', host: 'fw1', body: 'tag: msg' }],
    ['2026-01-05T09:15:30Z fw1 tag: msg', { time: '2026-01-05T09:15:30Z', host: 'fw1', body: 'tag: msg' }],
    ['<134>2026-01-05T09:15:30Z: %ASA-6-302013: x', { pri: 134, time: '2026-01-05T09:15:30Z', body: '%ASA-6-302013: x' }],
    ['<134>2026-01-05 09:15:30 fw1 tag: msg', { pri: 134, time: '2026-01-05 09:15:30', host: 'fw1', body: 'tag: msg' }],
    [
      '<134>2026:01:05-09:15:30 utm1 httpproxy[7]: id="1"',
      { pri: 134, time: '2026:01:05-09:15:30', host: 'utm1', body: 'httpproxy[7]: id="1"' }
    ],
    ['<134>2026-01-05T09:15:30Z fw1', { pri: 134, time: '2026-01-05T09:15:30Z', host: 'fw1', body: '' }],
    ['<134>2026-01-05T09:15:30Z', { pri: 134, time: '2026-01-05T09:15:30Z', body: '' }]
  ]
  for (const [line, expected] of table) t.same(said(line), expected, line)
})

t.test('Cisco numbers messages, writes colons before times, and marks clocks', async t => {
  const table: [string, Said][] = [
    [`<189>148093: ${TIME}.713: %LINK-5-X: y`, { pri: 189, time: `${TIME}.713`, body: '%LINK-5-X: y' }],
    [`<189>148093: *${TIME}.713: %LINK-5-X: y`, { pri: 189, time: `*${TIME}.713`, body: '%LINK-5-X: y' }],
    [`<189>148093: router1: ${TIME}: %LINK-5-X: y`, { pri: 189, time: TIME, host: 'router1', body: '%LINK-5-X: y' }],
    ['<189>148093: %LINK-5-X: y', { pri: 189, body: '%LINK-5-X: y' }],
    ['<134>: 2026 Jan  5 09:15:30 UTC: %POLICY-6-X: y', { pri: 134, time: '2026 Jan  5 09:15:30 UTC', body: '%POLICY-6-X: y' }],
    [`<134>:${TIME} UTC: %ASA-6-X: y`, { pri: 134, time: `${TIME} UTC`, body: '%ASA-6-X: y' }]
  ]
  for (const [line, expected] of table) t.same(said(line), expected, line)
})

t.test('lines without a header are all message', async t => {
  const table: [string, Said][] = [
    ['This is a message!', { body: 'This is a message!' }],
    ['{ "c1":1 }', { body: '{ "c1":1 }' }],
    ['   [{ "c3":3 }]', { body: '[{ "c3":3 }]' }],
    ['<134>date=2026-01-05 time=09:15:30 devname="FW1"', { pri: 134, body: 'date=2026-01-05 time=09:15:30 devname="FW1"' }],
    ['<134>{"a":1}', { pri: 134, body: '{"a":1}' }],
    ['<134>CEF:0|A|B|1|2|3|4|', { pri: 134, body: 'CEF:0|A|B|1|2|3|4|' }],
    ['1767604530.250    217 192.0.2.10 TCP_MISS/200', { body: '1767604530.250    217 192.0.2.10 TCP_MISS/200' }],
    ['2026-01-05 09:15:30 192.0.2.10 - row of a log', { body: '2026-01-05 09:15:30 192.0.2.10 - row of a log' }],
    ['192.0.2.10 - - [05/Jan/2026:09:15:30 +0000] "GET"', { body: '192.0.2.10 - - [05/Jan/2026:09:15:30 +0000] "GET"' }],
    ['<1234>msg', { body: '<1234>msg' }],
    ['<>msg', { body: '<>msg' }],
    ['<13a>msg', { body: '<13a>msg' }],
    ['<', { body: '<' }],
    ['January 5 was cold', { body: 'January 5 was cold' }],
    ['', { body: '' }]
  ]
  for (const [line, expected] of table) t.same(said(line), expected, line)
})

t.test('trailers and marks around a frame are no part of it', async t => {
  t.equal(said('\ufeffmsg').body, 'msg')
  t.equal(said('msg\r').body, 'msg')
  t.equal(said('msg\r\n\0').body, 'msg')
  t.equal(said(' \0 <134>msg').pri, 134)
})

t.test('RFC 5424', async t => {
  const base = { pri: 134, time: '2026-01-05T09:15:30.003Z', host: 'fw1', rfc5424: true } as const
  const head = '<134>1 2026-01-05T09:15:30.003Z fw1'
  const table: [string, Said][] = [
    [`${head} app 7 ID47 - msg`, { ...base, app: 'app', msgId: 'ID47', body: 'msg' }],
    [`${head} app - - - \ufeffmsg`, { ...base, app: 'app', body: 'msg' }],
    [`${head} app - ID47 [a@1 k="v" l= "w"] msg`, { ...base, app: 'app', msgId: 'ID47', sd: '[a@1 k="v" l= "w"]', body: 'msg' }],
    [`${head} app - ID47 [a@1 k="v"][b@1]`, { ...base, app: 'app', msgId: 'ID47', sd: '[a@1 k="v"][b@1]', body: '' }],
    [`${head} app - - [a@1 k="x\\]y" q="\\"" b="\\\\"] msg`, { ...base, app: 'app', sd: '[a@1 k="x\\]y" q="\\"" b="\\\\"]', body: 'msg' }],
    [`${head} app - - [a@1 k="never closed`, { ...base, app: 'app', sd: '[a@1 k="never closed', body: '' }],
    [`${head} CheckPoint 7 - [action:"Accept"; x:"1"]`, { ...base, app: 'CheckPoint', body: '[action:"Accept"; x:"1"]' }],
    [`${head} app - -`, { ...base, app: 'app', body: '' }],
    ['<134>1 - - - - - - msg', { pri: 134, rfc5424: true, body: 'msg' }],
    ['1 2026-01-05T09:15:30.003Z fw1 app 7 - - msg', { time: base.time, host: 'fw1', app: 'app', rfc5424: true, body: 'msg' }],
    ['<134>2 2026-01-05T09:15:30.003Z fw1 app 7 - - msg', { ...base, app: 'app', body: 'msg' }],
    ['<134>103 - fw1 app 7 ID -', { pri: 134, host: 'fw1', app: 'app', msgId: 'ID', rfc5424: true, body: '' }],
    ['<134>0 2026-01-05T09:15:30.003Z fw1 app 7 - - msg', { pri: 134, body: '0 2026-01-05T09:15:30.003Z fw1 app 7 - - msg' }],
    ['<134>24 - some words that follow a number', { pri: 134, body: '24 - some words that follow a number' }],
    ['<134>1 some words', { pri: 134, body: '1 some words' }],
    [
      '<134>1 1767604530.348215340 MX84 urls src=192.0.2.1',
      { pri: 134, time: '1767604530.348215340', host: 'MX84', body: 'urls src=192.0.2.1' }
    ]
  ]
  for (const [line, expected] of table) t.same(said(line), expected, line)
})

t.test('a relay puts its header before another: the inner one is taken, up to three', async t => {
  t.same(said(`<13>${TIME} relay <134>Jan  5 09:15:29 fw1 tag: msg`), { pri: 134, time: 'Jan  5 09:15:29', host: 'fw1', body: 'tag: msg' })
  t.same(said(`<13>${TIME} relay Jan  5 09:15:29 fw1 tag: msg`), { pri: 13, time: 'Jan  5 09:15:29', host: 'fw1', body: 'tag: msg' })
  t.same(said(`<13>${TIME} relay Jan 05 2026 09:15:29: %ASA-6-X: y`), {
    pri: 13,
    time: 'Jan 05 2026 09:15:29',
    host: 'relay',
    body: '%ASA-6-X: y'
  })
  t.same(said('<1><2><3><4>msg'), { pri: 3, body: '<4>msg' })
})

t.test('one frame object serves all lines: nothing of the last header stays', async t => {
  const frame = newFrame(UTC)
  const first = Buffer.from(`<134>1 2026-01-05T09:15:30Z fw1 app 7 ID47 [a@1 k="v"] CEF:0|\n`)
  readHeader(frame, first, 0, first.length - 1)
  frame.cef = 3
  frame.leef = 3
  const second = Buffer.from('msg\n')
  readHeader(frame, second, 0, second.length - 1)
  t.same(
    [frame.pri, frame.timeStart, frame.hostStart, frame.appStart, frame.msgIdStart, frame.sdStart, frame.rfc5424, frame.cef, frame.leef],
    [-1, -1, -1, -1, -1, -1, false, -2, -2]
  )
})

t.test('no bytes make it throw or point outside the frame', async t => {
  const piece = fc.constantFrom(
    '<134>',
    '<',
    '>',
    '1 ',
    '2 ',
    '- ',
    'Jan  5 ',
    '09:15:30',
    ' 2026',
    ' UTC',
    '2026-01-05T09:15:30Z',
    '2026 ',
    '148093: ',
    'host ',
    '[a@1 k="',
    '"]',
    '\\',
    ':',
    ' ',
    '*',
    '1767604530.348215340 ',
    '\ufeff',
    '\0'
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc
      .array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 16 })
      .map(pieces => Buffer.from(pieces.join('').replaceAll('\n', ' ')))
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(bytes, some => {
        const frame = read(some.filter(byte => byte !== 0x0a))
        const { start, end, body } = frame
        const inside = (from: number, to: number): boolean => from === -1 || (start <= from && from <= to && to <= end)
        return (
          start >= 13 &&
          inside(start, end) &&
          inside(body, end) &&
          inside(frame.timeStart, frame.timeEnd) &&
          inside(frame.hostStart, frame.hostEnd) &&
          inside(frame.appStart, frame.appEnd) &&
          inside(frame.msgIdStart, frame.msgIdEnd) &&
          inside(frame.sdStart, frame.sdEnd)
        )
      }),
      { numRuns: 5000 }
    )
  )
})
