import t from 'tap'
import type { Block } from '../../src/contracts.ts'
import { LaneEngine } from '../../src/lanes/engine.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { frameBlocks, specOf, textOf, totalsOf } from './lane-kit.ts'

const parsers = await loadParsers()
const GOOD = '1767604530.250    120 192.0.2.10 TCP_MISS/200 4512 GET http://www.example.com/ u1 HIER_DIRECT/203.0.113.10 text/html'
const LINES = [GOOD, 'nobody knows this', GOOD.replace('u1', 'u2'), '', '1767604530.250 cut', '<189>two\r\nlines']

function run(archivesLines: boolean[], lines: readonly string[] = LINES, rounds = 1) {
  const engine = new LaneEngine(specOf(archivesLines.map(on => (on ? { archivesLines: true } : {}))), parsers)
  const blocks: Block[] = []
  const emit = (block: Block) => void blocks.push(block)
  archivesLines.forEach((_, index) => {
    engine.openIntake(index, [index])
  })
  for (let round = 0; round < rounds; round++) {
    const frames = lines.map((line, index) => ({ bytes: Buffer.from(line), intake: index % archivesLines.length }))
    for (const block of frameBlocks(frames, [1000])) engine.process(block, emit, 1_767_604_600_000)
  }
  engine.flush(emit)
  return { blocks, stats: engine.stats() }
}

t.test('every line comes as it was received, in order, whatever became of it, and in one line', async t => {
  const { blocks } = run([true])
  const taps = blocks.filter(({ forArchive }) => forArchive === true)
  t.equal(taps.length, 1)
  t.match(taps[0], { source: 'source-0', format: 'raw', recordCount: 5 })
  t.equal(textOf(taps[0]!), [GOOD, 'nobody knows this', GOOD.replace('u1', 'u2'), '1767604530.250 cut', '<189>two  lines', ''].join('\n'))
})

t.test('the records are the same with the tap and without', async t => {
  const [off, on] = [run([false]), run([true])]
  const records = ({ blocks }: { blocks: Block[] }) => blocks.filter(({ forArchive }) => forArchive !== true).map(textOf)
  t.same(records(on), records(off))
  t.notOk(off.blocks.some(({ forArchive }) => forArchive))
  t.same(totalsOf([on.stats]), totalsOf([off.stats]))
})

t.test('only sources that are archived are tapped, and full blocks go out by themselves', async t => {
  const { blocks } = run([true, false], LINES, 3000)
  const taps = blocks.filter(({ forArchive }) => forArchive === true)
  t.ok(taps.length > 1)
  t.ok(taps.every(({ source }) => source === 'source-0'))
  t.equal(
    taps.reduce((sum, { recordCount }) => sum + recordCount, 0),
    3 * 3000,
    'the first, third and fifth line of each round'
  )
})

t.test('with more sources in flight than outputs may be open, nothing is lost', async t => {
  const { blocks } = run(
    Array.from({ length: 50 }, () => true),
    Array.from({ length: 50 }, (_, index) => `line ${index}`),
    2
  )
  const texts = blocks.filter(({ forArchive }) => forArchive === true).map(textOf)
  t.equal(texts.join('').split('\n').length - 1, 100)
})
