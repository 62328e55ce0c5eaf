/** Lists of networks asked on the hot path: IPv4 by binary search over numbers, IPv6 through node:net. */

import { CidrList } from './cidr.ts'
import { readIpv4 } from './ip.ts'

const DOT = 0x2e
const ZERO = 0x30

export class Networks {
  /** Sorted, disjoint ranges. */
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #ipv6: CidrList
  readonly size: number

  /** Entries like `10.1.0.0/16`, `192.0.2.7` or `2001:db8::/32`. @throws RangeError naming the first that is none. */
  constructor(entries: readonly string[]) {
    this.size = entries.length
    this.#ipv6 = new CidrList(entries)
    const ranges = mergeRanges(entries.filter(entry => !entry.includes(':')).map(ipv4Range))
    this.#starts = Float64Array.from(ranges, range => range[0])
    this.#ends = Float64Array.from(ranges, range => range[1])
  }

  /** True when the address in this byte range (canonical text) is in one of the networks. */
  contains(buf: Buffer, start: number, end: number): boolean {
    if (this.size === 0) return false
    const address = readIpv4(buf, start, end)
    if (address >= 0) return this.containsIpv4(address)
    return this.#ipv6.contains(buf.toString('latin1', start, end))
  }

  /** True when one of so many IPv4 addresses from `first` on is in one of the networks. */
  overlaps(first: number, count: number): boolean {
    return this.#starts.some((start, i) => start < first + count && this.#ends[i]! >= first)
  }

  containsIpv4(address: number): boolean {
    let low = 0
    let high = this.#starts.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      if (address < this.#starts[middle]!) high = middle - 1
      else if (address > this.#ends[middle]!) low = middle + 1
      else return true
    }
    return false
  }
}

function ipv4Range(entry: string): [number, number] {
  const [address = '', bits = '32'] = entry.split('/')
  const bytes = Buffer.from(address)
  const size = 2 ** (32 - Number(bits))
  const start = Math.floor(readIpv4(bytes, 0, bytes.length) / size) * size
  return [start, start + size - 1]
}

function mergeRanges(ranges: [number, number][]): [number, number][] {
  const merged: [number, number][] = []
  for (const range of ranges.sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1)
    if (last !== undefined && range[0] <= last[1] + 1) last[1] = Math.max(last[1], range[1])
    else merged.push([range[0], range[1]])
  }
  return merged
}

/** Private, shared, loopback, link-local, multicast, reserved and documentation-free: what is no server on the internet. */
const INTERNAL_IPV4 = new Networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4'
])

/** By first byte of an address: 1 when some of those that begin so are internal. Most servers' are not, and need no search. */
const MAY_BE_INTERNAL = Uint8Array.from({ length: 256 }, (_, first) => Number(INTERNAL_IPV4.overlaps(first * 2 ** 24, 2 ** 24)))

/** Hot path: true when the address (canonical text) is private, loopback, link-local, multicast or reserved. */
export function isInternalIp(buf: Buffer, start: number, end: number): boolean {
  const first = firstOctet(buf, start, end)
  if (first >= 0 && MAY_BE_INTERNAL[first] === 0) return false
  const address = readIpv4(buf, start, end)
  if (address >= 0) return INTERNAL_IPV4.containsIpv4(address)
  const text = buf.toString('latin1', start, Math.min(end, start + 5))
  if (text === '::1') return true
  return /^(f[cd][0-9a-f]{2}:|fe[89a-f][0-9a-f]:|ff[0-9a-f]{2}:)/.test(text)
}

/** The number before the first dot of an address; -1 when there is none, as in IPv6. */
function firstOctet(buf: Buffer, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end && at < start + 4; at++) {
    const byte = buf[at]!
    if (byte === DOT) return value
    value = value * 10 + byte - ZERO
  }
  return -1
}
