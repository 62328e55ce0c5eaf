/**
 * Kinds of values that the file writes as text: each is a schema for editors and a function that reads the text, so that the
 * configuration in code holds numbers (bytes, milliseconds) and checked strings. The `kind` annotation joins the two.
 */
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import ipaddr from 'ipaddr.js'
import { Type } from 'typebox'
import { parseDuration } from './durations.ts'
import { formatListen, parseListen } from './listen.ts'
import { parseSize } from './sizes.ts'

interface Annotations {
  description: string
  /** As the file would write it. */
  default?: unknown
  /** The value is filled in by code when the file has none; says how. */
  derived?: string
  examples?: unknown[]
  minimum?: number
  maximum?: number
}

export type Kind = 'size' | 'duration' | 'duration-or-off' | 'listen' | 'cidr' | 'zone' | 'url' | 'lanes' | 'path'

/** Reads a value of the file, or throws an Error whose message names what is wrong. `cwd` is what paths are relative to. */
export const READ_KIND: Readonly<
  Record<Kind, (value: string | number, cwd: string, resolve: (cwd: string, path: string) => string) => unknown>
> = {
  size: parseSize,
  duration: parseDuration,
  'duration-or-off': value => (value === 'off' ? 0 : parseDuration(value)),
  listen: value => formatListen(parseListen(String(value))),
  cidr: value => readCidr(String(value)),
  zone: value => readZone(String(value)),
  url: value => readUrl(String(value)),
  lanes: value => (value === 'auto' ? Math.min(64, availableParallelism()) : /^\d+$/.test(String(value)) ? Number(value) : value),
  path: (value, cwd, resolve) => resolve(cwd, String(value))
}

/** Bytes. */
export const size = (annotations: Annotations) =>
  Type.Unsafe<number>({
    type: ['string', 'integer'],
    minimum: 0,
    pattern: '^\\d+(\\.\\d+)?\\s*([kKmMgGtT][iI]?)?[bB]?$',
    kind: 'size',
    ...annotations
  })

/** Milliseconds. */
export const duration = (annotations: Annotations) =>
  Type.Unsafe<number>({
    type: ['string', 'integer'],
    minimum: 0,
    pattern: '^(0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$',
    kind: 'duration',
    ...annotations
  })

/** Milliseconds; `off` becomes 0. */
export const durationOrOff = (annotations: Annotations) =>
  Type.Unsafe<number>({
    type: ['string', 'integer'],
    minimum: 0,
    pattern: '^(off|0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$',
    kind: 'duration-or-off',
    ...annotations
  })

/** `host:port`, IPv6 in brackets. */
export const listen = (annotations: Annotations) => Type.Unsafe<string>({ type: 'string', kind: 'listen', ...annotations })

/** An address or a network as `10.1.0.0/16`. */
export const cidr = (annotations: Annotations) => Type.Unsafe<string>({ type: 'string', kind: 'cidr', ...annotations })

/** Name of a time zone in the IANA database. */
export const zone = (annotations: Annotations) => Type.Unsafe<string>({ type: 'string', kind: 'zone', ...annotations })

/** http or https. */
export const url = (annotations: Annotations) => Type.Unsafe<string>({ type: 'string', kind: 'url', ...annotations })

/** Number of threads; `auto` becomes the number of cores. */
export const lanes = (annotations: Annotations) =>
  Type.Unsafe<number>({ type: ['string', 'integer'], minimum: 1, maximum: 64, pattern: '^auto$', kind: 'lanes', ...annotations })

/** A path; a relative one is taken from the working directory and becomes absolute. */
export const path = (annotations: Annotations) => Type.Unsafe<string>({ type: 'string', minLength: 1, kind: 'path', ...annotations })

function readCidr(text: string): string {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix)
  if (family === 0 || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) || bits > (family === 6 ? 128 : 32))
    throw new RangeError(`${JSON.stringify(text)} is no address and no network; write 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32`)
  const network =
    family === 6 ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`) : ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)
  return `${network.toString()}/${bits}`
}

function readZone(text: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return text
  } catch {
    throw new RangeError(`${JSON.stringify(text)} is no time zone of the IANA database; write for example Europe/Berlin or UTC`)
  }
}

function readUrl(text: string): string {
  const parsed = URL.parse(text)
  if (!parsed || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:'))
    throw new RangeError(`${JSON.stringify(text)} is no http or https URL`)
  return text.replace(/\/+$/, '')
}
