/**
 * syslog-ng's loggen sends over UDP, TCP and TLS: what it says it sent is what arrives. Its octet counting (-P) is not used: version
 * 3.38 counts the count itself, so that each frame reaches into the next.
 */
import t from 'tap'
import type { Receiver } from '../../src/contracts.ts'
import { UDP_THREAD_FILE } from '../../src/pipeline/receivers.ts'
import { SyslogTcpReceiver } from '../../src/receivers/syslog-tcp.ts'
import { SyslogTlsReceiver } from '../../src/receivers/syslog-tls.ts'
import { SyslogUdpReceiver } from '../../src/receivers/syslog-udp.ts'
import { loggen } from '../loggen/loggen.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { TestAuthority } from './tls-kit.ts'

t.setTimeout(600_000)

const listen = '127.0.0.1:0'
const deps = { log: memoryLog() }
const tls = (): SyslogTlsReceiver => {
  const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
  return new SyslogTlsReceiver({ listen, certFile, keyFile }, deps)
}
const MESSAGES = ['--rate', '1000', '--interval', '3', '--size', '300']

const ways: readonly [string, () => Receiver, string[]][] = [
  ['UDP', () => new SyslogUdpReceiver({ listen }, { ...deps, threadFile: UDP_THREAD_FILE }), ['-i', '-D']],
  ['TCP', () => new SyslogTcpReceiver({ listen }, deps), ['-i', '-S', '--active-connections', '4']],
  ['TLS', tls, ['-U']]
]

for (const [title, create, args] of ways)
  t.test(`loggen over ${title}`, async t => {
    const receiver = create()
    const intakes = new MemoryIntakes()
    await receiver.start(intakes.open, intakes.take)
    const sent = await loggen(portOf(receiver), ...args, ...MESSAGES)
    t.ok(sent > 500, `${sent} messages were sent`)
    await intakes.until('all are there', () => intakes.frames.length >= sent)
    await receiver.stop(AbortSignal.timeout(60_000))
    t.equal(intakes.frames.length, sent)
    t.equal(intakes.committed.length, sent)
    t.ok(
      intakes.frames.every(frame => /^<\d+>/.test(frame)),
      'each frame begins with its priority'
    )
  })
