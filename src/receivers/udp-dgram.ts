/** UDP by node:dgram on the calling thread, once per datagram: works everywhere, and stands still while the thread is busy. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import type { Intake } from '../contracts.ts'
import { CidrList, plainAddress } from '../lib/cidr.ts'
import type { ListenAddress } from './listen.ts'
import { ownSocketInodes } from './udp-kernel.ts'
import { UdpRates } from './udp-rates.ts'
import type { BoundUdp, UdpCounts, UdpHost, UdpWay } from './udp-way.ts'

/** While stopping: no datagram for so long means that the kernel's buffer is empty. */
const QUIET_MS = 20
const DRAIN_MAX_MS = 1000
const EXPIRE_INTERVAL_MS = 1000

interface KnownSender {
  intake: Intake
  /** Its bucket, where rates are limited. */
  rates: UdpRates | undefined
}

export class DgramUdp implements UdpWay {
  readonly #host: UdpHost
  readonly #allow: CidrList
  readonly #senders: LRUCache<string, KnownSender>
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #datagrams = 0
  #bytes = 0
  #refused = 0
  #rateLimited = 0
  #errors = 0

  constructor(host: UdpHost) {
    this.#host = host
    const { allow, maxSenders, senderIdleMs } = host.options
    this.#allow = new CidrList(allow)
    this.#senders = new LRUCache<string, KnownSender>({
      max: maxSenders,
      ttl: senderIdleMs,
      updateAgeOnGet: true,
      dispose: ({ intake }) => host.end(intake)
    })
  }

  async start({ host, port }: ListenAddress): Promise<BoundUdp> {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: this.#host.options.receiveBufferBytes })
    try {
      const bound = once(socket, 'listening')
      socket.bind({ address: host, port, exclusive: true })
      await bound
    } catch (error) {
      socket.close()
      throw error
    }
    this.#socket = socket
    socket.on('message', (datagram, sender) => this.#take(datagram, sender))
    socket.on('error', error => {
      this.#errors++
      this.#host.log.warn({ err: error, receiver: this.#host.name }, 'UDP socket error')
    })
    this.#timer = setInterval(() => this.#senders.purgeStale(), EXPIRE_INTERVAL_MS).unref()
    // Linux reports twice what it granted: half of it is for its own bookkeeping (socket(7), SO_RCVBUF).
    const grantedBytes = process.platform === 'linux' ? socket.getRecvBufferSize() / 2 : socket.getRecvBufferSize()
    return { port: socket.address().port, grantedBytes, inodes: await ownSocketInodes() }
  }

  async drain(deadline: AbortSignal): Promise<void> {
    const started = Date.now()
    for (let seen = -1; seen !== this.#datagrams && !deadline.aborted && Date.now() - started < DRAIN_MAX_MS; ) {
      seen = this.#datagrams
      await new Promise(resolve => setTimeout(resolve, QUIET_MS))
    }
    this.#socket?.removeAllListeners('message')
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#socket !== undefined) {
      const closed = once(this.#socket, 'close')
      this.#socket.close()
      await closed
    }
    this.#senders.clear()
  }

  get senders(): number {
    return this.#senders.size
  }

  counts(): UdpCounts {
    return {
      received_datagrams_total: this.#datagrams,
      received_bytes_total: this.#bytes,
      refused_total: this.#refused,
      rate_limited_total: this.#rateLimited,
      connection_errors_total: this.#errors,
      udp_lost_datagrams_total: 0,
      udp_thread_restarts_total: 0
    }
  }

  /** Hot path: once per datagram. */
  #take(datagram: Buffer, sender: RemoteInfo): void {
    let known = this.#senders.get(sender.address)
    if (known === undefined) {
      known = this.#openSender(sender.address)
      if (known === undefined) return
    }
    const { intake, rates } = known
    if (rates !== undefined && !rates.take(0, datagram.length, performance.now())) {
      this.#rateLimited++
      return
    }
    this.#datagrams++
    this.#bytes += datagram.length
    void intake.accept(datagram) // no way to make the sender wait
  }

  #openSender(socketAddress: string): KnownSender | undefined {
    const address = plainAddress(socketAddress)
    if (this.#allow.size > 0 && !this.#allow.contains(address)) {
      this.#refused++
      return undefined
    }
    const { maxFramesPerSecondPerPeer: datagrams, maxBytesPerSecondPerPeer: bytes } = this.#host.options
    const rates = datagrams > 0 || bytes > 0 ? new UdpRates(1, datagrams, bytes) : undefined
    rates?.reset(0, performance.now())
    const sender = { intake: this.#host.open(address), rates }
    this.#senders.set(socketAddress, sender)
    return sender
  }
}
