import t from 'tap'
import { DiscoveryApi } from '../../src/upload/api.ts'
import { createAuth } from '../../src/upload/auth.ts'
import { createDispatcher } from '../../src/upload/http.ts'
import { RequestBudget } from '../../src/upload/rate-limit.ts'
import { startWorld, TOKEN } from './world.ts'

t.test('a storage host outside the usual domains is told once and used', async t => {
  const world = await startWorld(t)
  const dispatcher = createDispatcher({ proxyFromEnvironment: false })
  t.teardown(() => dispatcher.destroy())
  const warned: object[] = []
  const api = new DiscoveryApi({
    baseUrl: world.tenant.url,
    auth: createAuth({ credential: { kind: 'token', token: TOKEN }, dispatcher }),
    dispatcher,
    budget: new RequestBudget(),
    version: '1.2.3',
    log: { warn: facts => warned.push(facts) }
  })
  for (const host of ['prod03use2console1.blob.core.windows.net', 'storage.example', 'storage.example']) {
    world.faults.push('upload_url', { status: 200, body: JSON.stringify({ url: `https://${host}/x?sig=y`, provider: 'azure' }) })
    t.equal((await api.uploadUrl('a', 'GENERIC_CEF')).url, `https://${host}/x?sig=y`)
  }
  t.same(warned, [{ host: 'storage.example' }])
})

t.test('an answer beyond the limit is cut and refused instead of read', async t => {
  const world = await startWorld(t)
  world.faults.push('upload_url', { status: 200, body: `{"url":"https://x/","provider":"azure","pad":"${'x'.repeat(200_000)}"}` })
  await t.rejects(world.api.uploadUrl('a', 'GENERIC_CEF'), { code: 'UPLOAD_RETRY', message: /not JSON/ })
})

t.test('a finalise with an empty body is a yes, since no body is documented', async t => {
  const world = await startWorld(t)
  world.faults.push('done_upload', { status: 200, body: '' })
  t.equal(await world.api.doneUpload('https://x/', 'HQ', false), '')
})

t.test('what is to be persisted before the last call is persisted only when the call is about to leave', async t => {
  const world = await startWorld(t)
  for (let index = 0; index < 10; index++) await world.budget.take()
  world.budget.rest(3600_000_000)
  let isPersisted = false
  const stopping = new AbortController()
  const call = world.api.doneUpload('https://x/', 'HQ', false, stopping.signal, async () => {
    isPersisted = true
  })
  stopping.abort()
  await t.rejects(call)
  t.equal(isPersisted, false)
  t.equal(world.tenant.requests.done_upload, 0)
})
