/** Options of receivers that fetch, by the configuration. */
import type { BlobPullOptions } from '../receivers/blob-pull.ts'
import type { MenloPullOptions } from '../receivers/menlo-pull.ts'
import type { AzureBlobOptions } from '../receivers/object-store-azure.ts'
import type { S3Options } from '../receivers/object-store-s3.ts'
import { type ConfigOf, given } from './receiver-options.ts'

type BlobPull = ConfigOf<'blob-pull'>

export function blobPullOptions(config: BlobPull): BlobPullOptions {
  return {
    name: config.name,
    ...(config.s3 === undefined ? {} : { s3: s3Options(config.s3) }),
    ...(config.azure === undefined ? {} : { azure: azureOptions(config.azure) }),
    prefix: config.prefix,
    suffixes: config.suffixes,
    ...given({ source: config.source }),
    ageMs: config.age,
    after: config.after,
    ledgerFile: config.ledger_file!, // derived
    ledgerMaxObjects: config.ledger_max_objects,
    checkpointBytes: config.checkpoint_bytes,
    format: config.format,
    unpackedMaxBytes: config.unpacked_max_bytes,
    unpackedMaxRatio: config.unpacked_max_ratio,
    ...timing(config)
  }
}

export function menloPullOptions(config: ConfigOf<'menlo-pull'>): MenloPullOptions {
  return {
    name: config.name,
    url: config.url,
    token: config.token!, // given, or read from its file
    logType: config.log_type,
    ...given({ source: config.source }),
    windowMs: config.window,
    trailMs: config.trail,
    lookbackMs: config.lookback,
    pageEvents: config.page_events,
    positionFile: config.position_file!, // derived
    ...timing(config)
  }
}

const timing = (config: ConfigOf<'blob-pull' | 'menlo-pull'>) => ({
  intervalMs: config.interval,
  requestTimeoutMs: config.request_timeout,
  backoffMinMs: config.backoff_min,
  backoffMaxMs: config.backoff_max
})

function s3Options(s3: NonNullable<BlobPull['s3']>): S3Options {
  return {
    bucket: s3.bucket,
    region: s3.region,
    ...given({ endpoint: s3.endpoint, sessionToken: s3.session_token }),
    pathStyle: s3.path_style,
    accessKeyId: s3.access_key_id,
    secretAccessKey: s3.secret_access_key! // given, or read from its file
  }
}

function azureOptions(azure: NonNullable<BlobPull['azure']>): AzureBlobOptions {
  return {
    ...given({
      container: azure.container,
      connectionString: azure.connection_string,
      containerUrl: azure.container_url,
      sas: azure.sas,
      tenantId: azure.tenant_id,
      clientId: azure.client_id,
      clientSecret: azure.client_secret
    }),
    managedIdentity: azure.managed_identity
  }
}
