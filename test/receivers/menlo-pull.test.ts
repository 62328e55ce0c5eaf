import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type MenloPullOptions, MenloPullReceiver } from '../../src/receivers/menlo-pull.ts'
import { scratchDir } from '../test-dir.ts'
import { MemoryIntakes, memoryLog } from './memory-intake.ts'
import { MENLO_TOKEN, type MenloEvent, MenloServer } from './menlo-server.ts'
import { checkPullContract } from './pull-contract.ts'

const FAST = { intervalMs: 30, backoffMinMs: 10, backoffMaxMs: 50, requestTimeoutMs: 120_000, token: MENLO_TOKEN } as const
const HOUR_S = 3600
/** A clock that stands still, so that windows are known. */
const NOW_S = 1_770_000_000

const newPosition = (): string => join(scratchDir('pull'), 'pulls', 'a.position')
const event = (second: number, number: number): MenloEvent => ({
  event_time: new Date(second * 1000).toISOString().replace('Z', '000'),
  url: `https://www.example.com/${number}`,
  pe_action: 'allow'
})
/** Events spread evenly over the seconds from `first` on. */
const spread = (count: number, first: number, seconds: number): MenloEvent[] =>
  Array.from({ length: count }, (_, i) => event(first + Math.floor((i * seconds) / count), i))

async function menloServer(t: Test): Promise<MenloServer> {
  const server = await MenloServer.start()
  t.teardown(() => server.stop())
  return server
}

async function started(t: Test, server: MenloServer, options: Partial<MenloPullOptions> = {}, deps: { nowMs?: () => number } = {}) {
  const intakes = new MemoryIntakes()
  const log = memoryLog()
  const receiver = new MenloPullReceiver(
    { ...FAST, url: server.url, positionFile: newPosition(), ...options },
    { log, nowMs: () => NOW_S * 1000, ...deps }
  )
  await receiver.start(intakes.open)
  t.teardown(() => stop(receiver))
  const status = () => receiver.status()[0]!
  const urls = () => intakes.committed.map(text => (JSON.parse(text) as { url: string }).url)
  return { receiver, intakes, log, status, urls, counters: () => status().counters }
}

const stop = (receiver: MenloPullReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))
const urlsOf = (events: readonly MenloEvent[]): unknown[] => events.map(({ url }) => url)

t.test('windows of an hour follow each other up to some minutes behind now, page by page', async t => {
  const server = await menloServer(t)
  const first = NOW_S - 300 - 2.5 * HOUR_S
  server.events = [...spread(2500, first, 2.5 * HOUR_S), event(NOW_S - 10, 9999)]
  const { intakes, urls, counters, status } = await started(t, server, { lookbackMs: 2.5 * HOUR_S * 1000, source: 'Menlo' })
  await intakes.until('all windows', () => counters().windows_total === 3)
  t.strictSame(urls(), urlsOf(server.events.slice(0, 2500)), 'the newest event waits')
  t.strictSame(
    server.requests.map(({ start, end, paging }) => [start - first, end - first, paging?.searchAfter]),
    [
      [0, 3600, undefined],
      [3600, 7200, undefined],
      [7200, 9000, undefined]
    ]
  )
  t.strictSame(intakes.peers[0], { receiver: 'menlo-pull', protocol: 'menlo', address: new URL(server.url).host, source: 'Menlo' })
  t.match(status(), { state: 'listening', gauges: { pull_failing: 0, pull_lag_seconds: 300 } })
})

t.test('pages are followed by their identifiers, and a restart goes on with the next page', async t => {
  const server = await menloServer(t)
  server.events = spread(950, NOW_S - 300 - HOUR_S, HOUR_S)
  server.pageEvents = 100
  server.fault = ({ paging }) => (paging?.searchAfter === 500 ? { status: 500 } : undefined)
  const positionFile = newPosition()
  const first = await started(t, server, { positionFile })
  await first.intakes.until('five pages', () => first.counters().pull_errors_total! > 0)
  await stop(first.receiver)
  t.strictSame(first.urls(), urlsOf(server.events.slice(0, 500)))
  t.match(JSON.parse(readFileSync(positionFile, 'utf8')), { version: 1, start: NOW_S - 300 - HOUR_S, paging: { searchAfter: 500 } })
  server.fault = () => undefined
  const second = await started(t, server, { positionFile })
  await second.intakes.until('the rest', () => second.counters().windows_total === 1)
  t.strictSame(second.urls(), urlsOf(server.events.slice(500)))
})

t.test('a server that fails, throttles or answers nonsense is asked again, and nothing is lost or doubled', async t => {
  const server = await menloServer(t)
  server.events = spread(300, NOW_S - 300 - HOUR_S, HOUR_S)
  server.pageEvents = 100
  const answers: ReturnType<MenloServer['fault']>[] = [
    { status: 429, headers: { 'retry-after': '0' }, body: 'slow down' },
    { status: 503 },
    { body: '[{"result":{"events":[{"event":{"a":1}}' },
    { body: '{"error":"unknown"}' },
    { body: '' },
    undefined,
    { status: 502, body: '<html>bad gateway</html>' }
  ]
  server.fault = () => answers.shift()
  const { intakes, urls, counters, status, log } = await started(t, server)
  await intakes.until('failing', () => status().gauges!.pull_failing === 1)
  await intakes.until('all', () => counters().windows_total === 1)
  t.strictSame(urls(), urlsOf(server.events))
  t.equal(counters().pull_errors_total, 6)
  const said = log.entries.filter(({ level }) => level === 'warn').map(({ message }) => message)
  t.match(said, [/answers 429 \(slow down\)/, /answers 503/, /no JSON/, /no result\.events/, /no JSON/, /answers 502/])
  t.notMatch(JSON.stringify(log.entries), new RegExp(MENLO_TOKEN))
  await intakes.until('works again', () => status().gauges!.pull_failing === 0)
})

t.test('a throttled pull waits as long as it is told', async t => {
  const server = await menloServer(t)
  server.fault = () => ({ status: 429, headers: { 'retry-after': '3600' } })
  const { intakes, counters, status, log } = await started(t, server)
  await intakes.until('throttled', () => counters().pull_errors_total === 1)
  t.match(log.entries.at(-1), { facts: { waitMs: 3_600_000 } })
  t.match(status().reason, /429/)
})

t.test('a page that comes twice is taken once, and a circle of pages ends', async t => {
  const server = await menloServer(t)
  server.events = spread(400, NOW_S - 300 - HOUR_S, HOUR_S)
  server.pageEvents = 100
  server.fault = ({ paging }) => (paging?.searchAfter === 200 ? { sameAs: 100 } : undefined)
  const repeated = await started(t, server)
  await repeated.intakes.until('all', () => repeated.counters().windows_total === 1)
  t.strictSame(repeated.urls(), urlsOf([...server.events.slice(0, 200), ...server.events.slice(300)]))
  t.equal(repeated.counters().repeated_pages_total, 1)

  const page = (from: number, next: number): string =>
    JSON.stringify([
      { result: { events: server.events.slice(from, from + 100).map(event => ({ event })), pagingIdentifiers: { searchAfter: next } } }
    ])
  server.fault = ({ paging }) => ({ body: paging === undefined ? page(0, 1) : paging.searchAfter === 1 ? page(100, 2) : page(200, 1) })
  const circle = await started(t, server)
  await circle.intakes.until('the end', () => circle.counters().windows_total === 1)
  t.strictSame(circle.urls(), urlsOf(server.events.slice(0, 300)))
})

t.test('identifiers that the server does not know any more begin the window anew', async t => {
  const server = await menloServer(t)
  server.events = spread(150, NOW_S - 300 - HOUR_S, HOUR_S)
  server.pageEvents = 100
  const positionFile = newPosition()
  const start = NOW_S - 300 - HOUR_S
  const stale = { version: 1, start, end: start + HOUR_S, paging: { searchAfter: 100 } }
  const first = await started(t, server, { positionFile })
  await first.intakes.until('done', () => first.counters().windows_total === 1)
  await stop(first.receiver)
  writeFileSync(positionFile, JSON.stringify(stale))
  let refusals = 0
  server.fault = ({ paging }) => (paging !== undefined && refusals++ === 0 ? { status: 400, body: 'unknown scroll id' } : undefined)
  const second = await started(t, server, { positionFile })
  await second.intakes.until('done', () => second.counters().windows_total === 1)
  t.strictSame(second.urls(), urlsOf(server.events))
  t.match(second.log.entries.map(({ message }) => message).join('\n'), /the window is fetched anew/)
})

t.test('a wrong token is said, the lag grows, and the receiver stays up', async t => {
  const server = await menloServer(t)
  let nowMs = NOW_S * 1000
  const { intakes, status } = await started(t, server, { token: 'wrong' }, { nowMs: () => nowMs })
  await intakes.until('refused', () => status().gauges!.pull_failing === 1)
  t.match(status(), { state: 'listening', reason: /401 \(invalid token\)/ })
  const before = status().gauges!.pull_lag_seconds!
  nowMs += 60_000
  t.equal(status().gauges!.pull_lag_seconds, before + 60)
})

t.test('a position that cannot be understood is an error at the start', async t => {
  const server = await menloServer(t)
  const positionFile = join(scratchDir('pull'), 'p')
  writeFileSync(positionFile, '{"version":2}')
  const receiver = new MenloPullReceiver({ ...FAST, url: server.url, positionFile }, { log: memoryLog() })
  await t.rejects(receiver.start(new MemoryIntakes().open), { code: 'CONFIG_INVALID', message: /version 2 is not known/ })
  t.equal(receiver.status()[0]!.state, 'failed')
})

{
  let server: MenloServer
  let nowS = NOW_S
  checkPullContract(t, 'menlo-pull', {
    begin: async t => {
      server = await menloServer(t)
      server.pageEvents = 250
      nowS = NOW_S
    },
    create: (positionFile, isFull) =>
      new MenloPullReceiver(
        { ...FAST, url: server.url, positionFile, trailMs: 0, lookbackMs: 600_000 },
        { log: memoryLog(), isFull, nowMs: () => nowS * 1000 }
      ),
    // Each batch is in the seconds before now, which goes on a minute with each.
    offer: (records, number) => {
      nowS = NOW_S + number * 60
      server.events.push(...records.map((record, i) => ({ ...event(nowS - 60 + Math.floor((i * 60) / records.length), i), record })))
    },
    recordOf: frame => (JSON.parse(frame) as { record: string }).record
  })
}
