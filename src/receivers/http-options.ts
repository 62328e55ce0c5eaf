/** Options of the HTTP receiver, and the paths that Splunk's HTTP Event Collector has. */
import Type, { type Static } from 'typebox'
import { AllowOption, ListenOption, NameOption, RateOptions } from './options.ts'
import { TlsOptions } from './tls-identity.ts'

const MIB = 1024 * 1024

export const HttpPathOptions = Type.Object({
  path: Type.String({ description: 'Path of the URL that the sender posts to.', pattern: '^/[A-Za-z0-9/._-]*$' }),
  source: Type.Optional(
    Type.String({ description: 'Source that everything posted here belongs to. Without it records are told apart by their bytes.' })
  ),
  format: Type.Union([Type.Literal('auto'), Type.Literal('json'), Type.Literal('lines'), Type.Literal('hec')], {
    description:
      'Shape of the body: json is an array, objects or one object a line; hec is Splunk event envelopes; auto tells json and lines apart.',
    default: 'auto'
  }),
  secret: Type.Optional(Type.String({ description: 'Secret of this path instead of the common one.', minLength: 8 }))
})

export const HttpPushOptions = Type.Object({
  name: NameOption('http-push'),
  listen: ListenOption('0.0.0.0:8443'),
  allow: AllowOption,
  proxies: Type.Array(Type.String(), { description: 'Reverse proxies whose X-Forwarded-For is believed.', default: [] }),
  tls: Type.Optional(Type.Object(TlsOptions.properties, { description: 'Certificates; without them HTTP is plain.' })),
  paths: Type.Array(HttpPathOptions, { description: 'Where senders post to.', default: [{ path: '/logs', format: 'auto' }] }),
  hec: Type.Boolean({ description: 'Take Splunk HEC requests under /services/collector as well.', default: true }),
  secret: Type.Optional(Type.String({ description: 'Secret that senders show in a header, or as bearer or Splunk token.', minLength: 8 })),
  secretHeader: Type.String({ description: 'Header of the secret.', default: 'x-sluice-secret', pattern: '^[A-Za-z0-9-]+$' }),
  basicUser: Type.Optional(Type.String({ description: 'User of basic authentication.' })),
  basicPassword: Type.Optional(Type.String({ description: 'Password of basic authentication.', minLength: 8 })),
  anonymous: Type.Boolean({
    description: 'Take logs from anybody who may connect. Without it a secret or a password must be set.',
    default: false
  }),
  bodyMaxBytes: Type.Integer({ description: 'Longest body as sent.', default: 32 * MIB, minimum: 1 }),
  inflatedMaxBytes: Type.Integer({ description: 'Longest body after inflation.', default: 64 * MIB, minimum: 1 }),
  bufferedMaxBytes: Type.Integer({
    description: 'Bytes of bodies held at a time; above it senders are asked to come back.',
    default: 128 * MIB,
    minimum: 1
  }),
  maxConnections: Type.Integer({ description: 'Connections at a time.', default: 1024, minimum: 1 }),
  maxConnectionsPerPeer: Type.Integer({ description: 'Connections at a time from one address.', default: 1024, minimum: 1 }),
  ...RateOptions,
  maxRequests: Type.Integer({ description: 'Requests worked on at a time.', default: 64, minimum: 1 }),
  requestTimeoutMs: Type.Integer({ description: 'Time for a request to arrive.', default: 60_000, minimum: 1 }),
  roomTimeoutMs: Type.Integer({ description: 'Longest wait for room before a sender is asked to come back.', default: 30_000, minimum: 1 }),
  retryAfterSeconds: Type.Integer({ description: 'When senders that were put off shall come back.', default: 30, minimum: 1 })
})
export type HttpPushOptions = Static<typeof HttpPushOptions>
export type HttpPath = Static<typeof HttpPathOptions>

export const HEC_PATHS: readonly HttpPath[] = [
  { path: '/services/collector', format: 'hec' },
  { path: '/services/collector/event', format: 'hec' },
  { path: '/services/collector/event/1.0', format: 'hec' },
  { path: '/services/collector/raw', format: 'lines' },
  { path: '/services/collector/raw/1.0', format: 'lines' }
]
