/**
 * PROXY protocol, versions 1 and 2 (HAProxy, "The PROXY protocol", 2020): a balancer writes the client's address in front of
 * the client's bytes, before a TLS handshake too.
 *
 *   v1   "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP port SP port CR LF     at most 107 bytes
 *        "PROXY UNKNOWN" … CR LF
 *   v2   signature(12)  version 2 and command(1)  family and transport(1)  length(2, big-endian)  addresses and TLVs(length)
 */
import { isIPv4, isIPv6, type Socket } from 'node:net'
import { plainAddress } from '../lib/cidr.ts'

const V1_START = Buffer.from('PROXY ')
const V1_MAX_BYTES = 107
const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])
const V2_HEAD_BYTES = 16
/** TLVs of real balancers take some hundred bytes. */
const V2_REST_MAX_BYTES = 4096
const V2_LOCAL = 0x20
const V2_PROXY = 0x21
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21
const CR_LF = Buffer.from('\r\n')

/**
 * A header of `length` bytes. Without `address` the balancer speaks for itself (LOCAL, a health check) or does not know the
 * client (UNKNOWN).
 */
export interface ProxyHeader {
  length: number
  address: string | undefined
}

/** Reads the header at the start of `bytes`. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'incomplete' | 'invalid' {
  if (startsLike(bytes, V2_SIGNATURE)) return parseV2(bytes)
  if (startsLike(bytes, V1_START)) return parseV1(bytes)
  return 'invalid'
}

/** True while what is there is a start of the mark. */
function startsLike(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length)
  return bytes.compare(mark, 0, length, 0, length) === 0
}

function parseV1(bytes: Buffer): ProxyHeader | 'incomplete' | 'invalid' {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf(CR_LF)
  if (end < 0) return bytes.length >= V1_MAX_BYTES ? 'invalid' : 'incomplete'
  const length = end + CR_LF.length
  const [, family, source = '', destination = '', ...ports] = bytes.toString('latin1', 0, end).split(' ')
  if (family === 'UNKNOWN') return { length, address: undefined }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined
  if (isAddress === undefined || !isAddress(source) || !isAddress(destination)) return 'invalid'
  if (ports.length !== 2 || !ports.every(port => /^\d{1,5}$/.test(port))) return 'invalid'
  return { length, address: plainAddress(source) }
}

function parseV2(bytes: Buffer): ProxyHeader | 'incomplete' | 'invalid' {
  if (bytes.length < V2_HEAD_BYTES) return 'incomplete'
  const command = bytes[12]
  const rest = bytes.readUInt16BE(14)
  if ((command !== V2_LOCAL && command !== V2_PROXY) || rest > V2_REST_MAX_BYTES) return 'invalid'
  const length = V2_HEAD_BYTES + rest
  if (bytes.length < length) return 'incomplete'
  const family = bytes[13]
  if (command === V2_LOCAL) return { length, address: undefined }
  if (family === TCP_OVER_IPV4) return rest < 12 ? 'invalid' : { length, address: bytes.subarray(16, 20).join('.') }
  if (family === TCP_OVER_IPV6) return rest < 36 ? 'invalid' : { length, address: formatIpv6(bytes.subarray(16, 32)) }
  return { length, address: undefined }
}

function formatIpv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  // The URL parser writes the canonical form of RFC 5952.
  const canonical = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical)
  return mapped === null ? canonical : bytes.subarray(12, 16).join('.')
}

export type Announcement = { outcome: 'announced'; address: string | undefined } | { outcome: 'invalid' } | { outcome: 'closed' }

/** Takes the header off a socket that nobody reads yet; what follows it stays readable. The caller bounds the time. */
export function readAnnouncement(socket: Socket): Promise<Announcement> {
  return new Promise(resolve => {
    let seen: Buffer = Buffer.alloc(0)
    const done = (announcement: Announcement): void => {
      socket.off('readable', onReadable)
      socket.off('end', onClosed)
      socket.off('close', onClosed)
      resolve(announcement)
    }
    const onClosed = (): void => done(seen.length === 0 ? { outcome: 'closed' } : { outcome: 'invalid' })
    const onReadable = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        seen = Buffer.concat([seen, chunk])
        const header = parseProxyHeader(seen)
        if (header === 'incomplete') continue
        if (header === 'invalid') done({ outcome: 'invalid' })
        else {
          done({ outcome: 'announced', address: header.address })
          if (seen.length > header.length) socket.unshift(seen.subarray(header.length))
        }
        return
      }
    }
    socket.on('readable', onReadable)
    socket.once('end', onClosed)
    socket.once('close', onClosed)
  })
}
