/** Binds an address for a moment, to see whether it can be had. */
import { createSocket } from 'node:dgram'
import { createServer, isIPv6 } from 'node:net'

/** Rejects with the error of the system when it cannot. */
export function tryBind(transport: 'udp' | 'tcp', address: { host: string; port: number }): Promise<void> {
  return transport === 'udp' ? bindUdp(address) : bindTcp(address)
}

function bindTcp({ host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port }, () => server.close(() => resolve()))
  })
}

function bindUdp({ host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    socket.once('error', error => {
      socket.close()
      reject(error)
    })
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve()))
  })
}
