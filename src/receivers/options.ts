/**
 * Options of receivers are typebox schemas, so that defaults, checks, documentation and JSON Schema come from one place.
 */
import { Ajv } from 'ajv'
import type { Static, TSchema } from 'typebox'
import Type from 'typebox'
import type { RateLimits } from '../contracts.ts'

/** The options with every default filled in; throws RangeError naming what is wrong. */
export function withDefaults<Schema extends TSchema>(schema: Schema, options: Partial<Static<Schema>>): Static<Schema> {
  const filled = structuredClone(options)
  const validate = new Ajv({ useDefaults: true }).compile(schema)
  const [fault] = validate(filled) ? [] : (validate.errors ?? [])
  if (fault !== undefined) throw new RangeError(`Cannot use receiver option ${fault.instancePath || '/'}: ${fault.message}`)
  return filled as Static<Schema>
}

/** CIDR list that says who may send. */
export const AllowOption = Type.Array(Type.String(), {
  description: 'Networks that may send, as CIDR or single addresses. Empty: everyone may.',
  default: []
})

export const ListenOption = (address: string) =>
  Type.String({ description: 'Address and port to listen on, host:port or [v6]:port. Port 0 lets the system choose.', default: address })

export const NameOption = (name: string) =>
  Type.String({ description: 'Name of the receiver in status, metrics and bindings.', default: name, minLength: 1 })

/** How fast one address may send. */
export const RateOptions = {
  maxFramesPerSecondPerPeer: Type.Integer({
    description: 'Lines (frames) a second from one address; 0: any number.',
    default: 0,
    minimum: 0
  }),
  maxBytesPerSecondPerPeer: Type.Integer({ description: 'Bytes a second from one address; 0: any number.', default: 0, minimum: 0 })
}

/** The limits as intakes want them, to be spread into a peer; nothing when there are none. */
export function rateOf(options: { maxFramesPerSecondPerPeer: number; maxBytesPerSecondPerPeer: number }): { rate?: RateLimits } {
  const { maxFramesPerSecondPerPeer: framesPerSecond, maxBytesPerSecondPerPeer: bytesPerSecond } = options
  return framesPerSecond === 0 && bytesPerSecond === 0 ? {} : { rate: { framesPerSecond, bytesPerSecond } }
}

/** Limits of the connections of a stream receiver. */
export const ConnectionOptions = {
  allow: AllowOption,
  maxConnections: Type.Integer({ description: 'Connections at a time; more are refused and counted.', default: 16_384, minimum: 1 }),
  maxConnectionsPerPeer: Type.Integer({ description: 'Connections at a time from one address.', default: 16_384, minimum: 1 }),
  ...RateOptions,
  idleTimeoutMs: Type.Integer({ description: 'A connection that sends nothing for so long is closed; 0 never.', default: 0, minimum: 0 }),
  proxies: Type.Array(Type.String(), {
    description: 'Balancers, as CIDR or single addresses, that announce each client by PROXY protocol version 1 or 2. Only they may.',
    default: []
  }),
  handshakeTimeoutMs: Type.Integer({
    description: 'Time for what comes before the first byte of a log: PROXY header and TLS handshake.',
    default: 10_000,
    minimum: 1
  })
}
