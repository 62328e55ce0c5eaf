/** `archive`: a second home for what is uploaded, or for the lines as they came. */
import { type Static, Type } from 'typebox'
import { duration, path, size, url } from './kinds.ts'
import { secret, secretFile } from './receiver-keys.ts'

const id = (description: string) => Type.Optional(Type.String({ description, minLength: 1, maxLength: 256 }))

const Identity = Type.Object(
  {
    tenant_id: id('Entra tenant (directory) id.'),
    client_id: id('Entra application (client) id.'),
    client_secret: secret('Secret of the Entra application.'),
    client_secret_file: secretFile('client_secret'),
    certificate_file: Type.Optional(path({ description: 'PEM file with certificate and private key of the Entra application.' })),
    certificate_password: secret('Password of the private key in `certificate_file`.'),
    certificate_password_file: secretFile('certificate_password'),
    federated_token_file: Type.Optional(
      path({ description: 'Workload identity: file with the federated token, renewed by the platform.' })
    ),
    managed_identity: Type.Boolean({
      description: 'Managed identity of the Azure machine; `client_id` picks a user-assigned one.',
      default: false
    }),
    authority_host: Type.Optional(url({ description: 'Entra login host of other clouds.' }))
  },
  {
    additionalProperties: false,
    description: 'Entra: an application with one proof, or `managed_identity`. Needs Storage Blob Data Contributor.'
  }
)

const commonKeys = {
  content: Type.Enum(['records', 'lines'], {
    description: '`records`: the lines of the upload files; `lines`: every line as it was received, whatever became of it.',
    default: 'records'
  }),
  sources: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Names of the sources that are archived; empty: all.',
    default: [],
    maxItems: 256
  }),
  path: Type.String({
    description: 'Names of the files: text with {source}, {format}, {date}, {year}, {month}, {day}, {hour} and {id}.',
    default: '{source}/{year}/{month}/{day}/{source}-{id}.{format}.zst',
    minLength: 1
  }),
  compression_level: Type.Integer({ description: 'zstd level.', default: 1, minimum: 1, maximum: 19 }),
  flush_interval: duration({ description: 'A file is archived after at most so long, full or not.', default: '15m', minimum: 1000 }),
  dir: path({ description: 'Directory of its own disk buffer; one process at a time.', default: './data/archive' }),
  max_bytes: size({
    description: 'Bound of that buffer; above it what arrives is not archived, and counted.',
    default: '5GiB',
    minimum: 1024 * 1024
  }),
  min_free_bytes: size({
    description: 'Disk space that the buffer leaves free; more than `spool.min_free_bytes`, so that it yields first.',
    default: '1GiB'
  })
}

const AzureBlobArchive = Type.Object(
  {
    type: Type.Literal('azure-blob'),
    container: Type.String({
      description: 'Name of the container.',
      pattern: '^[a-z0-9](?:-?[a-z0-9]){2,62}$'
    }),
    account_url: Type.Optional(
      url({ description: 'URL of the storage account, without a connection string.', examples: ['https://contoso.blob.core.windows.net'] })
    ),
    connection_string: secret('Connection string of the storage account.'),
    connection_string_file: secretFile('connection_string'),
    sas_token: secret('SAS token with the rights create and write, and read where a policy forbids to overwrite.'),
    sas_token_file: secretFile('sas_token'),
    auth: Type.Optional(Identity),
    create_container: Type.Boolean({ description: 'Make the container when it is missing.', default: false }),
    timeout: duration({ description: 'Limit of one request.', default: '60s', minimum: 1000 }),
    ...commonKeys
  },
  { additionalProperties: false, description: 'A container of your own in Azure Blob Storage.' }
)

const DirectoryArchive = Type.Object(
  {
    type: Type.Literal('directory'),
    folder: path({ description: 'Where the files go, such as a mounted share.' }),
    ...commonKeys
  },
  { additionalProperties: false, description: 'A folder.' }
)

export type AzureBlobArchiveConfig = Static<typeof AzureBlobArchive>
/** Told apart by `type`. */
export type ArchiveConfig = AzureBlobArchiveConfig | Static<typeof DirectoryArchive>

export const ArchiveSchema = Type.Optional(
  Type.Unsafe<ArchiveConfig>({
    type: 'object',
    discriminator: { propertyName: 'type' },
    required: ['type'],
    oneOf: [AzureBlobArchive, DirectoryArchive]
  })
)
