import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import t from 'tap'
import { FRAME_MAX_BYTES } from '../../src/contracts.ts'
import { BLOCK_BYTES, BLOCK_FILL_BYTES, BLOCK_FRAMES_MAX, FrameBlock } from '../../src/lib/frame-block.ts'
import fc from '../property-kit.ts'

const framesOf = (block: FrameBlock) =>
  Array.from({ length: block.count }, (_, index) => ({
    text: block.bytes.toString('latin1', block.start(index), block.end(index)),
    intake: block.intake(index)
  }))

t.test('frames come back as they went in, each followed by a line feed', { timeout: 600_000 }, async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(0xffffffff)), { maxLength: 40 }), frames => {
      const block = new FrameBlock()
      for (const [bytes, intake] of frames) {
        const padded = Buffer.concat([Buffer.from('<<'), bytes, Buffer.from('>>')])
        block.append(padded, 2, 2 + bytes.length, intake)
      }
      const back = framesOf(block)
      return (
        back.length === frames.length &&
        back.every(
          ({ text, intake }, index) => text === Buffer.from(frames[index]![0]).toString('latin1') && intake === frames[index]![1]
        ) &&
        back.every((_, index) => block.bytes[block.end(index)] === 0x0a)
      )
    }),
    { numRuns: 300 }
  )
  t.pass('no counterexample')
})

t.test('lines of a chunk come back as they went in, whatever stands between them, also when the chunk changes afterwards', async t => {
  const piece = fc.record({ text: fc.stringMatching(/^[a-z]{1,40}$/), gap: fc.constantFrom('', '', '', '\n', ' '), isLine: fc.boolean() })
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 4 }), chunks => {
      const block = new FrameBlock()
      for (const pieces of chunks) {
        const chunk = Buffer.from(pieces.map(({ text, gap }) => `${gap}${text}\n`).join(''))
        let at = 0
        for (const { text, gap, isLine } of pieces) {
          const start = at + gap.length
          if (isLine) block.appendLine(chunk, start, start + text.length, 7)
          else block.append(chunk, start, start + text.length, 7)
          at = start + text.length + 1
        }
        block.settle()
        chunk.fill('X')
      }
      const back = framesOf(block)
      const texts = chunks.flat().map(({ text }) => text)
      return (
        back.length === texts.length &&
        back.every(({ text }, index) => text === texts[index] && block.bytes[block.end(index)] === 0x0a) &&
        block.used === texts.reduce((sum, text) => sum + text.length + 1, 0)
      )
    }),
    { numRuns: 300 }
  )
  t.pass('no counterexample')
})

t.test('a block takes frames until it is full by bytes, the last one of any allowed size', async t => {
  const block = new FrameBlock()
  const frame = Buffer.alloc(FRAME_MAX_BYTES, 'a')
  while (block.used + 1000 < BLOCK_FILL_BYTES) block.append(frame, 0, 999, 1)
  t.notOk(block.isFull)
  block.append(frame, 0, FRAME_MAX_BYTES, 2)
  t.ok(block.isFull)
  t.ok(block.used <= block.bytes.length, 'there was room for it')
  t.equal(framesOf(block).at(-1)!.text, frame.toString('latin1'))
  t.equal(block.bytes.at(-1), 0, 'nothing was written behind it')
})

t.test('a block is full by the number of frames, too', async t => {
  const block = new FrameBlock()
  const empty = Buffer.alloc(0)
  for (let i = 0; i < BLOCK_FRAMES_MAX - 1; i++) block.append(empty, 0, 0, i)
  t.notOk(block.isFull)
  block.append(empty, 0, 0, BLOCK_FRAMES_MAX - 1)
  t.ok(block.isFull)
  t.equal(block.intake(BLOCK_FRAMES_MAX - 1), BLOCK_FRAMES_MAX - 1)
  t.equal(block.end(BLOCK_FRAMES_MAX - 1), block.start(BLOCK_FRAMES_MAX - 1))
})

t.test('the memory is one and the same on the other side', async t => {
  const block = new FrameBlock()
  block.append(Buffer.from('hello'), 0, 5, 7)
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(block.memory)
  const memory: SharedArrayBuffer = receiveMessageOnPort(port2)!.message
  port1.close()
  t.equal(memory.byteLength, BLOCK_BYTES)
  const other = new FrameBlock(memory)
  other.count = 1
  t.same(framesOf(other), [{ text: 'hello', intake: 7 }])
  other.bytes.write('J')
  block.count = 1
  t.same(framesOf(block), [{ text: 'Jello', intake: 7 }], 'nothing was copied')
})

t.test('a cleared block starts again', async t => {
  const block = new FrameBlock()
  block.append(Buffer.from('old'), 0, 3, 1)
  block.clear()
  t.same([block.count, block.used], [0, 0])
  block.append(Buffer.from('n'), 0, 1, 2)
  t.same(framesOf(block), [{ text: 'n', intake: 2 }])
})
