import assert from 'node:assert/strict'
import t from 'tap'
import { FRAME_MAX_BYTES } from '../../src/contracts.ts'
import { JSON_DEPTH_MAX } from '../../src/framing/json-array.ts'
import fc from '../property-kit.ts'
import { checkProperty, cut, frame } from './framing-kit.ts'

const CASES: { title: string; text: string; frames: string[]; resynchronised?: number }[] = [
  { title: 'an array of objects', text: '[{"a":1},{"b":2}]', frames: ['{"a":1}', '{"b":2}'] },
  { title: 'objects one after another', text: '{"a":1}{"b":2} {"c":3}', frames: ['{"a":1}', '{"b":2}', '{"c":3}'] },
  { title: 'one object a line', text: '{"a":1}\n{"b":2}\r\n\n{"c":3}', frames: ['{"a":1}', '{"b":2}', '{"c":3}'] },
  {
    title: 'a pretty-printed array',
    text: '[\n  {\n    "a": [\n      {\n        "b": 1\n      }\n    ]\n  },\n  {}\n]\n',
    frames: ['{\n    "a": [\n      {\n        "b": 1\n      }\n    ]\n  }', '{}']
  },
  {
    title: 'braces and escapes in strings',
    text: '[{"a":"}{][\\"}","b":"\\\\"},{"c":"},{"}]',
    frames: ['{"a":"}{][\\"}","b":"\\\\"}', '{"c":"},{"}']
  },
  { title: 'strings that look like a seam', text: '[{"c":"},{","d":1},{"e":"{},{"}]', frames: ['{"c":"},{","d":1}', '{"e":"{},{"}'] },
  { title: 'a byte-order mark', text: '\xef\xbb\xbf[{"a":1}]', frames: ['{"a":1}'] },
  { title: 'no record at all', text: '[]', frames: [] },
  { title: 'text between objects', text: '{"a":1}\nhello "world\n{"b":2}\n', frames: ['{"a":1}', '{"b":2}'], resynchronised: 1 },
  { title: 'a broken quote in one line', text: '{"a":"x"y"}\n{"b":2}\n', frames: ['{"a":"x"y"}', '{"b":2}'], resynchronised: 1 },
  {
    title: 'a broken quote in an array',
    text: '[{"a":"x"y"},{"b":2},{"c":3}]',
    frames: ['{"a":"x"y"}', '{"b":2}', '{"c":3}'],
    resynchronised: 1
  },
  {
    title: 'a backslash before the closing quote',
    text: '[{"a":"C:\\","k":"x"},{"b":2}]',
    frames: ['{"a":"C:\\","k":"x"}', '{"b":2}'],
    resynchronised: 1
  },
  {
    title: 'a broken quote in an array with an object a line',
    text: '[{"a":"x"y"},\n{"b":2}\n]',
    frames: ['{"a":"x"y"}', '{"b":2}'],
    resynchronised: 1
  },
  { title: 'a broken quote in the last object', text: '[{"a":1},{"b":"x"y"}]', frames: ['{"a":1}', '{"b":"x"y"}'], resynchronised: 1 },
  { title: 'an object that never ends before the next line', text: '{"a":1\n{"b":2}\n', frames: ['{"a":1', '{"b":2}'], resynchronised: 1 },
  { title: 'a body that was cut', text: '[{"a":1},{"b":"x', frames: ['{"a":1}'], resynchronised: 1 },
  {
    title: 'an object nested too deep',
    text: `[${'{"a":'.repeat(JSON_DEPTH_MAX + 1)}1${'}'.repeat(JSON_DEPTH_MAX + 1)},{"b":2}]`,
    frames: ['{"b":2}'],
    resynchronised: 1
  }
]

for (const { title, text, frames, resynchronised = 0 } of CASES) {
  t.test(title, async t => {
    const bytes = Buffer.from(text, 'latin1')
    const whole = frame('json', [bytes])
    t.strictSame(whole.frames, frames)
    t.equal(whole.stats.resynchronised, resynchronised)
    for (let offset = 1; offset < bytes.length; offset++) {
      t.strictSame(frame('json', cut(bytes, [offset])), whole, `split after byte ${offset}`)
    }
    t.strictSame(
      frame(
        'json',
        [...bytes].map(byte => Buffer.from([byte]))
      ),
      whole,
      'byte by byte'
    )
  })
}

t.test('an over-long object is cut once, and the next one is whole', async t => {
  const bytes = Buffer.from(`[{"a":"${'x'.repeat(150_000)}"},{"b":2}]`)
  const whole = frame('json', [bytes])
  t.strictSame(
    whole.frames.map(one => one.length),
    [FRAME_MAX_BYTES, 7]
  )
  t.equal(whole.stats.truncated, 1)
  for (const size of [999, 65_536, 65_537, 100_000, 150_008]) {
    t.strictSame(
      frame(
        'json',
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

t.test('objects come out as they went in, in every notation and however cut', async t => {
  const notation = fc.constantFrom(['[', ',', ']'], ['[\n', ',\n', '\n]'], ['', '\n', '\n'], ['', '', ''], ['', ' ', ''])
  const record = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 })
  checkProperty(
    t,
    fc.property(
      fc.array(record, { maxLength: 6 }),
      notation,
      fc.array(fc.nat(600), { maxLength: 20 }),
      (records, [open, between, close], offsets) => {
        const texts = records.map(one => JSON.stringify(one))
        const { frames } = frame('json', cut(Buffer.from(open + texts.join(between) + close), offsets))
        assert.deepEqual(
          frames,
          texts.map(one => Buffer.from(one).toString('latin1'))
        )
      }
    )
  )
})

t.test('random bytes: chunk borders never matter, nothing throws', async t => {
  const parts = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '\n', ' ', 'a', '},{"', '},{"b', '\xff'), {
    maxLength: 80
  })
  checkProperty(
    t,
    fc.property(parts, fc.array(fc.nat(200), { maxLength: 40 }), (parts, offsets) => {
      const bytes = Buffer.from(parts.join(''), 'latin1')
      assert.deepEqual(frame('json', cut(bytes, offsets)), frame('json', [bytes]))
    })
  )
})

t.test('where a chunk ends does not matter for a broken object beyond the cap either', async t => {
  const long = `{"a":"${'x'.repeat(FRAME_MAX_BYTES)}`
  for (const text of [`${long}" ,\n{"b":1}`, `${long}"\n \n{"b":1}`, `${long}",\n{"b":1}`, `${long} ,] \n{"b":1}`]) {
    const whole = frame('json', [text])
    for (let at = long.length - 1; at <= text.length; at++) {
      t.same(frame('json', [text.slice(0, at), text.slice(at)]), whole, `cut ${text.length - at} bytes before the end`)
    }
  }
})
