import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createAuth } from '../../src/upload/auth.ts'
import { uploadFileName } from '../../src/upload/cloud-discovery.ts'
import { createDispatcher } from '../../src/upload/http.ts'
import { startWorld } from './world.ts'

t.test('a segment goes through the three calls, each step persisted, and its bytes arrive equal', async t => {
  const world = await startWorld(t)
  const segment = world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  await world.tenant.settled()
  t.same(world.queue.history, ['issued', 'stored', 'finalising', 'done'])
  const [upload] = world.tenant.uploads()
  t.equal(upload?.file, 'HQ/HQ-20261124T010203Z-000001.log.gz')
  t.equal(upload?.sourceString, 'GENERIC_CEF')
  t.match(upload?.verdict, { accepted: true, kind: 'gzip', lines: 2 })
  t.ok(readFileSync(world.tenant.path(upload!)).equals(readFileSync(segment.path)))
  t.match(world.stats.sources.get('HQ'), { files: 1, bytes: segment.bytes, rawBytes: segment.rawBytes, records: 2 })
  t.same([world.stats.attempts.url, world.stats.attempts.put, world.stats.attempts.done], [{ ok: 1 }, { ok: 1 }, { ok: 1 }])
  t.equal(world.stats.durations.put.count, 1)
  t.match(world.uploader.status(), { running: true, waiting: 0, inFlight: [], pauses: [], recent: [{ source: 'HQ', outcome: 'done' }] })
})

t.test('segments of one second get different names', async t => {
  const world = await startWorld(t)
  const segment = world.segment()
  const named = (id: string): string => uploadFileName({ ...segment, id }, 'HQ')
  t.equal(named('01795482123456-000001'), 'HQ-20261124T010203456Z-000001.log.gz')
  t.equal(new Set(['01795482123456-000000', '01795482123457-000000', '01795482123457-000001', '01795482123457-000000r'].map(named)).size, 4)
})

t.test('sources take turns, and each gives its oldest segment first', async t => {
  const world = await startWorld(t, { uploader: { concurrency: 1 } })
  for (const source of ['A', 'A', 'A', 'B', 'B']) world.segment({ source })
  world.uploader.start()
  await world.until('all done', () => world.queue.finished.length === 5)
  t.same(
    world.tenant.uploads().map(upload => upload.file.replace(/-.*-/, ' ')),
    ['A/A 000001.log.gz', 'B/B 000004.log.gz', 'A/A 000002.log.gz', 'B/B 000005.log.gz', 'A/A 000003.log.gz']
  )
})

t.test('a segment is taken up at the step where it was left', async t => {
  for (const [left, calls] of [
    ['issued', { upload_url: 1, put: 1, done_upload: 1 }],
    ['stored', { upload_url: 1, put: 1, done_upload: 1 }],
    ['finalising', { upload_url: 1, put: 1, done_upload: 2 }]
  ] as const) {
    await t.test(left, async t => {
      const world = await startWorld(t)
      const segment = world.segment()
      world.queue.segments.delete(segment.id)
      const target = await world.api.uploadUrl('x.log.gz', 'GENERIC_CEF')
      if (left !== 'issued') {
        await fetch(target.url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: readFileSync(segment.path) })
      }
      if (left === 'finalising') await world.api.doneUpload(target.url, 'HQ', false)
      world.queue.add({
        ...segment,
        step: left,
        uploadUrl: target.url,
        provider: 'azure',
        ambiguousFinalises: left === 'finalising' ? 1 : 0
      })
      world.uploader.start()
      await world.until('done', () => world.queue.finished.length === 1)
      t.match(world.tenant.requests, calls)
      t.equal(world.tenant.uploads().length, 1, 'the file is there once')
    })
  }
})

t.test('a finalise whose answer is lost is repeated alone and counted', async t => {
  const world = await startWorld(t)
  world.faults.push('done_upload', { worked: true, close: true })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.same(world.queue.history, ['issued', 'stored', 'finalising', 'finalising', 'done'])
  t.match(world.tenant.requests, { upload_url: 1, put: 1, done_upload: 2 })
  t.equal(world.stats.ambiguousFinalises, 1)
  t.match(world.tenant.uploads(), [{ finalised: 2 }])
})

t.test('a finalise that never answers ends by the time limit and counts as lost', async t => {
  const world = await startWorld(t, { timeoutMs: 1500 })
  world.faults.push('done_upload', { hang: true })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.stats.ambiguousFinalises, 1)
})

t.test('a finalise refused after a lost answer is set aside with a warning about doubles, never sent anew', async t => {
  const world = await startWorld(t)
  world.faults.push('done_upload', { worked: true, close: true }, { status: 400, body: '{"detail":"used"}' })
  world.segment()
  world.uploader.start()
  await world.until('set aside', () => world.queue.refused.size === 1)
  t.match([...world.queue.refused.values()][0], /probably has this file/)
  t.equal(world.tenant.requests.put, 1)
})

t.test('an old segment that the service no longer knows is sent once more with a new URL', async t => {
  const world = await startWorld(t)
  world.segment({ step: 'stored', uploadUrl: `${world.tenant.url}/blob/${'0'.repeat(32)}/x?sig=x`, provider: 'azure' })
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.same(world.queue.history.slice(0, 3), ['finalising', 'stored', 'closed'])
})

t.test('an expired upload URL is asked for again', async t => {
  let skewMs = 0
  const world = await startWorld(t, { tenant: { now: () => Date.now() + skewMs } })
  const target = await world.api.uploadUrl('x.log.gz', 'GENERIC_CEF')
  skewMs = 2 * 3600_000
  world.segment({ step: 'issued', uploadUrl: target.url, provider: 'azure' })
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.same(world.queue.history, ['closed', 'issued', 'stored', 'finalising', 'done'])
  t.equal(world.stats.attempts.put.reissue, 1)
})

t.test('an old upload URL whose host is gone is asked for again', async t => {
  const world = await startWorld(t)
  world.segment({ step: 'issued', uploadUrl: 'http://127.0.0.1:1/blob/x', provider: 'azure' })
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.tenant.requests.upload_url, 1)
})

t.test('server errors and cut connections in any step are retried until it works', async t => {
  for (const call of ['upload_url', 'put', 'done_upload'] as const) {
    await t.test(call, async t => {
      const world = await startWorld(t)
      world.faults.push(call, { status: 503 }, { status: 500 }, { status: 502 }, { status: 504 }, { close: true })
      world.segment()
      world.uploader.start()
      await world.until('done', () => world.queue.finished.length === 1)
      t.equal(world.tenant.requests[call], 6)
      t.equal(world.queue.refused.size, 0)
      t.equal(world.uploader.status().pauses.length, 0, 'no pause is left over')
      t.match(world.stats.sources.get('HQ')?.lastError, /Cannot/)
    })
  }
})

t.test('409 after a PUT whose answer was lost means that the bytes are there', async t => {
  const world = await startWorld(t)
  world.faults.push('put', { worked: true, close: true }, { status: 409 })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.stats.attempts.put.stored, 1)
  t.equal(world.tenant.uploads().length, 1)
})

t.test('429 rests the whole budget for a minute, or longer when Retry-After says so', async t => {
  for (const [headers, atLeastMs] of [
    [{}, 60_000],
    [{ 'retry-after': '5' }, 60_000],
    [{ 'retry-after': '240' }, 240_000]
  ] as const) {
    const world = await startWorld(t)
    const startMs = world.clock.now()
    world.faults.push('upload_url', { status: 429, headers, body: '{"detail":"Request was throttled."}' })
    world.segment()
    world.uploader.start()
    await world.until('throttled or done', () => world.stats.attempts.url.throttled === 1)
    await world.until('done', () => world.queue.finished.length === 1)
    t.ok(world.clock.now() - startMs >= atLeastMs, `waited ${world.clock.now() - startMs} ms of ${atLeastMs}`)
    await world.uploader.stop(AbortSignal.abort())
  }
})

t.test('any failure whose body speaks of throttling counts as 429', async t => {
  const world = await startWorld(t)
  world.faults.push('done_upload', { status: 400, body: 'Too Many Requests' })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.stats.attempts.done.throttled, 1)
  t.equal(world.queue.refused.size, 0)
})

t.test('an unknown data source stops alone, and goes on when somebody made it', async t => {
  const streams = [{ name: 'B' }]
  const world = await startWorld(t, { tenant: { streams }, uploader: { probeIntervalMs: 3600_000_000 } })
  world.segment({ source: 'A' })
  world.segment({ source: 'A' })
  world.segment({ source: 'B' })
  world.uploader.start()
  await world.until('B done', () => world.queue.finished.length === 1)
  await world.until('A paused', () => world.uploader.status().pauses.length === 1)
  t.match(world.uploader.status().pauses, [{ state: 'source-unknown', source: 'A', reason: /NOT_FOUND_INPUT_STREAM/ }])
  t.equal(world.queue.refused.size, 0)
  streams.push({ name: 'A' })
  world.uploader.resume()
  await world.until('all done', () => world.queue.finished.length === 3)
  t.same(world.uploader.status().pauses, [])
})

t.test('a source that is not configured waits and does not cost a request', async t => {
  const world = await startWorld(t, { sources: () => undefined, uploader: { probeIntervalMs: 3600_000_000 } })
  world.segment({ source: 'gone' })
  world.uploader.start()
  await world.until('paused', () => world.uploader.status().pauses.length === 1)
  t.match(world.uploader.status().pauses, [{ state: 'source-unknown', source: 'gone' }])
  t.equal(world.tenant.requests.upload_url, 0)
  t.equal(world.queue.waiting().length, 1)
})

t.test('401 and 403 of the API stop all uploads and keep the spool; a probe finds out that the cause is gone', async t => {
  for (const status of [401, 403]) {
    await t.test(String(status), async t => {
      const world = await startWorld(t, { uploader: { probeIntervalMs: 600_000 } })
      world.faults.push('upload_url', { status }, { status })
      const startMs = world.clock.now()
      world.segment({ source: 'A' })
      world.segment({ source: 'B' })
      world.uploader.start()
      await world.until('paused', () => world.uploader.status().pauses.length === 1)
      t.match(world.uploader.status().pauses, [{ state: 'auth' }])
      await world.until('all done', () => world.queue.finished.length === 2)
      t.ok(world.clock.now() - startMs >= 600_000)
      t.equal(world.queue.refused.size, 0)
    })
  }
})

t.test('404 of the API is a wrong address and stops all uploads', async t => {
  const world = await startWorld(t, { uploader: { probeIntervalMs: 3600_000_000 } })
  world.faults.push('upload_url', { status: 404 })
  world.segment()
  world.uploader.start()
  await world.until('paused', () => world.uploader.status().pauses.length === 1)
  t.match(world.uploader.status().pauses, [{ state: 'configuration' }])
})

t.test('400 and 413 set the segment aside with the reason and leave the others alone', async t => {
  for (const [call, status] of [
    ['upload_url', 400],
    ['put', 400],
    ['put', 413],
    ['put', 411],
    ['done_upload', 400],
    ['done_upload', 413]
  ] as const) {
    await t.test(`${call} ${status}`, async t => {
      const world = await startWorld(t, { uploader: { concurrency: 1 } })
      world.faults.push(call, { status, body: '{"detail":"no good"}' })
      const bad = world.segment()
      world.segment()
      world.uploader.start()
      await world.until('both settled', () => world.queue.finished.length === 1 && world.queue.refused.size === 1)
      t.match(world.queue.refused.get(bad.id), new RegExp(`${status}.*no good`))
      t.equal(world.stats.setAside, 1)
      t.match(world.uploader.status().recent, [{ outcome: 'done' }, { outcome: 'set-aside', reason: /no good/ }])
    })
  }
})

t.test('a refusal is heard though megabytes are still on their way', async t => {
  const world = await startWorld(t)
  world.faults.push('put', { status: 413 })
  world.segment({ text: randomBytes(5_000_000).toString('latin1') })
  world.uploader.start()
  await world.until('set aside', () => world.queue.refused.size === 1)
  t.match([...world.queue.refused.values()], ['Cannot store the file: the answer was 413'])
})

t.test('an answer of success:false is no success', async t => {
  const world = await startWorld(t)
  world.faults.push('done_upload', { status: 200, body: '{"success":false,"reason":"bad day"}' })
  world.segment()
  world.uploader.start()
  await world.until('set aside', () => world.queue.refused.size === 1)
  t.match([...world.queue.refused.values()][0], /bad day/)
})

t.test('a page in place of JSON, as from a proxy that wants a login, is retried', async t => {
  const world = await startWorld(t)
  world.faults.push('upload_url', { status: 200, body: '<html>log in</html>' }, { status: 200, body: '{"url":5,"provider":"azure"}' })
  world.faults.push('upload_url', { status: 200, body: '{"url":"http://evil.example/x","provider":"azure"}' })
  world.faults.push('upload_url', { status: 200, body: '{"url":"https://x.example/x","provider":"gopher"}' })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.stats.attempts.url.retry, 4)
})

t.test('a wrong MD5 at the storage is a fault of the way there and is retried', async t => {
  const world = await startWorld(t)
  world.faults.push('put', { status: 400, headers: { 'x-ms-error-code': 'Md5Mismatch' } })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.same(world.stats.attempts.put, { retry: 1, ok: 1 })
})

t.test('a segment whose file is gone or has another size is set aside before anything is stored', async t => {
  const world = await startWorld(t)
  world.segment({ path: `${world.dir}/nowhere.gz` })
  world.segment({ bytes: 5 })
  world.uploader.start()
  await world.until('set aside', () => world.queue.refused.size === 2)
  t.equal(world.tenant.requests.put, 0)
})

t.test('stop lets a segment under way end, or breaks it off at the deadline with its step kept', async t => {
  const world = await startWorld(t)
  world.faults.push('put', { delayMs: 200 })
  world.segment()
  world.uploader.start()
  await world.until('under way', () => world.tenant.requests.put === 1)
  await world.uploader.stop(new AbortController().signal)
  t.equal(world.queue.finished.length, 1)

  world.faults.push('done_upload', { hang: true })
  world.segment()
  world.uploader.start()
  await world.until('in the last call', () => world.tenant.requests.done_upload === 2)
  await world.uploader.stop(AbortSignal.abort())
  t.equal([...world.queue.segments.values()][0]?.step, 'finalising')
  t.equal(world.uploader.status().running, false)
})

t.test('big files go in staged blocks, small ones in one PUT', async t => {
  const world = await startWorld(t, { blob: { singlePutMaxBytes: 40_000, blockBytes: 16_384 } })
  const text = Array.from(
    { length: 20_000 },
    (_, index) => `CEF:0|S|S|1|a|a|3|rt=${Date.now()} src=10.0.0.1 dhost=x${index}.com ms=${Math.random()}`
  ).join('\n')
  const segment = world.segment({ text })
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  await world.tenant.settled()
  t.equal(world.tenant.requests.put, 0)
  t.equal(world.tenant.requests.block, Math.ceil(segment.bytes / 16_384))
  t.equal(world.tenant.requests.block_list, 1)
  const [upload] = world.tenant.uploads()
  t.ok(readFileSync(world.tenant.path(upload!)).equals(readFileSync(segment.path)))
  t.match(upload?.verdict, { accepted: true })
})

t.test('failures of staged blocks are judged like those of a PUT', async t => {
  const world = await startWorld(t, { blob: { singlePutMaxBytes: 10, blockBytes: 64 } })
  world.faults.push('block', { status: 403 })
  world.faults.push('block_list', { status: 503 })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.match(world.stats.attempts.put, { reissue: 1, retry: 1, ok: 1 })
})

t.test('provider aws gets a plain PUT without Azure headers', async t => {
  const world = await startWorld(t, { tenant: { provider: 'aws' } })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.tenant.uploads().length, 1)
})

t.test('an ended token is replaced once and the call repeated', async t => {
  const dispatcher = createDispatcher({ proxyFromEnvironment: false })
  t.teardown(() => dispatcher.destroy())
  const client = { tenantId: 'contoso', clientId: 'app', clientSecret: 'secret' }
  let authorityHost = ''
  const auth = {
    kind: 'client-secret' as const,
    expiresMs: undefined,
    header: () => entra().header(),
    renew: () => entra().renew()
  }
  let made: ReturnType<typeof createAuth> | undefined
  const entra = (): ReturnType<typeof createAuth> =>
    (made ??= createAuth({ credential: { kind: 'client-secret', ...client }, dispatcher, authorityHost }))
  const world = await startWorld(t, { tenant: { client }, auth })
  authorityHost = world.tenant.url
  world.faults.push('done_upload', { status: 401 })
  world.segment()
  world.uploader.start()
  await world.until('done', () => world.queue.finished.length === 1)
  t.equal(world.tenant.requests.token, 2)
  t.same(world.uploader.status().pauses, [])
})
