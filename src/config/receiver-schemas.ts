/**
 * What the file may say about each type of receiver. A new type is one line in RECEIVER_SCHEMAS; `type` tells them apart.
 */
import { type Static, Type } from 'typebox'
import { cidr, durationOrOff, listen, size } from './kinds.ts'

const name = Type.String({
  description: 'Name in status, metrics and `sources[].from.receivers`.',
  pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
  derived: 'the type, and a number from the second of the same type on'
})

const allow = Type.Array(cidr({ description: 'An address or network.' }), {
  description: 'Networks that may send; others are refused and counted. Empty: everybody.',
  default: [],
  maxItems: 1024
})

/** Syslog over UDP and TCP, framing told apart by itself. */
export const SyslogReceiver = Type.Object(
  {
    type: Type.Literal('syslog'),
    name,
    protocols: Type.Array(Type.Enum(['udp', 'tcp']), {
      description: 'Transports; both use the same address and port.',
      default: ['udp', 'tcp'],
      minItems: 1,
      uniqueItems: true
    }),
    listen: listen({ description: 'Address and port.', default: '0.0.0.0:5514' }),
    allow,
    receive_buffer: size({
      description: 'Kernel buffer to ask for, UDP; the kernel caps it at net.core.rmem_max.',
      default: '8MiB',
      maximum: 2 ** 30
    }),
    max_connections: Type.Integer({
      description: 'TCP connections at a time; more are refused and counted.',
      default: 16384,
      minimum: 1,
      maximum: 1000000
    }),
    max_connections_per_peer: Type.Integer({
      description: 'TCP connections at a time from one address.',
      default: 16384,
      minimum: 1,
      maximum: 1000000
    }),
    idle_timeout: durationOrOff({ description: 'A TCP connection that sends nothing for so long is closed.', default: 'off' }),
    max_senders: Type.Integer({
      description: 'UDP senders kept apart at a time; the longest silent one gives way.',
      default: 4096,
      minimum: 1,
      maximum: 1000000
    })
  },
  { additionalProperties: false, description: 'Syslog over UDP and TCP (RFC 3164, 5424, 6587).' }
)

/** Every type of receiver. */
export const RECEIVER_SCHEMAS = [SyslogReceiver] as const

export type SyslogReceiverConfig = Static<typeof SyslogReceiver>
/** One entry of `receivers`, told apart by `type`. */
export type ReceiverConfig = Static<(typeof RECEIVER_SCHEMAS)[number]>

/** One of `receivers`. */
export const AnyReceiver = Type.Unsafe<ReceiverConfig>({
  type: 'object',
  discriminator: { propertyName: 'type' },
  required: ['type'],
  oneOf: RECEIVER_SCHEMAS
})
