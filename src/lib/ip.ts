/** IP addresses: a byte check for the common case, and canonical text for the rest. */
import { isIPv4, isIPv6 } from 'node:net'

/**
 * Hot path: twice per record. True when the range is an IPv4 address in canonical dotted form: four numbers 0–255 without
 * leading zeros.
 */
export function isCanonicalIpv4(buf: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length < 7 || length > 15) return false
  let dots = 0
  let value = -1
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x2e) {
      if (value < 0 || ++dots > 3) return false
      value = -1
    } else {
      const digit = byte - 0x30
      if (digit < 0 || digit > 9 || value === 0) return false
      value = value < 0 ? digit : value * 10 + digit
      if (value > 255) return false
    }
  }
  return dots === 3 && value >= 0
}

/** IPv4 as an unsigned 32-bit number, for a range that `isCanonicalIpv4` accepts. */
export function readIpv4(buf: Uint8Array, start: number, end: number): number {
  let address = 0
  let value = 0
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x2e) {
      address = address * 256 + value
      value = 0
    } else value = value * 10 + byte - 0x30
  }
  return address * 256 + value
}

/**
 * The canonical text of an address: dotted IPv4, RFC 5952 IPv6; brackets and zone id removed, IPv4-mapped IPv6 as IPv4.
 * Undefined when it is no address. Unspecified addresses (`0.0.0.0`, `::`) are undefined too: logs use them for "none".
 */
export function canonicalIp(text: string): string | undefined {
  let address = text.trim()
  if (address.startsWith('[') && address.endsWith(']')) address = address.slice(1, -1)
  const zone = address.indexOf('%')
  if (zone >= 0) address = address.slice(0, zone)
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) {
    const parts = address.split('.').map(Number)
    if (parts.some(part => part > 255)) return undefined
    const plain = parts.join('.')
    return plain === '0.0.0.0' ? undefined : plain
  }
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  return canonicalIpv6(address)
}

function canonicalIpv6(address: string): string | undefined {
  const groups = ipv6Groups(address)
  if (groups.every(group => group === 0)) return undefined
  if (groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff) {
    const mapped = [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
    return mapped === '0.0.0.0' ? undefined : mapped
  }
  const { start, length } = longestZeroRun(groups)
  if (length < 2) return groups.map(hex).join(':')
  return `${groups.slice(0, start).map(hex).join(':')}::${groups
    .slice(start + length)
    .map(hex)
    .join(':')}`
}

const hex = (group: number): string => group.toString(16)

/** The eight groups of an address that `isIPv6` accepts. */
export function ipv6Groups(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const text =
    dotted === null
      ? address
      : dotted[1]! + hex((Number(dotted[2]) << 8) | Number(dotted[3])) + ':' + hex((Number(dotted[4]) << 8) | Number(dotted[5]))
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':').map(group => Number.parseInt(group, 16))
  if (tail === undefined) return left
  const right = tail === '' ? [] : tail.split(':').map(group => Number.parseInt(group, 16))
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}

/** The first longest run of zero groups (RFC 5952 section 4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
