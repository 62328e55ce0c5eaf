/** Every row of cloud-discovery 1.5: what the service may answer at which call, and what the uploader makes of it. */
import t from 'tap'
import type { Fault, TenantCall } from '../../src/tenant/faults.ts'
import { startWorld } from './world.ts'

const NOT_FOUND = '{"errorMessageCode":"DISCOVERY_PARSE_LOG_TASK_ERROR_NOT_FOUND_INPUT_STREAM"}'
const API = ['upload_url', 'done_upload'] as const
const ALL = ['upload_url', 'put', 'done_upload'] as const

interface Row {
  row: string
  calls: readonly TenantCall[]
  answer: Fault
  /** `done`: tried again until it works. `kept`: paused, the segment waits. `set-aside`: never again as it is. */
  outcome: 'done' | 'kept' | 'set-aside'
  pause?: string
  /** Least time that passed before the next try, ms. */
  waitsMs?: number
  /** Calls for another URL. */
  isReissued?: boolean
}

// biome-ignore format: a table
const ROWS: readonly Row[] = [
  { row: '400: bad parameter', calls: ALL, answer: { status: 400 }, outcome: 'set-aside' },
  { row: '400: the data source does not exist', calls: API, answer: { status: 400, body: NOT_FOUND }, outcome: 'kept', pause: 'source-unknown' },
  { row: '404: the data source does not exist', calls: API, answer: { status: 404, body: NOT_FOUND }, outcome: 'kept', pause: 'source-unknown' },
  { row: '401', calls: API, answer: { status: 401 }, outcome: 'kept', pause: 'auth' },
  { row: '403 of the API', calls: API, answer: { status: 403 }, outcome: 'kept', pause: 'auth' },
  { row: '403 of the storage', calls: ['put'], answer: { status: 403 }, outcome: 'done', isReissued: true },
  { row: '404: wrong host or path', calls: API, answer: { status: 404 }, outcome: 'kept', pause: 'configuration' },
  { row: '404 of the storage', calls: ['put'], answer: { status: 404 }, outcome: 'done', isReissued: true },
  { row: '413', calls: ALL, answer: { status: 413 }, outcome: 'set-aside' },
  { row: '429 without Retry-After', calls: ALL, answer: { status: 429 }, outcome: 'done', waitsMs: 60_000 },
  { row: '429, Retry-After: 90', calls: ALL, answer: { status: 429, headers: { 'retry-after': '90' } }, outcome: 'done', waitsMs: 90_000 },
  { row: '429, Retry-After: 1', calls: ALL, answer: { status: 429, headers: { 'retry-after': '1' } }, outcome: 'done', waitsMs: 60_000 },
  { row: 'a body with "throttled"', calls: ALL, answer: { status: 503, body: '{"detail":"Request was throttled."}' }, outcome: 'done', waitsMs: 60_000 },
  { row: 'a body with "too many requests"', calls: ALL, answer: { status: 400, body: 'Too many requests' }, outcome: 'done', waitsMs: 60_000 },
  ...[500, 501, 502, 503, 504].map(status => ({ row: String(status), calls: ALL, answer: { status }, outcome: 'done' }) satisfies Row),
  { row: '409 of the storage, first try', calls: ['put'], answer: { status: 409 }, outcome: 'done', isReissued: true },
  { row: '412 of the storage, first try', calls: ['put'], answer: { status: 412 }, outcome: 'done', isReissued: true },
  { row: '411 of the storage', calls: ['put'], answer: { status: 411 }, outcome: 'set-aside' },
  { row: 'no answer', calls: ALL, answer: { close: true }, outcome: 'done' },
  { row: 'an answer that never comes', calls: ALL, answer: { hang: true }, outcome: 'done' },
  { row: 'a login page', calls: API, answer: { status: 200, body: '<html>log in</html>' }, outcome: 'done' }
]

t.setTimeout(600_000)

for (const { row, calls, answer, outcome, pause, waitsMs = 0, isReissued = false } of ROWS) {
  t.test(row, async t => {
    for (const call of calls) {
      const world = await startWorld(t, { ...('hang' in answer ? { timeoutMs: 1500 } : {}), uploader: { probeIntervalMs: 3600_000_000 } })
      world.faults.push(call, answer)
      const startMs = world.clock.now()
      world.segment()
      world.uploader.start()
      if (outcome === 'kept') await world.until(`${call} paused`, () => world.uploader.status().pauses.length === 1)
      else await world.until(`${call} settled`, () => world.queue.waiting().length === 0)
      t.equal(world.queue.finished.length, outcome === 'done' ? 1 : 0, `${call}: ${outcome}`)
      t.equal(world.queue.refused.size, outcome === 'set-aside' ? 1 : 0, `${call}: set aside`)
      if (pause !== undefined) t.match(world.uploader.status().pauses, [{ state: pause }], `${call}: the pause says why`)
      if (outcome === 'kept') t.equal(world.queue.waiting().length, 1, `${call}: the spool keeps it`)
      if (outcome === 'done') {
        t.ok(world.clock.now() - startMs >= waitsMs, `${call}: waits for at least ${waitsMs} ms`)
        t.equal(world.tenant.requests.upload_url > (call === 'upload_url' ? 2 : 1), isReissued, `${call}: URL asked for again`)
        await world.tenant.settled()
        t.equal(world.tenant.uploads().length, 1, `${call}: the file is there once`)
      }
      await world.uploader.stop(AbortSignal.abort())
    }
  })
}
