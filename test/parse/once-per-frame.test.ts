import t from 'tap'
import type { Frame } from '../../src/contracts.ts'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { oncePerFrame } from '../../src/parse/kit.ts'
import { UTC } from '../../src/parse/values/zone.ts'

const point = (frame: Frame, line: string): Frame => {
  const buf = Buffer.from(`${line}\n`)
  readHeader(frame, buf, 0, buf.length - 1)
  return frame
}

t.test('what a recogniser read is read once per frame, also where the next frame lies in the same bytes', async t => {
  let reads = 0
  const first = oncePerFrame(frame => {
    reads++
    return frame.buf[frame.body]
  })
  const frame = newFrame(UTC)
  point(frame, 'a')
  t.same([first(frame), first(frame), reads], [0x61, 0x61, 1])
  frame.buf[0] = 0x62
  readHeader(frame, frame.buf, 0, 1)
  t.same([first(frame), reads], [0x62, 2])
})

t.test('another frame object with the same number is another frame', async t => {
  const first = oncePerFrame(frame => frame.buf[frame.body])
  t.equal(first(point(newFrame(UTC), 'a')), 0x61)
  t.equal(first(point(newFrame(UTC), 'b')), 0x62)
})
