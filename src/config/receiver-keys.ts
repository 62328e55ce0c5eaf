/** Keys that several types of receiver share, so that they read the same everywhere. */
import { Type } from 'typebox'
import { cidr, duration, durationOrOff, path, size } from './kinds.ts'

const CONNECTIONS_MAX = 1_000_000

export const name = Type.String({
  description: 'Name in status, metrics and `sources[].from.receivers`.',
  pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
  derived: 'the type, and a number from the second of the same type on'
})

export const allow = Type.Array(cidr({ description: 'An address or network.' }), {
  description: 'Networks that may send; others are refused and counted. Empty: everybody.',
  default: [],
  maxItems: 1024
})

/** `proxies` means a different announcement by protocol, which the description says. */
export const proxies = (description: string) =>
  Type.Array(cidr({ description: 'An address or network.' }), { description, default: [], maxItems: 1024 })

export const count = (description: string, byDefault: number, maximum = CONNECTIONS_MAX) =>
  Type.Integer({ description, default: byDefault, minimum: 1, maximum })

/** How fast one address may send; `unit` and `what` say what is counted and what happens to more. */
export const rateKeys = (what = 'It is made to wait.', unit = 'Lines') => ({
  max_frames_per_second_per_peer: Type.Integer({
    description: `${unit} a second from one address, with a second's worth at once; 0 any number. ${what}`,
    default: 0,
    minimum: 0,
    maximum: 100_000_000
  }),
  max_bytes_per_second_per_peer: size({
    description: `Bytes a second from one address, with a second's worth at once; 0 any number. ${what}`,
    default: '0'
  })
})

/** Limits of receivers that read a stream per connection. */
export const connectionKeys = {
  allow,
  proxies: proxies('Balancers that announce each client by PROXY protocol version 1 or 2. They must, and nobody else may.'),
  max_connections: count('Connections at a time; more are refused and counted.', 16384),
  max_connections_per_peer: count('Connections at a time from one address.', 16384),
  ...rateKeys(),
  idle_timeout: durationOrOff({ description: 'A connection that sends nothing for so long is closed.', default: 'off' }),
  handshake_timeout: duration({
    description: 'Time for what comes before the first byte of a log: PROXY header and TLS handshake.',
    default: '10s',
    minimum: 1
  })
}

/** Certificate and key of a listener, and what it asks of its clients. */
export const Tls = Type.Object(
  {
    cert_file: path({ description: 'Certificate chain of the server, PEM. Read again when the file changes.' }),
    key_file: path({ description: 'Private key of the server, PEM, without password. Read again when the file changes.' }),
    client_ca_file: Type.Optional(path({ description: 'Certificate authorities that client certificates are checked against, PEM.' })),
    client_certificate: Type.Enum(['none', 'optional', 'required'], {
      description: 'Whether clients show a certificate. One that is shown must be good.',
      default: 'none'
    }),
    client_names: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      description: 'DNS or common names of client certificates that may send, `*.example.com` for all below it. Empty: all.',
      default: [],
      maxItems: 1024
    }),
    min_version: Type.Enum(['TLSv1.2', 'TLSv1.3'], { description: 'Oldest TLS version.', default: 'TLSv1.2' }),
    reload_interval: duration({ description: 'How often the files are looked at for a change.', default: '5s', minimum: 10 }),
    session_tickets: Type.Enum(['warn', 'tls1.2', 'refuse'], {
      description:
        'If the process would send TLS 1.3 session tickets, by which senders that only write lose lines: warn, offer TLS 1.2 at most, or refuse to start. `sluice run` sends none by itself.',
      default: 'warn'
    })
  },
  { additionalProperties: false, description: 'TLS of the listener.' }
)

export const optionalTls = (description: string) => Type.Optional(Type.Object(Tls.properties, { additionalProperties: false, description }))

export const secret = (description: string, minLength = 1) =>
  Type.Optional(Type.String({ description, minLength, maxLength: 65536, secret: true }))

export const secretFile = (key: string) => Type.Optional(path({ description: `File that holds \`${key}\`; read at start.` }))
