import t from 'tap'
import type { Block } from '../../src/contracts.ts'
import { chooseDeflater } from '../../src/encode/deflate.ts'
import { OUTPUT_BYTES, OUTPUT_FILL_BYTES } from '../../src/encode/output.ts'
import { OPEN_BYTES_MAX, OutputBuffers, Outputs } from '../../src/encode/outputs.ts'
import { textOf } from '../lanes/lane-kit.ts'

const making = { deflater: chooseDeflater('zlib'), level: 1 }
const rawKinds = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `s${index}`, format: 'raw' as const, encoder: null }))

/** Writes raw lines to sources in turn; what came out before the flush, and with it. */
function written(sources: number, rounds: number, lineOf: (round: number, source: number) => string) {
  const outputs = new Outputs(rawKinds(sources), making)
  const early: Block[] = []
  const late: Block[] = []
  for (let round = 0; round < rounds; round++) {
    for (let source = 0; source < sources; source++) {
      const line = Buffer.from(lineOf(round, source))
      outputs.get(source, block => early.push(block)).appendRaw(line, 0, line.length, round)
    }
  }
  outputs.flush(block => late.push(block))
  return { early, late }
}

t.test('two hundred sources that take turns give a block each, not one per turn', async t => {
  const { early, late } = written(200, 100, (round, source) => `line ${round} of ${source} ${'x'.repeat(200)}`)
  t.equal(early.length, 0)
  t.equal(late.length, 200)
  t.ok(late.every(({ recordCount, firstTime, lastTime }) => recordCount === 100 && firstTime === 0 && lastTime === 99))
  t.match(textOf(late[7]!), /^line 0 of 7 x+\nline 1 of 7 x+\n/)
})

t.test('with more than may be held, the fullest goes first, and every line comes once and in order', async t => {
  const sources = 1500
  const { early, late } = written(sources, 40, (round, source) => `${source} ${round} ${'y'.repeat(500)}`)
  t.ok(early.length > 0)
  const texts = new Map<string, string>()
  for (const block of [...early, ...late]) texts.set(block.source, (texts.get(block.source) ?? '') + textOf(block))
  t.equal(texts.size, sources)
  for (const [source, text] of texts) {
    const rounds = text
      .trimEnd()
      .split('\n')
      .map(line => Number(line.split(' ')[1]))
    if (rounds.length !== 40 || rounds.some((round, index) => round !== index)) t.fail(`lines of ${source}: ${rounds}`)
  }
  const average = early.reduce((sum, { rawLength }) => sum + rawLength, 0) / early.length
  t.ok(average > 3000, `a block that is made early holds ${average} bytes`)
})

t.test('one source fills its blocks', async t => {
  const { early } = written(1, 3000, round => `${round} ${'z'.repeat(400)}`)
  t.ok(early.length >= 4)
  t.ok(early.every(({ rawLength }) => rawLength >= OUTPUT_FILL_BYTES))
})

t.test('buffers are reused, and those of sizes that nobody wants any more are let go', async t => {
  const buffers = new OutputBuffers()
  const first = buffers.take(1)
  buffers.give(first)
  t.equal(buffers.take(first.length), first)
  buffers.give(first)
  const small = Array.from({ length: Math.floor(OPEN_BYTES_MAX / first.length) }, () => buffers.take(1))
  for (const buffer of small) buffers.give(buffer)
  t.equal(buffers.heldBytes, 0)
  const large = buffers.take(OUTPUT_BYTES)
  t.equal(large.length, OUTPUT_BYTES)
  t.notOk(small.includes(buffers.take(1)), 'the small ones are gone')
})
