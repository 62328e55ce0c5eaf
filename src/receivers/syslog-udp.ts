/**
 * Syslog over UDP (RFC 5426). One intake per sender address. There are two ways to receive, which this file chooses between:
 * recvmmsg in a thread of its own (udp-native.ts) and node:dgram (udp-dgram.ts). What the kernel dropped before us is counted here.
 */
import Type, { type Static } from 'typebox'
import type { Intake, OpenIntake, Receiver, ReceiverState, ReceiverStatus, TakeBlock } from '../contracts.ts'
import { CidrList } from '../lib/cidr.ts'
import { orAborted } from './deadline.ts'
import { formatListen, type ListenAddress, listenError, parseListen, type ReceiverDeps, type ReceiverLog } from './listen.ts'
import { AllowOption, ListenOption, NameOption, RateOptions, withDefaults } from './options.ts'
import { DgramUdp } from './udp-dgram.ts'
import { readKernelDrops } from './udp-kernel.ts'
import { NativeUdp, prepareNative } from './udp-native.ts'
import type { BoundUdp, UdpCounts, UdpHost, UdpWay } from './udp-way.ts'

export const SyslogUdpOptions = Type.Object({
  name: NameOption('syslog-udp'),
  listen: ListenOption('0.0.0.0:5514'),
  allow: AllowOption,
  receiveBufferBytes: Type.Integer({
    description: 'Kernel receive buffer to ask for; the kernel caps it at net.core.rmem_max unless the process has CAP_NET_ADMIN.',
    default: 8 * 1024 * 1024,
    minimum: 4096,
    maximum: 1024 * 1024 * 1024
  }),
  way: Type.Enum(['auto', 'native', 'dgram'], {
    description: 'Receive by recvmmsg in a thread of its own, by node:dgram, or by the former where it can be had.',
    default: 'auto'
  }),
  maxSenders: Type.Integer({
    description: 'Sender addresses kept at a time; the longest silent one gives way.',
    default: 4096,
    minimum: 1
  }),
  ...RateOptions,
  senderIdleMs: Type.Integer({ description: 'A sender silent for so long is forgotten.', default: 10 * 60_000, minimum: 1 })
})
export type SyslogUdpOptions = Static<typeof SyslogUdpOptions>

export interface SyslogUdpDeps extends ReceiverDeps {
  /** Program of the receiving thread (pipeline/udp-thread.ts). */
  threadFile: URL
}

const POLL_INTERVAL_MS = 1000

export class SyslogUdpReceiver implements Receiver {
  readonly name: string
  readonly #options: SyslogUdpOptions
  readonly #log: ReceiverLog
  readonly #threadFile: URL
  readonly #ending = new Set<Promise<void>>()
  #way: UdpWay | undefined
  #address: ListenAddress
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  #poll: NodeJS.Timeout | undefined
  #inodes: ReadonlySet<string> = new Set()
  #grantedBytes = 0
  #commitFailed = 0
  #kernelDropped = 0

  constructor(options: Partial<SyslogUdpOptions>, deps: SyslogUdpDeps) {
    this.#options = withDefaults(SyslogUdpOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#threadFile = deps.threadFile
    new CidrList(this.#options.allow) // refuses what is no network
    this.#address = parseListen(this.#options.listen)
  }

  async start(open: OpenIntake, take: TakeBlock): Promise<void> {
    const { bound, text } = await this.#bind({
      name: this.name,
      options: this.#options,
      log: this.#log,
      take,
      open: address => open({ receiver: this.name, protocol: 'syslog-udp', address }, 'datagram'),
      end: intake => this.#endIntake(intake),
      failed: reason => {
        this.#state = reason === undefined ? 'listening' : 'failed'
        this.#reason = reason
      }
    })
    this.#address = { host: this.#address.host, port: bound.port }
    this.#state = 'listening'
    this.#grantedBytes = bound.grantedBytes
    this.#inodes = bound.inodes
    this.#warnOfBuffer()
    await this.#readDrops()
    this.#poll = setInterval(() => void this.#readDrops(), POLL_INTERVAL_MS).unref()
    this.#log.info({ receiver: this.name, address: formatListen(this.#address) }, `UDP is received ${text}`)
  }

  /** Binds in the way that was asked for or, with `auto`, that can be had. */
  async #bind(host: UdpHost): Promise<{ bound: BoundUdp; text: string }> {
    const { way } = this.#options
    try {
      if (way === 'dgram') return { bound: await this.#startWay(new DgramUdp(host)), text: 'by node:dgram (as configured)' }
      const native = await this.#startNative(host).catch((error: Error) => error)
      if (!(native instanceof Error)) return { bound: native, text: 'by recvmmsg in a thread of its own' }
      if (way === 'native') throw native
      return { bound: await this.#startWay(new DgramUdp(host)), text: `by node:dgram (${native.message})` }
    } catch (error) {
      this.#state = 'failed'
      const failure = listenError(error, this.#address, 'udp')
      this.#reason = failure.message
      throw failure
    }
  }

  async #startNative(host: UdpHost): Promise<BoundUdp> {
    const libc = prepareNative()
    if ('reason' in libc) throw new Error(`no recvmmsg: ${libc.reason}`)
    return this.#startWay(new NativeUdp(host, libc, this.#threadFile))
  }

  async #startWay(way: UdpWay): Promise<BoundUdp> {
    const bound = await way.start(this.#address)
    this.#way = way
    return bound
  }

  /** Takes what the kernel still holds, then closes; every sender's intake is ended. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#way === undefined || this.#state === 'stopped') return
    clearInterval(this.#poll)
    await this.#way.drain(deadline)
    await this.#readDrops()
    this.#state = 'stopped'
    await this.#way.close()
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
        connections: this.#way?.senders ?? 0,
        counters: {
          ...(this.#way?.counts() ?? NO_COUNTS),
          commit_failed_total: this.#commitFailed,
          udp_kernel_dropped_datagrams_total: this.#kernelDropped
        },
        gauges: {
          receive_buffer_asked_bytes: this.#options.receiveBufferBytes,
          receive_buffer_granted_bytes: this.#grantedBytes,
          udp_native: this.#way instanceof NativeUdp ? 1 : 0
        }
      }
    ]
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

  #warnOfBuffer(): void {
    const asked = this.#options.receiveBufferBytes
    if (this.#grantedBytes >= asked) return
    this.#log.warn(
      { receiver: this.name, askedBytes: asked, grantedBytes: this.#grantedBytes },
      `the kernel granted ${this.#grantedBytes} of ${asked} bytes of receive buffer; bursts may be lost. On the host: sysctl -w net.core.rmem_max=${asked}`
    )
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

const NO_COUNTS: UdpCounts = {
  received_datagrams_total: 0,
  received_bytes_total: 0,
  refused_total: 0,
  rate_limited_total: 0,
  connection_errors_total: 0,
  udp_lost_datagrams_total: 0,
  udp_thread_restarts_total: 0
}
