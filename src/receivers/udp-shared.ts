/** What the receiving thread and the main thread share and tell each other. */
import type { FilledBlock } from '../contracts.ts'

/** What the thread is told to begin with. */
export interface UdpThreadData {
  /** A bound UDP socket that does not block; the main thread opened it and closes it. */
  fd: number
  shared: SharedArrayBuffer
  allow: string[]
  maxSenders: number
  senderIdleMs: number
  /** Of each sender; 0 is any number. */
  maxDatagramsPerSecond: number
  maxBytesPerSecond: number
}

/** The thread gets back memory of blocks, and tells this. */
export type FromUdpThread =
  | { type: 'ready' }
  | {
      type: 'handed-over'
      /** Absent when only senders went. */
      block: FilledBlock | undefined
      /** Datagrams since the last message; a block holds their frames. */
      datagrams: number
      /** Senders whose first frame is in this block, and those that were forgotten after it. */
      opened: [number: number, address: string][]
      forgotten: number[]
    }

const COUNTS = ['datagrams', 'bytes', 'refused', 'truncated', 'errors', 'rateLimited'] as const
export type UdpCount = (typeof COUNTS)[number]

const RUN = 0
/** Take what the kernel holds, then end. */
const DRAIN = 1
/** End at once. */
const END = 2

const STATE = 0
const RETURNS = 1
const FLAGS_BYTES = 8

/** Counts that only the thread writes, and two flags that wake it. */
export class UdpShared {
  readonly memory: SharedArrayBuffer
  readonly #flags: Int32Array
  readonly #counts: Float64Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(FLAGS_BYTES + COUNTS.length * 8)) {
    this.memory = memory
    this.#flags = new Int32Array(memory, 0, FLAGS_BYTES / 4)
    this.#counts = new Float64Array(memory, FLAGS_BYTES)
  }

  count(of: UdpCount): number {
    return this.#counts[COUNTS.indexOf(of)]!
  }

  /** Hot path: by position, so that the thread looks no name up. */
  readonly add = {
    datagram: (bytes: number): void => {
      this.#counts[0]! += 1
      this.#counts[1]! += bytes
    },
    refused: (): void => {
      this.#counts[2]! += 1
    },
    truncated: (): void => {
      this.#counts[3]! += 1
    },
    error: (): void => {
      this.#counts[4]! += 1
    },
    rateLimited: (): void => {
      this.#counts[5]! += 1
    }
  }

  /** Asks the thread to end, with or without what the kernel still holds. */
  end(how: 'drain' | 'now'): void {
    Atomics.store(this.#flags, STATE, how === 'drain' ? DRAIN : END)
    this.wake()
  }

  get isDraining(): boolean {
    return Atomics.load(this.#flags, STATE) === DRAIN
  }

  get mustEnd(): boolean {
    return Atomics.load(this.#flags, STATE) === END
  }

  /** A thread is started again after another one ended. */
  restart(): void {
    Atomics.store(this.#flags, STATE, RUN)
  }

  /** Memory was sent to the thread. */
  wake(): void {
    Atomics.add(this.#flags, RETURNS, 1)
    Atomics.notify(this.#flags, RETURNS)
  }

  /** How often memory was sent so far. */
  get returns(): number {
    return Atomics.load(this.#flags, RETURNS)
  }

  /** Sleeps until memory is sent, unless more was since `returns` was read. */
  waitForReturn(returns: number, timeoutMs: number): void {
    Atomics.wait(this.#flags, RETURNS, returns, timeoutMs)
  }
}
