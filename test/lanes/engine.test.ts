import t, { type Test } from 'tap'
import type { Block, Parser } from '../../src/contracts.ts'
import { createFramer } from '../../src/framing/framer.ts'
import { LaneEngine } from '../../src/lanes/engine.ts'
import type { LaneSpec } from '../../src/lanes/messages.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { DOWNLOADED, TOTAL, UPLOADED } from '../../src/record.ts'
import { FIXTURE_NOW, fixtures } from '../parse/fixtures.ts'
import fc from '../property-kit.ts'
import { frameBlocks, linesBySource, specOf, type TestFrame, totalsOf } from './lane-kit.ts'

const parsers = await loadParsers()
const lines = fixtures().flatMap(({ bytes }) => splitLines(bytes))

function splitLines(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start)
    found.push(bytes.subarray(start, end < 0 ? bytes.length : end))
    start = end < 0 ? bytes.length : end + 1
  }
  return found
}

/** Stops the clock: lines without time get it, and two runs should agree. */
function stopClock(t: Test): void {
  const { now } = Date
  Date.now = () => FIXTURE_NOW
  t.teardown(() => {
    Date.now = now
  })
}

function run(
  spec: LaneSpec,
  frames: readonly TestFrame[],
  sizes: readonly number[],
  candidates: Record<number, number[]>,
  using: readonly Parser[] = parsers
) {
  const engine = new LaneEngine(spec, using)
  for (const [intake, of] of Object.entries(candidates)) engine.openIntake(Number(intake), of)
  const blocks: Block[] = []
  for (const block of frameBlocks(frames, sizes)) engine.process(block, made => blocks.push(made))
  engine.flush(made => blocks.push(made))
  const stats = engine.stats()
  return { blocks, stats, totals: totalsOf([stats]) }
}

const anyFrame = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...lines) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...lines), fc.nat(500), fc.uint8Array({ maxLength: 8 }))
      .map(([line, at, bytes]) => Buffer.concat([line.subarray(0, at), bytes, line.subarray(at + bytes.length)]))
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...lines), fc.nat(500)).map(([line, end]) => line.subarray(0, end)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }).map(text => Buffer.from(text)) }
)
const anyFrames = fc.array(fc.record({ bytes: anyFrame, intake: fc.nat(3) }), { maxLength: 120 })
const CANDIDATES = { 0: [0], 1: [1, 2], 2: [3], 3: [] }
const SPEC = specOf([{ format: 'cef' }, { appliance: 'squid-native', format: 'w3c' }, { format: 'csv' }, { format: 'raw' }], {
  dropInternal: true,
  maxAgeMs: 90 * 86_400_000,
  maxFutureMs: 600_000
})

t.test('every frame ends in one counter, and every parsed record is written or dropped', { timeout: 600_000 }, async t => {
  let seen = 0
  fc.assert(
    fc.property(anyFrames, frames => {
      const { blocks, totals } = run(SPEC, frames, [1000], CANDIDATES)
      seen += totals.parsed
      const { frames: count, sourceFrames, parsed, skipped, malformed, unidentified, written, dropped, writtenBytes } = totals
      const texts = linesBySource(blocks)
      const writtenLines = Object.values(texts).reduce((sum, text) => sum + text.split('\n').length - 1, 0)
      const bytes = Object.values(texts).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
      if (count !== frames.length || sourceFrames !== count)
        throw new Error(`${frames.length} frames, counted ${count} and ${sourceFrames}`)
      if (count !== parsed + skipped + malformed + unidentified) throw new Error(`frames: ${JSON.stringify(totals)}`)
      if (parsed !== written + dropped) throw new Error(`records: ${JSON.stringify(totals)}`)
      if (writtenLines !== written) throw new Error(`${writtenLines} lines, but ${written} written`)
      // Bytes of raw lines that are no text come back longer as text, so there only a bound holds.
      if (bytes < writtenBytes) throw new Error(`${bytes} bytes, but ${writtenBytes} written`)
    }),
    { numRuns: 400 }
  )
  t.ok(seen > 1000, `${seen} records were parsed`)
})

t.test('where blocks begin and end never changes a result', { timeout: 600_000 }, async t => {
  stopClock(t)
  const outcome = ({ blocks, stats }: ReturnType<typeof run>) =>
    JSON.stringify([
      linesBySource(blocks),
      stats.sources,
      stats.frames,
      stats.bytes,
      stats.samples.map(({ text, reason }) => [text, reason])
    ])
  fc.assert(
    fc.property(anyFrames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }), (frames, sizes) => {
      const one = outcome(run(SPEC, frames, [100_000], CANDIDATES))
      if (outcome(run(SPEC, frames, sizes, CANDIDATES)) !== one) throw new Error('blocks changed the result')
    }),
    { numRuns: 200 }
  )
  t.pass('no counterexample')
})

t.test('where chunks begin and end never changes a result', { timeout: 600_000 }, async t => {
  stopClock(t)
  const stream = Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')]))
  const through = (sizes: readonly number[]) => {
    const framer = createFramer('lines')
    const frames: TestFrame[] = []
    const take = (buf: Buffer, start: number, end: number) => void frames.push({ bytes: Buffer.from(buf.subarray(start, end)), intake: 0 })
    for (let at = 0, index = 0; at < stream.length; index++) {
      const size = sizes[index % sizes.length]!
      framer.feed(stream.subarray(at, at + size), take)
      at += size
    }
    framer.end(take)
    const { blocks, totals } = run(specOf([{}]), frames, [500], { 0: [0] })
    return JSON.stringify([linesBySource(blocks), totals])
  }
  const whole = through([stream.length])
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 3, maxLength: 20 }), sizes => through(sizes) === whole),
    { numRuns: 15 }
  )
  t.ok(whole.length > 10_000)
})

t.test('more sources than open outputs lose nothing', async t => {
  const count = 70
  const squid = lines.find(line => line.includes('TCP_MISS/200'))!
  const frames = Array.from({ length: count * 5 }, (_, index) => ({ bytes: squid, intake: index % count }))
  const candidates = Object.fromEntries(Array.from({ length: count }, (_, index) => [index, [index]]))
  const { blocks, totals } = run(specOf(Array.from({ length: count }, () => ({}))), frames, [1000], candidates)
  t.equal(totals.written, count * 5)
  t.equal(Object.keys(linesBySource(blocks)).length, count)
  for (const text of Object.values(linesBySource(blocks))) t.equal(text.split('\n').length - 1, 5)
})

t.test('a large input comes out in several blocks, each of its own', async t => {
  const squid = lines.find(line => line.includes('TCP_MISS/200'))!
  const { blocks, totals } = run(
    specOf([{}]),
    Array.from({ length: 6000 }, () => ({ bytes: squid, intake: 0 })),
    [4000],
    { 0: [0] }
  )
  t.equal(totals.written, 6000)
  t.ok(blocks.length > 1, `${blocks.length} blocks`)
  t.equal(linesBySource(blocks)['source-0']!.split('\n').length - 1, 6000)
})

t.test('records that know only a total are counted, where the format has no place for it', async t => {
  const squid = lines.find(line => line.includes('TCP_MISS/200'))!
  const total = parsers.map(parser => ({
    ...parser,
    parse: (...[frame, out, state]: Parameters<Parser['parse']>) => {
      const outcome = parser.parse(frame, out, state)
      out.numbers[UPLOADED] = -1
      out.numbers[DOWNLOADED] = -1
      out.numbers[TOTAL] = 30
      return outcome
    }
  }))
  for (const [format, count] of [
    ['cef', 2],
    ['csv', 0]
  ] as const) {
    const frames = [squid, squid].map(bytes => ({ bytes, intake: 0 }))
    const { stats } = run(specOf([{ format }]), frames, [9], { 0: [0] }, total)
    t.equal(Object.fromEntries(stats.sources[0]!.corrections).total_only ?? 0, count, format)
  }
})

// ── bugs of ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const failing = (where: 'recognizes' | 'parse'): Parser => ({
  id: 'failing',
  appliance: 'A parser with a bug',
  recognizes(frame) {
    if (where === 'recognizes' && frame.buf[frame.start] === 0x21) throw new Error('a bug')
    return frame.buf[frame.start] === 0x21
  },
  parse() {
    throw new Error('a bug')
  }
})

for (const where of ['recognizes', 'parse'] as const) {
  t.test(`a parser that throws in ${where} costs its frame only, and the frame is counted`, async t => {
    const squid = lines.find(line => line.includes('TCP_MISS/200'))!
    const frames = [squid, Buffer.from('!bug'), squid, Buffer.from('!bug'), squid].map(bytes => ({ bytes, intake: 0 }))
    const { totals, stats } = run(specOf([{}]), frames, [2], { 0: [0] }, [failing(where), ...parsers])
    t.match(totals, { frames: 5, sourceFrames: 5, parsed: 3, written: 3 })
    t.equal(totals.malformed + totals.unidentified, 2)
    t.equal(stats.samples.filter(({ reason }) => reason.startsWith('internal_error')).length, 2)
  })
}

t.test('frames of an intake that nobody opened are counted and shown', async t => {
  const { totals, stats } = run(
    specOf([{}]),
    [
      { bytes: lines[0]!, intake: 5 },
      { bytes: lines[0]!, intake: 0 }
    ],
    [9],
    { 0: [0] }
  )
  t.match(totals, { frames: 2, sourceFrames: 2 })
  t.match(stats.samples[0], { reason: /internal_error: .*intake 5/ })
})

t.test('a source that names a parser nobody has is refused', async t => {
  t.throws(() => new LaneEngine(specOf([{ appliance: 'nobody' }]), parsers), /Cannot find parser "nobody"/)
})

t.test('samples of bad lines are bounded in number and size', async t => {
  const frames = Array.from({ length: 3000 }, (_, index) => ({ bytes: Buffer.from(`no log ${index} ${'é'.repeat(2000)}`), intake: 0 }))
  const { stats } = run(specOf([{}]), frames, [100], { 0: [0] })
  t.equal(stats.samples.length, 50)
  t.ok(stats.samples.every(({ text }) => Buffer.byteLength(text) < 1100))
})

t.test('the newest bad lines of a flood take the place of the oldest, one a second', async t => {
  const engine = new LaneEngine(specOf([{}]), parsers)
  engine.openIntake(0, [0])
  const take = (text: string, times: number, now: number) => {
    const frames = Array.from({ length: times }, () => ({ bytes: Buffer.from(text), intake: 0 }))
    for (const block of frameBlocks(frames, [100])) engine.process(block, () => undefined, now)
  }
  const kept = (text: string) => engine.stats().samples.filter(sample => sample.text === text).length
  take('no log at first', 300, FIXTURE_NOW)
  take('no log at once', 300, FIXTURE_NOW + 999)
  t.equal(kept('no log at first'), 50)
  take('no log a second later', 300, FIXTURE_NOW + 1000)
  take('no log two seconds later', 1, FIXTURE_NOW + 2000)
  t.equal(kept('no log at first'), 48)
  t.same(engine.stats().samples.at(-2), { ...engine.stats().samples.at(-1), atMs: FIXTURE_NOW + 1000, text: 'no log a second later' })
})

t.test('another specification: what was written goes out under the old one, counts go on by name, and header rows stay', async t => {
  const row = (number: number) => Buffer.from(`2026-01-05 09:15:30 192.0.2.11 w${number} GET http://www.example.org/a 200 512 100`)
  const head = Buffer.from('#Fields: date time c-ip cs-username cs-method cs-uri sc-status sc-bytes cs-bytes')
  const engine = new LaneEngine(specOf([{ name: 'one' }]), parsers)
  const blocks: Block[] = []
  const emit = (block: Block) => void blocks.push(block)
  const take = (frames: Buffer[]) => {
    for (const block of frameBlocks(frames.map(bytes => ({ bytes, intake: 3 })), [100])) engine.process(block, emit) // biome-ignore format: short
  }
  engine.openIntake(3, [0])
  take([head, row(1)])
  t.same(blocks, [])
  engine.reconfigure(specOf([{ name: 'two', format: 'csv' }, { name: 'one' }]), [[3, [1]]], emit)
  t.match(Object.keys(linesBySource(blocks)), ['one'])
  take([row(2)])
  engine.reconfigure(specOf([{ name: 'two', format: 'csv' }]), [[3, [0]]], emit)
  take([row(3)])
  engine.flush(emit)
  const texts = linesBySource(blocks)
  t.match(texts.one, /w1.*w2/s)
  t.match(texts.two, /w3/)
  const stats = engine.stats()
  t.match(totalsOf([stats]), { frames: 4, parsed: 3, skipped: 1, written: 3 })
  t.same(Object.fromEntries(stats.sources.map(({ source, frames }) => [source, frames])), { one: 3, '(none)': 0, two: 1 })
})
