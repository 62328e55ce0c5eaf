/**
 * What goes over the data connection of an FTP session: uploads, and listings. The reply 226 means that every line of the file
 * would survive a power cut.
 *
 * Stream mode cannot tell the end of a file from a client that died: when the data connection has ended, a short wait shows
 * whether the control connection goes too, and then the file is partial.
 */
import type { Socket } from 'node:net'
import type { ControlConnection } from './ftp-control.ts'
import { dataChunks } from './ftp-data.ts'
import type { FtpDataConnection } from './ftp-data-connection.ts'
import type { FtpLogin } from './ftp-login.ts'
import type { FtpNames } from './ftp-names.ts'
import type { FtpSessionDeps } from './ftp-session.ts'
import type { TreeEntry } from './ftp-tree.ts'
import { TransferAborted, type Verdict } from './ftp-upload.ts'

export interface FtpTransfersDeps extends FtpSessionDeps {
  control: ControlConnection
  login: FtpLogin
  names: FtpNames
  data: FtpDataConnection
  /** Address of the client. */
  address: string
}

export class FtpTransfers {
  readonly #deps: FtpTransfersDeps
  #isRunning = false
  #wasAborted = false
  #isStopping = false
  /** Resolves when the transfer that runs is over. */
  #over: Promise<void> = Promise.resolve()

  constructor(deps: FtpTransfersDeps) {
    this.#deps = deps
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** ABOR. RFC 959 section 4.1.3: 426 for the transfer, then 226 for the ABOR; both are sent when the transfer has ended. */
  abort(): void {
    this.#wasAborted = true
    this.#deps.data.close()
  }

  /** Begins nothing more; resolves when what runs has ended, by the deadline at the latest. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true
    const isDue = new Promise<void>(resolve => {
      if (deadline.aborted) resolve()
      deadline.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([this.#over, isDue])
    if (!this.#isRunning) return
    this.#deps.data.close()
    await this.#over
  }

  list(argument: string, format: (entry: TreeEntry) => string): Promise<void> | void {
    const { control, data, names, options } = this.#deps
    const entries = names.entries(argument.replace(/^-[A-Za-z]+\s*/, ''))
    if (entries === undefined) {
      data.drop()
      control.reply(550, 'No such directory.')
      return
    }
    return this.#withData('Here it comes.', async socket => {
      const isSent = await sendText(socket, entries.map(entry => `${format(entry)}\r\n`).join(''), options.dataTimeoutMs)
      control.reply(isSent ? 226 : 426, isSent ? 'Done.' : 'The data connection broke.')
    })
  }

  storeUnique(): Promise<void> | void {
    const name = `upload-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`
    return this.store(name, `FILE: ${name}`)
  }

  store(text: string, begin = 'Send it.'): Promise<void> | void {
    const { uploads, control, data, names, login, address } = this.#deps
    const path = names.resolve(text)
    const account = login.account!
    const refusal = path === undefined ? 'this is no file name' : uploads.tree.refusal(path, account)
    if (path === undefined || refusal !== undefined || this.#isStopping || uploads.isPutOff()) {
      data.drop()
      if (refusal !== undefined) control.reply(553, `Not taken: ${refusal}.`)
      else if (this.#isStopping) control.reply(421, 'The collector stops.')
      else control.reply(452, 'The spool is full; send it again later.')
      return undefined
    }
    return this.#withData(begin, async socket => {
      this.#answer(await uploads.receive({ path, account, address, chunks: this.#fileChunks(socket) }))
    })
  }

  /** Runs what needs the data connection, and closes that afterwards. */
  async #withData(text: string, use: (socket: Socket) => Promise<void>): Promise<void> {
    const { control, data, login } = this.#deps
    this.#isRunning = true
    this.#wasAborted = false
    const work = (async () => {
      const socket = await data.open(text, login.isDataSecure)
      if (socket !== undefined) await use(socket)
    })()
    this.#over = work.catch(() => undefined)
    try {
      await work
    } finally {
      this.#isRunning = false
      data.drop()
      if (this.#wasAborted) control.reply(226, 'ABOR done.')
      this.#wasAborted = false
    }
  }

  /** The data connection to its end, and the wait that tells an end from a client that died. */
  async *#fileChunks(socket: Socket): AsyncGenerator<Buffer> {
    const { control, options } = this.#deps
    yield* dataChunks(socket, options.dataTimeoutMs)
    if (!control.isGone && !this.#wasAborted) await new Promise(resolve => setTimeout(resolve, options.abortWaitMs))
    if (control.isGone) throw new TransferAborted('the client went away in the middle of the transfer')
    if (this.#wasAborted) throw new TransferAborted('the client aborted the transfer')
  }

  #answer(verdict: Verdict): void {
    if (verdict.outcome === 'taken') {
      this.#deps.control.reply(226, 'Taken.')
      return
    }
    const code = { aborted: 426, full: 452, retry: 451, 'bad-file': 550 }[verdict.outcome]
    this.#deps.control.reply(code, `Not taken: ${verdict.message}.`)
  }
}

/** Sends a listing and closes; false when the client does not take it. */
function sendText(socket: Socket, text: string, timeoutMs: number): Promise<boolean> {
  return new Promise(resolve => {
    socket.setTimeout(timeoutMs, () => socket.destroy())
    socket.on('error', () => {})
    socket.once('close', () => resolve(false))
    socket.resume()
    socket.end(text, () => resolve(true))
  })
}
