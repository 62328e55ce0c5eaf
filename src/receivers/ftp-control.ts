/** The control connection of FTP: lines in, replies out (RFC 959 chapter 4), both bounded. */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

const LINE_MAX_BYTES = 4096
/** Commands sent ahead, while one is worked on. */
const QUEUED_MAX = 64
/** Replies that a client does not read. */
const UNREAD_REPLIES_MAX_BYTES = 64 * 1024
const LINE_FEED = 0x0a
const TELNET_IAC = 0xff

export interface ControlEvents {
  /** One command; the next one follows when it resolves. */
  onCommand(verb: string, argument: string): Promise<void>
  /** Commands that do not wait for the one at work, answered at once. */
  onUrgent(verb: string): void
  /** The client is gone. Called once. */
  onGone(): void
}

export class ControlConnection {
  #socket: Socket
  readonly #events: ControlEvents
  #partial = Buffer.alloc(0)
  #queue: string[] = []
  #isWorking = false
  #isUpgrading = false
  /** The last word was said; what still comes is not heard. */
  isOver = false
  isGone = false

  constructor(socket: Socket, events: ControlEvents) {
    this.#socket = socket
    this.#events = events
    this.#attach(socket)
  }

  get socket(): Socket {
    return this.#socket
  }

  get isBusy(): boolean {
    return this.#isWorking || this.#queue.length > 0
  }

  reply(code: number, text: string): void {
    this.#write(`${code} ${text}\r\n`)
  }

  /** A reply of several lines. */
  replyLines(code: number, first: string, lines: readonly string[], last: string): void {
    this.#write(`${code}-${first}\r\n${lines.map(line => ` ${line}\r\n`).join('')}${code} ${last}\r\n`)
  }

  /**
   * Takes the connection over for TLS. What the client sent in the clear after its AUTH is thrown away: whoever sits between
   * could have put it there.
   */
  async upgrade(handshake: (socket: Socket) => Promise<Socket>): Promise<void> {
    this.#isUpgrading = true
    this.#queue = []
    this.#partial = Buffer.alloc(0)
    const raw = this.#socket
    raw.removeAllListeners('data')
    raw.removeAllListeners('end')
    raw.removeAllListeners('timeout')
    raw.setTimeout(0)
    raw.pause()
    this.#socket = await handshake(raw)
    this.#isUpgrading = false
    this.#attach(this.#socket)
  }

  /** Says a last word and closes. */
  end(code: number, text: string): void {
    this.reply(code, text)
    this.isOver = true
    this.#queue = []
    this.#socket.end()
    // A client that keeps its half open would hold the connection.
    setTimeout(() => this.#socket.destroy(), 1000).unref()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #attach(socket: Socket): void {
    socket.on('data', chunk => this.#take(chunk))
    socket.on('end', () => this.#gone())
    socket.on('close', () => this.#gone())
    socket.on('error', () => {}) // 'close' follows
    socket.setNoDelay(true)
    socket.resume()
  }

  #gone(): void {
    if (this.isGone) return
    this.isGone = true
    this.#queue = []
    this.#events.onGone()
    this.#socket.destroySoon()
  }

  #write(text: string): void {
    if (this.isGone || this.#socket.destroyed || !this.#socket.writable) return
    this.#socket.write(text)
    if (this.#socket.writableLength > UNREAD_REPLIES_MAX_BYTES) this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    if (this.#isUpgrading || this.isOver || this.isGone) return
    let start = 0
    for (let at = chunk.indexOf(LINE_FEED); at >= 0 && !this.#isUpgrading; at = chunk.indexOf(LINE_FEED, start)) {
      const line = Buffer.concat([this.#partial, chunk.subarray(start, at)])
      this.#partial = Buffer.alloc(0)
      start = at + 1
      if (!this.#line(line)) return
    }
    if (this.#isUpgrading) return
    this.#partial = Buffer.concat([this.#partial, chunk.subarray(start)])
    if (this.#partial.length > LINE_MAX_BYTES) this.end(500, 'Line too long.')
  }

  /** False when the connection was closed. */
  #line(bytes: Buffer): boolean {
    if (this.isOver) return false
    if (bytes.length > LINE_MAX_BYTES || this.#queue.length >= QUEUED_MAX) {
      this.end(500, bytes.length > LINE_MAX_BYTES ? 'Line too long.' : 'Too many commands at a time.')
      return false
    }
    const text = withoutTelnet(bytes).toString('utf8').replace(/\r$/, '')
    const verb = verbOf(text)
    // ABOR and STAT act on the transfer that runs; all else waits for it.
    if (this.#isWorking && (verb === 'ABOR' || verb === 'STAT')) this.#events.onUrgent(verb)
    else this.#queue.push(text)
    void this.#work()
    return true
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    for (let text = this.#queue.shift(); text !== undefined; text = this.#queue.shift()) {
      const space = text.indexOf(' ')
      await this.#events.onCommand(verbOf(text), space < 0 ? '' : text.slice(space + 1))
    }
    this.#isWorking = false
  }
}

const verbOf = (text: string): string => (/^[A-Za-z]+/.exec(text)?.[0] ?? '').toUpperCase()

/** Clients send Telnet's interrupt and synch before ABOR (RFC 959 section 4.1.3). No byte of UTF-8 is 255. */
function withoutTelnet(bytes: Buffer): Buffer {
  if (!bytes.includes(TELNET_IAC)) return bytes
  const rest: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === TELNET_IAC) at++
    else rest.push(bytes[at]!)
  }
  return Buffer.from(rest)
}
