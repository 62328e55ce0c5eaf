/**
 * Hot path: once per datagram. What recvmmsg(2) fills: headers, sender addresses and one slot of 64 KiB per datagram, all in one
 * area from malloc, 64-bit Linux:
 *
 *   mmsghdr ×64   name ptr │ namelen u32, pad │ iov ptr │ iovlen u64 │ control ptr, len │ flags i32, pad │ length u32, pad
 *   iovec   ×64   base ptr │ length u64
 *   names   ×64   sockaddr_in or sockaddr_in6, see udp-sockaddr.ts
 *   slots   ×64   the datagram, then a line feed
 *
 * Slots hold the longest datagram there is, so nothing is cut; pages that no datagram was long enough for are never touched.
 */

import type { MallocArea, UdpLibc } from './udp-libc.ts'
import { SOCKADDR_BYTES } from './udp-sockaddr.ts'

/** Datagrams per call. */
export const BATCH_MAX = 64
const HEADER_BYTES = 64
const NAME_LENGTH_AT = 8
const IOV_AT = 16
const IOV_COUNT_AT = 24
const FLAGS_AT = 48
const LENGTH_AT = 56
const IOVEC_BYTES = 16
const NAME_BYTES = 32
const SLOT_BYTES = 64 * 1024
/** Not a multiple of a page, so that the slots do not all fall on the same lines of the caches. */
const SLOT_STRIDE = SLOT_BYTES + 1088
const MSG_TRUNC = 0x20
const LF = 0x0a

const IOVECS_AT = BATCH_MAX * HEADER_BYTES
const NAMES_AT = IOVECS_AT + BATCH_MAX * IOVEC_BYTES
const SLOTS_AT = NAMES_AT + BATCH_MAX * NAME_BYTES
const AREA_BYTES = SLOTS_AT + BATCH_MAX * SLOT_STRIDE

export class DatagramBatch {
  /** The whole area; a datagram is the range from `start` to `end` of its slot. */
  readonly bytes: Buffer
  /** The same, for addresses of senders. */
  readonly fields: DataView
  readonly #words: Int32Array
  readonly #libc: UdpLibc
  readonly #area: MallocArea
  readonly #fd: number

  constructor(libc: UdpLibc, fd: number) {
    this.#libc = libc
    this.#fd = fd
    this.#area = libc.alloc(AREA_BYTES)
    this.bytes = Buffer.from(this.#area.view)
    this.fields = new DataView(this.#area.view)
    this.#words = new Int32Array(this.#area.view, 0, SLOTS_AT / 4)
    this.#layOut()
  }

  #layOut(): void {
    const { fields } = this
    const { address } = this.#area
    this.bytes.fill(0, 0, SLOTS_AT)
    for (let i = 0; i < BATCH_MAX; i++) {
      const header = i * HEADER_BYTES
      const iovec = IOVECS_AT + i * IOVEC_BYTES
      fields.setBigUint64(header, address + BigInt(this.nameAt(i)), true)
      fields.setUint32(header + NAME_LENGTH_AT, SOCKADDR_BYTES, true)
      fields.setBigUint64(header + IOV_AT, address + BigInt(iovec), true)
      fields.setBigUint64(header + IOV_COUNT_AT, 1n, true)
      fields.setBigUint64(iovec, address + BigInt(this.start(i)), true)
      fields.setBigUint64(iovec + 8, BigInt(SLOT_BYTES), true)
    }
  }

  /** Takes what the kernel has, without waiting: up to BATCH_MAX datagrams, a line feed behind each. */
  receive(): number {
    const count = this.#libc.recvmmsg(this.#fd, this.#area.address, BATCH_MAX)
    const words = this.#words
    for (let i = 0; i < count; i++) {
      words[(i * HEADER_BYTES + NAME_LENGTH_AT) >> 2] = SOCKADDR_BYTES // the kernel wrote the length of this sender's address
      this.bytes[this.end(i)] = LF
    }
    return count
  }

  start(index: number): number {
    return SLOTS_AT + index * SLOT_STRIDE
  }

  end(index: number): number {
    return this.start(index) + this.#words[(index * HEADER_BYTES + LENGTH_AT) >> 2]!
  }

  isTruncated(index: number): boolean {
    return (this.#words[(index * HEADER_BYTES + FLAGS_AT) >> 2]! & MSG_TRUNC) !== 0
  }

  /** Offset of the sender's address in `fields`. */
  nameAt(index: number): number {
    return NAMES_AT + index * NAME_BYTES
  }

  free(): void {
    this.#area.free()
  }
}

/** Whether two datagrams come through a socket pair as they were sent: the structs are laid out as this machine's are. */
export function passesSelfTest(libc: UdpLibc): boolean {
  const [sending, receiving] = libc.pair()
  const batch = new DatagramBatch(libc, receiving)
  const text = libc.alloc(3000)
  try {
    new Uint8Array(text.view).forEach((_, index, bytes) => {
      bytes[index] = index % 251
    })
    const lengths = [7, 3000]
    for (const length of lengths) libc.send(sending, text.address, length)
    if (batch.receive() !== lengths.length) return false
    return lengths.every(
      (length, i) =>
        !batch.isTruncated(i) && batch.bytes.subarray(batch.start(i), batch.end(i)).equals(new Uint8Array(text.view, 0, length))
    )
  } finally {
    text.free()
    batch.free()
    libc.close(sending)
    libc.close(receiving)
  }
}
