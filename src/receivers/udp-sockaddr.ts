/**
 * struct sockaddr_in and sockaddr_in6 of Linux (netinet/in.h), ports and addresses in network order:
 *
 *   sockaddr_in    family u16 │ port u16 │ address 4
 *   sockaddr_in6   family u16 │ port u16 │ flow u32 │ address 16 │ scope u32
 */
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { canonicalIp, ipv6Groups } from '../lib/ip.ts'

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCKADDR_BYTES = 28
const SOCKADDR_IN_BYTES = 16

export const sockaddrFamily = (host: string): number => (isIPv6(host) ? AF_INET6 : AF_INET)

/** Writes the address at the start; returns its length. `host` is an IP address, with `%zone` where it is link-local. */
export function writeSockaddr(fields: DataView, host: string, port: number): number {
  const family = sockaddrFamily(host)
  for (let at = 0; at < SOCKADDR_BYTES; at++) fields.setUint8(at, 0)
  fields.setUint16(0, family, true)
  fields.setUint16(2, port)
  if (family === AF_INET) {
    host.split('.').forEach((part, index) => {
      fields.setUint8(4 + index, Number(part))
    })
    return SOCKADDR_IN_BYTES
  }
  const [address = '', zone] = host.split('%')
  ipv6Groups(address).forEach((group, index) => {
    fields.setUint16(8 + 2 * index, group)
  })
  fields.setUint32(24, zone === undefined ? 0 : scopeOf(zone), true)
  return SOCKADDR_BYTES
}

/** Number of a network interface by its name, or the number itself. */
function scopeOf(zone: string): number {
  const addresses = networkInterfaces()[zone] ?? []
  return addresses.find(({ family }) => family === 'IPv6')?.scopeid ?? (Number(zone) || 0)
}

/** The address and port at an offset; IPv4-mapped addresses in their plain form, without zone. */
export function readSockaddr(fields: DataView, at = 0): { address: string; port: number } {
  const port = fields.getUint16(at + 2)
  if (fields.getUint16(at, true) === AF_INET) {
    return { address: [4, 5, 6, 7].map(index => fields.getUint8(at + index)).join('.'), port }
  }
  const groups = Array.from({ length: 8 }, (_, index) => fields.getUint16(at + 8 + 2 * index).toString(16)).join(':')
  return { address: canonicalIp(groups) ?? '::', port }
}
