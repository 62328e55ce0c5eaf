/** Who may connect, and how many: alike for every receiver that listens on TCP. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Receiver } from '../../src/contracts.ts'
import { FtpReceiver } from '../../src/receivers/ftp.ts'
import { HttpPushReceiver } from '../../src/receivers/http-push.ts'
import { RelpReceiver } from '../../src/receivers/relp.ts'
import { SftpReceiver } from '../../src/receivers/sftp.ts'
import { SyslogTcpReceiver } from '../../src/receivers/syslog-tcp.ts'
import { SyslogTlsReceiver } from '../../src/receivers/syslog-tls.ts'
import { scratchDir } from '../test-dir.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { TestAuthority } from './tls-kit.ts'

interface Limits {
  allow?: string[]
  maxConnections?: number
  maxConnectionsPerPeer?: number
}

const SECRET = 'a secret of the test'
const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
const deps = { log: memoryLog() }
const listen = '127.0.0.1:0'
const accounts = [{ name: 'discovery', password: SECRET }]
const hostKeyFiles = [join(scratchDir('limits'), 'host-key')]

const KINDS: Readonly<Record<string, (limits: Limits) => Receiver>> = {
  'syslog-tcp': limits => new SyslogTcpReceiver({ listen, ...limits }, deps),
  'syslog-tls': limits => new SyslogTlsReceiver({ listen, certFile, keyFile, ...limits }, deps),
  relp: limits => new RelpReceiver({ listen, ...limits }, deps),
  'relp over TLS': limits => new RelpReceiver({ listen, tls: { certFile, keyFile } as never, ...limits }, deps),
  'http-push': limits => new HttpPushReceiver({ listen, secret: SECRET, ...limits }, deps),
  ftp: limits => new FtpReceiver({ listen, accounts, ...limits }, deps),
  'ftps, implicit': limits =>
    new FtpReceiver({ listen, accounts, tlsMode: 'implicit', tls: { certFile, keyFile } as never, ...limits }, deps),
  sftp: limits => new SftpReceiver({ listen, accounts, hostKeyFiles, ...limits }, deps)
}

async function running(t: Test, kind: string, limits: Limits) {
  const receiver = KINDS[kind]!(limits)
  const intakes = new MemoryIntakes()
  await receiver.start(intakes.open, intakes.take)
  const status = () => receiver.status()[0]!
  const sockets: Socket[] = []
  const dial = async (localAddress: string): Promise<Socket> => {
    const socket = connect({ port: portOf(receiver), host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    socket.resume()
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }
  /** Resolves when the receiver has closed the connection. */
  const refused = async (localAddress: string): Promise<void> => {
    const socket = await dial(localAddress)
    if (!socket.closed) await once(socket, 'close')
  }
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await receiver.stop(AbortSignal.timeout(60_000))
  })
  const until = (what: string, isSo: () => boolean): Promise<void> => intakes.until(what, isSo)
  return { status, dial, refused, until, intakes, port: portOf(receiver) }
}

for (const kind of Object.keys(KINDS)) {
  t.test(`${kind}: connections over the limit, and over that of one address, are refused, counted and shown`, async t => {
    const { status, dial, refused, until } = await running(t, kind, { maxConnections: 3, maxConnectionsPerPeer: 2 })
    const first = await dial('127.0.0.1')
    await dial('127.0.0.1')
    await until('two', () => status().connections === 2)
    await refused('127.0.0.1')
    await until('counted', () => status().counters.refused_peer_limit_total === 1)
    t.strictSame(status().pauses, [], 'another address may still come')
    await dial('127.0.0.2')
    await until('three', () => status().connections === 3)
    t.strictSame(status().pauses, ['connection_limit'])
    t.equal(status().state, 'listening', 'those that are here are served')
    await refused('127.0.0.3')
    await until('counted', () => status().counters.refused_limit_total === 1)
    t.match(status().counters, { refused_total: 2, refused_not_allowed_total: 0, connections_total: 3 })
    first.destroy()
    await until('room', () => status().connections === 2)
    t.strictSame(status().pauses, [])
    await dial('127.0.0.4')
    await until('the next', () => status().connections === 3)
  })

  t.test(`${kind}: who is in none of the allowed networks is refused and counted`, async t => {
    const { status, dial, until, intakes, port } = await running(t, kind, { allow: ['127.0.0.4/30', '::1'] })
    if (kind === 'http-push') {
      // A proxy may speak for others, so it is the request that is refused.
      const answer = await fetch(`http://127.0.0.1:${port}/logs`, {
        method: 'POST',
        body: 'a line\n',
        headers: { 'x-sluice-secret': SECRET }
      })
      t.equal(answer.status, 403)
    } else {
      const socket = await dial('127.0.0.1')
      socket.write('hello\n')
      if (!socket.closed) await once(socket, 'close')
    }
    await until('counted', () => status().counters.refused_not_allowed_total === 1)
    t.equal(status().counters.refused_total, 1)
    t.equal(intakes.opened, 0)
    await dial('127.0.0.6')
    await until('one of the network is here', () => status().connections >= 1)
    t.equal(status().counters.refused_total, 1)
  })
}
