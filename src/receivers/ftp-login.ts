/** Who the client of a control connection is, and what of it is protected (RFC 959 section 4.1.1, RFC 4217). */
import type { Account } from './ftp-accounts.ts'
import type { ControlConnection } from './ftp-control.ts'
import type { FtpSessionDeps } from './ftp-session.ts'

/** Wrong passwords on one connection before it is closed. */
const ATTEMPTS_MAX = 3

export class FtpLogin {
  readonly #control: ControlConnection
  readonly #deps: FtpSessionDeps
  readonly #address: string
  #isSecure: boolean
  #isDataSecure = false
  #user: string | undefined
  #account: Account | undefined
  #attempts = 0

  constructor(control: ControlConnection, deps: FtpSessionDeps, client: { address: string; isSecure: boolean }) {
    this.#control = control
    this.#deps = deps
    this.#address = client.address
    this.#isSecure = client.isSecure
  }

  /** Undefined before a login. */
  get account(): Account | undefined {
    return this.#account
  }

  get user(): string | undefined {
    return this.#user
  }

  /** The client wants its data connections protected. */
  get isDataSecure(): boolean {
    return this.#isDataSecure
  }

  setUser(name: string): void {
    this.#account = undefined
    if (this.#deps.options.tls === 'required' && !this.#isSecure) this.#control.reply(530, 'Use AUTH TLS first.')
    else if (this.#deps.guard.isBlocked(this.#address)) this.#blocked()
    else {
      this.#user = name
      this.#control.reply(331, 'Password, please.')
    }
  }

  async logIn(password: string): Promise<void> {
    if (this.#user === undefined) {
      this.#control.reply(503, 'USER first.')
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
      else this.#control.reply(530, 'Name or password are wrong.')
      return
    }
    this.#account = account
    guard.passed(this.#address)
    counters.logins_total++
    log.info(facts, 'logged in')
    this.#control.reply(230, 'Logged in.')
  }

  /** AUTH. */
  async secure(mechanism: string): Promise<void> {
    const { tls } = this.#deps
    if (tls === undefined) {
      this.#control.reply(502, 'TLS is not configured.')
      return
    }
    if (this.#isSecure) {
      this.#control.reply(503, 'Protected already.')
      return
    }
    if (!/^(tls|tls-c|ssl)$/i.test(mechanism.trim())) {
      this.#control.reply(504, 'Only AUTH TLS.')
      return
    }
    this.#control.reply(234, 'Begin the handshake.')
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

  /** PBSZ. */
  bufferSize(): void {
    if (this.#isSecure) this.#control.reply(200, 'PBSZ=0')
    else this.#control.reply(503, 'AUTH TLS first.')
  }

  /** PROT. */
  protect(level: string): void {
    if (!this.#isSecure) this.#control.reply(503, 'AUTH TLS first.')
    else if (/^p$/i.test(level)) {
      this.#isDataSecure = true
      this.#control.reply(200, 'Data connections are protected.')
    } else if (!/^c$/i.test(level)) this.#control.reply(504, 'Only PROT P and C.')
    else if (this.#deps.options.tls === 'required') this.#control.reply(534, 'Data connections must be protected.')
    else {
      this.#isDataSecure = false
      this.#control.reply(200, 'Data connections are in the clear.')
    }
  }

  #blocked(): void {
    this.#deps.counters.logins_blocked_total++
    this.#control.end(421, 'Too many failed logins; come back later.')
  }
}
