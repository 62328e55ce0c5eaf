/**
 * One FTP client (RFC 959, 2228, 2389, 2428, 3659, 4217): logs in, picks the directory of a source, uploads. Nothing can be
 * fetched. The reply 226 means that every line of the file would survive a power cut.
 *
 * Stream mode cannot tell the end of a file from a client that died: when the data connection has ended, a short wait shows
 * whether the control connection goes too, and then the file is partial. 150 is sent before the TLS handshake of the data
 * connection, since clients wait for it.
 */
import type { Socket } from 'node:net'
import { plainAddress } from '../lib/cidr.ts'
import type { Account, Accounts, LoginGuard } from './ftp-accounts.ts'
import { ControlConnection } from './ftp-control.ts'
import { type DataChannel, dataChunks, openActive, openPassive, parseExtendedPort, parsePort } from './ftp-data.ts'
import { formatFacts, formatLong } from './ftp-listing.ts'
import type { FtpTls } from './ftp-tls.ts'
import { formatPath, resolvePath, type TreeEntry, type TreePath } from './ftp-tree.ts'
import { TransferAborted, type Uploads, type Verdict } from './ftp-upload.ts'
import type { ReceiverLog } from './listen.ts'

export interface FtpSessionOptions {
  name: string
  tls: 'none' | 'optional' | 'required'
  passivePortMin: number
  passivePortMax: number
  activeMode: boolean
  dataTimeoutMs: number
  idleTimeoutMs: number
  loginTimeoutMs: number
  abortWaitMs: number
}

export interface FtpCounters {
  logins_total: number
  logins_failed_total: number
  logins_blocked_total: number
  data_connections_refused_total: number
  handshake_failed_total: number
  idle_closed_total: number
}

export interface FtpSessionDeps {
  options: FtpSessionOptions
  accounts: Accounts
  guard: LoginGuard
  uploads: Uploads
  tls: FtpTls | undefined
  log: ReceiverLog
  counters: FtpCounters
  /** IPv4 address that clients shall connect to for data, when it is not that of the control connection. */
  advertised(client: string): string | undefined
}

type Command = (argument: string) => void | Promise<void>

/** Wrong passwords on one connection before it is closed. */
const ATTEMPTS_MAX = 3
const UNPRIVILEGED_PORT_MIN = 1024
const FEATURES = ['EPRT', 'EPSV', 'MDTM', 'MLST type*;size*;modify*;', 'SIZE', 'TVFS', 'UTF8']

export class FtpSession {
  readonly #deps: FtpSessionDeps
  readonly #control: ControlConnection
  readonly #address: string
  readonly #localAddress: string
  /** Commands before a login, and after. */
  readonly #early: Record<string, Command>
  readonly #late: Record<string, Command>
  #isSecure: boolean
  #user: string | undefined
  #account: Account | undefined
  #attempts = 0
  #directory: TreePath = []
  #isDataSecure = false
  #isExtendedOnly = false
  #data: DataChannel | undefined
  #renameFrom: TreePath | undefined
  #isTransferring = false
  #wasAborted = false
  #isStopping = false
  #timer: NodeJS.Timeout | undefined
  /** Resolves when the transfer that runs is over. */
  #transferOver: Promise<void> = Promise.resolve()

  /** The socket is admitted and, with implicit TLS, secured. */
  constructor(socket: Socket, deps: FtpSessionDeps, isSecure: boolean) {
    this.#deps = deps
    this.#address = plainAddress(socket.remoteAddress ?? '')
    this.#localAddress = plainAddress(socket.localAddress ?? '')
    this.#isSecure = isSecure
    this.#isDataSecure = false
    this.#early = this.#earlyCommands()
    this.#late = this.#lateCommands()
    this.#control = new ControlConnection(socket, {
      onCommand: (verb, argument) => this.#command(verb, argument),
      onUrgent: verb => this.#urgent(verb),
      onGone: () => this.#gone()
    })
    this.#control.reply(220, 'Sluice log collector ready.')
    this.#watchIdle()
  }

  /** Waits for the transfer that runs, then says goodbye. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true
    const isDue = new Promise<void>(resolve => {
      if (deadline.aborted) resolve()
      deadline.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([this.#transferOver, isDue])
    if (this.#isTransferring) {
      this.#data?.close()
      await this.#transferOver
    }
    this.#control.end(421, 'The collector stops.')
  }

  #earlyCommands(): Record<string, Command> {
    const { reply } = this
    return {
      USER: name => this.#setUser(name),
      PASS: password => this.#logIn(password),
      AUTH: mechanism => this.#secure(mechanism),
      PBSZ: () => (this.#isSecure ? reply(200, 'PBSZ=0') : reply(503, 'AUTH TLS first.')),
      PROT: level => this.#protect(level),
      CCC: () => reply(534, 'The control connection stays protected.'),
      FEAT: () => this.#features(),
      OPTS: argument => (/^(utf-?8|mlst)\b/i.test(argument) ? reply(200, 'OK.') : reply(501, 'No such option.')),
      SYST: () => reply(215, 'UNIX Type: L8'),
      NOOP: () => reply(200, 'OK.'),
      HELP: () => reply(214, 'This server takes log files: log in, CWD to the directory of a source, STOR.'),
      QUIT: () => this.#control.end(221, 'Goodbye.')
    }
  }

  #lateCommands(): Record<string, Command> {
    const { reply } = this
    const refuse = (): void => reply(550, 'This server only takes files.')
    return {
      ACCT: () => reply(202, 'Not needed.'),
      TYPE: type => (/^[AIL]\b/i.test(type) ? reply(200, 'OK; files are taken as they are.') : reply(504, 'Only TYPE A and I.')),
      MODE: mode => (/^s$/i.test(mode) ? reply(200, 'OK.') : reply(504, 'Only MODE S.')),
      STRU: structure => (/^f$/i.test(structure) ? reply(200, 'OK.') : reply(504, 'Only STRU F.')),
      ALLO: () => reply(202, 'Not needed.'),
      SITE: argument => (/^(chmod|utime|umask|idle)\b/i.test(argument) ? reply(200, 'Ignored.') : reply(504, 'No such SITE command.')),
      STAT: () => reply(211, `Logged in as ${this.#user}.`),
      ABOR: () => reply(226, 'No transfer to abort.'),
      PWD: () => reply(257, `"${formatPath(this.#directory).replaceAll('"', '""')}"`),
      XPWD: () => this.#late.PWD!(''),
      CWD: path => this.#changeDirectory(path),
      XCWD: path => this.#changeDirectory(path),
      CDUP: () => this.#changeDirectory('..'),
      XCUP: () => this.#changeDirectory('..'),
      MKD: path => this.#makeDirectory(path),
      XMKD: path => this.#makeDirectory(path),
      RMD: path => this.#removeDirectory(path),
      XRMD: path => this.#removeDirectory(path),
      SIZE: path => this.#fileFact(path, file => String(file.bytes)),
      MDTM: path => this.#fileFact(path, file => formatFacts({ ...file, name: '', isDirectory: false }).modify),
      MFMT: () => reply(504, 'Times are not kept.'),
      DELE: path => this.#delete(path),
      RNFR: path => this.#beginRename(path),
      RNTO: path => this.#endRename(path),
      LIST: argument => this.#list(argument, formatLong),
      NLST: argument => this.#list(argument, entry => entry.name),
      MLSD: argument => this.#list(argument, entry => formatFacts(entry).line),
      MLST: path => this.#describe(path),
      PASV: () => this.#passive(false),
      EPSV: argument => this.#extendedPassive(argument),
      PORT: argument => this.#active(parsePort(argument)),
      EPRT: argument => this.#active(parseExtendedPort(argument)),
      STOR: path => this.#store(path),
      // The bytes of an APPE are taken as a file of their own, which is the same: what was sent before has been counted.
      APPE: path => this.#store(path),
      STOU: () => this.#storeUnique(),
      REST: at => (at.trim() === '0' ? reply(350, 'From the start.') : reply(504, 'Files cannot be resumed; send the whole file.')),
      RETR: refuse,
      REIN: () => reply(502, 'Connect again instead.')
    }
  }

  readonly reply = (code: number, text: string): void => this.#control.reply(code, text)

  async #command(verb: string, argument: string): Promise<void> {
    this.#watchIdle()
    const command = Object.hasOwn(this.#early, verb) ? this.#early[verb] : Object.hasOwn(this.#late, verb) ? this.#late[verb] : undefined
    if (verb !== 'RNTO') this.#renameFrom = undefined
    if (command === undefined) this.reply(502, 'Not implemented.')
    else if (!Object.hasOwn(this.#early, verb) && this.#account === undefined) this.reply(530, 'Log in first.')
    else {
      await Promise.resolve(command(argument)).catch(error => {
        this.#deps.log.error({ receiver: this.#deps.options.name, peer: this.#address, verb, err: error }, 'an FTP command failed')
        this.reply(451, 'Failed here.')
      })
    }
    this.#watchIdle()
  }

  #urgent(verb: string): void {
    if (verb === 'STAT') {
      this.reply(211, this.#isTransferring ? 'Transfer in progress.' : 'OK.')
      return
    }
    // RFC 959 section 4.1.3: 426 for the transfer, then 226 for the ABOR; both are sent when the transfer has ended.
    this.#wasAborted = true
    this.#data?.close()
  }

  /** The client has so long for its next command; a transfer has a time of its own. */
  #watchIdle(): void {
    clearTimeout(this.#timer)
    if (this.#isTransferring || this.#control.isGone) return
    const { idleTimeoutMs, loginTimeoutMs } = this.#deps.options
    this.#timer = setTimeout(
      () => {
        this.#deps.counters.idle_closed_total++
        this.#control.end(421, 'Timeout.')
      },
      this.#account === undefined ? loginTimeoutMs : idleTimeoutMs
    )
    this.#timer.unref()
  }

  #gone(): void {
    clearTimeout(this.#timer)
    // A transfer that runs may still read what is in its buffer; it looks at `isGone` at its end.
    if (!this.#isTransferring) this.#data?.close()
  }

  // ── logging in ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #setUser(name: string): void {
    this.#account = undefined
    if (this.#deps.options.tls === 'required' && !this.#isSecure) this.reply(530, 'Use AUTH TLS first.')
    else if (this.#deps.guard.isBlocked(this.#address)) this.#blocked()
    else {
      this.#user = name
      this.reply(331, 'Password, please.')
    }
  }

  async #logIn(password: string): Promise<void> {
    if (this.#user === undefined) {
      this.reply(503, 'USER first.')
      return
    }
    const { accounts, guard, counters, log, options } = this.#deps
    if (guard.isBlocked(this.#address)) {
      this.#blocked()
      return
    }
    const facts = { receiver: options.name, peer: this.#address, account: accounts.nameForLog(this.#user), tls: this.#isSecure }
    const account = await accounts.verify(this.#user, password)
    if (account === undefined) {
      counters.logins_failed_total++
      log.warn(facts, 'login refused')
      await guard.failed(this.#address)
      if (++this.#attempts >= ATTEMPTS_MAX) this.#control.end(421, 'Too many attempts.')
      else this.reply(530, 'Name or password are wrong.')
      return
    }
    this.#account = account
    this.#directory = []
    guard.passed(this.#address)
    counters.logins_total++
    log.info(facts, 'logged in')
    this.reply(230, 'Logged in.')
  }

  #blocked(): void {
    this.#deps.counters.logins_blocked_total++
    this.#control.end(421, 'Too many failed logins; come back later.')
  }

  async #secure(mechanism: string): Promise<void> {
    const { tls } = this.#deps
    if (tls === undefined) {
      this.reply(502, 'TLS is not configured.')
      return
    }
    if (this.#isSecure) {
      this.reply(503, 'Protected already.')
      return
    }
    if (!/^(tls|tls-c|ssl)$/i.test(mechanism.trim())) {
      this.reply(504, 'Only AUTH TLS.')
      return
    }
    this.reply(234, 'Begin the handshake.')
    try {
      await this.#control.upgrade(socket => tls.control(socket))
    } catch (error) {
      this.#deps.counters.handshake_failed_total++
      this.#deps.log.debug({ receiver: this.#deps.options.name, peer: this.#address, err: error }, 'TLS handshake failed')
      this.#control.destroy()
      return
    }
    this.#isSecure = true
    this.#user = undefined
    this.#account = undefined
  }

  #protect(level: string): void {
    if (!this.#isSecure) this.reply(503, 'AUTH TLS first.')
    else if (/^p$/i.test(level)) {
      this.#isDataSecure = true
      this.reply(200, 'Data connections are protected.')
    } else if (!/^c$/i.test(level)) this.reply(504, 'Only PROT P and C.')
    else if (this.#deps.options.tls === 'required') this.reply(534, 'Data connections must be protected.')
    else {
      this.#isDataSecure = false
      this.reply(200, 'Data connections are in the clear.')
    }
  }

  #features(): void {
    const tls = this.#deps.tls === undefined ? [] : ['AUTH TLS', 'PBSZ', 'PROT']
    this.#control.replyLines(211, 'Features:', [...tls, ...FEATURES], 'End')
  }

  // ── directories and names ───────────────────────────────────────────────────────────────────────────────────────────────────

  #resolve(text: string): TreePath | undefined {
    return text === '' ? undefined : resolvePath(this.#directory, text)
  }

  #changeDirectory(text: string): void {
    const path = this.#resolve(text)
    if (path === undefined || !this.#deps.uploads.tree.isDirectory(path, this.#account!)) {
      this.reply(550, 'No such directory.')
      return
    }
    this.#directory = path
    this.reply(250, `In ${formatPath(path)}.`)
  }

  #makeDirectory(text: string): void {
    const path = this.#resolve(text)
    if (path === undefined || !this.#deps.uploads.tree.makeDirectory(path, this.#account!)) {
      this.reply(550, 'Directories at the root are the sources of the configuration.')
      return
    }
    this.reply(257, `"${formatPath(path).replaceAll('"', '""')}"`)
  }

  #removeDirectory(text: string): void {
    const path = this.#resolve(text)
    const isGone = path !== undefined && this.#sees(path) && this.#deps.uploads.tree.removeDirectory(path)
    this.reply(isGone ? 250 : 550, isGone ? 'Removed.' : 'Cannot be removed.')
  }

  #sees(path: TreePath): boolean {
    return path.length < 2 || this.#deps.uploads.tree.isDirectory(path.slice(0, 1), this.#account!)
  }

  #fileFact(text: string, fact: (file: { bytes: number; modifiedMs: number }) => string): void {
    const path = this.#resolve(text)
    const file = path === undefined || !this.#sees(path) ? undefined : this.#deps.uploads.tree.file(path)
    if (file === undefined) this.reply(550, 'No such file.')
    else this.reply(213, fact(file))
  }

  #delete(text: string): void {
    const path = this.#resolve(text)
    const isGone = path !== undefined && this.#sees(path) && this.#deps.uploads.tree.forget(path)
    this.reply(isGone ? 250 : 550, isGone ? 'Not shown any more; what was taken stays taken.' : 'No such file.')
  }

  #beginRename(text: string): void {
    const path = this.#resolve(text)
    if (path === undefined || !this.#sees(path) || this.#deps.uploads.tree.file(path) === undefined) {
      this.reply(550, 'No such file.')
      return
    }
    this.#renameFrom = path
    this.reply(350, 'To which name?')
  }

  #endRename(text: string): void {
    const from = this.#renameFrom
    this.#renameFrom = undefined
    const to = this.#resolve(text)
    if (from === undefined) this.reply(503, 'RNFR first.')
    else if (to === undefined || !this.#deps.uploads.tree.rename(from, to, this.#account!)) this.reply(553, 'Not a name for a file.')
    else this.reply(250, 'Renamed.')
  }

  #describe(text: string): void {
    const path = text === '' ? this.#directory : this.#resolve(text)
    const { tree } = this.#deps.uploads
    const isDirectory = path !== undefined && tree.isDirectory(path, this.#account!)
    const file = path === undefined || !this.#sees(path) ? undefined : tree.file(path)
    if (path === undefined || (!isDirectory && file === undefined)) {
      this.reply(550, 'No such file.')
      return
    }
    const entry = { bytes: 0, modifiedMs: Date.now(), ...file, name: formatPath(path), isDirectory }
    this.#control.replyLines(250, 'Listing', [formatFacts(entry).line], 'End')
  }

  // ── data connections ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #extendedPassive(argument: string): Promise<void> | void {
    const family = this.#localAddress.includes(':') ? '2' : '1'
    if (/^all$/i.test(argument)) {
      this.#isExtendedOnly = true
      this.reply(200, 'EPSV only from now on.')
      return
    }
    if (argument !== '' && argument !== family) {
      this.reply(522, `Network protocol not supported, use (${family})`)
      return
    }
    return this.#passive(true)
  }

  async #passive(isExtended: boolean): Promise<void> {
    if (this.#isExtendedOnly && !isExtended) {
      this.reply(503, 'EPSV ALL was said.')
      return
    }
    const { options, advertised, counters } = this.#deps
    const host = advertised(this.#address) ?? this.#localAddress
    if (!isExtended && host.includes(':')) {
      this.reply(425, 'Use EPSV with IPv6.')
      return
    }
    this.#dropData()
    try {
      const channel = await openPassive({
        host: this.#localAddress,
        client: this.#address,
        portMin: options.passivePortMin,
        portMax: options.passivePortMax,
        timeoutMs: options.dataTimeoutMs,
        onStranger: () => counters.data_connections_refused_total++
      })
      if (this.#control.isGone) {
        channel.close()
        return
      }
      this.#data = channel
      if (isExtended) this.reply(229, `Extended passive mode (|||${channel.port}|)`)
      else this.reply(227, `Passive mode (${host.replaceAll('.', ',')},${channel.port >> 8},${channel.port & 0xff})`)
    } catch (error) {
      this.#deps.log.warn({ receiver: options.name, peer: this.#address, err: error }, 'no port for a data connection')
      this.reply(425, 'No port is free.')
    }
  }

  #active(target: { host: string; port: number } | undefined): void {
    this.#dropData()
    if (target === undefined) {
      this.reply(501, 'Not an address.')
      return
    }
    if (!this.#deps.options.activeMode || this.#isExtendedOnly) {
      this.reply(502, 'Use EPSV or PASV.')
      return
    }
    if (target.host !== this.#address || target.port < UNPRIVILEGED_PORT_MIN || target.port > 65_535) {
      this.#deps.counters.data_connections_refused_total++
      this.reply(504, 'Only to the address of the control connection, and to ports from 1024 on.')
      return
    }
    this.#data = openActive({ ...target, localAddress: this.#localAddress, timeoutMs: this.#deps.options.dataTimeoutMs })
    this.reply(200, 'OK.')
  }

  #dropData(): void {
    this.#data?.close()
    this.#data = undefined
  }

  /** The data connection, secured when the client asked for it; says 150 before. Undefined, and answered, when there is none. */
  async #openData(text: string): Promise<Socket | undefined> {
    if (this.#data === undefined) {
      this.reply(425, 'PASV, EPSV, PORT or EPRT first.')
      return undefined
    }
    if (this.#deps.options.tls === 'required' && !this.#isDataSecure) {
      this.reply(521, 'PROT P first.')
      return undefined
    }
    this.reply(150, text)
    try {
      const socket = await this.#data.connection()
      return this.#isDataSecure ? await this.#deps.tls!.data(socket) : socket
    } catch (error) {
      this.#deps.counters.handshake_failed_total += this.#isDataSecure ? 1 : 0
      this.#deps.log.warn({ receiver: this.#deps.options.name, peer: this.#address, err: error }, 'no data connection')
      this.reply(425, `No data connection: ${(error as Error).message}.`)
      this.#dropData()
      return undefined
    }
  }

  /** Runs what needs the data connection, and closes that afterwards. */
  async #withData(text: string, use: (socket: Socket) => Promise<void>): Promise<void> {
    this.#isTransferring = true
    this.#wasAborted = false
    clearTimeout(this.#timer)
    const work = (async () => {
      const socket = await this.#openData(text)
      if (socket !== undefined) await use(socket)
    })()
    this.#transferOver = work.catch(() => undefined)
    try {
      await work
    } finally {
      this.#isTransferring = false
      this.#dropData()
      if (this.#wasAborted) this.reply(226, 'ABOR done.')
      this.#wasAborted = false
    }
  }

  #list(argument: string, format: (entry: TreeEntry) => string): Promise<void> | void {
    const name = argument.replace(/^-[A-Za-z]+\s*/, '')
    const path = name === '' ? this.#directory : this.#resolve(name)
    const { tree } = this.#deps.uploads
    const file = path === undefined || !this.#sees(path) ? undefined : tree.file(path)
    const isDirectory = path !== undefined && tree.isDirectory(path, this.#account!)
    if (path === undefined || (!isDirectory && file === undefined)) {
      this.#dropData()
      this.reply(550, 'No such directory.')
      return
    }
    const entries = isDirectory ? tree.list(path, this.#account!) : [{ ...file!, name: path.at(-1)!, isDirectory: false }]
    return this.#withData('Here it comes.', async socket => {
      const isSent = await sendText(socket, entries.map(entry => `${format(entry)}\r\n`).join(''), this.#deps.options.dataTimeoutMs)
      this.reply(isSent ? 226 : 426, isSent ? 'Done.' : 'The data connection broke.')
    })
  }

  // ── uploads ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #storeUnique(): Promise<void> | void {
    const name = `upload-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`
    return this.#store(name, `FILE: ${name}`)
  }

  #store(text: string, begin = 'Send it.'): Promise<void> | void {
    const path = this.#resolve(text)
    const { uploads } = this.#deps
    const refusal = path === undefined ? 'this is no file name' : uploads.tree.refusal(path, this.#account!)
    if (path === undefined || refusal !== undefined || this.#isStopping || uploads.isPutOff()) {
      this.#dropData()
      if (refusal !== undefined) this.reply(553, `Not taken: ${refusal}.`)
      else if (this.#isStopping) this.reply(421, 'The collector stops.')
      else this.reply(452, 'The spool is full; send it again later.')
      return undefined
    }
    return this.#withData(begin, async socket => {
      const verdict = await uploads.receive({ path, account: this.#account!, address: this.#address, chunks: this.#fileChunks(socket) })
      this.#answer(verdict)
    })
  }

  /** The data connection to its end, and the wait that tells an end from a client that died. */
  async *#fileChunks(socket: Socket): AsyncGenerator<Buffer> {
    const { dataTimeoutMs, abortWaitMs } = this.#deps.options
    yield* dataChunks(socket, dataTimeoutMs)
    if (!this.#control.isGone && !this.#wasAborted) await new Promise(resolve => setTimeout(resolve, abortWaitMs))
    if (this.#control.isGone) throw new TransferAborted('the client went away in the middle of the transfer')
    if (this.#wasAborted) throw new TransferAborted('the client aborted the transfer')
  }

  #answer(verdict: Verdict): void {
    if (verdict.outcome === 'taken') {
      this.reply(226, 'Taken.')
      return
    }
    const code = { aborted: 426, full: 452, retry: 451, 'bad-file': 550 }[verdict.outcome]
    this.reply(code, `Not taken: ${verdict.message}.`)
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
