/** Nothing goes back over what it has read: up to 64 KiB of quotes, escapes, equals signs and the like cost in proportion to their length. */
import t from 'tap'
import type { Framing } from '../../src/contracts.ts'
import { newEncoder } from '../../src/encode/encoder.ts'
import { FrameReader } from '../../src/frame-reader.ts'
import { createFramer } from '../../src/framing/framer.ts'
import { canonicalIp } from '../../src/lib/ip.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { compileTemplate } from '../../src/parse/template/compile.ts'
import { TemplateError } from '../../src/parse/template/template.ts'
import { readAnyTime } from '../../src/parse/values/time.ts'
import { UTC } from '../../src/parse/values/zone.ts'
import { cleanText } from '../../src/process/finalize.ts'
import { canonicalHost } from '../../src/process/host.ts'
import { hecLines } from '../../src/receivers/http-body.ts'
import { parseProxyHeader } from '../../src/receivers/proxy-protocol.ts'
import { parseRelpFrame } from '../../src/receivers/relp-frame.ts'
import { parseLedger } from '../../src/spool/ledger.ts'
import { FIXTURE_NOW, type Fixture, fixtures } from '../parse/fixtures.ts'
import { type Make, PATTERNS, repeated, superlinear } from './linear.ts'

t.setTimeout(600_000)
const parsers = await loadParsers()
const BYTES = 12 * 1024 // and four times as many
const encoder = newEncoder('cef')
const out = Buffer.alloc(32 * 1024)

/** Enough to see what is wrong. */
const SUSPECTS_MAX = 3

/** Runs all patterns; returns those that take too long, as sentences. */
function suspects(run: (input: Buffer) => void, make: (pattern: string) => Make = repeated, bytes = BYTES): string[] {
  const found: string[] = []
  for (const pattern of PATTERNS) {
    if (found.length === SUSPECTS_MAX) break
    const ratio = superlinear(make(pattern), run, bytes)
    if (ratio !== undefined) found.push(`${JSON.stringify(pattern)}: 4 times the length takes ${ratio.toFixed(1)} times as long`)
  }
  return found
}

/** A reader that has seen the lines before the last one, as an intake of that appliance would. */
function readerAfter({ parser, lines }: Fixture, isGuessed: boolean) {
  const reader = new FrameReader(parsers, [UTC])
  reader.frame.now = FIXTURE_NOW
  const fixed = parsers.find(({ id }) => id === parser)!
  const intake = reader.identifier.open(0, [{ source: 0, parser: isGuessed ? null : fixed }])
  const read = (line: Buffer): void => {
    const outcome = reader.readLine(intake, line)
    if (outcome === 'parsed' && reader.reject === '') encoder.encode(reader.fields, out, 0)
  }
  for (const line of lines.slice(0, -1)) read(Buffer.from(line))
  return read
}

for (const fixture of fixtures())
  t.test(`${fixture.parser} (${fixture.name}): a line takes time by its length`, async t => {
    const last = Buffer.from(fixture.lines.findLast(line => line.length > 60) ?? fixture.lines.at(-1)!)
    const read = readerAfter(fixture, false)
    // At the end of the line, and in the middle of it.
    for (const at of [last.length, last.length >> 1])
      t.same(
        suspects(read, pattern => repeated(pattern, last.subarray(0, at), last.subarray(at))),
        []
      )
  })

t.test('a line that nobody knows is refused in time by its length', async t => {
  const read = readerAfter({ parser: '', name: '', bytes: Buffer.alloc(0), lines: [], expected: [] }, true)
  t.same(suspects(read), [])
  t.same(
    suspects(read, pattern => repeated(pattern, Buffer.from('<13>Jan  5 09:15:31 host app: '))),
    []
  )
  t.same(
    suspects(read, pattern => repeated(pattern, Buffer.from('<13>1 2026-01-05T09:15:31Z host app - - '))),
    []
  )
})

for (const framing of ['syslog-stream', 'lines', 'json', 'datagram'] satisfies Framing[])
  t.test(`framing ${framing}: in one chunk and in small ones`, async t => {
    const feed = (chunkBytes: number) => (input: Buffer) => {
      const framer = createFramer(framing)
      for (let at = 0; at < input.length; at += chunkBytes) framer.feed(input.subarray(at, at + chunkBytes), () => undefined)
      framer.end(() => undefined)
    }
    for (const chunkBytes of [1e9, 50])
      for (const head of ['', '{"a":', '20000 <13>'])
        t.same(
          suspects(feed(chunkBytes), pattern => repeated(pattern, Buffer.from(head)), 32 * 1024),
          [],
          `chunks of ${chunkBytes} behind ${head}`
        )
  })

t.test('values, protocols, the ledger', async t => {
  const text = (read: (text: string) => unknown) => (input: Buffer) => void read(input.toString('latin1'))
  for (const [what, run] of [
    ['time', (input: Buffer) => void readAnyTime(Buffer.concat([input, Buffer.from('\n')]), 0, input.length, UTC, FIXTURE_NOW)],
    ['address', text(canonicalIp)],
    ['host', text(canonicalHost)],
    ['name', text(cleanText)],
    ['HEC', (input: Buffer) => void hecLines(input)],
    ['RELP', (input: Buffer) => void parseRelpFrame(input, 0)],
    ['PROXY', (input: Buffer) => void parseProxyHeader(input)],
    ['ledger', (input: Buffer) => void parseLedger(input)]
  ] as readonly [string, (input: Buffer) => void][])
    t.same(suspects(run), [], what)
})

t.test('templates: what a person pastes compiles, or is refused, in time by its length', async t => {
  for (const kind of ['zscaler_feed', 'squid_logformat', 'w3c_fields', 'csv_header'] as const) {
    const compile = (input: Buffer): void => {
      try {
        compileTemplate({ [kind]: input.toString('latin1') })
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
      }
    }
    t.same(suspects(compile, repeated, 4000), [], kind)
  }
})

/** A clock on which a run takes as many nanoseconds as it says to have taken steps, and nothing else takes any time. */
function countedClock() {
  let nowMs = 0
  const pause = (ms: number): void => {
    nowMs += ms
  }
  return { now: () => nowMs, pause, steps: (count: number): void => pause(count / 1e6) }
}

t.test('the measure: it tells linear from quadratic', async t => {
  const clock = countedClock()
  const linear = (input: Buffer): void => clock.steps(input.length)
  const quadratic = (input: Buffer): void => clock.steps(input.length ** 2)
  /** What a framer must not do: it looks through all that it holds for each chunk that comes, on top of taking each. */
  const rescanning = (input: Buffer): void => {
    for (let at = 0; at < input.length; at += 50) clock.steps(1000 + at)
  }
  t.equal(superlinear(repeated('a'), linear, BYTES, clock), undefined)
  t.equal(superlinear(repeated('a'), quadratic, BYTES, clock), 16)
  t.ok((superlinear(repeated('a'), rescanning, 32 * 1024, clock) ?? 0) > 9)
})

t.test('the measure: a core that is taken for a while, and a cost that jumps once, make nobody guilty', async t => {
  const clock = countedClock()
  const linear = (input: Buffer): void => clock.steps(input.length)
  const disturbed = (input: Buffer): void => {
    linear(input)
    if (input.length > 2 * BYTES && clock.now() < 1000) clock.pause(5)
  }
  t.equal(superlinear(repeated('a'), disturbed, BYTES, clock), undefined)
  t.ok(clock.now() > 1000, 'it was measured for as long as that')
  const jumping = (input: Buffer): void => {
    for (let times = input.length > 2 * BYTES ? 4 : 1; times > 0; times--) linear(input)
  }
  t.equal(superlinear(repeated('a'), jumping, BYTES, clock), undefined)
})
