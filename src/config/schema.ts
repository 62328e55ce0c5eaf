/**
 * The whole configuration file: every key with its description, default and limits. Types, checks, the JSON Schema for editors
 * and the redacted dump come from here. Keys are written as in the file; sizes are bytes and durations milliseconds in code.
 */
import { type Static, Type } from 'typebox'
import { ADMIN_LISTEN } from './admin-section.ts'
import { ArchiveSchema } from './archive-schema.ts'
import { cidr, duration, durationOrOff, lanes, listen, path, size, url, zone } from './kinds.ts'
import { AnyReceiver } from './receiver-schemas.ts'
import { TemplateSchema } from './template-schema.ts'

const secret = (description: string) => Type.Optional(Type.String({ description, minLength: 1, maxLength: 65536, secret: true }))
const secretFile = (key: string) => Type.Optional(path({ description: `File that holds \`${key}\`; read at start and reload.` }))
const text = (description: string, maxLength = 256) => Type.Optional(Type.String({ description, minLength: 1, maxLength }))
const domain = Type.String({
  pattern: '^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$',
  description: 'A domain; its subdomains count as well.'
})

const Auth = Type.Object(
  {
    token: secret('Legacy API token of the portal (64 hexadecimal digits).'),
    token_file: secretFile('token'),
    tenant_id: text('Entra tenant (directory) id.'),
    client_id: text('Entra application (client) id.'),
    client_secret: secret('Secret of the Entra application.'),
    client_secret_file: secretFile('client_secret'),
    certificate_file: Type.Optional(path({ description: 'PEM file with certificate and private key of the Entra application.' })),
    certificate_password: secret('Password of the private key in `certificate_file`.'),
    certificate_password_file: secretFile('certificate_password'),
    secret_ends: Type.Optional(
      Type.String({
        description:
          'Day on which `token` or `client_secret` ends, as the portal showed it when it was made; watched by metric and alert. The end of `certificate_file` is read from it.',
        pattern: '^\\d{4}-\\d{2}-\\d{2}$',
        examples: ['2027-01-31']
      })
    ),
    federated_token_file: Type.Optional(
      path({ description: 'Workload identity: file with the federated token, renewed by the platform.' })
    ),
    managed_identity: Type.Boolean({
      description: 'Managed identity of the Azure machine; `client_id` picks a user-assigned one.',
      default: false
    }),
    authority_host: Type.Optional(
      url({ description: 'Entra login host of other clouds.', examples: ['https://login.microsoftonline.us'] })
    ),
    scope: Type.String({
      description: 'Scope of the access token.',
      default: '05a65629-4c1b-48c1-a78b-804c4abdd4af/.default',
      minLength: 1
    })
  },
  {
    additionalProperties: false,
    description:
      'Either `token`, or an Entra application: `tenant_id` and `client_id` with a secret, certificate or federated token, or `managed_identity`.'
  }
)

const Local = Type.Object(
  {
    dir: path({ description: 'Where the local tenant keeps the files it got, as they were sent.', default: './data/tenant' }),
    listen: listen({ description: 'Where its API listens.', default: '127.0.0.1:9601' })
  },
  { additionalProperties: false, description: 'The local tenant, a stand-in for the service.' }
)

const Tenant = Type.Object(
  {
    url: Type.Optional(
      url({
        description: 'API URL of the tenant, as the portal shows it under About.',
        examples: ['https://contoso.us2.portal.cloudappsecurity.com']
      })
    ),
    auth: Type.Optional(Auth),
    local: Type.Optional(Local),
    proxy: Type.Optional(
      url({
        description: 'HTTP proxy for API, login and blob; without it HTTPS_PROXY and NO_PROXY are heeded.',
        examples: ['http://proxy.example:3128']
      })
    ),
    no_proxy: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: 'Hosts and domains that are reached without the proxy; absent: NO_PROXY.',
        maxItems: 256
      })
    ),
    ca_file: Type.Optional(path({ description: 'PEM file of further certificate authorities, such as the one of an inspecting proxy.' }))
  },
  { additionalProperties: false, default: {}, description: 'Where files go. Without `url` the local tenant runs.' }
)

export const FORMATS = ['cef', 'leef', 'w3c', 'csv', 'raw'] as const

const RECORD_PROPERTIES = [
  'time',
  'srcIp',
  'user',
  'device',
  'dstIp',
  'dstPort',
  'dstHost',
  'url',
  'uploadedBytes',
  'downloadedBytes',
  'totalBytes',
  'action'
] as const

const header = (field: string) =>
  Type.String({ description: `The ${field} in the headers of CEF and LEEF.`, minLength: 1, maxLength: 64, pattern: '^[^|\\r\\n\\t]+$' })

const Source = Type.Object(
  {
    name: Type.String({
      description: 'Name in status and metrics, and of the data source in the portal unless `data_source` is given.',
      pattern: '^[A-Za-z0-9_-]{1,64}$'
    }),
    appliance: Type.String({
      description: 'Id of the appliance, or `auto`: told from the bytes of each line.',
      default: 'auto',
      minLength: 1,
      maxLength: 64
    }),
    template: Type.Optional(TemplateSchema),
    from: Type.Object(
      {
        peers: Type.Array(cidr({ description: 'An address or network.' }), {
          description: 'Senders that belong to this source.',
          default: [],
          maxItems: 1024
        }),
        receivers: Type.Array(Type.String({ minLength: 1 }), {
          description: 'Receivers whose input belongs to this source.',
          default: [],
          maxItems: 256
        })
      },
      {
        additionalProperties: false,
        default: {},
        description: 'What belongs to this source. With both, both must fit; with neither, all that no other source takes.'
      }
    ),
    format: Type.Enum(FORMATS, { description: 'Format of the upload files; `raw` passes lines through unchanged.', default: 'cef' }),
    silent_after: Type.Optional(
      durationOrOff({
        description:
          'Alarm when the source sends nothing for so long, also when it never sent; `off`: no alarm. Absent: ten times its usual pause, at least 5 min.',
        examples: ['15m']
      })
    ),
    time_zone: zone({ description: 'Zone of clocks without offset.', default: 'UTC', examples: ['Europe/Berlin'] }),
    data_source: Type.String({
      description: 'Name of the data source in the portal.',
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      derived: 'the name'
    }),
    source_string: Type.Optional(
      Type.String({
        description: 'Log type that the service is told, when it is not the one of the format. Needed with `raw`.',
        pattern: '^[A-Z0-9_]{1,64}$',
        examples: ['FORTIGATE_SYSLOG']
      })
    ),
    keys: Type.Record(Type.String(), Type.Union([Type.String({ minLength: 1, maxLength: 64 }), Type.Null()]), {
      description:
        'Key or column names of the upload format by record property, where they differ from the usual ones; null leaves one out.',
      default: {},
      propertyNames: { enum: RECORD_PROPERTIES },
      examples: [{ uploadedBytes: 'sent' }]
    }),
    direction: Type.Enum(['in-is-download', 'in-is-upload'], {
      description: 'Which way the two byte keys of CEF point.',
      default: 'in-is-download'
    }),
    total_only: Type.Enum(['asDownloaded', 'omit'], {
      description: 'What a format without a total does with a record that knows only the total.',
      default: 'asDownloaded'
    }),
    cef_time: Type.Enum(['epoch', 'text'], {
      description: 'CEF time as epoch milliseconds or as `MMM dd yyyy HH:mm:ss`.',
      default: 'epoch'
    }),
    vendor: Type.Optional(header('vendor')),
    product: Type.Optional(header('product')),
    version: Type.Optional(header('version'))
  },
  { additionalProperties: false, description: 'One data source of the service.' }
)

const Spool = Type.Object(
  {
    dir: path({ description: 'Directory of the spool; one process at a time.', default: './data/spool' }),
    max_bytes: size({ description: 'Bound of all spool files together.', default: '20GiB' }),
    min_free_bytes: size({ description: 'Disk space that is left free; below it the spool counts as full.', default: '256MiB' }),
    high_water: Type.Number({
      description:
        'Share of `max_bytes` above which receivers that can wait are stopped; of a spool below 40 MiB less, so that 4 MiB, or half of it, are left for what is on its way.',
      default: 0.9,
      minimum: 0.05,
      maximum: 1
    }),
    low_water: Type.Number({ description: 'Share of `max_bytes` below which they go on.', default: 0.8, minimum: 0, maximum: 1 }),
    segment_max_bytes: size({ description: 'A segment closes at this compressed size.', default: '48MiB', examples: ['48MiB'] }),
    segment_max_raw_bytes: size({ description: 'A segment closes at this size before compression.', default: '900MB' }),
    commit_interval: duration({
      description: 'What arrives becomes durable this often; it waits no longer, apart from the time that parsing and the sync take.',
      default: '200ms',
      minimum: 10
    }),
    archive_segments: Type.Integer({ description: 'Uploaded segments that are kept.', default: 20, minimum: 0, maximum: 10000 }),
    archive_max_bytes: size({ description: 'Bound of those kept segments together.', default: '1GiB' }),
    archive_max_age: durationOrOff({
      description: 'Kept segments that were begun longer ago are removed; `off` keeps them.',
      default: '7d'
    })
  },
  { additionalProperties: false, default: {}, description: 'The disk buffer between lines and uploads.' }
)

const Upload = Type.Object(
  {
    flush_interval: duration({
      description:
        'A file is uploaded after so long, full or not; later while sources or waiting files are too many for `requests_per_minute`.',
      derived: '5m, or 2s with the local tenant'
    }),
    requests_per_minute: Type.Number({
      description: 'Budget of API calls; the service allows 30 for the whole tenant.',
      minimum: 1,
      maximum: 100000,
      derived: '20, or 600 with the local tenant'
    }),
    share: Type.Number({
      description:
        'Part of `requests_per_minute`, and of the tenant’s 30 a minute, that is this collector’s when several serve one tenant; their shares add up to 1 at most.',
      default: 1,
      minimum: 0.1,
      maximum: 1
    }),
    compression_level: Type.Integer({ description: 'Deflate level; 1 is fastest.', default: 1, minimum: 0, maximum: 9 }),
    concurrency: Type.Integer({ description: 'Files uploaded at a time.', default: 2, minimum: 1, maximum: 16 }),
    timeout: duration({ description: 'Limit of one API call.', default: '60s' })
  },
  { additionalProperties: false, default: {}, description: 'How files reach the tenant.' }
)

const Process = Type.Object(
  {
    drop_internal: Type.Boolean({
      description: 'Drop records whose destination is private, local, multicast, or an own domain or network.',
      default: true
    }),
    outbound_only: Type.Boolean({
      description: 'Keep only records whose client is inside `own_networks`; without effect when that is empty.',
      default: false
    }),
    own_domains: Type.Array(domain, {
      description: 'Domains of the organization, internal to `drop_internal`.',
      default: [],
      maxItems: 10000
    }),
    own_networks: Type.Array(cidr({ description: 'An address or network.' }), {
      description: 'Networks of the organization, internal to `drop_internal` as well.',
      default: [],
      maxItems: 10000
    }),
    one_per_connection: Type.Boolean({
      description: 'A connection counts once: its start is dropped once a sender has shown ends, and lines with running totals always are.',
      default: true
    }),
    max_age: durationOrOff({
      description: 'Older records are dropped, since the service ignores them; `off` keeps them.',
      default: '2159h'
    }),
    max_future: durationOrOff({ description: 'Records further in the future are dropped; `off` keeps them.', default: '10m' })
  },
  { additionalProperties: false, default: {}, description: 'Which records go on.' }
)

const Privacy = Type.Object(
  {
    strip_query: Type.Boolean({ description: 'Remove the query from URLs.', default: true }),
    user_format: Type.Enum(['asIs', 'upn', 'name'], {
      description: '`CONTOSO\\bob` as it is, as bob@domain by `user_domains`, or as bob.',
      default: 'asIs'
    }),
    user_domains: Type.Record(Type.String(), domain, {
      description: 'NetBIOS domain to mail domain, for `user_format: upn`.',
      default: {},
      examples: [{ CONTOSO: 'contoso.example' }]
    })
  },
  { additionalProperties: false, default: {}, description: 'What is taken out of records.' }
)

const Log = Type.Object(
  {
    level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      description: 'Least important level that is written.',
      default: 'info'
    }),
    format: Type.Enum(['json', 'pretty', 'auto'], { description: '`auto` is pretty on a terminal, else JSON.', default: 'auto' })
  },
  { additionalProperties: false, default: {}, description: 'Sluice’s own log, on standard output.' }
)

const Admin = Type.Object(
  {
    listen: listen({ description: 'Address of page, API and metrics. Beyond loopback a token is needed.', default: ADMIN_LISTEN }),
    token: secret('Bearer token of the admin API.'),
    token_file: secretFile('token'),
    hosts: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      description: 'Further names by which the page may be asked for, such as the one of a reverse proxy.',
      default: [],
      maxItems: 64
    })
  },
  { additionalProperties: false, default: {}, description: 'Page, API, health and metrics.' }
)

/** The file. */
export const ConfigSchema = Type.Object(
  {
    tenant: Tenant,
    receivers: Type.Array(AnyReceiver, { description: 'Where logs come in.', default: [{ type: 'syslog' }], minItems: 1, maxItems: 256 }),
    sources: Type.Array(Source, { description: 'Data sources of the service.', default: [{ name: 'sluice' }], minItems: 1, maxItems: 256 }),
    spool: Spool,
    upload: Upload,
    archive: ArchiveSchema,
    process: Process,
    privacy: Privacy,
    lanes: lanes({ description: 'Threads that parse and compress; `auto` is one per core.', default: 'auto' }),
    log: Log,
    admin: Admin,
    reload_on_change: Type.Boolean({
      description: 'Reload when this file, or the file of a secret, has new content. SIGHUP and the admin API reload in any case.',
      default: true
    })
  },
  { additionalProperties: false, title: 'Sluice configuration' }
)

/**
 * A checked configuration: all defaults filled in, sizes in bytes, durations in milliseconds (0 = `off`), paths absolute,
 * networks as address/prefix, secrets read. Exactly one of `tenant.url` and `tenant.local` is there.
 */
export type Config = Static<typeof ConfigSchema>
export type SourceConfig = Static<typeof Source>
export type { ArchiveConfig } from './archive-schema.ts'
export type TemplateConfig = Static<typeof TemplateSchema>
export type AuthConfig = Static<typeof Auth>
export type { ReceiverConfig, SyslogReceiverConfig } from './receiver-schemas.ts'
