/** IP addresses: bytes for the common forms, strings for the rest. */
import { isIPv4, isIPv6 } from 'node:net'

/**
 * Hot path: thrice per record. An IPv4 address in canonical dotted form (four numbers 0–255 without leading zeros) as an unsigned
 * 32-bit number; -1 when the range is none.
 */
export function readIpv4(buf: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length < 7 || length > 15) return -1
  let address = 0
  let dots = 0
  let value = -1
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x2e) {
      if (value < 0 || ++dots > 3) return -1
      address = (address << 8) | value
      value = -1
    } else {
      const digit = byte - 0x30
      if (digit < 0 || digit > 9 || value === 0) return -1
      value = value < 0 ? digit : value * 10 + digit
      if (value > 255) return -1
    }
  }
  return dots === 3 && value >= 0 ? ((address << 8) | value) >>> 0 : -1
}

/** True when the range is an IPv4 address as `readIpv4` reads it. */
export const isCanonicalIpv4 = (buf: Uint8Array, start: number, end: number): boolean => readIpv4(buf, start, end) >= 0

/** Longest canonical IPv6 address, bytes. */
export const IPV6_MAX_BYTES = 39

const groupsAtHand = new Uint16Array(8)

/**
 * Hot path: addresses of lines with IPv6. Writes the canonical form (RFC 5952) of the IPv6 address `start`…`end` at `to`, where
 * IPV6_MAX_BYTES must be free, and returns its end. Returns -1 for what is left to `canonicalIp`: text that is no such address,
 * brackets, zone ids, dotted ends, IPv4-mapped and unspecified addresses.
 */
export function writeCanonicalIpv6(buf: Uint8Array, start: number, end: number, to: number): number {
  const gap = readGroups(buf, start, end)
  if (gap < -1) return -1
  const groups = groupsAtHand
  let bits = 0
  for (let i = 0; i < 5; i++) bits |= groups[i]!
  if (bits === 0 && (groups[5] === 0xffff || (groups[5]! | groups[6]! | groups[7]!) === 0)) return -1
  let runStart = -1
  let runLength = 1 // a single zero group is not shortened
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > runLength) {
      runStart = i
      runLength = length
    }
    i += length
  }
  let at = to
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      buf[at++] = 0x3a
      if (i === 0) buf[at++] = 0x3a
      i += runLength - 1
      continue
    }
    at = writeHex(buf, at, groups[i]!)
    if (i < 7) buf[at++] = 0x3a
  }
  return at
}

/** Fills `groupsAtHand`. Returns the group at which `::` stands, -1 without one, -2 when it is no address of groups only. */
function readGroups(buf: Uint8Array, start: number, end: number): number {
  const groups = groupsAtHand
  let count = 0
  let gap = -1
  let at = start
  if (end - start < 2 || end - start > IPV6_MAX_BYTES) return -2
  if (buf[at] === 0x3a && buf[++at] !== 0x3a) return -2
  while (at < end) {
    if (buf[at] === 0x3a) {
      if (gap >= 0) return -2
      gap = count
      if (++at === end) break
    }
    const first = at
    let value = 0
    for (; at < end && buf[at] !== 0x3a; at++) {
      const digit = hexDigit(buf[at]!)
      if (digit < 0) return -2
      value = value * 16 + digit
    }
    if (at === first || at - first > 4 || count === 8) return -2
    groups[count++] = value
    if (at < end && ++at === end) return -2 // ends with a single colon
  }
  if (gap < 0) return count === 8 ? -1 : -2
  if (count === 8) return -2
  const zeros = 8 - count
  groups.copyWithin(gap + zeros, gap, count)
  groups.fill(0, gap, gap + zeros)
  return gap
}

function hexDigit(byte: number): number {
  const digit = byte - 0x30
  if (digit >= 0 && digit <= 9) return digit
  const letter = (byte | 0x20) - 0x61
  return letter >= 0 && letter <= 5 ? letter + 10 : -1
}

/** Lower-case hexadecimal without leading zeros. */
function writeHex(buf: Uint8Array, to: number, value: number): number {
  let at = to
  for (let shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15
    buf[at++] = digit < 10 ? 0x30 + digit : 0x57 + digit
  }
  return at
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
      : `${dotted[1]}${hex((Number(dotted[2]) << 8) | Number(dotted[3]))}:${hex((Number(dotted[4]) << 8) | Number(dotted[5]))}`
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
