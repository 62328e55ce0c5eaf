/** The receiving thread of UDP: joins the receiver's loop and the framing of datagrams. All work is in receivers/udp-loop.ts. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { DatagramFramer } from '../framing/datagram.ts'
import { forgetStart } from '../lib/give-back.ts'
import { loadUdpLibc } from '../receivers/udp-libc.ts'
import { UdpLoop } from '../receivers/udp-loop.ts'
import type { FromUdpThread, UdpThreadData } from '../receivers/udp-shared.ts'

const port = parentPort as MessagePort
const libc = loadUdpLibc()
if ('reason' in libc) throw new Error(libc.reason)
const loop = new UdpLoop(workerData as UdpThreadData, libc, port, new DatagramFramer())
forgetStart()
port.postMessage({ type: 'ready' } satisfies FromUdpThread)
try {
  loop.run()
} finally {
  loop.free()
  libc.dispose()
}
