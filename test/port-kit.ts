/** Ports for who must know one before he listens, or gives one up and takes it again. */
import { createServer } from 'node:net'

/** Below those that systems hand out by themselves, of which a neighbour may be given one meanwhile. Each process has some of its own. */
const FIRST = 21_000
const SPAN = 11_000
const EACH = 10
let next = 0

/** So many ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = FIRST + ((process.pid * EACH + next++) % SPAN)
    if (next > SPAN) throw new Error('No port is free')
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const isBound = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (isBound) await new Promise(resolve => server.close(resolve))
  return isBound
}
