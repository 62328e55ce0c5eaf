import t from 'tap'
import type { Block } from '../../src/contracts.ts'
import { LaneEngine } from '../../src/lanes/engine.ts'
import type { LaneSource } from '../../src/lanes/messages.ts'
import { LanePool } from '../../src/lanes/pool.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { frameBlocks, linesBySource, specOf, totalsOf } from './lane-kit.ts'

const parsers = await loadParsers()

const FEED = { zscaler_feed: '%d{epochtime};%s{login};%s{cip};%s{eurl};%s{action}' }
const feedLine = (user: string): string => `1768471872;${user};10.0.0.7;www.example.com/a;Allowed`
const PAIRS: LaneSource['template'] = {
  mapping: { kind: 'key-value', fields: { time: { key: 'ts' }, srcIp: 'from', user: 'who', url: 'to' } }
}
const pairLine = (user: string): string => `ts=1768471872 from=10.0.0.8 who=${user} to=www.example.com/b`
const SQUID = '1768471872.123    250 10.0.0.9 TCP_MISS/200 20480 GET http://www.example.com/c carol HIER_DIRECT/203.0.113.9 text/html'

const usersOf = (text: string | undefined): string[] => [...(text ?? '').matchAll(/ suser=(\S+)/g)].map(match => match[1]!)

t.test('a source with a template takes all frames of an intake that is its own', async t => {
  const spec = specOf([{ name: 'feed', template: FEED }])
  const engine = new LaneEngine(spec, parsers)
  engine.openIntake(0, [0])
  const blocks: Block[] = []
  const frames = [feedLine('alice'), SQUID, feedLine('bob')].map(line => ({ bytes: Buffer.from(line), intake: 0 }))
  for (const block of frameBlocks(frames, [2])) engine.process(block, made => blocks.push(made))
  engine.flush(made => blocks.push(made))
  t.same(usersOf(linesBySource(blocks).feed), ['alice', 'bob'])
  t.match(totalsOf([engine.stats()]), { parsed: 2, malformed: 1, unidentified: 0, written: 2 })
})

t.test('sources that share an intake each get the lines of their template, and the rest is told by its bytes', async t => {
  const spec = specOf([{ name: 'feed', template: FEED }, { name: 'pairs', template: PAIRS }, { name: 'rest' }])
  const engine = new LaneEngine(spec, parsers)
  engine.openIntake(0, [0, 1, 2])
  engine.openIntake(1, [2])
  const blocks: Block[] = []
  const frames = [pairLine('bob'), SQUID, feedLine('alice'), 'hello', pairLine('dora')].map(line => ({
    bytes: Buffer.from(line),
    intake: 0
  }))
  frames.push({ bytes: Buffer.from(feedLine('eve')), intake: 1 })
  for (const block of frameBlocks(frames, [10])) engine.process(block, made => blocks.push(made))
  engine.flush(made => blocks.push(made))
  const lines = linesBySource(blocks)
  t.same([usersOf(lines.feed), usersOf(lines.pairs), usersOf(lines.rest)], [['alice'], ['bob', 'dora'], ['carol']])
  t.match(totalsOf([engine.stats()]), { frames: 6, parsed: 4, unidentified: 2 }, 'a source that is no candidate gets nothing')
})

t.test('templates cross to the threads of lanes', async t => {
  const blocks: Block[] = []
  const pool = await LanePool.start(2, specOf([{ name: 'pairs', template: PAIRS }]), async () => parsers, {
    onBlocks: made => blocks.push(...made),
    onLaneFailure: (_, error) => t.fail(String(error))
  })
  t.teardown(() => pool.stop())
  const intake = pool.openIntake([0])
  for (const user of ['alice', 'bob']) {
    const line = Buffer.from(pairLine(user))
    pool.append(intake, line, 0, line.length)
  }
  await pool.flush()
  t.same(usersOf(linesBySource(blocks).pairs), ['alice', 'bob'])
})

t.test('a template that is no good ends the start of a lane', async t => {
  t.throws(() => new LaneEngine(specOf([{ template: { zscaler_feed: 'x' } }]), parsers), { name: 'TemplateError', message: /no time/ })
})
