/**
 * What the file may say about each type of receiver. A new type is one schema in RECEIVER_SCHEMAS and one case in
 * pipeline/receivers.ts; `type` tells them apart. A type with a `listen` listens on TCP unless it has `protocols`.
 */
import { type Static, Type } from 'typebox'
import { FileDropReceiver, FtpReceiver, SftpReceiver } from './file-receiver-schemas.ts'
import { duration, listen, size } from './kinds.ts'
import { BlobPullReceiver, MenloPullReceiver } from './pull-receiver-schemas.ts'
import { allow, connectionKeys, count, name, optionalTls, proxies, rateKeys, secret, secretFile, Tls } from './receiver-keys.ts'

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
    ...connectionKeys,
    ...rateKeys('Over TCP it is made to wait, over UDP the rest is thrown away and counted.', 'Lines (of UDP, datagrams)'),
    receive_buffer: size({
      description: 'UDP: kernel buffer to ask for; the kernel caps it at net.core.rmem_max unless the process has CAP_NET_ADMIN.',
      default: '8MiB',
      minimum: 4096,
      maximum: 2 ** 30
    }),
    udp: Type.Enum(['auto', 'native', 'dgram'], {
      description:
        'UDP: `native` receives by recvmmsg in a thread of its own (Linux, package koffi), `dgram` by Node on the main thread; `auto` takes `native` where it can be had.',
      default: 'auto'
    }),
    max_senders: count('UDP: senders kept apart at a time; the longest silent one gives way.', 4096),
    sender_idle_timeout: duration({ description: 'UDP: a sender silent for so long is forgotten.', default: '10m', minimum: 1 })
  },
  { additionalProperties: false, description: 'Syslog over UDP and TCP (RFC 3164, 5424, 5426, 6587).' }
)

export const SyslogTlsReceiver = Type.Object(
  {
    type: Type.Literal('syslog-tls'),
    name,
    listen: listen({ description: 'Address and port.', default: '0.0.0.0:6514' }),
    tls: Tls,
    ...connectionKeys
  },
  { additionalProperties: false, description: 'Syslog over TLS (RFC 5425), both framings.' }
)

export const RelpReceiver = Type.Object(
  {
    type: Type.Literal('relp'),
    name,
    listen: listen({ description: 'Address and port.', default: '0.0.0.0:2514' }),
    tls: optionalTls('TLS of the listener; without it RELP is plain.'),
    ...connectionKeys
  },
  { additionalProperties: false, description: 'RELP, syslog with receipts (omrelp of rsyslog).' }
)

const HttpPath = Type.Object(
  {
    path: Type.String({ description: 'Path of the URL that the sender posts to.', pattern: '^/[A-Za-z0-9/._-]*$', maxLength: 1024 }),
    source: Type.Optional(
      Type.String({
        description: 'Source that everything posted here belongs to. Without it `sources[].from` and the bytes decide.',
        minLength: 1
      })
    ),
    format: Type.Enum(['auto', 'json', 'lines', 'hec'], {
      description:
        'Shape of the body: `json` is an array, objects or one object a line; `hec` is Splunk event envelopes; `auto` tells json and lines apart.',
      default: 'auto'
    }),
    secret: secret('Secret of this path instead of the common one.', 8),
    secret_file: secretFile('secret')
  },
  { additionalProperties: false, description: 'A path.' }
)

export const HttpPushReceiver = Type.Object(
  {
    type: Type.Literal('http-push'),
    name,
    listen: listen({ description: 'Address and port.', default: '0.0.0.0:8443' }),
    tls: optionalTls('TLS of the listener; without it HTTP is plain.'),
    paths: Type.Array(HttpPath, { description: 'Where senders post to.', default: [{ path: '/logs' }], minItems: 1, maxItems: 1024 }),
    hec: Type.Boolean({ description: 'Take Splunk HEC requests under /services/collector as well.', default: true }),
    secret: secret('Secret that senders show in `secret_header`, or as bearer or Splunk token.', 8),
    secret_file: secretFile('secret'),
    secret_header: Type.String({
      description: 'Header of the secret.',
      default: 'x-sluice-secret',
      pattern: '^[A-Za-z0-9-]+$',
      maxLength: 256
    }),
    basic_user: Type.Optional(Type.String({ description: 'User of basic authentication.', maxLength: 256 })),
    basic_password: secret('Password of basic authentication.', 8),
    basic_password_file: secretFile('basic_password'),
    anonymous: Type.Boolean({
      description: 'Take logs from anybody who may connect. Without it a secret or a password must be given.',
      default: false
    }),
    allow,
    proxies: proxies('Reverse proxies whose X-Forwarded-For is believed.'),
    body_max_bytes: size({ description: 'Longest body as sent.', default: '32MiB', minimum: 1 }),
    inflated_max_bytes: size({ description: 'Longest body after inflation.', default: '64MiB', minimum: 1 }),
    buffered_max_bytes: size({
      description: 'Bytes of bodies held at a time; above it senders are asked to come back.',
      default: '128MiB',
      minimum: 1
    }),
    max_connections: count('Connections at a time.', 1024),
    max_connections_per_peer: count('Connections at a time from one address.', 1024),
    ...rateKeys('Further requests are answered with 429 and Retry-After.'),
    max_requests: count('Requests worked on at a time.', 64),
    request_timeout: duration({ description: 'Time for a request to arrive.', default: '60s', minimum: 1 }),
    room_timeout: duration({ description: 'Longest wait for room before a sender is asked to come back.', default: '30s', minimum: 1 }),
    retry_after: duration({ description: 'When senders that were put off shall come back, to the second.', default: '30s', minimum: 1000 })
  },
  { additionalProperties: false, description: 'Logs pushed over HTTP: Zscaler Cloud NSS, NDJSON, lines, Splunk HEC.' }
)

/** Every type of receiver. */
export const RECEIVER_SCHEMAS = [
  SyslogReceiver,
  SyslogTlsReceiver,
  RelpReceiver,
  HttpPushReceiver,
  FtpReceiver,
  SftpReceiver,
  FileDropReceiver,
  BlobPullReceiver,
  MenloPullReceiver
] as const

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
