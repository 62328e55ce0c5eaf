/**
 * The calls of Linux's C library that a UDP socket without node:dgram needs, through koffi. All memory that they see comes from
 * malloc: handing koffi the address of a JavaScript buffer corrupted the heap in a prototype.
 *
 * Layouts are those of 64-bit little-endian Linux, glibc and musl alike; `udp-batch.ts` tries the larger structs out.
 */
import { endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { type Koffi, loadKoffi } from '../lib/koffi.ts'
import { readSockaddr, SOCKADDR_BYTES, sockaddrFamily, writeSockaddr } from './udp-sockaddr.ts'

const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const AF_UNIX = 1
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const MSG_DONTWAIT = 0x40
const POLLIN = 1
const EAGAIN = 11
const EINTR = 4
const EPERM = 1

/** Scratch: a sockaddr, then its length; also a struct pollfd, an int, two file descriptors. */
const SCRATCH_BYTES = 64
const LENGTH_AT = SOCKADDR_BYTES

export interface MallocArea {
  readonly address: bigint
  readonly view: ArrayBuffer
  free(): void
}

export class UdpLibc {
  readonly #koffi: Koffi
  readonly #scratch: MallocArea
  readonly #fields: DataView
  readonly #socket: (family: number, type: number, protocol: number) => number
  readonly #bind: (fd: number, address: bigint, length: number) => number
  readonly #getsockname: (fd: number, address: bigint, length: bigint) => number
  readonly #setsockopt: (fd: number, level: number, option: number, value: bigint, length: number) => number
  readonly #getsockopt: (fd: number, level: number, option: number, value: bigint, length: bigint) => number
  readonly #close: (fd: number) => number
  readonly #recvmmsg: (fd: number, headers: bigint, count: number, flags: number, timeout: null) => number
  readonly #poll: (fds: bigint, count: number, timeoutMs: number) => number
  readonly #socketpair: (family: number, type: number, protocol: number, pair: bigint) => number
  readonly #send: (fd: number, bytes: bigint, length: number, flags: number) => number

  constructor(koffi: Koffi) {
    this.#koffi = koffi
    const libc = koffi.load(null)
    this.#socket = libc.func('int socket(int family, int type, int protocol)')
    this.#bind = libc.func('int bind(int fd, const void *address, uint32_t length)')
    this.#getsockname = libc.func('int getsockname(int fd, void *address, void *length)')
    this.#setsockopt = libc.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)')
    this.#getsockopt = libc.func('int getsockopt(int fd, int level, int option, void *value, void *length)')
    this.#close = libc.func('int close(int fd)')
    this.#recvmmsg = libc.func('int recvmmsg(int fd, void *headers, uint32_t count, int flags, void *timeout)')
    this.#poll = libc.func('int poll(void *fds, uint64_t count, int timeout)')
    this.#socketpair = libc.func('int socketpair(int family, int type, int protocol, void *pair)')
    this.#send = libc.func('int64_t send(int fd, const void *bytes, uint64_t length, int flags)')
    this.#scratch = this.alloc(SCRATCH_BYTES)
    this.#fields = new DataView(this.#scratch.view)
  }

  alloc(bytes: number): MallocArea {
    const koffi = this.#koffi
    const pointer = koffi.alloc('uint8_t', bytes)
    return { address: koffi.address(pointer), view: koffi.view(pointer, bytes), free: () => koffi.free(pointer) }
  }

  /** Gives back what the object itself holds. */
  dispose(): void {
    this.#scratch.free()
  }

  /** A bound socket that does not block. @throws an error with the system's code, as node:dgram has it */
  open(host: string, port: number): number {
    const fd = this.#checked(this.#socket(sockaddrFamily(host), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket')
    const length = writeSockaddr(this.#fields, host, port)
    try {
      this.#checked(this.#bind(fd, this.#scratch.address, length), 'bind')
    } catch (error) {
      this.close(fd)
      throw error
    }
    return fd
  }

  portOf(fd: number): number {
    this.#fields.setUint32(LENGTH_AT, SOCKADDR_BYTES, true)
    this.#checked(this.#getsockname(fd, this.#scratch.address, this.#scratch.address + BigInt(LENGTH_AT)), 'getsockname')
    return readSockaddr(this.#fields).port
  }

  /** Asks for a receive buffer, past net.core.rmem_max where the process may (CAP_NET_ADMIN). Returns what was granted. */
  setReceiveBuffer(fd: number, bytes: number): number {
    const { address } = this.#scratch
    this.#fields.setInt32(0, bytes, true)
    if (this.#setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, address, 4) < 0) {
      if (this.#koffi.errno() !== EPERM) throw this.#error('setsockopt')
      this.#checked(this.#setsockopt(fd, SOL_SOCKET, SO_RCVBUF, address, 4), 'setsockopt')
    }
    this.#fields.setUint32(LENGTH_AT, 4, true)
    this.#checked(this.#getsockopt(fd, SOL_SOCKET, SO_RCVBUF, address, address + BigInt(LENGTH_AT)), 'getsockopt')
    return this.#fields.getInt32(0, true) / 2 // the kernel doubles it, for its own bookkeeping (socket(7))
  }

  /** Fills headers without waiting; returns how many, 0 when there is nothing. */
  recvmmsg(fd: number, headers: bigint, count: number): number {
    const received = this.#recvmmsg(fd, headers, count, MSG_DONTWAIT, null)
    if (received >= 0) return received
    const errno = this.#koffi.errno()
    if (errno === EAGAIN || errno === EINTR) return 0
    throw this.#error('recvmmsg')
  }

  /** Waits until the socket has something to read, at most so long. */
  waitReadable(fd: number, timeoutMs: number): void {
    this.#fields.setInt32(0, fd, true)
    this.#fields.setInt16(4, POLLIN, true)
    this.#fields.setInt16(6, 0, true)
    if (this.#poll(this.#scratch.address, 1, timeoutMs) < 0 && this.#koffi.errno() !== EINTR) throw this.#error('poll')
  }

  /** Two connected sockets of this process; the second receives. */
  pair(): [sending: number, receiving: number] {
    this.#checked(this.#socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, this.#scratch.address), 'socketpair')
    return [this.#fields.getInt32(0, true), this.#fields.getInt32(4, true)]
  }

  send(fd: number, bytes: bigint, length: number): void {
    this.#checked(Number(this.#send(fd, bytes, length, MSG_DONTWAIT)), 'send')
  }

  close(fd: number): void {
    this.#close(fd)
  }

  #checked(result: number, call: string): number {
    if (result < 0) throw this.#error(call)
    return result
  }

  #error(call: string): NodeJS.ErrnoException {
    const errno = this.#koffi.errno()
    const code = getSystemErrorName(-errno)
    return Object.assign(new Error(`${call} failed: ${code}`), { code, errno: -errno, syscall: call })
  }
}

/** The calls for the calling thread, or why they cannot be had. The caller disposes of them. */
export function loadUdpLibc(): UdpLibc | { reason: string } {
  if (process.platform !== 'linux') return { reason: 'recvmmsg is a call of Linux' }
  const koffi = loadKoffi()
  if (koffi === undefined) return { reason: 'the package koffi is not installed for this platform' }
  if (koffi.sizeof('void *') !== 8 || endianness() !== 'LE') return { reason: 'the machine is not a 64-bit little-endian one' }
  try {
    return new UdpLibc(koffi)
  } catch (error) {
    return { reason: `the C library cannot be called: ${(error as Error).message}` }
  }
}
