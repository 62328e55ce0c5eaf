/**
 * Hot path: once per datagram. The loop of the receiving thread: datagrams by recvmmsg into blocks of whole frames with their
 * senders, handed over when full or after a while. It never goes back to the event loop; messages are read between two calls,
 * and where there is nothing to do it sleeps in poll(2).
 *
 * When all its blocks are on the way, it sleeps until one comes back: the kernel's buffer is the queue then, and what it has to
 * drop is in the kernel's count.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { OnFrame } from '../contracts.ts'
import { CidrList } from '../lib/cidr.ts'
import { BLOCK_BYTES, FrameBlock } from '../lib/frame-block.ts'
import { DatagramBatch } from './udp-batch.ts'
import type { UdpLibc } from './udp-libc.ts'
import { UdpRates } from './udp-rates.ts'
import { SenderTable } from './udp-senders.ts'
import { type FromUdpThread, UdpShared, type UdpThreadData } from './udp-shared.ts'
import { readSockaddr } from './udp-sockaddr.ts'

/** Memory of all blocks of the thread. */
const POOL_BYTES = 16 * 1024 * 1024
const BLOCKS_MAX = Math.floor(POOL_BYTES / BLOCK_BYTES)
/** A block that is not full is handed over after this long, so that quiet senders are not delayed. */
const HAND_OVER_MS = 50
/** The longest sleep: after it the thread looks whether it should end. */
const IDLE_WAIT_MS = 50
const STARVED_WAIT_MS = 50
/** While draining: nothing for so long means that the kernel's buffer is empty. */
const QUIET_MS = 20
const DRAIN_MAX_MS = 1000
/** Refused addresses that are known, so that a flood of them makes no text per datagram. */
const REFUSED_MAX = 256

/** Cuts a datagram into frames; a line feed lies behind its end. */
export interface DatagramCutter {
  feedRange(buf: Buffer, start: number, end: number, onFrame: OnFrame): void
}

export class UdpLoop {
  readonly #fd: number
  readonly #libc: UdpLibc
  readonly #batch: DatagramBatch
  readonly #shared: UdpShared
  readonly #port: MessagePort
  readonly #cutter: DatagramCutter
  readonly #allow: CidrList
  readonly #senders: SenderTable
  readonly #refused = new SenderTable(REFUSED_MAX)
  readonly #senderIdleMs: number
  readonly #rates: UdpRates | undefined
  readonly #spare: SharedArrayBuffer[] = []
  readonly #opened: [number, string][] = []
  readonly #forgotten: number[] = []
  readonly #onFrame: OnFrame
  readonly #onForgotten = (number: number): void => void this.#forgotten.push(number)
  #allocated = 0
  #block: FrameBlock | undefined
  /** Since the last message: datagrams, those among them that were cut, and when the first came. */
  #datagrams = 0
  #truncated = 0
  #sinceMs = 0
  /** Sender of the datagram at hand. */
  #sender = 0

  constructor(data: UdpThreadData, libc: UdpLibc, port: MessagePort, cutter: DatagramCutter) {
    this.#fd = data.fd
    this.#libc = libc
    this.#batch = new DatagramBatch(libc, data.fd)
    this.#shared = new UdpShared(data.shared)
    this.#port = port
    this.#cutter = cutter
    this.#allow = new CidrList(data.allow)
    this.#senders = new SenderTable(data.maxSenders)
    this.#senderIdleMs = data.senderIdleMs
    const { maxDatagramsPerSecond, maxBytesPerSecond } = data
    if (maxDatagramsPerSecond > 0 || maxBytesPerSecond > 0)
      this.#rates = new UdpRates(data.maxSenders, maxDatagramsPerSecond, maxBytesPerSecond)
    this.#onFrame = (buf, start, end) => this.#append(buf, start, end)
  }

  /** Receives until it is told to end. */
  run(): void {
    const shared = this.#shared
    let drainingSinceMs = 0
    let lastMs = performance.now()
    while (!shared.mustEnd) {
      const count = this.#batch.receive()
      const nowMs = performance.now()
      if (count > 0) {
        this.#take(count, nowMs)
        lastMs = nowMs
      }
      if (this.#datagrams > 0 && nowMs - this.#sinceMs >= HAND_OVER_MS) this.#handOver()
      if (shared.isDraining) {
        if (drainingSinceMs === 0) {
          drainingSinceMs = nowMs
          lastMs = nowMs
        }
        if ((count === 0 && nowMs - lastMs >= QUIET_MS) || nowMs - drainingSinceMs >= DRAIN_MAX_MS) break
      }
      if (count === 0) this.#rest(nowMs, shared.isDraining ? QUIET_MS : IDLE_WAIT_MS)
    }
    this.#handOver()
  }

  free(): void {
    this.#batch.free()
  }

  #rest(nowMs: number, idleMs: number): void {
    this.#senders.expire(nowMs - this.#senderIdleMs, this.#onForgotten)
    if (this.#forgotten.length > 0) this.#handOver()
    const dueMs = this.#datagrams > 0 ? Math.max(1, Math.ceil(this.#sinceMs + HAND_OVER_MS - nowMs)) : idleMs
    this.#libc.waitReadable(this.#fd, Math.min(dueMs, idleMs))
  }

  #take(count: number, nowMs: number): void {
    const batch = this.#batch
    for (let i = 0; i < count; i++) {
      const sender = this.#senderOf(batch.nameAt(i), nowMs)
      if (sender < 0) {
        this.#shared.add.refused()
        continue
      }
      const start = batch.start(i)
      const end = batch.end(i)
      if (this.#rates !== undefined && !this.#rates.take(this.#senders.entry, end - start, nowMs)) {
        this.#shared.add.rateLimited()
        continue
      }
      if (this.#datagrams++ === 0) this.#sinceMs = nowMs
      this.#shared.add.datagram(end - start)
      if (batch.isTruncated(i)) {
        this.#truncated++
        this.#shared.add.truncated()
      }
      this.#sender = sender
      this.#cutter.feedRange(batch.bytes, start, end, this.#onFrame)
    }
  }

  /** Number of a sender, or -1 when it may not send. */
  #senderOf(nameAt: number, nowMs: number): number {
    const { fields } = this.#batch
    const known = this.#senders.find(fields, nameAt, nowMs)
    if (known >= 0) return known
    if (this.#allow.size > 0) {
      if (this.#refused.find(fields, nameAt, nowMs) >= 0) return -1
      if (!this.#allow.contains(readSockaddr(fields, nameAt).address)) {
        this.#refused.add(nowMs, ignore)
        return -1
      }
    }
    const number = this.#senders.add(nowMs, this.#onForgotten)
    this.#rates?.reset(this.#senders.entry, nowMs)
    this.#opened.push([number, readSockaddr(fields, nameAt).address])
    return number
  }

  #append(buf: Buffer, start: number, end: number): void {
    const block = (this.#block ??= this.#emptyBlock())
    block.append(buf, start, end, this.#sender)
    if (block.isFull) this.#handOver()
  }

  /** An empty block; sleeps until one comes back when all are on the way. */
  #emptyBlock(): FrameBlock {
    for (;;) {
      const { returns } = this.#shared
      this.#collect()
      const memory = this.#spare.pop()
      if (memory !== undefined) return new FrameBlock(memory)
      // Past the bound only when the end cannot wait: nobody would send memory any more.
      if (this.#allocated < BLOCKS_MAX || this.#shared.mustEnd) {
        this.#allocated++
        return new FrameBlock()
      }
      this.#shared.waitForReturn(returns, STARVED_WAIT_MS)
    }
  }

  #collect(): void {
    for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
      this.#spare.push(got.message as SharedArrayBuffer)
    }
  }

  #handOver(): void {
    const filled = this.#block
    if (filled === undefined && this.#datagrams === 0 && this.#opened.length === 0 && this.#forgotten.length === 0) return
    this.#block = undefined
    const block =
      filled === undefined ? undefined : { memory: filled.memory, count: filled.count, used: filled.used, truncated: this.#truncated }
    const message: FromUdpThread = {
      type: 'handed-over',
      block,
      datagrams: this.#datagrams,
      opened: this.#opened.splice(0),
      forgotten: this.#forgotten.splice(0)
    }
    this.#datagrams = 0
    if (filled !== undefined) this.#truncated = 0
    this.#port.postMessage(message)
  }
}

const ignore = (): void => undefined
