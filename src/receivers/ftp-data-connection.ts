/**
 * The data connection of an FTP session: agreed on by PASV, EPSV, PORT or EPRT, opened by the transfer that follows. 150 is sent
 * before its TLS handshake, since clients wait for it.
 */
import type { Socket } from 'node:net'
import type { ControlConnection } from './ftp-control.ts'
import { type DataChannel, openActive, openPassive } from './ftp-data.ts'
import type { FtpSessionDeps } from './ftp-session.ts'

const UNPRIVILEGED_PORT_MIN = 1024

export class FtpDataConnection {
  readonly #control: ControlConnection
  readonly #deps: FtpSessionDeps
  readonly #client: { address: string; localAddress: string }
  #isExtendedOnly = false
  #channel: DataChannel | undefined

  constructor(control: ControlConnection, deps: FtpSessionDeps, client: { address: string; localAddress: string }) {
    this.#control = control
    this.#deps = deps
    this.#client = client
  }

  extendedPassive(argument: string): Promise<void> | void {
    const family = this.#client.localAddress.includes(':') ? '2' : '1'
    if (/^all$/i.test(argument)) {
      this.#isExtendedOnly = true
      this.#control.reply(200, 'EPSV only from now on.')
      return
    }
    if (argument !== '' && argument !== family) {
      this.#control.reply(522, `Network protocol not supported, use (${family})`)
      return
    }
    return this.#listen(true)
  }

  passive(): Promise<void> | void {
    if (!this.#isExtendedOnly) return this.#listen(false)
    this.#control.reply(503, 'EPSV ALL was said.')
  }

  async #listen(isExtended: boolean): Promise<void> {
    const { options, advertised, counters, log } = this.#deps
    const { address, localAddress } = this.#client
    const host = advertised(address) ?? localAddress
    if (!isExtended && host.includes(':')) {
      this.#control.reply(425, 'Use EPSV with IPv6.')
      return
    }
    this.drop()
    try {
      const channel = await openPassive({
        host: localAddress,
        client: address,
        portMin: options.passivePortMin,
        portMax: options.passivePortMax,
        timeoutMs: options.dataTimeoutMs,
        onStranger: () => counters.data_connections_refused_total++
      })
      if (this.#control.isGone) {
        channel.close()
        return
      }
      this.#channel = channel
      if (isExtended) this.#control.reply(229, `Extended passive mode (|||${channel.port}|)`)
      else this.#control.reply(227, `Passive mode (${host.replaceAll('.', ',')},${channel.port >> 8},${channel.port & 0xff})`)
    } catch (error) {
      log.warn({ receiver: options.name, peer: address, err: error }, 'no port for a data connection')
      this.#control.reply(425, 'No port is free.')
    }
  }

  /** Only to the client itself: nobody can make this server connect elsewhere. */
  active(target: { host: string; port: number } | undefined): void {
    const { options, counters } = this.#deps
    const { address, localAddress } = this.#client
    this.drop()
    if (target === undefined) {
      this.#control.reply(501, 'Not an address.')
      return
    }
    if (!options.activeMode || this.#isExtendedOnly) {
      this.#control.reply(502, 'Use EPSV or PASV.')
      return
    }
    if (target.host !== address || target.port < UNPRIVILEGED_PORT_MIN || target.port > 65_535) {
      counters.data_connections_refused_total++
      this.#control.reply(504, 'Only to the address of the control connection, and to ports from 1024 on.')
      return
    }
    this.#channel = openActive({ ...target, localAddress, timeoutMs: options.dataTimeoutMs })
    this.#control.reply(200, 'OK.')
  }

  /** The connection, secured when the client asked for it; says 150 before. Undefined, and answered, when there is none. */
  async open(text: string, isSecure: boolean): Promise<Socket | undefined> {
    const { options, counters, log, tls } = this.#deps
    if (this.#channel === undefined) {
      this.#control.reply(425, 'PASV, EPSV, PORT or EPRT first.')
      return undefined
    }
    if (options.tls === 'required' && !isSecure) {
      this.#control.reply(521, 'PROT P first.')
      return undefined
    }
    this.#control.reply(150, text)
    try {
      const socket = await this.#channel.connection()
      return isSecure ? await tls!.data(socket) : socket
    } catch (error) {
      counters.handshake_failed_total += isSecure ? 1 : 0
      log.warn({ receiver: options.name, peer: this.#client.address, err: error }, 'no data connection')
      this.#control.reply(425, `No data connection: ${(error as Error).message}.`)
      this.drop()
      return undefined
    }
  }

  /** Ends what uses the connection; what was agreed on stays until `drop`. */
  close(): void {
    this.#channel?.close()
  }

  drop(): void {
    this.close()
    this.#channel = undefined
  }
}
