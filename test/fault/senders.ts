/**
 * Senders that give every line a number and remember what was receipted: plain TCP (no receipt), RELP (`rsp 200`), HTTP push (200).
 * RELP and HTTP send again what got no receipt, as real senders do.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Protocol } from './child-collector.ts'

export const PACE_MS = 20
/** A wait that keeps no process alive: a sender of a run that failed goes on trying. */
export const pace = (): Promise<void> => sleep(PACE_MS, undefined, { ref: false })
const RELP_WINDOW = 200
const HTTP_TIMEOUT_MS = 5000

/** Where to send at this moment: a port, and which life of the collector it belongs to. */
export type Target = () => { port: number; life: number } | undefined

export const cefLine = (number: number): string =>
  `<134>Jan  5 09:15:31 gw1 CEF:0|Example|Gateway|2.1|100|Web request|3|rt=${Date.now()} src=192.0.2.10 suser=u${number} dst=203.0.113.10 dpt=443 dhost=files.example.com in=920113 out=1834 act=allowed request=https://files.example.com/${number}`

/** What a sender remembers; the index is the number of the line. */
export class Memory {
  /** How often a line was sent. */
  readonly sends: number[] = []
  readonly receipted: boolean[] = []
  /** Life of the collector to which a line was sent last. */
  readonly lives: number[] = []

  newLine(): number {
    this.sends.push(0)
    this.receipted.push(false)
    this.lives.push(-1)
    return this.sends.length - 1
  }

  sent(number: number, life: number): void {
    this.sends[number]!++
    this.lives[number] = life
  }
}

export abstract class Sender {
  readonly memory = new Memory()
  protected readonly target: Target
  protected readonly batch: number
  protected isStopping = false
  #running: Promise<void> | undefined

  /** Up to `batch` new lines every 20 ms. */
  constructor(target: Target, batch: number) {
    this.target = target
    this.batch = batch
  }

  abstract readonly protocol: Protocol

  start(): void {
    this.isStopping = false
    this.#running = this.run()
  }

  /** No new lines; resolves when all that can be receipted are. */
  async stop(): Promise<void> {
    this.isStopping = true
    await this.#running
  }

  /** One more line, to a collector without faults; resolves when it is sent, and receipted where there are receipts. */
  async sendOne(): Promise<number> {
    this.isStopping = true
    const number = this.memory.newLine()
    this.extra.push(number)
    await this.run()
    return number
  }

  protected readonly extra: number[] = []

  protected abstract run(): Promise<void>

  protected newLines(): number[] {
    if (this.isStopping) return this.extra.splice(0)
    return Array.from({ length: this.batch }, () => this.memory.newLine())
  }
}

/** `once` of node:events would reject by the error that comes before. */
export const closing = (socket: Socket): Promise<void> => new Promise(resolve => socket.once('close', () => resolve()))

export async function openSocket(port: number): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {}) // 'close' follows
  const connected = new Promise<boolean>(resolve => socket.once('connect', () => resolve(true)))
  return (await Promise.race([connected, closing(socket).then(() => false)])) ? socket : undefined
}

export class TcpSender extends Sender {
  readonly protocol = 'tcp'

  protected async run(): Promise<void> {
    do {
      const target = this.target()
      const socket = target && (await openSocket(target.port))
      if (target && socket) await this.#session(socket, target.life)
      else await pace()
    } while (!this.isStopping || this.extra.length > 0)
  }

  async #session(socket: Socket, life: number): Promise<void> {
    const closed = closing(socket)
    socket.resume()
    do {
      const lines = this.newLines()
      for (const number of lines) this.memory.sent(number, life)
      const isTaken = socket.write(lines.map(number => `${cefLine(number)}\n`).join(''))
      if (!isTaken) await Promise.race([new Promise<void>(resolve => socket.once('drain', () => resolve())), closed])
      if (!this.isStopping) await pace()
    } while (!this.isStopping && !socket.destroyed)
    socket.end()
    await closed
  }
}

export class HttpSender extends Sender {
  readonly protocol = 'http'

  protected async run(): Promise<void> {
    for (let lines = this.newLines(); lines.length > 0; lines = this.newLines()) {
      while (!(await this.#post(lines))) await pace()
      if (!this.isStopping) await pace()
    }
  }

  async #post(lines: readonly number[]): Promise<boolean> {
    const target = this.target()
    if (!target) return false
    const body = lines.map(number => `${cefLine(number)}\n`).join('')
    for (const number of lines) this.memory.sent(number, target.life)
    try {
      const signal = AbortSignal.timeout(HTTP_TIMEOUT_MS)
      const answer = await fetch(`http://127.0.0.1:${target.port}/logs`, { method: 'POST', body, signal })
      await answer.arrayBuffer()
      if (answer.status !== 200) return false
      for (const number of lines) this.memory.receipted[number] = true
      return true
    } catch {
      return false // no answer, no receipt
    }
  }
}

export class RelpSender extends Sender {
  readonly protocol = 'relp'
  /** Lines without a receipt, oldest first. */
  readonly #unanswered = new Set<number>()

  protected async run(): Promise<void> {
    do {
      const target = this.target()
      const socket = target && (await openSocket(target.port))
      if (target && socket) await this.#session(socket, target.life)
      else await pace()
    } while (!this.isStopping || this.extra.length > 0 || this.#unanswered.size > 0)
  }

  async #session(socket: Socket, life: number): Promise<void> {
    const closed = closing(socket)
    const inFlight = new Map<number, number>()
    let txnr = 1
    let held = ''
    const send = (number: number): void => {
      txnr++
      inFlight.set(txnr, number)
      this.#unanswered.add(number)
      this.memory.sent(number, life)
      const line = cefLine(number)
      socket.write(`${txnr} syslog ${line.length} ${line}\n`)
    }
    socket.setEncoding('latin1').on('data', text => {
      held = answers(held + text, (answered, code) => {
        const number = inFlight.get(answered)
        if (number === undefined || code !== '200') return
        this.memory.receipted[number] = true
        this.#unanswered.delete(number)
        inFlight.delete(answered)
      })
    })
    const offer = 'relp_version=0\nrelp_software=test\ncommands=syslog'
    socket.write(`1 open ${offer.length} ${offer}\n`)
    for (const number of [...this.#unanswered]) send(number)
    while (!socket.destroyed && !(this.isStopping && this.extra.length === 0 && inFlight.size === 0)) {
      if (inFlight.size < RELP_WINDOW) for (const number of this.newLines()) send(number)
      await Promise.race([pace(), closed])
    }
    socket.end(`${txnr + 1} close 0\n`)
    await closed
  }
}

/** Tells of each `TXNR rsp LENGTH CODE …`; returns what is not whole yet. */
function answers(text: string, onAnswer: (txnr: number, code: string) => void): string {
  let rest = text
  for (;;) {
    const head = /^(\d+) (\w+) (\d+)( |\n)/.exec(rest)
    if (head === null) return rest
    const [all, txnr, command, length] = head
    const end = all.length + Number(length)
    if (head[4] === '\n') {
      rest = rest.slice(all.length)
      continue
    }
    if (rest.length <= end) return rest
    if (command === 'rsp') onAnswer(Number(txnr), rest.slice(all.length, all.length + 3))
    rest = rest.slice(end + 1)
  }
}
