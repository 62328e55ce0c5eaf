import assert from 'node:assert/strict'
import t from 'tap'
import fc from '../property-kit.ts'
import { checkProperty, frame } from './framing-kit.ts'

t.test('a datagram is a frame, without its trailers', async t => {
  t.strictSame(frame('datagram', ['<1>a\n', '<2>b\r\n', '<3>c\0', '<4>d\n\0', '<5>e']).frames, ['<1>a', '<2>b', '<3>c', '<4>d', '<5>e'])
})

t.test('an empty datagram, or one of trailers only, is no frame', async t => {
  t.strictSame(frame('datagram', ['', '\n', '\r\n\0']).frames, [])
})

t.test('lines that each start a message are frames of their own', async t => {
  t.strictSame(frame('datagram', ['<1>a\n<134>b\n<3>c\n']).frames, ['<1>a', '<134>b', '<3>c'])
  const squid = ['1286536308.779    180 192.168.0.224 TCP_MISS/200 411 GET', '1286536309.000     10 10.0.0.1 TCP_HIT/200 1 GET']
  t.strictSame(frame('datagram', [`${squid.join('\n')}\n`]).frames, squid)
})

t.test('a message of several lines stays one frame', async t => {
  for (const text of [
    '<1>a\nmore text',
    '<1>a\n<2>b\nno start',
    '<1>{\n  "a": 1\n}',
    '<1>a\n<x>b',
    '<1>a\n1286536309 b',
    '<1>a\n<1234>b'
  ]) {
    t.strictSame(frame('datagram', [text]).frames, [text])
  }
})

t.test('random datagrams never throw and never give an empty frame', async t => {
  checkProperty(
    t,
    fc.property(fc.array(fc.constantFrom('<', '1', '>', '\n', '\r', '\0', 'x', '1286536309.1', ' ')), parts => {
      const { frames, stats } = frame('datagram', [parts.join('')])
      assert.ok(frames.every(one => one !== ''))
      assert.equal(stats.newline, frames.length)
    })
  )
})
