import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Agent, EnvHttpProxyAgent } from '../../src/lib/undici.ts'

t.test('undici without its index asks a server, over one connection for many requests', async t => {
  let connections = 0
  const server = createServer((_request, answer) => void answer.end('here'))
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const agent of [new Agent({ connections: 1 }), new EnvHttpProxyAgent({ connections: 1, noProxy: '127.0.0.1' })]) {
    connections = 0
    for (let request = 0; request < 3; request++) {
      const { statusCode, body } = await agent.request({ origin, path: '/', method: 'GET' })
      t.equal(statusCode, 200)
      t.equal(await body.text(), 'here')
    }
    t.equal(connections, 1)
    await agent.close()
  }
  server.close()
})
