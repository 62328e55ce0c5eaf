/**
 * Syslog over UDP (RFC 5426). One intake per sender address, so that framing and blocks are per sender. UDP cannot wait: what
 * finds no room is shed and counted by the pipeline, and what the kernel dropped before us is counted here.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import Type, { type Static } from 'typebox'
import type { Intake, OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import { orAborted } from './deadline.ts'
import { formatListen, type ListenAddress, listenError, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { AllowOption, ListenOption, NameOption, withDefaults } from './options.ts'
import { ownSocketInodes, readKernelDrops } from './udp-kernel.ts'

export const SyslogUdpOptions = Type.Object({
  name: NameOption('syslog-udp'),
  listen: ListenOption('0.0.0.0:5514'),
  allow: AllowOption,
  receiveBufferBytes: Type.Integer({
    description: 'Kernel receive buffer to ask for; the kernel caps it at net.core.rmem_max.',
    default: 8 * 1024 * 1024,
    minimum: 4096,
    maximum: 1024 * 1024 * 1024
  }),
  maxSenders: Type.Integer({
    description: 'Sender addresses kept at a time; the longest silent one gives way.',
    default: 4096,
    minimum: 1
  }),
  senderIdleMs: Type.Integer({ description: 'A sender silent for so long is forgotten.', default: 10 * 60_000, minimum: 1 })
})
export type SyslogUdpOptions = Static<typeof SyslogUdpOptions>

const POLL_INTERVAL_MS = 1000
/** While stopping: no datagram for so long means that the kernel's buffer is empty. */
const QUIET_MS = 20
const STOP_MAX_MS = 1000

export class SyslogUdpReceiver implements Receiver {
  readonly name: string
  readonly #options: SyslogUdpOptions
  readonly #log: ReceiverLog
  readonly #allow: CidrList
  readonly #senders: LRUCache<string, Intake>
  readonly #ending = new Set<Promise<void>>()
  #open: OpenIntake | undefined
  #socket: Socket | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  #poll: NodeJS.Timeout | undefined
  #inodes: ReadonlySet<string> = new Set()
  #grantedBytes = 0
  #datagrams = 0
  #bytes = 0
  #refused = 0
  #socketErrors = 0
  #commitFailed = 0
  #kernelDropped = 0

  constructor(options: Partial<SyslogUdpOptions>, deps: ReceiverDeps) {
    this.#options = withDefaults(SyslogUdpOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#allow = new CidrList(this.#options.allow)
    this.#address = parseListen(this.#options.listen)
    this.#senders = new LRUCache<string, Intake>({
      max: this.#options.maxSenders,
      ttl: this.#options.senderIdleMs,
      updateAgeOnGet: true,
      dispose: intake => this.#endIntake(intake)
    })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    const { host, port } = this.#address
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: this.#options.receiveBufferBytes })
    this.#socket = socket
    try {
      const bound = once(socket, 'listening')
      socket.bind({ address: host, port, exclusive: true })
      await bound
    } catch (error) {
      this.#state = 'failed'
      const failure = listenError(error, this.#address, 'udp')
      this.#reason = failure.message
      socket.close()
      throw failure
    }
    this.#address = { host, port: socket.address().port }
    socket.on('message', (datagram, sender) => this.#take(datagram, sender))
    socket.on('error', error => {
      this.#socketErrors++
      this.#log.warn({ err: error, receiver: this.name }, 'UDP socket error')
    })
    this.#state = 'listening'
    this.#checkBuffer(socket)
    this.#inodes = await ownSocketInodes()
    await this.#readDrops()
    this.#poll = setInterval(() => this.#tick(), POLL_INTERVAL_MS)
    this.#poll.unref()
    this.#log.debug({ receiver: this.name, address: formatListen(this.#address) }, 'listening for syslog over UDP')
  }

  /** Takes what the kernel still holds, then closes; every sender's intake is ended. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#socket === undefined || this.#state !== 'listening') return
    clearInterval(this.#poll)
    const started = Date.now()
    for (let seen = -1; seen !== this.#datagrams && !deadline.aborted && Date.now() - started < STOP_MAX_MS; ) {
      seen = this.#datagrams
      await new Promise(resolve => setTimeout(resolve, QUIET_MS))
    }
    await this.#readDrops()
    this.#state = 'stopped'
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
    this.#senders.clear()
    await orAborted(Promise.all(this.#ending), deadline)
  }

  status(): ReceiverStatus[] {
    return [
      {
        name: this.name,
        protocol: 'syslog-udp',
        address: formatListen(this.#address),
        state: this.#state,
        ...(this.#reason === undefined ? {} : { reason: this.#reason }),
        connections: this.#senders.size,
        counters: {
          received_datagrams_total: this.#datagrams,
          received_bytes_total: this.#bytes,
          refused_total: this.#refused,
          connection_errors_total: this.#socketErrors,
          commit_failed_total: this.#commitFailed,
          udp_kernel_dropped_datagrams_total: this.#kernelDropped
        },
        gauges: { receive_buffer_asked_bytes: this.#options.receiveBufferBytes, receive_buffer_granted_bytes: this.#grantedBytes }
      }
    ]
  }

  /** Hot path: once per datagram. */
  #take(datagram: Buffer, sender: RemoteInfo): void {
    let intake = this.#senders.get(sender.address)
    if (intake === undefined) {
      intake = this.#openSender(sender.address)
      if (intake === undefined) return
    }
    this.#datagrams++
    this.#bytes += datagram.length
    void intake.accept(datagram) // no way to make the sender wait
  }

  #openSender(socketAddress: string): Intake | undefined {
    const address = plainAddress(socketAddress)
    if (this.#allow.size > 0 && !this.#allow.contains(address)) {
      this.#refused++
      return undefined
    }
    const intake = this.#open!({ receiver: this.name, protocol: 'syslog-udp', address }, 'datagram')
    this.#senders.set(socketAddress, intake)
    return intake
  }

  #endIntake(intake: Intake): void {
    const ended = intake
      .end()
      .catch(error => {
        this.#commitFailed++
        this.#log.debug({ err: error, receiver: this.name }, 'a UDP sender ended without commit')
      })
      .finally(() => this.#ending.delete(ended))
    this.#ending.add(ended)
  }

  #checkBuffer(socket: Socket): void {
    const asked = this.#options.receiveBufferBytes
    // Linux reports twice what it granted: half of it is for its own bookkeeping (socket(7), SO_RCVBUF).
    this.#grantedBytes = process.platform === 'linux' ? socket.getRecvBufferSize() / 2 : socket.getRecvBufferSize()
    if (this.#grantedBytes >= asked) return
    this.#log.warn(
      { receiver: this.name, askedBytes: asked, grantedBytes: this.#grantedBytes },
      `the kernel granted ${this.#grantedBytes} of ${asked} bytes of receive buffer; bursts may be lost. On the host: sysctl -w net.core.rmem_max=${asked}`
    )
  }

  #tick(): void {
    this.#senders.purgeStale()
    void this.#readDrops()
  }

  async #readDrops(): Promise<void> {
    const before = this.#kernelDropped
    const dropped = await readKernelDrops(this.#address.port, this.#inodes)
    if (dropped === undefined || dropped <= before) return
    this.#kernelDropped = dropped
    this.#log.error(
      { receiver: this.name, datagrams: dropped - before },
      'the kernel dropped datagrams because the receive buffer was full'
    )
  }
}
