/**
 * SFTP, receive-only: the accounts, directories and promises of the FTP receiver over SSH. A file counts as uploaded when its
 * close was answered.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import ssh2, { type AuthContext, type ClientInfo, type Connection, type ParsedKey, type Server as SshServer } from 'ssh2'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import { orAborted } from './deadline.ts'
import { type FileServerDeps, FileServerOptions } from './ftp.ts'
import { type Account, AccountOptions, Accounts, checkSecrets, LoginGuard } from './ftp-accounts.ts'
import { Uploads } from './ftp-upload.ts'
import { formatListen, type ListenAddress, listenTcp, parseListen, type ReceiverLog } from './listen.ts'
import { ListenOption, NameOption, withDefaults } from './options.ts'
import { stateOf } from './receiver-state.ts'
import { isKeyGood, loadHostKeys, parsePublicKeys } from './sftp-keys.ts'
import { SftpSession } from './sftp-session.ts'

export const SftpAccountOptions = Type.Object({
  ...AccountOptions.properties,
  authorizedKeys: Type.Array(Type.String(), { description: 'Public keys as in authorized_keys, one each.', default: [] }),
  authorizedKeysFile: Type.Optional(Type.String({ description: 'File of public keys, one a line; read at start.', minLength: 1 }))
})

export const SftpOptions = Type.Object({
  name: NameOption('sftp'),
  listen: ListenOption('0.0.0.0:2222'),
  accounts: Type.Array(SftpAccountOptions, { description: 'Who may log in. Each needs a password or keys.', default: [{}] }),
  hostKeyFiles: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Private keys of this host. A file that is missing is made at the first start, with an Ed25519 key.',
    default: ['./data/sftp-host-key'],
    minItems: 1
  }),
  ...FileServerOptions
})
export type SftpOptions = Static<typeof SftpOptions>
export type SftpOptionsInput = Partial<Omit<SftpOptions, 'accounts'>> & { accounts?: Partial<SftpOptions['accounts'][number]>[] }

/** Attempts on one connection; agents offer key after key. */
const ATTEMPTS_MAX = 20
const CHANNELS_MAX = 4

export class SftpReceiver implements Receiver {
  readonly name: string
  readonly #options: SftpOptions
  readonly #log: ReceiverLog
  readonly #allow: CidrList
  readonly #uploads: Uploads
  readonly #guard: LoginGuard
  readonly #sockets = new Map<Socket, string>()
  readonly #sessions = new Set<SftpSession>()
  /** Sockets that have not sent their greeting, by address and port. */
  readonly #greeting = new Map<string, Socket>()
  readonly #loginTimers = new WeakMap<Socket, NodeJS.Timeout>()
  readonly #keys = new Map<string, ParsedKey[]>()
  #accounts: Accounts | undefined
  #ssh: SshServer | undefined
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
    connection_errors_total: 0,
    idle_closed_total: 0
  }

  /** Throws RangeError for options that cannot be used, such as an account with neither password nor key. */
  constructor(options: SftpOptionsInput, deps: FileServerDeps) {
    this.#options = withDefaults(SftpOptions, options as Partial<SftpOptions>)
    const { name, accounts } = this.#options
    checkSecrets(name, accounts, account => {
      const { authorizedKeys, authorizedKeysFile } = account as SftpOptions['accounts'][number]
      return authorizedKeys.length > 0 || authorizedKeysFile !== undefined
    })
    this.name = name
    this.#log = deps.log
    this.#allow = new CidrList(this.#options.allow)
    this.#guard = new LoginGuard(this.#options)
    this.#address = parseListen(this.#options.listen)
    this.#uploads = new Uploads(this.#options, { protocol: 'sftp', log: deps.log, isFull: deps.isFull ?? (() => false) })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#uploads.open = open
    try {
      this.#accounts = await Accounts.load(this.#options.accounts)
      await this.#loadKeys()
      const hostKeys = await loadHostKeys(this.#options.hostKeyFiles, this.name, this.#log)
      this.#ssh = new ssh2.Server({ hostKeys, ident: 'Sluice' })
      this.#ssh.on('connection', (client, info) => this.#greeted(client, info))
      this.#server = createServer(socket => this.#accept(socket))
      this.#address = await listenTcp(this.#server, this.#address)
    } catch (error) {
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    this.#server.on('error', error => this.#log.warn({ receiver: this.name, err: error }, 'listener error'))
    this.#state = 'listening'
    const directories = this.#options.sources.map(name => `/${name}`)
    this.#log.debug({ receiver: this.name, address: formatListen(this.#address), directories }, 'listening for SFTP')
  }

  /** Takes no further file; those that run are taken to their end, or aborted when the signal fires. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#server?.close()
    await orAborted(Promise.all([...this.#sessions].map(session => session.settled())), deadline)
    for (const socket of this.#sockets.keys()) socket.destroy()
    await orAborted(Promise.all([...this.#sessions].map(session => session.settled())), deadline)
  }

  status(): ReceiverStatus[] {
    const { running, waiting, limited, heldBytes, counters } = this.#uploads
    return [
      {
        name: this.name,
        protocol: 'sftp',
        address: formatListen(this.#address),
        ...stateOf(this.#state, this.#reason, {
          ...this.#uploads.holds,
          isOutOfConnections: this.#sockets.size >= this.#options.maxConnections
        }),
        connections: this.#sockets.size,
        counters: { ...this.#counters, ...counters },
        gauges: { transfers: running, paused_transfers: waiting, rate_limited_transfers: limited, held_bytes: heldBytes }
      }
    ]
  }

  async #loadKeys(): Promise<void> {
    for (const { name, authorizedKeys, authorizedKeysFile } of this.#options.accounts) {
      const fromFile =
        authorizedKeysFile === undefined
          ? ''
          : await readFile(authorizedKeysFile, 'utf8').catch(error => {
              throw new CollectorError('CONFIG_INVALID', `Cannot read the keys of account "${name}": ${error.message}`, { cause: error })
            })
      this.#keys.set(name, parsePublicKeys(name, [...authorizedKeys, fromFile].join('\n')))
    }
  }

  #accept(socket: Socket): void {
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
    // Clients that wait for the answer of each write would otherwise wait for a delayed ACK as well, 40 ms each time.
    socket.setNoDelay(true)
    this.#counters.connections_total++
    this.#sockets.set(socket, address)
    socket.once('close', () => this.#sockets.delete(socket))
    const login = setTimeout(() => {
      this.#counters.idle_closed_total++
      socket.destroy()
    }, this.#options.loginTimeoutMs)
    const key = keyOf(address, socket.remotePort)
    socket.once('close', () => {
      clearTimeout(login)
      this.#greeting.delete(key)
    })
    this.#greeting.set(key, socket)
    this.#loginTimers.set(socket, login)
    this.#ssh!.injectSocket(socket)
  }

  /** The client has sent its greeting; until then ssh2 shows only the socket. */
  #greeted(client: Connection, info: ClientInfo): void {
    const address = plainAddress(info.ip)
    const socket = this.#greeting.get(keyOf(address, info.port))
    if (socket === undefined) client.end()
    else this.#converse(client, socket, address)
  }

  #converse(client: Connection, socket: Socket, address: string): void {
    const own = new Set<SftpSession>()
    let account: Account | undefined
    let attempts = 0
    const { idleTimeoutMs } = this.#options
    socket.setTimeout(idleTimeoutMs)
    socket.on('timeout', () => {
      if ([...own].some(session => session.owesAnswer)) {
        socket.setTimeout(idleTimeoutMs) // it is we who are slow; a socket tells such a time once
        return
      }
      this.#counters.idle_closed_total++
      socket.destroy()
    })
    client.on('error', error => {
      this.#counters.connection_errors_total++
      this.#log.debug({ receiver: this.name, peer: address, err: error }, 'SSH connection error')
    })
    client.on('authentication', context => {
      if (++attempts > ATTEMPTS_MAX) socket.destroy()
      else {
        void this.#authenticate(context, address).then(found => {
          account = found ?? account
        })
      }
    })
    client.on('ready', () => clearTimeout(this.#loginTimers.get(socket)))
    client.on('session', (accept, reject) => {
      if (own.size >= CHANNELS_MAX || account === undefined) {
        reject()
        return
      }
      const session = accept()
      session.on('sftp', acceptSftp => {
        const deps = { account: account!, uploads: this.#uploads, address, isStopping: () => this.#state !== 'listening' }
        const sftp = new SftpSession(acceptSftp(), deps)
        own.add(sftp)
        this.#sessions.add(sftp)
      })
    })
    socket.once('close', () => {
      for (const session of own) {
        session.abort('the client went away in the middle of the transfer')
        void session.settled().then(() => this.#sessions.delete(session))
      }
    })
  }

  async #authenticate(context: AuthContext, address: string): Promise<Account | undefined> {
    const { username: name, method } = context
    const facts = { receiver: this.name, peer: address, account: this.#accounts!.nameForLog(name), method }
    if (this.#guard.isBlocked(address)) {
      this.#counters.logins_blocked_total++
      context.reject([])
      return undefined
    }
    const account = await this.#verified(context)
    if (account !== undefined) {
      const isQuestion = context.method === 'publickey' && context.signature === undefined
      if (!isQuestion) {
        this.#guard.passed(address)
        this.#counters.logins_total++
        this.#log.info(facts, 'logged in')
      }
      context.accept()
      return isQuestion ? undefined : account
    }
    if (method === 'password') {
      this.#counters.logins_failed_total++
      this.#log.warn(facts, 'login refused')
      await this.#guard.failed(address)
    }
    context.reject(['password', 'publickey'])
    return undefined
  }

  async #verified(context: AuthContext): Promise<Account | undefined> {
    if (context.method === 'password') return this.#accounts!.verify(context.username, context.password)
    if (context.method !== 'publickey' || !isKeyGood(context, this.#keys.get(context.username) ?? [])) return undefined
    return this.#accounts!.named(context.username)
  }

  #refusalOf(address: string): 'refused_not_allowed_total' | 'refused_limit_total' | 'refused_peer_limit_total' | undefined {
    if (this.#allow.size > 0 && !this.#allow.contains(address)) return 'refused_not_allowed_total'
    if (this.#sockets.size >= this.#options.maxConnections) return 'refused_limit_total'
    const peers = [...this.#sockets.values()].filter(each => each === address).length
    return peers >= this.#options.maxConnectionsPerPeer ? 'refused_peer_limit_total' : undefined
  }
}

const keyOf = (address: string, port: number | undefined): string => `${address} ${port}`
