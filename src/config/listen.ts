/** Addresses to listen on: `0.0.0.0:5514`, `[::]:5514`, `localhost:9600`, `:5514` (every IPv4 interface). */
import { isIP } from 'node:net'

export interface ListenAddress {
  host: string
  /** 0–65535; 0 lets the system choose. */
  port: number
}

/** Host and port of a listen address. Throws RangeError. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.%a-z0-9]+)\]|([a-z0-9._-]*)):(\d{1,5})$/i.exec(text.trim())
  const port = Number(match?.[3])
  if (!match || port > 65535)
    throw new RangeError(`${JSON.stringify(text)} is no address to listen on; write host:port, such as 0.0.0.0:5514 or [::]:5514`)
  if (match[1] !== undefined && isIP(match[1]) !== 6) throw new RangeError(`${JSON.stringify(match[1])} is no IPv6 address`)
  const host = match[1] ?? (match[2] || '0.0.0.0')
  if (/^[\d.]+$/.test(host) && isIP(host) !== 4) throw new RangeError(`${JSON.stringify(host)} is no IPv4 address`)
  return { host, port }
}

/** The address as host:port, IPv6 in brackets. */
export function formatListen(address: ListenAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** True when only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** True when two listeners of one transport on one port would collide. A wildcard takes every address of its family, `::` both. */
export function hostsOverlap(one: string, other: string): boolean {
  if (one === other || one === '::' || other === '::') return true
  if (isLoopback(one) && isLoopback(other) && (one === 'localhost' || other === 'localhost')) return true
  const isV6 = (host: string) => isIP(host) === 6
  return (one === '0.0.0.0' && !isV6(other)) || (other === '0.0.0.0' && !isV6(one))
}
