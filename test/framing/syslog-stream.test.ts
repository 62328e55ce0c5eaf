import assert from 'node:assert/strict'
import t from 'tap'
import { FRAME_MAX_BYTES } from '../../src/contracts.ts'
import { SyslogStreamFramer } from '../../src/framing/syslog-stream.ts'
import { laneBytes, reserveLaneMemory } from '../../src/lib/lane-memory.ts'
import fc from '../property-kit.ts'
import { checkProperty, cut, frame } from './framing-kit.ts'

const counted = (message: string): string => `${message.length} ${message}`

const CASES: { title: string; chunks: string[]; frames: string[]; resynchronised?: number; discardedBytes?: number }[] = [
  { title: 'newline frames', chunks: ['<1>a\n<2>b\n'], frames: ['<1>a', '<2>b'] },
  { title: 'CR LF as trailer', chunks: ['<1>a\r\n<2>b\r\n'], frames: ['<1>a', '<2>b'] },
  { title: 'a frame split between CR and LF', chunks: ['<1>a\r', '\n<2>b\r\n'], frames: ['<1>a', '<2>b'] },
  { title: 'lines without a priority', chunks: ['date=2025-01-01 a=b\nCEF:0|x\n'], frames: ['date=2025-01-01 a=b', 'CEF:0|x'] },
  { title: 'a last frame without trailer', chunks: ['<1>a\n<2>b'], frames: ['<1>a', '<2>b'] },
  { title: 'empty lines are no frames', chunks: ['\n\r\n\n<1>a\n\n\n'], frames: ['<1>a'] },
  { title: 'a stray blank after each LF', chunks: ['<1>a\n <2>b\n <3>c\n'], frames: ['<1>a', '<2>b', '<3>c'] },
  { title: 'NUL as the only trailer', chunks: ['<1>a\0<2>b\0<3>c\0'], frames: ['<1>a', '<2>b', '<3>c'] },
  { title: 'NUL as trailer at the border of chunks', chunks: ['<1>a\0', '<2>b', '\0<3>c\0'], frames: ['<1>a', '<2>b', '<3>c'] },
  { title: 'LF NUL as trailer', chunks: ['<1>a\n\0<2>b\n\0'], frames: ['<1>a', '<2>b'] },
  { title: 'a NUL inside a line does not end it', chunks: ['<1>a\0b\n<2>c\n'], frames: ['<1>a\0b', '<2>c'] },
  { title: 'octet counting without separators', chunks: [counted('<1>one') + counted('<2>two')], frames: ['<1>one', '<2>two'] },
  { title: 'a count that includes the LF', chunks: [counted('<1>one\n') + counted('<2>two\n')], frames: ['<1>one', '<2>two'] },
  {
    title: 'a count followed by an LF that it does not include',
    chunks: [`${counted('<1>one')}\n${counted('<2>two')}\n`],
    frames: ['<1>one', '<2>two']
  },
  {
    title: 'a counted message that holds line feeds',
    chunks: [counted('<1>one\nmore\nand more') + counted('<2>b')],
    frames: ['<1>one\nmore\nand more', '<2>b']
  },
  {
    title: 'octets are counted, not characters',
    chunks: [`${counted('<1>hell\u00c3\u00b8')}\n<2>b\n`],
    frames: ['<1>hell\u00c3\u00b8', '<2>b']
  },
  {
    title: 'both framings mixed on one connection',
    chunks: [`<1>a\n${counted('<2>b')}<3>c\n${counted('<4>d\n')}plain\n${counted('<5>e')}`],
    frames: ['<1>a', '<2>b', '<3>c', '<4>d', 'plain', '<5>e']
  },
  { title: 'a count split across reads', chunks: ['1', '2', ' ', '<1>123456789<2>b\n'], frames: ['<1>123456789', '<2>b'] },
  { title: 'a date is no count', chunks: ['2025-07-29 12:34:56 host app: text\n'], frames: ['2025-07-29 12:34:56 host app: text'] },
  {
    title: 'a version without priority is no count',
    chunks: ['1 2014-10-21T10:21:09Z host app - - - text\n'],
    frames: ['1 2014-10-21T10:21:09Z host app - - - text']
  },
  { title: 'digits split across reads that are no count', chunks: ['20', '25', '-07-29 x\n'], frames: ['2025-07-29 x'] },
  { title: 'digits alone', chunks: ['1234567890.123 squid\n12\n'], frames: ['1234567890.123 squid', '12'] },
  { title: 'digits at the end of the stream', chunks: ['<1>a\n123'], frames: ['<1>a', '123'] },
  {
    title: 'a count that is too large: on at the next line',
    chunks: ['999999 <1>a\n<2>b\n'],
    frames: ['<2>b'],
    resynchronised: 1,
    discardedBytes: 11
  },
  { title: 'a count too long to be one: a line', chunks: ['999999999 <1>a\n<2>b\n'], frames: ['999999999 <1>a', '<2>b'] },
  { title: 'a count of zero', chunks: ['0 <1>a\n<2>b\n'], frames: ['<2>b'], resynchronised: 1, discardedBytes: 6 },
  {
    title: 'garbage glued to a counted frame',
    chunks: [`${counted('<1>a')}xaaa\n<2>b\n`],
    frames: ['<1>a', '<2>b'],
    resynchronised: 1,
    discardedBytes: 4
  },
  {
    title: 'garbage glued to a counted frame, to the end',
    chunks: [`${counted('<1>a')}xaaa`],
    frames: ['<1>a'],
    resynchronised: 1,
    discardedBytes: 4
  },
  {
    title: 'a count in characters loses the cut rest only',
    chunks: ['6 <1>h\u00c3\u00b8\u00c3\u00b8\n<2>b\n'],
    frames: ['<1>h\u00c3\u00b8', '<2>b'],
    resynchronised: 1,
    discardedBytes: 2
  },
  {
    title: 'a counted message that the close cuts short',
    chunks: ['20 <1>only a part'],
    frames: [],
    resynchronised: 1,
    discardedBytes: 14
  },
  { title: 'bytes that are no text', chunks: ['\xff\xfe\x80\n<1>a\n'], frames: ['\xff\xfe\x80', '<1>a'] }
]

for (const { title, chunks, frames, resynchronised = 0, discardedBytes = 0 } of CASES) {
  t.test(title, async t => {
    const bytes = Buffer.from(chunks.join(''), 'latin1')
    const result = frame('syslog-stream', chunks)
    t.strictSame(result.frames, frames)
    t.equal(result.stats.resynchronised, resynchronised)
    t.equal(result.stats.discardedBytes, discardedBytes)
    t.equal(result.stats.newline + result.stats.octetCounted, frames.length)
    for (let offset = 1; offset < bytes.length; offset++) {
      t.strictSame(frame('syslog-stream', cut(bytes, [offset])), result, `split after byte ${offset}`)
    }
    t.strictSame(
      frame(
        'syslog-stream',
        [...bytes].map(byte => Buffer.from([byte]))
      ),
      result,
      'byte by byte'
    )
  })
}

t.test('an over-long frame is cut once, counted, and its tail makes no frame', async t => {
  for (const [kind, bytes] of [
    ['newline', `<1>${'x'.repeat(200_000)}\n<2>b\n`],
    ['counted', counted(`<1>${'x'.repeat(200_000)}`) + counted('<2>b')],
    ['NUL', `<1>${'x'.repeat(200_000)}\0<2>b\0`]
  ] as const) {
    const whole = frame('syslog-stream', [bytes])
    t.equal(whole.frames.length, 2, kind)
    t.equal(whole.frames[0]?.length, FRAME_MAX_BYTES)
    t.equal(whole.frames[1], '<2>b')
    t.equal(whole.stats.truncated, 1)
    t.equal(whole.stats.discardedBytes, 200_003 - FRAME_MAX_BYTES)
    for (const size of [1000, 65_535, 65_536, 65_537, 65_539, 65_543, 65_545, 100_000]) {
      const offsets = Array.from({ length: 300 }, (_, i) => (i + 1) * size)
      t.strictSame(frame('syslog-stream', cut(Buffer.from(bytes), offsets)), whole, `${kind} in chunks of ${size}`)
    }
  }
})

t.test('a frame of exactly the cap is whole, whatever its trailer', async t => {
  const message = `<1>${'x'.repeat(FRAME_MAX_BYTES - 3)}`
  for (const bytes of [`${message}\r\n`, `${message}\0\n`, counted(`${message}\n`)]) {
    for (const offsets of [[], [10], [FRAME_MAX_BYTES], [FRAME_MAX_BYTES + 1], [FRAME_MAX_BYTES + 8]]) {
      const { frames, stats } = frame('syslog-stream', cut(Buffer.from(bytes), offsets))
      t.equal(frames.length, 1)
      t.ok(frames[0] === message)
      t.equal(stats.truncated, 0)
    }
  }
})

const message = fc.stringMatching(/^[a-z<>0-9 =|\r]{0,30}[a-z]$/)
const unit = fc.oneof(
  message.map(text => ({ bytes: `<134>${text}\n`, text: `<134>${text}` })),
  message.map(text => ({ bytes: counted(`<134>${text}`), text: `<134>${text}` })),
  message.map(text => ({ bytes: counted(`<134>${text}\n`), text: `<134>${text}` }))
)

t.test('what senders of either framing write is what comes out, however it is cut into chunks', async t => {
  const property = fc.property(fc.array(unit, { maxLength: 20 }), fc.array(fc.nat(800), { maxLength: 30 }), (units, offsets) => {
    const bytes = Buffer.from(units.map(one => one.bytes).join(''))
    const { frames, stats } = frame('syslog-stream', cut(bytes, offsets))
    assert.deepEqual(
      frames,
      units.map(one => one.text)
    )
    assert.equal(stats.discardedBytes, 0)
  })
  checkProperty(t, property)
})

const nasty = fc.array(
  fc.oneof(
    fc.constantFrom('<', '\n', '\r', '\0', ' ', '\0<', '5 <', '12 <1>', '999999 <', '1234567 <', '0 <', '2025-', 'x'),
    fc.string({ unit: 'binary-ascii', maxLength: 8 })
  ),
  { maxLength: 60 }
)

t.test('random bytes: chunk borders never matter, nothing throws', async t => {
  checkProperty(
    t,
    fc.property(nasty, fc.array(fc.nat(300), { maxLength: 40 }), (parts, offsets) => {
      const bytes = Buffer.from(parts.join(''), 'latin1')
      const whole = frame('syslog-stream', [bytes])
      assert.deepEqual(frame('syslog-stream', cut(bytes, offsets)), whole)
      assert.ok(whole.frames.every(one => one !== '' && !one.endsWith('\n')))
    })
  )
})

t.test('line feeds that vector code finds are those of the native search', async t => {
  const at = reserveLaneMemory(512 * 1024)
  const inLane = (bytes: Buffer): Buffer => {
    laneBytes.fill('\n', at, at + bytes.length + 200) // what an earlier chunk may have left
    const lent = laneBytes.subarray(at + 3, at + 3 + bytes.length)
    lent.set(bytes)
    return lent
  }
  const lines = fc.array(fc.constantFrom('', 'a', '<1>b', 'x'.repeat(63), 'y'.repeat(64), 'z'.repeat(200), '\0<', '7 <1>abcd'), {
    maxLength: 60
  })
  const many = fc.constantFrom(1, 30)
  checkProperty(
    t,
    fc.property(lines, many, nasty, fc.array(fc.nat(5000), { maxLength: 6 }), (units, times, parts, offsets) => {
      const bytes = Buffer.from(`${units.join('\n')}\n`.repeat(times) + parts.join(''), 'latin1')
      assert.deepEqual(frame('syslog-stream', cut(bytes, offsets), inLane), frame('syslog-stream', cut(bytes, offsets)))
    })
  )
})

t.test('a stream without any newline takes no more memory than the cap', async t => {
  const framer = new SyslogStreamFramer()
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const before = process.memoryUsage().arrayBuffers
  let frames = 0
  for (let i = 0; i < 4096; i++) framer.feed(chunk, () => frames++)
  t.equal(frames, 1)
  t.equal(framer.stats.truncated, 1)
  t.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
})

t.test('frames that lie whole in a chunk are handed out as ranges of it', async t => {
  const framer = new SyslogStreamFramer()
  const chunk = Buffer.from(`<1>a\n${counted('<2>b')}<3>c\n`)
  let same = 0
  framer.feed(chunk, buf => {
    if (buf === chunk) same++
  })
  t.equal(same, 3)
})
