import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { startWorld } from './world.ts'

interface Sent {
  request: { method: string; path: string; headers: string[] }
}

t.test('the three calls of an upload carry one id, which the log has too; the next upload has another', async t => {
  const sent: { call: string; id: string | undefined }[] = []
  const watch = (message: unknown): void => {
    const { method, path, headers } = (message as Sent).request
    const at = headers.findIndex(name => /^x-(ms-client-)?request-id$/i.test(name))
    sent.push({ call: `${method} ${path.split(/[?/]/).filter(Boolean).slice(0, 4).join('/')}`, id: at < 0 ? undefined : headers[at + 1] })
  }
  subscribe('undici:request:create', watch)
  t.teardown(() => unsubscribe('undici:request:create', watch))
  const logged: { requestId?: string }[] = []
  const log = { info: (fields: object) => logged.push(fields), warn: () => {}, error: () => {} }
  const world = await startWorld(t, { uploader: { log } })
  const [one, two] = [world.segment(), world.segment()]
  world.uploader.start()
  await world.until('both are uploaded', () => world.queue.finished.length === 2)
  const ids = new Set(sent.map(({ id }) => id))
  t.equal(sent.length, 6, JSON.stringify(sent))
  t.equal(ids.size, 2)
  for (const { id } of [one, two]) t.equal(sent.filter(call => call.id?.startsWith(`${id}.`)).length, 3, 'url, put, done')
  t.same(new Set(logged.map(({ requestId }) => requestId)), ids)
})
