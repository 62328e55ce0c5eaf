/**
 * Hot path: twice per line of a Cisco firewall. The two sides of a connection as ASA, FWSM and Threat Defense write them. A port
 * may be missing; the mapped address is passed over, since the real one is wanted; interface names may hold blanks.
 */
import { findByte, isDigit, readCount } from '../../lib/bytes.ts'

/** No name, address or user is longer; what is looked for near a place is looked for this far. */
export const NEAR_BYTES = 320

/** One side of a connection, as offsets; one object serves all lines. */
export class Endpoint {
  start = 0
  end = 0
  /** -1 when absent. */
  port = -1
  userStart = 0
  userEnd = 0
  hash = 0
}

/** FNV-like hash of a range, for tables that are checked by a second one. */
export function hashRange(buf: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 0x01000193) ^ buf[at]!) | 0
  return hash
}

/** Reads `interface:address[/port][ (mapped)][(user)]`; returns the offset after it, or -1. */
export function readEndpoint(buf: Uint8Array, at: number, end: number, endpoint: Endpoint): number {
  const colon = findByte(buf, at, Math.min(end, at + 80), 0x3a)
  return colon < 0 ? -1 : readAddress(buf, colon + 1, end, endpoint)
}

/** Reads `address[/port][ (mapped)][(user)]`; returns the offset after it, or -1. */
export function readAddress(buf: Uint8Array, at: number, end: number, endpoint: Endpoint): number {
  let p = at
  const last = Math.min(end, at + 255)
  while (p < last && buf[p] !== 0x2f && buf[p] !== 0x20 && buf[p] !== 0x28) p++
  if (p === at) return -1
  endpoint.start = at
  endpoint.end = p
  endpoint.port = -1
  if (p < end && buf[p] === 0x2f) {
    const portStart = ++p
    while (p < end && isDigit(buf[p])) p++
    endpoint.port = readCount(buf, portStart, p)
  }
  endpoint.hash = hashRange(buf, at, p, 0x811c9dc5)
  if (p + 1 < end && buf[p] === 0x20 && buf[p + 1] === 0x28) p = afterBracket(buf, p + 1, end)
  return readUser(buf, p, end, endpoint)
}

/** Offset after the bracket that opens at `at`. */
function afterBracket(buf: Uint8Array, at: number, end: number): number {
  const close = findByte(buf, at, Math.min(end, at + NEAR_BYTES), 0x29)
  return close < 0 ? end : close + 1
}

/** `(user)` or `(user, security group)` directly after an endpoint. */
function readUser(buf: Uint8Array, at: number, end: number, endpoint: Endpoint): number {
  endpoint.userStart = 0
  endpoint.userEnd = 0
  if (at >= end || buf[at] !== 0x28) return at
  const after = afterBracket(buf, at, end)
  const close = buf[after - 1] === 0x29 ? after - 1 : after
  const comma = findByte(buf, at, close, 0x2c)
  endpoint.userStart = at + 1
  endpoint.userEnd = comma < 0 ? close : comma
  return after
}

/** Reads `interface/address(port)[(user)]`; returns the offset after it, or -1. */
export function readListed(buf: Uint8Array, at: number, end: number, endpoint: Endpoint): number {
  const slash = findByte(buf, at, Math.min(end, at + 80), 0x2f)
  if (slash < 0) return -1
  const open = findByte(buf, slash, Math.min(end, slash + 256), 0x28)
  if (open < 0) return -1
  const after = afterBracket(buf, open, end)
  endpoint.start = slash + 1
  endpoint.end = open
  endpoint.port = readCount(buf, open + 1, after - 1)
  return readUser(buf, after, end, endpoint)
}
