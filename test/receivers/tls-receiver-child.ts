/**
 * A process of its own with a TLS receiver, so that OpenSSL's configuration can be chosen. Argument: the
 * receiver's options as JSON. Prints its port and the warnings of its start, or the error, as JSON; answers each message with
 * how many frames arrived.
 */
import { SyslogTlsReceiver } from '../../src/receivers/syslog-tls.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'

const log = memoryLog()
const intakes = new MemoryIntakes({ acceptDelayMs: 5 }) // a slow reader loses most
const receiver = new SyslogTlsReceiver({ listen: '127.0.0.1:0', ...JSON.parse(process.argv[2] ?? '{}') }, { log })
try {
  await receiver.start(intakes.open)
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message }))
  process.exit(1)
}
const warnings = log.entries.filter(entry => entry.level === 'warn').map(entry => entry.message)
console.log(JSON.stringify({ port: portOf(receiver), warnings }))
process.on('message', () => process.send?.({ frames: intakes.frames.length, over: intakes.ended + intakes.aborted }))
process.once('disconnect', async () => {
  await receiver.stop(AbortSignal.timeout(1000))
  process.exit()
})
