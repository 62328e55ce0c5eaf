/**
 * A day of 200 sources in virtual time: the uploader, its rests, the API calls, the request budget, the flush interval and the watch
 * over the stream list are the real ones; the tenant's answers, the spool and the clock are made up.
 */
import { Readable } from 'node:stream'
import t from 'tap'
import type { Dispatcher } from 'undici'
import type { Destination, Segment } from '../../src/contracts.ts'
import { DiscoveryApi } from '../../src/upload/api.ts'
import { createAuth } from '../../src/upload/auth.ts'
import { flushIntervalMs } from '../../src/upload/flush-interval.ts'
import { RequestBudget } from '../../src/upload/rate-limit.ts'
import { UploadStats } from '../../src/upload/stats.ts'
import { StreamWatch } from '../../src/upload/streams.ts'
import { Uploader } from '../../src/upload/uploader.ts'
import { VirtualClock } from './virtual-clock.ts'
import { MemoryQueue, TOKEN } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const TICK_MS = 5000
const CONFIGURED_MS = 5 * MINUTE_MS
const LIMIT_PER_MINUTE = 30

/** Counts the requests of all collectors, and answers as the service does, unless it is down. */
class FakeTenant {
  readonly clock: VirtualClock
  /** When each request came, ms. */
  readonly times: number[] = []
  /** Status of every answer while it is not 200. */
  trouble = 0

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  readonly dispatcher = {
    request: async ({ path }: { path: string }) => {
      this.times.push(this.clock.elapsed())
      await this.clock.sleep(300) // a call takes its time
      const body = this.trouble > 0 ? '' : this.#answer(path)
      return { statusCode: this.trouble > 0 ? this.trouble : 200, headers: {}, body: Readable.from([Buffer.from(body)]) }
    }
  } as unknown as Dispatcher

  #answer(path: string): string {
    if (path.includes('upload_url')) return '{"url":"https://x.blob.core.windows.net/a","provider":"azure"}'
    return path.includes('streams')
      ? JSON.stringify({ data: Array.from({ length: 100 }, () => ({})), hasNext: path.includes('skip=0') })
      : ''
  }

  /** Most requests in any 60 seconds. */
  get mostPerMinute(): number {
    let most = 0
    let first = 0
    for (const [index, time] of this.times.entries()) {
      while (this.times[first]! <= time - MINUTE_MS) first++
      most = Math.max(most, index - first + 1)
    }
    return most
  }
}

/** One collector: sources that always have records, each with one segment open, as the spool has it. */
class Collector {
  readonly queue = new MemoryQueue()
  readonly #clock: VirtualClock
  readonly #budget: RequestBudget
  readonly #openedMs: number[]
  readonly #stopping = new AbortController()
  readonly uploader: Uploader
  readonly streams: StreamWatch
  /** Longest time from the first record of a file until the service had it, ms. */
  slowestMs = 0
  intervalMs = 0
  done = 0
  #serial = 0

  constructor(tenant: FakeTenant, sources: number, share: number) {
    const { clock, dispatcher } = tenant
    this.#clock = clock
    this.#openedMs = Array.from({ length: sources }, () => clock.elapsed())
    this.#budget = new RequestBudget({ clock, share, beginsEmpty: true })
    const auth = createAuth({ credential: { kind: 'token', token: TOKEN }, dispatcher })
    const api = new DiscoveryApi({ baseUrl: 'https://x.example', auth, dispatcher, budget: this.#budget, version: '1', clock })
    const stats = new UploadStats()
    const destination: Destination = {
      upload: async ({ id, createdMs }: Segment, queue) => {
        const { url } = await api.uploadUrl('x.log.gz', 'GENERIC_CEF')
        await clock.sleep(2000) // the bytes
        await api.doneUpload(url, 'x', false)
        await queue.done(id)
        this.slowestMs = Math.max(this.slowestMs, clock.elapsed() - createdMs)
        this.done++
      }
    }
    this.uploader = new Uploader({ queue: this.queue, destination, stats, clock, random: () => 0.5 })
    this.streams = new StreamWatch({ api, targets: () => [], stats, clock })
  }

  start(): void {
    this.uploader.start()
    this.streams.start()
    void this.#spool()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.uploader.stop(AbortSignal.abort()), this.streams.stop(), this.#clock.run(HOUR_MS)])
  }

  async #spool(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#clock.sleep(TICK_MS, signal)
      const waiting = this.queue.waiting().length
      const { requestsPerMinute } = this.#budget
      this.intervalMs = flushIntervalMs({ configuredMs: CONFIGURED_MS, sources: this.#openedMs.length, waiting, requestsPerMinute })
      for (const [source, openedMs] of this.#openedMs.entries()) {
        if (this.#clock.elapsed() - openedMs < this.intervalMs) continue
        this.#openedMs[source] = this.#clock.elapsed()
        this.#close(source, openedMs)
      }
    }
  }

  #close(source: number, createdMs: number): void {
    const id = String(++this.#serial).padStart(8, '0')
    const facts = { path: '', closedMs: 0, bytes: 1, rawBytes: 1, recordCount: 1, firstTime: 0, lastTime: 0, ambiguousFinalises: 0 }
    // Its bytes are in the storage as far as the uploader is concerned: there is no file to look into.
    this.queue.add({ ...facts, id, source: `s${source}`, format: 'cef', step: 'stored', createdMs })
  }
}

t.setTimeout(600_000)

t.test('200 sources, a day, two hours of outage and a 429: never more than 30 requests in a minute, and all files go through', async t => {
  const clock = new VirtualClock()
  const tenant = new FakeTenant(clock)
  const collector = new Collector(tenant, 200, 1)
  collector.start()
  await clock.run(10 * HOUR_MS)
  const calm = { interval: collector.intervalMs, slowest: collector.slowestMs, waiting: collector.queue.waiting().length }
  t.ok(calm.interval >= 20 * MINUTE_MS, `the interval grew from 5 to ${Math.round(calm.interval / MINUTE_MS)} minutes`)
  t.ok(calm.slowest < 90 * MINUTE_MS, `the oldest record was ${Math.round(calm.slowest / MINUTE_MS)} minutes on its way`)
  tenant.trouble = 503
  await clock.run(2 * HOUR_MS)
  t.ok(collector.queue.waiting().length > 200, `${collector.queue.waiting().length} files wait at the end of the outage`)
  t.ok(collector.queue.waiting().length < 800, 'and the longer interval kept them few')
  tenant.trouble = 0
  await clock.run(5 * HOUR_MS)
  tenant.trouble = 429
  await clock.run(MINUTE_MS)
  tenant.trouble = 0
  await clock.run(7 * HOUR_MS - MINUTE_MS)
  t.ok(tenant.mostPerMinute <= LIMIT_PER_MINUTE, `${tenant.mostPerMinute} requests in the busiest minute of ${tenant.times.length} in all`)
  t.ok(collector.queue.waiting().length <= 200, `${collector.queue.waiting().length} files wait at the end, at most one of each source`)
  t.ok(collector.done > 8000, `${collector.done} files went through`)
  t.equal(collector.queue.refused.size, 0)
  await collector.stop()
})

t.test('three collectors with their shares keep the limit together, each restarted now and then', async t => {
  const clock = new VirtualClock()
  const tenant = new FakeTenant(clock)
  const start = (): Collector[] => [0.5, 0.3, 0.2].map(share => new Collector(tenant, 60, share))
  let done = 0
  for (let life = 0; life < 4; life++) {
    const collectors = start()
    for (const collector of collectors) collector.start()
    await clock.run(2 * HOUR_MS)
    for (const collector of collectors) {
      done += collector.done
      await collector.stop()
    }
  }
  t.ok(tenant.mostPerMinute <= LIMIT_PER_MINUTE, `${tenant.mostPerMinute} requests in the busiest minute of ${tenant.times.length} in all`)
  t.ok(done > 1000, `${done} files went through`)
})

t.test('one source keeps the configured interval, and a backlog adds an hour at most', t => {
  const base = { configuredMs: CONFIGURED_MS, requestsPerMinute: 20 }
  t.equal(flushIntervalMs({ ...base, sources: 1, waiting: 0 }), CONFIGURED_MS)
  t.equal(flushIntervalMs({ ...base, sources: 100, waiting: 0 }), 750_000, 'house rule: at least 10 minutes for 100 at 20 a minute')
  t.equal(flushIntervalMs({ ...base, sources: 1, waiting: 100_000 }), HOUR_MS + 7500)
  t.end()
})
