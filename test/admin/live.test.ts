import t, { type Test } from 'tap'
import { CLIENTS_MAX } from '../../src/admin/live.ts'
import type { Overview } from '../../src/admin/overview.ts'
import { startAdmin } from '../../src/admin/server.ts'
import { fakeSource } from './fake-source.ts'

const TOKEN = '0123456789abcdef'

async function start(t: Test, token?: string) {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0, token })
  t.teardown(() => server.close())
  const get = (path: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(server.url + path, { headers, ...(signal ? { signal } : {}) })
  return { source, server, get }
}

/** Opens the stream; `next` gives its next overview. */
async function openStream(t: Test, get: Awaited<ReturnType<typeof start>>['get'], headers: Record<string, string> = {}) {
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const response = await get('/api/v1/live', headers, abort.signal)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<Overview> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const event = text.slice(0, end)
        text = text.slice(end + 2)
        const data = /^data: (.*)$/m.exec(event)?.[1]
        if (data !== undefined) return JSON.parse(data) as Overview
      } else {
        const { value, done } = await reader.read()
        if (done) throw new Error('the stream ended')
        text += value
      }
    }
  }
  return { response, next, abort, reader }
}

t.test('the stream begins with everything and goes on by itself', async t => {
  const { source, get } = await start(t)
  const { response, next } = await openStream(t, get)
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/event-stream')
  t.equal(response.headers.get('x-content-type-options'), 'nosniff', 'with the headers of every answer')
  const first = await next()
  t.match(first, { status: { version: '0.1.0' }, verdict: { level: /./ }, rejects: [{ reason: 'unidentified' }, { reason: 'bad_time' }] })
  source.current.sources[0]!.frames.received = 4711
  let now = await next()
  while (now.status.sources[0]!.frames.received !== 4711) now = await next()
  t.ok(now.nowMs >= first.nowMs)
  while (now.history.length === 0) now = await next()
  const points = now.history.map(({ atMs }) => atMs)
  now = await next()
  t.notOk(
    now.history.some(({ atMs }) => points.includes(atMs)),
    'a point of the history is sent once'
  )
})

t.test('the number of streams is bounded; who leaves makes room, and polling always answers', async t => {
  const { get } = await start(t)
  const streams = []
  for (let count = 0; count < CLIENTS_MAX; count++) streams.push(await openStream(t, get))
  const refused = await get('/api/v1/live')
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '10')
  t.match(await refused.json(), { code: 'TOO_MANY_STREAMS', message: /overview/ })
  t.equal((await get('/api/v1/overview')).status, 200)
  streams[0]!.abort.abort()
  let status = 503
  for (let tries = 0; tries < 3000 && status === 503; tries++) {
    const again = new AbortController()
    status = (await get('/api/v1/live', {}, again.signal)).status
    again.abort()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  t.equal(status, 200)
})

t.test('a stream wants the token, and ends with the server', async t => {
  const { get, server } = await start(t, TOKEN)
  t.equal((await get('/api/v1/live')).status, 401)
  const { response, reader } = await openStream(t, get, { authorization: `Bearer ${TOKEN}` })
  t.equal(response.status, 200)
  await server.close()
  await t.resolves(
    (async () => {
      while (!(await reader.read().catch(() => ({ done: true }))).done);
    })(),
    'the stream has an end'
  )
})

t.test('a status that cannot be made ends the stream instead of the process', async t => {
  const { source, get } = await start(t)
  const { next, reader } = await openStream(t, get)
  await next()
  source.status = () => {
    throw new Error('broken')
  }
  await t.rejects(
    (async () => {
      for (;;) await next()
    })()
  )
  reader.releaseLock()
  t.equal((await get('/api/v1/live')).status, 500)
  t.equal((await get('/health')).status, 200)
})

t.test('verdict, history and overview can be asked for by themselves', async t => {
  const { get } = await start(t)
  const verdict = await (await get('/api/v1/verdict')).json()
  t.match(verdict, { level: 'warning', headline: /3 things need attention/, findings: [{ what: /set aside/, remedy: /spool ls/ }, {}, {}] })
  t.same(await (await get('/api/v1/history')).json(), [])
  t.match(await (await get('/api/v1/overview?since=5')).json(), { status: { tenant: { kind: 'local' } }, history: [], verdict })
  t.equal((await get('/api/v1/overview?since=x')).status, 400)
})

t.test('wrong tokens are told so, and guessing is slowed down for its address', async t => {
  const { get } = await start(t, TOKEN)
  const ask = (token: string) => get('/api/v1/overview', { authorization: `Bearer ${token}` })
  const wrong = await ask('wrong')
  t.equal(wrong.status, 401)
  t.match(await wrong.json(), { code: 'TOKEN_WRONG', message: /admin\.token/ })
  t.match(await (await get('/api/v1/overview')).json(), { code: 'TOKEN_NEEDED' })
  let status = 401
  for (let count = 0; count < 40 && status === 401; count++) status = (await ask(`wrong${count}`)).status
  t.equal(status, 429)
  const limited = await ask(TOKEN)
  t.equal(limited.status, 429, 'also for a right guess')
  t.match(await limited.json(), { code: 'TOKEN_GUESSED', message: /try again in \d+ s/ })
  t.equal((await get('/health')).status, 200)
  t.equal((await get('/api/v1/overview')).status, 401, 'who names none only hears that one is needed')
})
