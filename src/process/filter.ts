/**
 * Hot path: once per record. Filters after normalisation, in this order: the age rule, internal destinations, outbound only.
 * Each answer but '' is a reason for a drop and a metric label.
 */

import { findByte } from '../lib/bytes.ts'
import { isInternalIp, Networks } from '../lib/networks.ts'
import { DST_HOST, DST_IP, type RecordFields, SRC_IP, TIME } from '../record.ts'
import { REJECTS } from './finalize.ts'

const DOT = 0x2e

export const DROP_REASONS = [
  ...REJECTS,

  'connection_start',
  'interim',
  'too_old',
  'in_future',
  'internal',
  'not_outbound',
  'line_too_long',
  'internal_error'
] as const
export type DropReason = (typeof DROP_REASONS)[number]

export interface FilterOptions {
  /** Drop destinations that are private, loopback, link-local, multicast, or in the own domains. */
  dropInternal: boolean
  /** Keep only clients inside the own networks; off when there are none. */
  outboundOnly: boolean
  ownDomains: readonly string[]
  ownNetworks: readonly string[]
  /** 0 = off. The service ignores events older than 90 days. */
  maxAgeMs: number
  /** 0 = off. */
  maxFutureMs: number
}

export class Filter {
  readonly #options: FilterOptions
  readonly #networks: Networks
  /** Own domains as bytes with a leading dot. */
  readonly #domains: readonly Buffer[]

  constructor(options: FilterOptions) {
    this.#options = options
    this.#networks = new Networks(options.ownNetworks)
    this.#domains = options.ownDomains.map(domain => Buffer.from(`.${domain.toLowerCase()}`))
  }

  /** '' to keep the record, else why it goes. */
  apply(record: RecordFields, now: number): DropReason | '' {
    const { maxAgeMs, maxFutureMs, dropInternal, outboundOnly } = this.#options
    const time = record.numbers[TIME]!
    if (maxAgeMs > 0 && time < now - maxAgeMs) return 'too_old'
    if (maxFutureMs > 0 && time > now + maxFutureMs) return 'in_future'
    if (dropInternal && this.#isInternal(record)) return 'internal'
    if (outboundOnly && this.#networks.size > 0 && !this.#networks.contains(record.buf, record.start[SRC_IP]!, record.end[SRC_IP]!))
      return 'not_outbound'
    return ''
  }

  #isInternal(record: RecordFields): boolean {
    const { buf } = record
    const ip = record.start[DST_IP]!
    if (ip >= 0) {
      if (isInternalIp(buf, ip, record.end[DST_IP]!)) return true
      if (this.#networks.size > 0 && this.#networks.contains(buf, ip, record.end[DST_IP]!)) return true
    }
    const host = record.start[DST_HOST]!
    if (host < 0) return false
    const end = record.end[DST_HOST]!
    if (ip < 0 && findByte(buf, host, end, DOT) < 0) return true // a name without a dot is a machine of the own network
    for (const domain of this.#domains) if (isInDomain(buf, host, end, domain)) return true
    return false
  }
}

/** True when the host is the domain or below it; `domain` has a leading dot. */
function isInDomain(buf: Buffer, start: number, end: number, domain: Buffer): boolean {
  const length = end - start
  if (length < domain.length - 1) return false
  const skip = length === domain.length - 1 ? 1 : 0
  const from = end - (domain.length - skip)
  for (let i = skip; i < domain.length; i++) if (buf[from + i - skip] !== domain[i]) return false
  return true
}
