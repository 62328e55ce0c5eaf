/**
 * UDP by recvmmsg in a thread of its own, so that no pause of another thread loses datagrams while there is memory: the socket
 * is opened here, the thread reads it (udp-loop.ts), and its blocks of frames go on to the lanes as they come. A thread that
 * ends unexpectedly is started again on the same socket; what it held is lost and counted.
 */

import { lookup } from 'node:dns/promises'
import { readlink } from 'node:fs/promises'
import { isIP } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { Intake } from '../contracts.ts'
import { orAborted } from './deadline.ts'
import type { ListenAddress } from './listen.ts'
import { passesSelfTest } from './udp-batch.ts'
import { loadUdpLibc, type UdpLibc } from './udp-libc.ts'
import { type FromUdpThread, UdpShared, type UdpThreadData } from './udp-shared.ts'
import type { BoundUdp, UdpCounts, UdpHost, UdpWay } from './udp-way.ts'

/** The thread makes no garbage to speak of. */
const YOUNG_GENERATION_MB = 2
/** Pause before the thread is started again, doubled each time it fails at once. */
const RESTART_MS = 50
const RESTART_MAX_MS = 5000
/** A thread that lived for so long did not fail at once. */
const LIVED_MS = 10_000

/** What is needed for this way, or why it cannot be had. */
export function prepareNative(): UdpLibc | { reason: string } {
  const libc = loadUdpLibc()
  if ('reason' in libc) return libc
  try {
    if (passesSelfTest(libc)) return libc
    libc.dispose()
    return { reason: 'recvmmsg does not work here as it should' }
  } catch (error) {
    libc.dispose()
    return { reason: (error as Error).message }
  }
}

export class NativeUdp implements UdpWay {
  readonly #host: UdpHost
  readonly #libc: UdpLibc
  readonly #threadFile: URL
  readonly #shared = new UdpShared()
  readonly #senders = new Map<number, Intake>()
  #fd = -1
  #worker: Worker | undefined
  /** Resolves when the thread has ended for good. */
  #ended: Promise<void> = Promise.resolve()
  /** Messages of the thread are worked on one after the other. */
  #chain: Promise<void> = Promise.resolve()
  #isStopping = false
  #delivered = 0
  #lost = 0
  #restarts = 0
  #restartMs = RESTART_MS

  constructor(host: UdpHost, libc: UdpLibc, threadFile: URL) {
    this.#host = host
    this.#libc = libc
    this.#threadFile = threadFile
  }

  async start({ host, port }: ListenAddress): Promise<BoundUdp> {
    const address = isIP(host) === 0 ? (await lookup(host)).address : host
    this.#fd = this.#libc.open(address, port)
    try {
      const grantedBytes = this.#libc.setReceiveBuffer(this.#fd, this.#host.options.receiveBufferBytes)
      const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/self/fd/${this.#fd}`).catch(() => ''))?.[1]
      await this.#startThread()
      return { port: this.#libc.portOf(this.#fd), grantedBytes, inodes: new Set(inode === undefined ? [] : [inode]) }
    } catch (error) {
      this.#closeSocket()
      throw error
    }
  }

  /** Resolves when the thread reads the socket. */
  async #startThread(): Promise<void> {
    const { allow, maxSenders, senderIdleMs, maxFramesPerSecondPerPeer, maxBytesPerSecondPerPeer } = this.#host.options
    const workerData: UdpThreadData = {
      fd: this.#fd,
      shared: this.#shared.memory,
      allow,
      maxSenders,
      senderIdleMs,
      maxDatagramsPerSecond: maxFramesPerSecondPerPeer,
      maxBytesPerSecond: maxBytesPerSecondPerPeer
    }
    const worker = new Worker(this.#threadFile, { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } })
    const startedMs = Date.now()
    let failure: Error | undefined
    worker.on('error', error => {
      failure = error as Error
    })
    const exited = new Promise<Error>(resolve => {
      worker.once('exit', code => resolve(failure ?? new Error(`it ended with code ${code}`)))
    })
    const ready = new Promise<void>(resolve => {
      worker.on('message', (message: FromUdpThread) => {
        if (message.type === 'ready') resolve()
        else this.#chain = this.#chain.then(() => this.#take(worker, message))
      })
    })
    const failed = await Promise.race([ready, exited])
    if (failed instanceof Error) throw failed
    this.#worker = worker
    this.#ended = exited.then(error => this.#onExit(error, Date.now() - startedMs))
  }

  async #take(worker: Worker, message: FromUdpThread & { type: 'handed-over' }): Promise<void> {
    for (const [number, address] of message.opened) this.#senders.set(number, this.#host.open(address))
    if (message.block !== undefined) {
      const memory = await this.#host.take(message.block, this.#senders)
      worker.postMessage(memory)
      this.#shared.wake()
    }
    this.#delivered += message.datagrams
    for (const number of message.forgotten) this.#endSender(number)
  }

  #endSender(number: number): void {
    const intake = this.#senders.get(number)
    this.#senders.delete(number)
    if (intake !== undefined) this.#host.end(intake)
  }

  /** What the thread had read and not handed over is lost with it; the kernel's buffer holds what comes until the next one reads. */
  async #onExit(error: Error, livedMs: number): Promise<void> {
    this.#worker = undefined
    await this.#chain
    for (const number of [...this.#senders.keys()]) this.#endSender(number)
    if (this.#isStopping) return
    const lost = this.#shared.count('datagrams') - this.#delivered - this.#lost
    this.#lost += lost
    this.#restartMs = livedMs > LIVED_MS ? RESTART_MS : this.#restartMs
    await this.#restart(error, lost)
  }

  async #restart(error: Error, lost: number): Promise<void> {
    const { log, name, failed } = this.#host
    log.error({ err: error, receiver: name, lostDatagrams: lost }, 'the receiving thread of UDP ended; it is started again')
    failed(`the receiving thread ended: ${error.message}`)
    await new Promise(resolve => setTimeout(resolve, this.#restartMs))
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MAX_MS)
    if (this.#isStopping) return
    this.#restarts++
    const again = await this.#startThread().catch((cause: Error) => cause)
    if (again instanceof Error) await this.#restart(again, 0)
    else failed(undefined)
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true
    this.#shared.end('drain')
    await orAborted(this.#ended, deadline)
    this.#shared.end('now')
  }

  async close(): Promise<void> {
    this.#isStopping = true
    this.#shared.end('now')
    await this.#worker?.terminate()
    this.#closeSocket()
    for (const number of [...this.#senders.keys()]) this.#endSender(number)
  }

  #closeSocket(): void {
    if (this.#fd >= 0) this.#libc.close(this.#fd)
    this.#fd = -1
    this.#libc.dispose()
  }

  get senders(): number {
    return this.#senders.size
  }

  counts(): UdpCounts {
    return {
      received_datagrams_total: this.#shared.count('datagrams'),
      received_bytes_total: this.#shared.count('bytes'),
      refused_total: this.#shared.count('refused'),
      rate_limited_total: this.#shared.count('rateLimited'),
      connection_errors_total: 0,
      udp_lost_datagrams_total: this.#lost,
      udp_thread_restarts_total: this.#restarts
    }
  }
}
