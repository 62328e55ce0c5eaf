/** Uploads files over FTP and takes 226 as the receipt; a file without it is put again under its name, as real appliances do. */
import type { Socket } from 'node:net'
import { FTP_ACCOUNT } from './child-collector.ts'
import { cefLine, closing, openSocket, pace, Sender } from './senders.ts'

const ANSWER_MS = 10_000

/** The control connection: commands one after the other, each with its last answer line. */
class Control {
  readonly #socket: Socket
  #text = ''
  #waiting: ((code: number, line: string) => void) | undefined
  readonly ended: Promise<void>

  constructor(socket: Socket) {
    this.#socket = socket
    this.ended = closing(socket).then(() => this.#waiting?.(0, ''))
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#text += text
      for (let end = this.#text.indexOf('\r\n'); end >= 0; end = this.#text.indexOf('\r\n')) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        if (/^\d{3} /.test(line)) this.#waiting?.(Number(line.slice(0, 3)), line)
      }
    })
  }

  /** Code and line of the next answer; 0 when none comes. */
  answer(): Promise<{ code: number; line: string }> {
    if (this.#socket.destroyed) return Promise.resolve({ code: 0, line: '' })
    return new Promise(resolve => {
      const late = setTimeout(() => this.#socket.destroy(), ANSWER_MS)
      this.#waiting = (code, line) => {
        clearTimeout(late)
        resolve({ code, line })
      }
    })
  }

  ask(command: string): Promise<{ code: number; line: string }> {
    const answer = this.answer()
    this.#socket.write(`${command}\r\n`)
    return answer
  }

  end(): void {
    this.#socket.destroy()
  }
}

export class FtpSender extends Sender {
  readonly protocol = 'ftp'
  #file = 0
  /** Lines of the file that has no receipt yet. */
  #unanswered: number[] = []

  protected async run(): Promise<void> {
    do {
      const target = this.target()
      const socket = target && (await openSocket(target.port))
      if (target && socket) await this.#session(new Control(socket), target.life)
      await pace()
    } while (!this.isStopping || this.extra.length > 0 || this.#unanswered.length > 0)
  }

  async #session(control: Control, life: number): Promise<void> {
    const { name, password } = FTP_ACCOUNT
    const isIn = (await control.answer()).code === 220 && (await control.ask(`USER ${name}`)).code === 331
    if (!isIn || (await control.ask(`PASS ${password}`)).code !== 230) return control.end()
    for (;;) {
      if (this.#unanswered.length === 0) {
        this.#unanswered = this.newLines()
        this.#file++
      }
      if (this.#unanswered.length === 0 || !(await this.#put(control, this.#unanswered, life))) break
      for (const number of this.#unanswered) this.memory.receipted[number] = true
      this.#unanswered = []
      if (!this.isStopping) await pace()
    }
    control.end()
  }

  async #put(control: Control, lines: readonly number[], life: number): Promise<boolean> {
    const { code, line } = await control.ask('EPSV')
    const port = Number(/\|\|\|(\d+)\|/.exec(line)?.[1])
    const data = code === 229 ? await openSocket(port) : undefined
    if (data === undefined) return false
    const begun = await control.ask(`STOR log-${this.#file}.log`)
    if (begun.code !== 150 && begun.code !== 125) {
      data.destroy()
      return false
    }
    for (const number of lines) this.memory.sent(number, life)
    const answer = control.answer()
    data.resume().end(lines.map(number => `${cefLine(number)}\n`).join(''))
    return (await answer).code === 226
  }
}
