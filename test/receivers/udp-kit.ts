/** Sends datagrams no faster than they are taken: how many a socket may hold is the machine's to say, and what is above that is lost. */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { delay } from './memory-intake.ts'

/** So many small ones are held by a socket whose buffer is the smallest that systems have by default. */
const HELD_DATAGRAMS = 100

/** Sends all of them from a socket of its own. */
export async function sendDatagrams(
  port: number,
  datagrams: readonly (string | Buffer)[],
  from = '127.0.0.1',
  to = '127.0.0.1'
): Promise<void> {
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4')
  await new Promise<void>(resolve => socket.bind(0, from, resolve))
  for (const [index, datagram] of datagrams.entries()) {
    if (index > 0 && index % HELD_DATAGRAMS === 0) while (waitingBytes(port) > 0) await delay(1)
    await new Promise(resolve => socket.send(datagram, port, to, resolve))
  }
  socket.close()
}

/** What the kernel holds for the sockets on a port, which is column 4 of its tables, `tx:rx`; 0 where it does not tell. */
function waitingBytes(port: number): number {
  let sum = 0
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) {
    for (const row of tableOf(file).split('\n').slice(1)) {
      const [, local = '', , , queues = ''] = row.trim().split(/\s+/)
      if (hexBehindColon(local) === port) sum += hexBehindColon(queues)
    }
  }
  return sum
}

const hexBehindColon = (text: string): number => Number.parseInt(text.slice(text.lastIndexOf(':') + 1), 16)

function tableOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // no Linux, or no IPv6
  }
}
