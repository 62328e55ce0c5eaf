/** A real CONNECT proxy on loopback: with or without a password, passing TLS through or inspecting it with a certificate of its own. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'

export interface ConnectProxyOptions {
  /** `user:password`; without it everybody is let through. */
  credentials?: string
  /** Opens what goes through, as an inspecting proxy does. */
  inspect?: { cert: string; key: string }
}

export class ConnectProxy {
  /** `host:port` of each tunnel that was asked for, with the credentials that came. */
  readonly asked: { target: string; credentials: string | undefined }[] = []
  /** Port on loopback where every name leads. */
  readonly #port: number
  readonly #options: ConnectProxyOptions
  readonly #server: Server = createServer((_request, response) => response.writeHead(405).end())
  readonly #sockets = new Set<Socket>()

  constructor(port: number, options: ConnectProxyOptions = {}) {
    this.#port = port
    this.#options = options
    this.#server.on('connection', socket => this.#keep(socket))
    this.#server.on('connect', (request, socket) => this.#connect(request, socket as Socket))
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
  }

  #connect({ url = '', headers }: IncomingMessage, client: Socket): void {
    const { credentials, inspect } = this.#options
    const given = headers['proxy-authorization']
    const shown = given === undefined ? undefined : Buffer.from(given.replace('Basic ', ''), 'base64').toString()
    this.asked.push({ target: url, credentials: shown })
    if (credentials !== undefined && shown !== credentials) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\ncontent-length: 0\r\n\r\n')
      return
    }
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    if (inspect === undefined) {
      this.#join(client, connect(this.#port, '127.0.0.1'))
      return
    }
    const opened = new TLSSocket(client, { isServer: true, ...inspect })
    opened.on('error', () => {})
    this.#join(opened, connectTls({ port: this.#port, host: '127.0.0.1', rejectUnauthorized: false }))
  }

  #join(one: Socket, other: Socket): void {
    this.#keep(other)
    one.pipe(other).pipe(one)
    one.on('close', () => other.destroy())
    other.on('close', () => one.destroy())
  }
}
