import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createDispatcher, normalizeBaseUrl, readBounded } from '../../src/upload/http.ts'
import type { TestHandle } from './world.ts'

t.test('the API address is taken as people paste it', async t => {
  const wanted = 'https://contoso.us2.portal.cloudappsecurity.com'
  for (const text of ['', '/', '/api', '/api/', '/api/v1/']) {
    t.equal(normalizeBaseUrl(`contoso.us2.portal.cloudappsecurity.com${text}`), wanted)
    t.equal(normalizeBaseUrl(` HTTPS://Contoso.us2.portal.cloudappsecurity.com${text} `), wanted)
  }
  t.equal(normalizeBaseUrl('http://127.0.0.1:9601/'), 'http://127.0.0.1:9601')
})

t.test('an address that would send logs in the clear or elsewhere is refused', async t => {
  for (const text of [
    'http://contoso.portal.cloudappsecurity.com',
    'ftp://x',
    'https://u:p@x',
    'https://x/portal',
    'https://x?y',
    '',
    'http://127.0.0.1.evil.example'
  ])
    t.throws(() => normalizeBaseUrl(text), { code: 'CONFIG_INVALID' }, text)
})

t.test('an answer is read no further than its limit', async t => {
  let given = 0
  const endless = async function* () {
    for (;;) {
      given++
      yield Buffer.alloc(1000, 'x')
    }
  }
  t.equal((await readBounded(endless(), 2500)).length, 2500)
  t.equal(given, 3)
})

async function listen(t: TestHandle, host: string, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
  })
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

t.test('a proxy is used with its credentials, except for loopback and excluded hosts', async t => {
  const seen: string[] = []
  const target = await listen(t, '127.0.0.1', (_request, response) => response.end('target'))
  const excluded = await listen(t, '127.0.0.2', (_request, response) => response.end('excluded'))
  const proxyUrl = await listen(t, '127.0.0.1', (request, response) => {
    seen.push(`${request.headers['proxy-authorization']} ${request.url}`)
    response.end('proxied')
  })
  const dispatcher = createDispatcher({ proxyUrl, proxyUser: 'me', proxyPassword: 'pass@word', noProxy: ['127.0.0.2'] })
  t.teardown(() => dispatcher.destroy())
  const get = async (origin: string): Promise<string> => (await dispatcher.request({ origin, path: '/x', method: 'GET' })).body.text()
  t.equal(await get('http://service.invalid'), 'proxied')
  t.same(seen, [`Basic ${Buffer.from('me:pass@word').toString('base64')} http://service.invalid/x`])
  t.equal(await get(target), 'target')
  t.equal(await get(excluded), 'excluded')
  t.equal(seen.length, 1)
})

t.test('a CA file that is not there and a proxy that is no URL are configuration errors', async t => {
  t.throws(() => createDispatcher({ caFile: '/nowhere/ca.pem' }), { code: 'CONFIG_INVALID' })
  t.throws(() => createDispatcher({ proxyUrl: 'proxy' }), { code: 'CONFIG_INVALID' })
  t.throws(() => createDispatcher({ proxyUrl: 'socks5://x' }), { code: 'CONFIG_INVALID' })
})
