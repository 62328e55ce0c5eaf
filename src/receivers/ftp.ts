/**
 * FTP and FTPS, explicit and implicit, receive-only: appliances that upload log files, with the layout of Microsoft's collector
 * (account `discovery`, a directory per source, passive ports 20000 to 20099), but without a default password.
 *
 * A file is read, unpacked and cut into lines while it arrives; 226 follows when all of it would survive a power cut. A transfer
 * that breaks off leaves nothing when it is short; see unpack-deliver.ts.
 */
import { createServer, isIPv4, type Server, type Socket } from 'node:net'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import { AccountOptions, Accounts, checkSecrets, LoginGuard, LoginOptions } from './ftp-accounts.ts'
import { FtpSession, type FtpSessionDeps } from './ftp-session.ts'
import { FtpTls } from './ftp-tls.ts'
import { Uploads } from './ftp-upload.ts'
import { formatListen, type ListenAddress, listenTcp, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { AllowOption, ListenOption, NameOption, RateOptions, withDefaults } from './options.ts'
import { stateOf } from './receiver-state.ts'
import { TlsOptions } from './tls-identity.ts'
import { FileOptions } from './unpack-deliver.ts'

/** Options that FTP and SFTP share. */
export const FileServerOptions = {
  allow: AllowOption,
  sources: Type.Array(Type.String({ pattern: '^[^/\\x00-\\x1f\\x7f]{1,128}$' }), {
    description: 'Names of the sources; each is a directory at the root, and files in it belong to it.',
    default: []
  }),
  anySource: Type.Boolean({ description: 'Clients may make other directories at the root; the name becomes the source.', default: false }),
  rootUploads: Type.Boolean({ description: 'Take files put at the root; what they are their lines tell.', default: true }),
  maxConnections: Type.Integer({ description: 'Connections at a time; more are refused and counted.', default: 100, minimum: 1 }),
  maxConnectionsPerPeer: Type.Integer({ description: 'Connections at a time from one address.', default: 20, minimum: 1 }),
  ...RateOptions,
  idleTimeoutMs: Type.Integer({ description: 'A client that says nothing for so long is sent away.', default: 300_000, minimum: 1 }),
  loginTimeoutMs: Type.Integer({ description: 'Time to log in, and for TLS handshakes.', default: 30_000, minimum: 1 }),
  ...LoginOptions,
  ...FileOptions
}

export const FtpOptions = Type.Object({
  name: NameOption('ftp'),
  listen: ListenOption('0.0.0.0:2121'),
  accounts: Type.Array(AccountOptions, { description: 'Who may log in. Each needs a password.', default: [{}] }),
  tls: Type.Optional(Type.Object(TlsOptions.properties, { description: 'Certificates for FTPS; without them there is no TLS.' })),
  tlsMode: Type.Union([Type.Literal('optional'), Type.Literal('required'), Type.Literal('implicit')], {
    description: 'With certificates: whether clients may, or must, begin TLS by AUTH TLS, or the connection begins with it (port 990).',
    default: 'optional'
  }),
  passivePortMin: Type.Integer({ description: 'First port of passive data connections.', default: 20_000, minimum: 0, maximum: 65_535 }),
  passivePortMax: Type.Integer({ description: 'Last port of passive data connections.', default: 20_099, minimum: 0, maximum: 65_535 }),
  advertisedAddress: Type.Optional(
    Type.String({ description: 'IPv4 address that clients reach this collector at, for PASV behind NAT or in a container.' })
  ),
  advertisedAddresses: Type.Array(
    Type.Object({
      clients: Type.Array(Type.String(), { description: 'Networks of clients.' }),
      address: Type.String({ description: 'IPv4 address for them.' })
    }),
    { description: 'Other addresses for some clients; the first entry that fits is used.', default: [] }
  ),
  activeMode: Type.Boolean({ description: 'Connect to clients that ask for it (PORT, EPRT), at their own address only.', default: true }),
  dataTimeoutMs: Type.Integer({
    description: 'A data connection that does not come, or is silent, for so long is given up.',
    default: 60_000,
    minimum: 1
  }),
  abortWaitMs: Type.Integer({
    description: 'Wait at the end of a file, to see whether the client is still there. Without it most aborted files look complete.',
    default: 100,
    minimum: 0
  }),
  ...FileServerOptions
})
export type FtpOptions = Static<typeof FtpOptions>

export interface FileServerDeps extends ReceiverDeps {
  /** True while nothing should be taken; asked before a file is begun. */
  isFull?: () => boolean
}

/** Options as a person gives them: accounts need no more than a name and a secret. */
export type FtpOptionsInput = Partial<Omit<FtpOptions, 'accounts'>> & { accounts?: Partial<FtpOptions['accounts'][number]>[] }

export class FtpReceiver implements Receiver {
  readonly name: string
  readonly #options: FtpOptions
  readonly #log: ReceiverLog
  readonly #allow: CidrList
  readonly #uploads: Uploads
  readonly #tls: FtpTls | undefined
  readonly #advertised: { clients: CidrList; address: string }[]
  readonly #sockets = new Map<Socket, string>()
  readonly #sessions = new Set<FtpSession>()
  #sessionDeps: FtpSessionDeps | undefined
  #server: Server | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  readonly #counters = {
    connections_total: 0,
    refused_total: 0,
    refused_not_allowed_total: 0,
    refused_limit_total: 0,
    refused_peer_limit_total: 0,
    logins_total: 0,
    logins_failed_total: 0,
    logins_blocked_total: 0,
    data_connections_refused_total: 0,
    handshake_failed_total: 0,
    idle_closed_total: 0
  }

  /** Throws RangeError for options that cannot be used, such as an account without a password. */
  constructor(options: FtpOptionsInput, deps: FileServerDeps) {
    this.#options = withDefaults(FtpOptions, options as Partial<FtpOptions>)
    const { name, accounts, tls, tlsMode, passivePortMin, passivePortMax, loginTimeoutMs } = this.#options
    checkSecrets(name, accounts, () => false)
    if (passivePortMax < passivePortMin) throw new RangeError(`Cannot use receiver "${name}": passivePortMax is below passivePortMin`)
    if (tls === undefined && tlsMode !== 'optional') throw new RangeError(`Cannot use receiver "${name}": tlsMode ${tlsMode} needs tls`)
    this.name = name
    this.#log = deps.log
    this.#allow = new CidrList(this.#options.allow)
    this.#address = parseListen(this.#options.listen)
    this.#advertised = advertisedOf(this.#options)
    this.#uploads = new Uploads(this.#options, {
      protocol: tlsMode === 'implicit' ? 'ftps' : 'ftp',
      log: deps.log,
      isFull: deps.isFull ?? (() => false)
    })
    this.#tls = tls === undefined ? undefined : new FtpTls(tls, { receiver: name, log: deps.log, timeoutMs: loginTimeoutMs })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#uploads.open = open
    try {
      const accounts = await Accounts.load(this.#options.accounts)
      await this.#tls?.start()
      this.#sessionDeps = this.#newSessionDeps(accounts)
      this.#server = createServer(socket => void this.#accept(socket))
      this.#address = await listenTcp(this.#server, this.#address)
    } catch (error) {
      this.#tls?.stop()
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    this.#server.on('error', error => this.#log.warn({ receiver: this.name, err: error }, 'listener error'))
    this.#state = 'listening'
    this.#logStart()
  }

  /** Takes no further file; those that run are taken to their end, or aborted when the signal fires. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#server?.close()
    this.#tls?.stop()
    await Promise.all([...this.#sessions].map(session => session.stop(deadline)))
    for (const socket of this.#sockets.keys()) socket.destroySoon()
  }

  /** Reads the certificate files again; a pair that does not work is not taken. */
  async reload(): Promise<void> {
    await this.#tls?.reload()
  }

  status(): ReceiverStatus[] {
    const { running, waiting, limited, heldBytes, counters } = this.#uploads
    return [
      {
        name: this.name,
        protocol: this.#options.tlsMode === 'implicit' ? 'ftps' : 'ftp',
        address: formatListen(this.#address),
        ...stateOf(this.#state, this.#reason, {
          ...this.#uploads.holds,
          isOutOfConnections: this.#sockets.size >= this.#options.maxConnections
        }),
        connections: this.#sockets.size,
        counters: { ...this.#counters, ...counters, ...this.#tls?.counters },
        gauges: {
          transfers: running,
          paused_transfers: waiting,
          rate_limited_transfers: limited,
          held_bytes: heldBytes,
          ...this.#tls?.gauges()
        }
      }
    ]
  }

  #newSessionDeps(accounts: Accounts): FtpSessionDeps {
    const { tlsMode, tls } = this.#options
    return {
      options: { ...this.#options, tls: tls === undefined ? 'none' : tlsMode === 'optional' ? 'optional' : 'required' },
      accounts,
      guard: new LoginGuard(this.#options),
      uploads: this.#uploads,
      tls: this.#tls,
      log: this.#log,
      counters: this.#counters,
      advertised: client => this.#advertised.find(({ clients }) => clients.size === 0 || clients.contains(client))?.address
    }
  }

  #logStart(): void {
    const { sources, passivePortMin, passivePortMax, advertisedAddress, tls, tlsMode } = this.#options
    const facts = { receiver: this.name, address: formatListen(this.#address), passivePorts: `${passivePortMin}-${passivePortMax}` }
    const more = { advertisedAddress, tls: tls === undefined ? 'none' : tlsMode, directories: sources.map(name => `/${name}`) }
    this.#log.debug({ ...facts, ...more }, 'listening for FTP; in a container publish the passive ports as well')
    if (tls === undefined) this.#log.warn({ receiver: this.name }, 'FTP without TLS: passwords and logs cross the network in the clear')
  }

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => {})
    const address = plainAddress(socket.remoteAddress ?? '')
    const refusal = this.#refusalOf(address)
    if (refusal !== undefined) {
      this.#counters.refused_total++
      this.#counters[refusal]++
      this.#log.debug({ receiver: this.name, peer: address, why: refusal }, 'connection refused')
      socket.destroy()
      return
    }
    this.#counters.connections_total++
    this.#sockets.set(socket, address)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#options.tlsMode !== 'implicit') return this.#converse(socket, socket, false)
    try {
      this.#converse(await this.#tls!.control(socket), socket, true)
    } catch (error) {
      this.#counters.handshake_failed_total++
      this.#log.debug({ receiver: this.name, peer: address, err: error }, 'TLS handshake failed')
    }
  }

  #converse(socket: Socket, raw: Socket, isSecure: boolean): void {
    const session = new FtpSession(socket, this.#sessionDeps!, isSecure)
    this.#sessions.add(session)
    raw.once('close', () => this.#sessions.delete(session))
  }

  #refusalOf(address: string): 'refused_not_allowed_total' | 'refused_limit_total' | 'refused_peer_limit_total' | undefined {
    if (this.#allow.size > 0 && !this.#allow.contains(address)) return 'refused_not_allowed_total'
    if (this.#sockets.size >= this.#options.maxConnections) return 'refused_limit_total'
    const peers = [...this.#sockets.values()].filter(each => each === address).length
    return peers >= this.#options.maxConnectionsPerPeer ? 'refused_peer_limit_total' : undefined
  }
}

function advertisedOf({ advertisedAddress, advertisedAddresses }: FtpOptions): { clients: CidrList; address: string }[] {
  const entries = [...advertisedAddresses, ...(advertisedAddress === undefined ? [] : [{ clients: [], address: advertisedAddress }])]
  return entries.map(({ clients, address }) => {
    if (!isIPv4(address)) throw new RangeError(`Cannot advertise "${address}" for PASV: expected an IPv4 address`)
    return { clients: new CidrList(clients), address }
  })
}
