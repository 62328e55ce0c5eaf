/** What the file may say about receivers that fetch: objects of a bucket or container, and the log export of Menlo Security. */
import { Type } from 'typebox'
import { contentKeys } from './file-receiver-schemas.ts'
import { duration, path, size, url } from './kinds.ts'
import { count, name, secret, secretFile } from './receiver-keys.ts'

const text = (description: string, maxLength = 2048) => Type.String({ description, minLength: 1, maxLength })
const optionalText = (description: string) => Type.Optional(text(description))

/** Keys of everything that is fetched by time. */
const pullKeys = {
  source: Type.Optional(
    Type.String({
      description: 'Source that everything fetched belongs to. Without it `sources[].from` and the bytes decide.',
      minLength: 1
    })
  ),
  interval: duration({ description: 'Wait between two looks at the server.', default: '1m', minimum: 10 }),
  request_timeout: duration({ description: 'Longest wait for an answer, and for the next bytes of one.', default: '60s', minimum: 1 }),
  backoff_min: duration({ description: 'Wait after the first failure; it doubles with each.', default: '1s', minimum: 1 }),
  backoff_max: duration({ description: 'Longest wait after a failure.', default: '5m', minimum: 1 })
}

const S3 = Type.Object(
  {
    bucket: text('Name of the bucket.', 255),
    region: Type.String({ description: 'Region that requests are signed for.', default: 'us-east-1', minLength: 1, maxLength: 64 }),
    endpoint: Type.Optional(
      url({ description: 'URL of an S3-compatible store; without it Amazon S3 of the region.', examples: ['https://minio.example:9000'] })
    ),
    path_style: Type.Boolean({ description: 'The bucket stands in the path of the URL, else before the host.', default: true }),
    access_key_id: text('Id of the access key.', 256),
    secret_access_key: secret('Secret of the access key.'),
    secret_access_key_file: secretFile('secret_access_key'),
    session_token: secret('Session token of temporary credentials.'),
    session_token_file: secretFile('session_token')
  },
  { additionalProperties: false, description: 'A bucket of Amazon S3 or of a store that speaks like it.' }
)

const AzureBlob = Type.Object(
  {
    container: optionalText('Name of the container; with `connection_string`.'),
    connection_string: secret('Connection string of the storage account.'),
    connection_string_file: secretFile('connection_string'),
    container_url: Type.Optional(
      url({
        description: 'URL of the container; with `sas`, or with `tenant_id`, `client_id` and `client_secret`, or with `managed_identity`.',
        examples: ['https://account.blob.core.windows.net/logs']
      })
    ),
    sas: secret('Shared access signature with the rights to read and list, and to delete when objects are deleted.'),
    sas_file: secretFile('sas'),
    tenant_id: optionalText('Entra tenant (directory) id.'),
    client_id: optionalText('Entra application (client) id; with `managed_identity` the user-assigned one.'),
    client_secret: secret('Secret of the Entra application.'),
    client_secret_file: secretFile('client_secret'),
    managed_identity: Type.Boolean({ description: 'Sign in by the managed identity of the Azure machine.', default: false })
  },
  { additionalProperties: false, description: 'A container of Azure Blob Storage.' }
)

export const BlobPullReceiver = Type.Object(
  {
    type: Type.Literal('blob-pull'),
    name,
    s3: Type.Optional(S3),
    azure: Type.Optional(AzureBlob),
    prefix: Type.String({ description: 'Only objects whose names begin so.', default: '', maxLength: 1024 }),
    suffixes: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      description: 'Only objects whose names end so. Empty: all.',
      default: [],
      maxItems: 256
    }),
    age: duration({ description: 'How long an object must not have changed, for writers that append to it.', default: '0' }),
    after: Type.Enum(['keep', 'delete'], { description: 'What becomes of an object that was taken.', default: 'keep' }),
    ledger_file: Type.Optional(
      path({ description: 'Where it is kept which objects were taken; absent: `pulls/NAME.ledger` beside the directory of the spool.' })
    ),
    ledger_max_objects: Type.Integer({
      description: 'Objects remembered; of more that are kept there, the oldest are let go of and not looked at again.',
      default: 100_000,
      minimum: 10,
      maximum: 10_000_000
    }),
    checkpoint_bytes: size({
      description: 'Unpacked bytes after which the position in an object is made durable; a crash reads at most so much again.',
      default: '32MiB',
      minimum: 1
    }),
    ...pullKeys,
    ...contentKeys
  },
  { additionalProperties: false, description: 'Objects that a gateway exports to a bucket of S3 or a container of Azure.' }
)

export const MenloPullReceiver = Type.Object(
  {
    type: Type.Literal('menlo-pull'),
    name,
    url: url({ description: 'Log export API, `v1` or `v2`.', default: 'https://logs.menlosecurity.com/api/rep/v1' }),
    token: secret('API token with the log export permission.'),
    token_file: secretFile('token'),
    log_type: Type.String({ description: 'Log that is fetched.', default: 'web', pattern: '^[A-Za-z0-9_-]{1,64}$' }),
    window: duration({ description: 'Longest stretch of time asked for at once.', default: '1h', minimum: 1000, maximum: 3_600_000 }),
    trail: duration({ description: 'How far to stay behind real time, since events come late.', default: '5m' }),
    lookback: duration({ description: 'How far back to begin at the very first start.', default: '1h' }),
    page_events: count('Events asked for at once.', 1000, 1000),
    position_file: Type.Optional(
      path({ description: 'Where the position is kept; absent: `pulls/NAME.position` beside the directory of the spool.' })
    ),
    ...pullKeys
  },
  { additionalProperties: false, description: 'The log export API of Menlo Security.' }
)
