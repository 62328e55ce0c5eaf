/** Uploads share a thread with the sockets: they must go on while senders have more than can be taken. */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { testDir } from '../test-dir.ts'
import { numberedLine, startCollector } from './collector-kit.ts'

const CONNECTIONS = 60
const FILES = 2
t.setTimeout(600_000)

t.test('files are uploaded, the oldest first, while TLS senders write as fast as they are read', async t => {
  const { cert, key } = new TestAuthority().issue('collector.example')
  const collector = await startCollector(t, testDir(t), {
    receivers: [{ type: 'syslog-tls', name: 'in', tls: { cert_file: cert, key_file: key } }],
    sources: [{ name: 'fw', appliance: 'fortinet-fortigate' }],
    flushInterval: '1s'
  })
  const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => numberedLine(index)).join(''))
  const sockets: TLSSocket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  let waits = 0
  const pour = (socket: TLSSocket): void => {
    while (socket.write(content));
    waits++
    socket.once('drain', () => pour(socket))
  }
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect({ port: collector.port('in', 'syslog-tls'), host: '127.0.0.1', rejectUnauthorized: false })
    sockets.push(socket)
    await once(socket, 'secureConnect')
    socket.on('error', () => undefined) // it is cut off at the end
    pour(socket)
  }
  let first: number | undefined
  const status = await collector.statusUntil(`${FILES} files are uploaded, and the oldest of the backlog`, ({ upload, spool }) => {
    first ??= spool.oldestMs
    return upload.uploadedFiles >= FILES && (spool.oldestMs ?? Number.POSITIVE_INFINITY) > first!
  })
  t.ok(waits > CONNECTIONS, 'all senders had to wait meanwhile')
  t.equal(status.receivers[0]?.connections, CONNECTIONS)
  t.ok(status.balance.delivery.uploaded > 0)
})
