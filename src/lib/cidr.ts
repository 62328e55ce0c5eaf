/**
 * IP addresses as sockets give them, and lists of networks (CIDR, or single addresses) to match them against.
 */
import { BlockList, isIP } from 'node:net'

/** An address without the IPv4-mapped prefix (`::ffff:10.1.2.3` → `10.1.2.3`) and without a zone (`fe80::1%eth0` → `fe80::1`). */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const text = zone < 0 ? address : address.slice(0, zone)
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)
  return mapped?.[1] ?? text
}

export class CidrList {
  readonly #networks = new BlockList()
  readonly size: number

  /** Takes entries like `10.1.0.0/16`, `2001:db8::/32` or `192.0.2.7`; throws RangeError naming the first that is none. */
  constructor(entries: readonly string[]) {
    this.size = entries.length
    for (const entry of entries) this.#add(entry)
  }

  /** True when one of the networks holds the address; text that is no address is in none. */
  contains(address: string): boolean {
    const plain = plainAddress(address)
    const version = isIP(plain)
    return version !== 0 && this.#networks.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }

  #add(entry: string): void {
    const [address = '', bits, ...rest] = entry.split('/')
    const version = isIP(address)
    const length = bits === undefined ? (version === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (version === 0 || rest.length > 0 || !(length <= (version === 4 ? 32 : 128))) {
      throw new RangeError(`Cannot read network "${entry}": expected an IP address or CIDR such as 10.1.0.0/16`)
    }
    this.#networks.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6')
  }
}
