/**
 * Many senders in one process: TLS connections that each write their part of a rate once a second, spread over it.
 * `node soak-sender.ts PORT CONNECTIONS LINES_PER_SECOND SECONDS`, the lines by stdin. Says `{"connections":…}` when all are there, then
 * `{"lines":…,"behind":…}` each second: lines written so far, and turns that were left out because a connection was not read.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'

const [port, connections, linesPerSecond, seconds] = process.argv.slice(2).map(Number) as [number, number, number, number]
/** More than a few seconds' worth that was not sent: the other side does not read. */
const UNSENT_MAX_BYTES = 1024 * 1024
const DIALLED_AT_A_TIME = 50
const TURNS_PER_SECOND = 50

const say = (facts: object): void => void process.stdout.write(`${JSON.stringify(facts)}\n`)

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The input in pieces of so many lines, the rest left out. */
function pieces(lines: Buffer, count: number): Buffer[] {
  const found: Buffer[] = []
  for (let start = 0, at = -1, inPiece = 0; ; ) {
    at = lines.indexOf(10, at + 1)
    if (at < 0) return found
    if (++inPiece < count) continue
    found.push(lines.subarray(start, at + 1))
    start = at + 1
    inPiece = 0
  }
}

async function dial(): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  socket.on('error', error => say({ error: error.message }))
  return socket
}

const linesEach = Math.round(linesPerSecond / connections)
const parts = pieces(await readInput(), linesEach)
const sockets: TLSSocket[] = []
while (sockets.length < connections) {
  const missing = Math.min(DIALLED_AT_A_TIME, connections - sockets.length)
  sockets.push(...(await Promise.all(Array.from({ length: missing }, dial))))
}
say({ connections: sockets.length })

let lines = 0
let behind = 0
let part = 0
const began = performance.now()
for (let turn = 0; turn < seconds * TURNS_PER_SECOND; turn++) {
  await sleep(Math.max(0, began + (turn * 1000) / TURNS_PER_SECOND - performance.now()))
  for (let i = turn % TURNS_PER_SECOND; i < sockets.length; i += TURNS_PER_SECOND) {
    const socket = sockets[i]!
    if (socket.writableLength > UNSENT_MAX_BYTES || socket.destroyed) behind++
    else {
      socket.write(parts[part++ % parts.length]!)
      lines += linesEach
    }
  }
  if (turn % TURNS_PER_SECOND === 0) say({ lines, behind })
}
for (const socket of sockets) socket.end()
await Promise.all(sockets.map(socket => (socket.destroyed ? undefined : once(socket, 'close'))))
say({ lines, behind })
