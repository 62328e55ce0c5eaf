/**
 * Data connections of FTP (RFC 959 section 5.2, RFC 2428): passive on a port of the range, for one connection from the client's
 * own address; active only to that address and to ports from 1024 on, so that nobody can make this server connect elsewhere.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { plainAddress } from '../lib/cidr.ts'
import { TransferAborted } from './ftp-upload.ts'

/** A data connection that is agreed on and may not be there yet. */
export interface DataChannel {
  /** Resolves with the connection, paused; rejects when it does not come in time. Called once. */
  connection(): Promise<Socket>
  /** Closes what there is. */
  close(): void
}

export interface PassiveOptions {
  /** Address that the control connection came in on. */
  host: string
  /** The only address that may connect. */
  client: string
  portMin: number
  portMax: number
  timeoutMs: number
  /** Called for each connection from elsewhere. */
  onStranger(): void
}

/** Begins to listen on a free port of the range; rejects when there is none. */
export async function openPassive(options: PassiveOptions): Promise<DataChannel & { port: number }> {
  const { portMin, portMax } = options
  const count = portMax - portMin + 1
  // At random, so that the next port cannot be told from the last one.
  const first = Math.floor(Math.random() * count)
  for (let i = 0; i < count; i++) {
    const port = portMin + ((first + i) % count)
    const server = createServer({ pauseOnConnect: true })
    if (await listens(server, port, options.host)) return passiveChannel(server, (server.address() as { port: number }).port, options)
  }
  throw new Error(`no free port from ${portMin} to ${portMax}`)
}

function listens(server: Server, port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen({ port, host, backlog: 1 }, () => {
      server.removeAllListeners('error')
      resolve(true)
    })
  })
}

function passiveChannel(server: Server, port: number, options: PassiveOptions): DataChannel & { port: number } {
  let socket: Socket | undefined
  const arrived = new Promise<Socket>((resolve, reject) => {
    const timer = setTimeout(() => reject(new TransferAborted('no data connection came')), options.timeoutMs)
    timer.unref()
    server.on('connection', found => {
      found.on('error', () => {})
      if (socket !== undefined || plainAddress(found.remoteAddress ?? '') !== options.client) {
        options.onStranger()
        found.destroy()
        return
      }
      socket = found
      server.close()
      clearTimeout(timer)
      resolve(found)
    })
    server.on('error', reject)
    server.once('close', () => {
      clearTimeout(timer)
      if (socket === undefined) reject(new TransferAborted('the data connection was given up'))
    })
  })
  arrived.catch(() => server.close())
  return {
    port,
    connection: () => arrived,
    close: () => {
      server.close()
      socket?.destroy()
    }
  }
}

/** A connection to the client, made when it is wanted. */
export function openActive(target: { host: string; port: number; localAddress: string; timeoutMs: number }): DataChannel {
  let socket: Socket | undefined
  let isClosed = false
  return {
    connection: () =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new TransferAborted('the data connection was given up'))
          return
        }
        const { timeoutMs, ...address } = target
        socket = connect(address)
        const timer = setTimeout(() => socket?.destroy(new Error('the client did not answer')), timeoutMs)
        timer.unref()
        socket.on('error', () => {})
        socket.once('close', () => {
          clearTimeout(timer)
          reject(new TransferAborted('the client could not be connected to'))
        })
        socket.once('connect', () => {
          clearTimeout(timer)
          resolve(socket!)
        })
      }),
    close: () => {
      isClosed = true
      socket?.destroy()
    }
  }
}

/** Reads `PORT h1,h2,h3,h4,p1,p2` (RFC 959 section 4.1.2). */
export function parsePort(text: string): { host: string; port: number } | undefined {
  const parts = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(text.trim())?.slice(1).map(Number)
  if (parts === undefined || parts.some(part => part > 255)) return undefined
  return { host: parts.slice(0, 4).join('.'), port: parts[4]! * 256 + parts[5]! }
}

/** Reads `EPRT |1|10.0.0.1|5282|` (RFC 2428 section 2). */
export function parseExtendedPort(text: string): { host: string; port: number } | undefined {
  const [, , protocol, host = '', port = ''] = /^([!-~])([12])\1([0-9A-Fa-f:.]+)\1(\d{1,5})\1$/.exec(text.trim()) ?? []
  return protocol === undefined ? undefined : { host: plainAddress(host), port: Number(port) }
}

/**
 * The bytes of a data connection. Rejects with TransferAborted when it breaks, or sends nothing for `timeoutMs` while it is
 * read: time in which the reader is busy does not count.
 */
export async function* dataChunks(socket: Socket, timeoutMs: number): AsyncGenerator<Buffer> {
  let waitsSinceMs = 0
  const timer = setInterval(
    () => {
      if (waitsSinceMs > 0 && Date.now() - waitsSinceMs > timeoutMs)
        socket.destroy(new TransferAborted('the data connection was silent for too long'))
    },
    Math.max(10, timeoutMs / 4)
  )
  timer.unref()
  try {
    waitsSinceMs = Date.now()
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      waitsSinceMs = 0
      yield chunk
      waitsSinceMs = Date.now()
    }
  } catch (error) {
    throw error instanceof TransferAborted ? error : new TransferAborted(`the data connection broke: ${(error as Error).message}`)
  } finally {
    clearInterval(timer)
  }
}
