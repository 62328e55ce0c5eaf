/** Which addresses lie outside an organisation: the special-purpose registries of RFC 6890 taken away. */
import { BlockList, isIPv6 } from 'node:net'

const INSIDE: readonly [network: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8]
]

const inside = new BlockList()
for (const [network, prefix] of INSIDE) inside.addSubnet(network, prefix, isIPv6(network) ? 'ipv6' : 'ipv4')

/** True for an address that is neither private, local, shared nor multicast. */
export const isPublicAddress = (address: string): boolean => !inside.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
