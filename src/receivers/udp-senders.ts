/**
 * Hot path: once per datagram. The senders that are known, by the bytes of their socket address, in tables of numbers: looking
 * one up makes no object. At most so many; the longest silent one gives way. Each is given a number that is not used again.
 */
import { AF_INET } from './udp-sockaddr.ts'

const KEY_WORDS = 5
const NONE = -1
/** `::ffff:0:0/96` as the third word of an address: an IPv4 sender is the same on sockets of both families. */
const MAPPED = 0xffff

export class SenderTable {
  /** Address of the entry (four words) and its scope. */
  readonly #keys: Int32Array
  readonly #numbers: Uint32Array
  readonly #seenMs: Float64Array
  /** First entry of each bucket; of each entry its bucket, and the next one in it. */
  readonly #buckets: Int32Array
  readonly #bucketOf: Int32Array
  readonly #chain: Int32Array
  /** Neighbours in the order of silence. */
  readonly #older: Int32Array
  readonly #newer: Int32Array
  readonly #free: number[] = []
  readonly #key = new Int32Array(KEY_WORDS)
  readonly #max: number
  #newest = NONE
  #oldest = NONE
  #used = 0
  #next = 0
  size = 0

  constructor(max: number) {
    this.#max = max
    this.#keys = new Int32Array(max * KEY_WORDS)
    this.#numbers = new Uint32Array(max)
    this.#seenMs = new Float64Array(max)
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(max * 2))).fill(NONE)
    this.#bucketOf = new Int32Array(max)
    this.#chain = new Int32Array(max)
    this.#older = new Int32Array(max)
    this.#newer = new Int32Array(max)
  }

  /** Number of the sender whose socket address lies at an offset, seen now; -1 when it is not known. */
  find(fields: DataView, at: number, nowMs: number): number {
    this.#read(fields, at)
    let entry = this.#newest
    if (entry === NONE || !this.#isKeyOf(entry)) {
      entry = this.#buckets[this.#bucket()]!
      while (entry !== NONE && !this.#isKeyOf(entry)) entry = this.#chain[entry]!
      if (entry === NONE) return NONE
      this.#unlink(entry)
      this.#linkNewest(entry)
    }
    this.#seenMs[entry] = nowMs
    return this.#numbers[entry]!
  }

  /** Adds the sender that `find` did not know. `onForgotten` hears of the one that gives way. */
  add(nowMs: number, onForgotten: (number: number) => void): number {
    if (this.size === this.#max) this.#forget(this.#oldest, onForgotten)
    const entry = this.#free.pop() ?? this.#used++
    const bucket = this.#bucket()
    this.#keys.set(this.#key, entry * KEY_WORDS)
    this.#bucketOf[entry] = bucket
    this.#chain[entry] = this.#buckets[bucket]!
    this.#buckets[bucket] = entry
    this.#seenMs[entry] = nowMs
    this.#linkNewest(entry)
    this.size++
    const number = this.#next
    this.#next = (number + 1) >>> 0
    this.#numbers[entry] = number
    return number
  }

  /** Where the sender stands that was found or added last: below the maximum, and used again for another one that comes later. */
  get entry(): number {
    return this.#newest
  }

  /** Forgets senders that were last seen before a time. */
  expire(beforeMs: number, onForgotten: (number: number) => void): void {
    while (this.#oldest !== NONE && this.#seenMs[this.#oldest]! < beforeMs) this.#forget(this.#oldest, onForgotten)
  }

  #read(fields: DataView, at: number): void {
    const key = this.#key
    if (fields.getUint16(at, true) === AF_INET) {
      key[0] = 0
      key[1] = 0
      key[2] = MAPPED
      key[3] = fields.getInt32(at + 4)
      key[4] = 0
      return
    }
    for (let word = 0; word < 4; word++) key[word] = fields.getInt32(at + 8 + 4 * word)
    key[4] = fields.getInt32(at + 24)
  }

  #isKeyOf(entry: number): boolean {
    const keys = this.#keys
    const key = this.#key
    const at = entry * KEY_WORDS
    return keys[at + 3] === key[3] && keys[at + 2] === key[2] && keys[at + 1] === key[1] && keys[at] === key[0] && keys[at + 4] === key[4]
  }

  #bucket(): number {
    const key = this.#key
    let hash = 0
    for (let word = 0; word < KEY_WORDS; word++) {
      hash = Math.imul(hash ^ key[word]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    return hash & (this.#buckets.length - 1)
  }

  #forget(entry: number, onForgotten: (number: number) => void): void {
    const bucket = this.#bucketOf[entry]!
    let before = this.#buckets[bucket]!
    if (before === entry) this.#buckets[bucket] = this.#chain[entry]!
    else {
      while (this.#chain[before] !== entry) before = this.#chain[before]!
      this.#chain[before] = this.#chain[entry]!
    }
    this.#unlink(entry)
    this.#free.push(entry)
    this.size--
    onForgotten(this.#numbers[entry]!)
  }

  #linkNewest(entry: number): void {
    this.#older[entry] = this.#newest
    this.#newer[entry] = NONE
    if (this.#newest === NONE) this.#oldest = entry
    else this.#newer[this.#newest] = entry
    this.#newest = entry
  }

  #unlink(entry: number): void {
    const older = this.#older[entry]!
    const newer = this.#newer[entry]!
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
  }
}
