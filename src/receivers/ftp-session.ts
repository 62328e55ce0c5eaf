/**
 * One FTP client (RFC 959, 2228, 2389, 2428, 3659, 4217): logs in, picks the directory of a source, uploads. Nothing can be
 * fetched. Here are the commands and the time a client has for them; what they do is in ftp-login.ts, ftp-names.ts,
 * ftp-data-connection.ts and ftp-transfers.ts.
 */
import type { Socket } from 'node:net'
import { plainAddress } from '../lib/cidr.ts'
import type { Accounts, LoginGuard } from './ftp-accounts.ts'
import { ControlConnection } from './ftp-control.ts'
import { parseExtendedPort, parsePort } from './ftp-data.ts'
import { FtpDataConnection } from './ftp-data-connection.ts'
import { formatFacts, formatLong } from './ftp-listing.ts'
import { FtpLogin } from './ftp-login.ts'
import { FtpNames } from './ftp-names.ts'
import type { FtpTls } from './ftp-tls.ts'
import { FtpTransfers } from './ftp-transfers.ts'
import type { Uploads } from './ftp-upload.ts'
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

const FEATURES = ['EPRT', 'EPSV', 'MDTM', 'MLST type*;size*;modify*;', 'SIZE', 'TVFS', 'UTF8']

export class FtpSession {
  readonly #deps: FtpSessionDeps
  readonly #control: ControlConnection
  readonly #address: string
  readonly #login: FtpLogin
  readonly #names: FtpNames
  readonly #data: FtpDataConnection
  readonly #transfers: FtpTransfers
  /** Commands before a login, and after. */
  readonly #early: Record<string, Command>
  readonly #late: Record<string, Command>
  #timer: NodeJS.Timeout | undefined
  /** Since when nobody is logged in. */
  #nobodySinceMs: number | undefined

  /** The socket is admitted and, with implicit TLS, secured. */
  constructor(socket: Socket, deps: FtpSessionDeps, isSecure: boolean) {
    this.#deps = deps
    const address = plainAddress(socket.remoteAddress ?? '')
    this.#address = address
    const control = new ControlConnection(socket, {
      onCommand: (verb, argument) => this.#command(verb, argument),
      onUrgent: verb => this.#urgent(verb),
      onGone: () => this.#gone()
    })
    this.#control = control
    const login = new FtpLogin(control, deps, { address, isSecure })
    const names = new FtpNames(control, deps.uploads.tree, () => login.account!)
    const data = new FtpDataConnection(control, deps, { address, localAddress: plainAddress(socket.localAddress ?? '') })
    this.#login = login
    this.#names = names
    this.#data = data
    this.#transfers = new FtpTransfers({ ...deps, control, login, names, data, address })
    this.#early = this.#earlyCommands()
    this.#late = this.#lateCommands()
    this.#control.reply(220, 'Sluice log collector ready.')
    this.#watchIdle()
  }

  /** Waits for the transfer that runs, then says goodbye. */
  async stop(deadline: AbortSignal): Promise<void> {
    await this.#transfers.stop(deadline)
    this.#control.end(421, 'The collector stops.')
  }

  #earlyCommands(): Record<string, Command> {
    const reply = this.#reply
    const login = this.#login
    return {
      USER: name => {
        this.#names.reset()
        login.setUser(name)
      },
      PASS: password => login.logIn(password),
      AUTH: mechanism => login.secure(mechanism),
      PBSZ: () => login.bufferSize(),
      PROT: level => login.protect(level),
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
    const reply = this.#reply
    const names = this.#names
    const data = this.#data
    const transfers = this.#transfers
    const printDirectory: Command = () => names.printDirectory()
    const changeDirectory: Command = path => names.changeDirectory(path)
    const toParent: Command = () => names.changeDirectory('..')
    const makeDirectory: Command = path => names.makeDirectory(path)
    const removeDirectory: Command = path => names.removeDirectory(path)
    const store: Command = path => transfers.store(path)
    return {
      ACCT: () => reply(202, 'Not needed.'),
      TYPE: type => (/^[AIL]\b/i.test(type) ? reply(200, 'OK; files are taken as they are.') : reply(504, 'Only TYPE A and I.')),
      MODE: mode => (/^s$/i.test(mode) ? reply(200, 'OK.') : reply(504, 'Only MODE S.')),
      STRU: structure => (/^f$/i.test(structure) ? reply(200, 'OK.') : reply(504, 'Only STRU F.')),
      ALLO: () => reply(202, 'Not needed.'),
      SITE: argument => (/^(chmod|utime|umask|idle)\b/i.test(argument) ? reply(200, 'Ignored.') : reply(504, 'No such SITE command.')),
      STAT: () => reply(211, `Logged in as ${this.#login.user}.`),
      ABOR: () => reply(226, 'No transfer to abort.'),
      PWD: printDirectory,
      XPWD: printDirectory,
      CWD: changeDirectory,
      XCWD: changeDirectory,
      CDUP: toParent,
      XCUP: toParent,
      MKD: makeDirectory,
      XMKD: makeDirectory,
      RMD: removeDirectory,
      XRMD: removeDirectory,
      SIZE: path => names.size(path),
      MDTM: path => names.modified(path),
      MFMT: () => reply(504, 'Times are not kept.'),
      DELE: path => names.delete(path),
      RNFR: path => names.beginRename(path),
      RNTO: path => names.endRename(path),
      LIST: argument => transfers.list(argument, formatLong),
      NLST: argument => transfers.list(argument, entry => entry.name),
      MLSD: argument => transfers.list(argument, entry => formatFacts(entry).line),
      MLST: path => names.describe(path),
      PASV: () => data.passive(),
      EPSV: argument => data.extendedPassive(argument),
      PORT: argument => data.active(parsePort(argument)),
      EPRT: argument => data.active(parseExtendedPort(argument)),
      STOR: store,
      // The bytes of an APPE are taken as a file of their own, which is the same: what was sent before has been counted.
      APPE: store,
      STOU: () => transfers.storeUnique(),
      REST: at => (at.trim() === '0' ? reply(350, 'From the start.') : reply(504, 'Files cannot be resumed; send the whole file.')),
      RETR: () => reply(550, 'This server only takes files.'),
      REIN: () => reply(502, 'Connect again instead.')
    }
  }

  readonly #reply = (code: number, text: string): void => this.#control.reply(code, text)

  async #command(verb: string, argument: string): Promise<void> {
    clearTimeout(this.#timer)
    const command = Object.hasOwn(this.#early, verb) ? this.#early[verb] : Object.hasOwn(this.#late, verb) ? this.#late[verb] : undefined
    if (verb !== 'RNTO') this.#names.forgetRename()
    if (command === undefined) this.#reply(502, 'Not implemented.')
    else if (!Object.hasOwn(this.#early, verb) && this.#login.account === undefined) this.#reply(530, 'Log in first.')
    else {
      await Promise.resolve(command(argument)).catch(error => {
        this.#deps.log.error({ receiver: this.#deps.options.name, peer: this.#address, verb, err: error }, 'an FTP command failed')
        this.#reply(451, 'Failed here.')
      })
    }
    this.#watchIdle()
  }

  /** Commands that do not wait for the transfer that runs. */
  #urgent(verb: string): void {
    if (verb === 'STAT') this.#reply(211, this.#transfers.isRunning ? 'Transfer in progress.' : 'OK.')
    else this.#transfers.abort()
  }

  /** The client has so long for its login, whatever it says meanwhile, and for each command after it; its transfers have their own time. */
  #watchIdle(): void {
    clearTimeout(this.#timer)
    if (this.#control.isOver || this.#control.isGone) return
    const { idleTimeoutMs, loginTimeoutMs } = this.#deps.options
    this.#nobodySinceMs = this.#login.account === undefined ? (this.#nobodySinceMs ?? Date.now()) : undefined
    const waitMs = this.#nobodySinceMs === undefined ? idleTimeoutMs : Math.max(1, this.#nobodySinceMs + loginTimeoutMs - Date.now())
    this.#timer = setTimeout(() => {
      this.#deps.counters.idle_closed_total++
      this.#control.end(421, 'Timeout.')
    }, waitMs)
    this.#timer.unref()
  }

  #gone(): void {
    clearTimeout(this.#timer)
    // A transfer that runs may still read what is in its buffer; it looks at `isGone` at its end.
    if (!this.#transfers.isRunning) this.#data.close()
  }

  #features(): void {
    const tls = this.#deps.tls === undefined ? [] : ['AUTH TLS', 'PBSZ', 'PROT']
    this.#control.replyLines(211, 'Features:', [...tls, ...FEATURES], 'End')
  }
}
