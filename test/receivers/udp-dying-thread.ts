/** The receiving thread as it is, but a datagram that says so makes it fail. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { OnFrame } from '../../src/contracts.ts'
import { DatagramFramer } from '../../src/framing/datagram.ts'
import { loadUdpLibc } from '../../src/receivers/udp-libc.ts'
import { UdpLoop } from '../../src/receivers/udp-loop.ts'
import type { UdpThreadData } from '../../src/receivers/udp-shared.ts'

class DyingFramer extends DatagramFramer {
  override feedRange(buf: Buffer, start: number, end: number, onFrame: OnFrame): void {
    if (buf.toString('latin1', start, end).includes('die')) throw new Error('told to die')
    super.feedRange(buf, start, end, onFrame)
  }
}

const libc = loadUdpLibc()
if ('reason' in libc) throw new Error(libc.reason)
const port = parentPort as MessagePort
const loop = new UdpLoop(workerData as UdpThreadData, libc, port, new DyingFramer())
port.postMessage({ type: 'ready' })
loop.run()
