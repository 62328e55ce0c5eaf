/** Prints what the kernel granted to a receiver of this process, asked for as many bytes as the argument says. */
import { UDP_THREAD_FILE } from '../../src/pipeline/receivers.ts'
import { SyslogUdpReceiver } from '../../src/receivers/syslog-udp.ts'
import { MemoryIntakes, memoryLog } from './memory-intake.ts'

const intakes = new MemoryIntakes()
const options = { listen: '127.0.0.1:0', way: 'native', receiveBufferBytes: Number(process.argv[2]) } as const
const receiver = new SyslogUdpReceiver(options, { log: memoryLog(), threadFile: UDP_THREAD_FILE })
await receiver.start(intakes.open, intakes.take)
console.log(receiver.status()[0]!.gauges!.receive_buffer_granted_bytes)
await receiver.stop(AbortSignal.timeout(60_000))
