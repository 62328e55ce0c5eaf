/** Sends the lines of its input over so many TLS connections, in turns, with pieces of whole lines. Arguments: port, connections, bytes. */
import { buffer } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'

const [port, connections, bytes] = process.argv.slice(2).map(Number) as [number, number, number]
const lines = await buffer(process.stdin)
const PIECE_BYTES = Math.max(4096, Math.min(64 * 1024, Math.floor(bytes / connections)))
/** Handshakes at a time, so that the listener's backlog does not refuse any. */
const CONNECTING_MAX = 50

const sockets: TLSSocket[] = []
while (sockets.length < connections) {
  const count = Math.min(CONNECTING_MAX, connections - sockets.length)
  sockets.push(...(await Promise.all(Array.from({ length: count }, open))))
}
let sent = 0
let at = 0
while (sent < bytes) {
  for (const socket of sockets) {
    if (sent >= bytes) break
    const end = lines.lastIndexOf(10, Math.min(at + PIECE_BYTES, lines.length) - 1) + 1
    const hasRoom = socket.write(lines.subarray(at, end))
    sent += end - at
    at = end === lines.length ? 0 : end
    if (!hasRoom) await new Promise(resolve => socket.once('drain', resolve))
  }
}
await Promise.all(sockets.map(socket => new Promise(resolve => socket.once('close', resolve).end())))
console.log(sent)

function open(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket))
    socket.once('error', reject)
    socket.resume()
  })
}
