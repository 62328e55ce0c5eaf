import assert from 'node:assert/strict'
import t from 'tap'
import { FRAME_MAX_BYTES } from '../../src/contracts.ts'
import fc from '../property-kit.ts'
import { checkProperty, cut, frame } from './framing-kit.ts'

t.test('each line is a frame, empty ones are none, and the last needs no line feed', async t => {
  const { frames, stats } = frame('lines', ['a b\r\n\n 12 <x\n\r\n#Fields: a\tb\n\t-\nlast'])
  t.strictSame(frames, ['a b', ' 12 <x', '#Fields: a\tb', '\t-', 'last'])
  t.equal(stats.newline, 5)
})

t.test('an over-long line is cut once and its tail makes no frame', async t => {
  const bytes = Buffer.from(`${'x'.repeat(150_000)}\nnext\n`)
  const whole = frame('lines', [bytes])
  t.strictSame(
    whole.frames.map(one => one.length),
    [FRAME_MAX_BYTES, 4]
  )
  t.equal(whole.stats.truncated, 1)
  t.equal(whole.stats.discardedBytes, 150_000 - FRAME_MAX_BYTES)
  for (const size of [999, FRAME_MAX_BYTES, FRAME_MAX_BYTES + 2, FRAME_MAX_BYTES + 3, 149_999, 150_001]) {
    t.strictSame(
      frame(
        'lines',
        cut(
          bytes,
          Array.from({ length: 200 }, (_, i) => (i + 1) * size)
        )
      ),
      whole,
      `chunks of ${size}`
    )
  }
})

t.test('a line of exactly the cap is whole with CR LF behind it', async t => {
  const line = 'x'.repeat(FRAME_MAX_BYTES)
  const { frames, stats } = frame('lines', [`${line}\r\n`])
  t.ok(frames.length === 1 && frames[0] === line)
  t.equal(stats.truncated, 0)
})

t.test('chunk borders never matter', async t => {
  const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', '\0', '<', ' '), { maxLength: 60 })
  checkProperty(
    t,
    fc.property(text, fc.array(fc.nat(100), { maxLength: 30 }), (parts, offsets) => {
      const bytes = Buffer.from(parts.join(''))
      assert.deepEqual(frame('lines', cut(bytes, offsets)), frame('lines', [bytes]))
    })
  )
})
