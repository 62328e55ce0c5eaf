/**
 * The archive in a container of the customer's own storage account, through @azure/storage-blob, which is big and loaded when first needed.
 * Files are staged in blocks, each with its MD5; the name is bound to the content, so a try after a lost answer stores the same again.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import type { BlockBlobClient, ContainerClient, StoragePipelineOptions } from '@azure/storage-blob'
import type { Dispatcher } from 'undici'
import { azureCredential, type Credential, DEFAULT_AUTHORITY_HOST } from '../auth.ts'
import { blobHttpClient } from '../azure-http.ts'
import { type Decision, describe, type Failure, networkFailure, StepFailure, throttleMs } from '../retry.ts'
import type { PackedFile } from './pack.ts'
import type { ArchiveStore } from './store.ts'

export type AzureAccess =
  | { kind: 'connection-string'; connectionString: string }
  | { kind: 'sas'; accountUrl: string; sasToken: string }
  | { kind: 'entra'; accountUrl: string; credential: Credential; authorityHost?: string }

export interface AzureBlobOptions {
  access: AzureAccess
  container: string
  /** Makes the container when it is missing. */
  createContainer: boolean
  dispatcher: Dispatcher
  /** Bounds each request. */
  timeoutMs: number
  /** Memory of an upload; a file of the archive has some ten of these. @default 4 MiB */
  blockBytes?: number
}

const BLOCK_BYTES = 4 * 1024 * 1024

export class AzureBlobStore implements ArchiveStore {
  readonly place: string
  readonly #options: AzureBlobOptions
  #client: Promise<ContainerClient> | undefined

  constructor(options: AzureBlobOptions) {
    this.#options = options
    const { access, container } = options
    this.place = `container ${container} of ${accountOf(access)}`
  }

  async put(name: string, file: PackedFile, facts: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    try {
      const container = await this.#container(signal)
      const blob = container.getBlockBlobClient(name)
      await upload(blob, file, facts, this.#options.blockBytes ?? BLOCK_BYTES, signal).catch(async error => {
        if (!isTaken(error) || !(await holdsAlready(blob, file, signal))) throw error
      })
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof StepFailure ? error : failureOf(error)
    }
  }

  async close(): Promise<void> {
    await this.#options.dispatcher.close()
  }

  /** Asked for again after a failure: a credential or a container may have come meanwhile. */
  async #container(signal: AbortSignal): Promise<ContainerClient> {
    this.#client ??= this.#open(signal)
    try {
      return await this.#client
    } catch (error) {
      this.#client = undefined
      throw error
    }
  }

  async #open(signal: AbortSignal): Promise<ContainerClient> {
    const { container: name, createContainer } = this.#options
    const container = (await serviceClient(this.#options)).getContainerClient(name)
    if (createContainer) await container.createIfNotExists({ abortSignal: signal })
    return container
  }
}

async function serviceClient({ access, dispatcher, timeoutMs }: AzureBlobOptions) {
  const { AnonymousCredential, BlobServiceClient, newPipeline } = await import('@azure/storage-blob')
  // The uploader tries again, with a backoff that a restart does not forget.
  const options: StoragePipelineOptions = { httpClient: blobHttpClient(dispatcher, timeoutMs), retryOptions: { maxTries: 1 } }
  switch (access.kind) {
    case 'connection-string':
      return BlobServiceClient.fromConnectionString(access.connectionString, options)
    case 'sas': {
      const url = `${access.accountUrl}?${access.sasToken.replace(/^\?/, '')}`
      return new BlobServiceClient(url, newPipeline(new AnonymousCredential(), options))
    }
    case 'entra': {
      const authority = new URL(access.authorityHost ?? DEFAULT_AUTHORITY_HOST)
      const credential = await azureCredential({ credential: access.credential, dispatcher, timeoutMs }, authority)
      return new BlobServiceClient(access.accountUrl, credential, options)
    }
  }
}

async function upload(
  blob: BlockBlobClient,
  file: PackedFile,
  facts: Readonly<Record<string, string>>,
  blockBytes: number,
  abortSignal: AbortSignal
): Promise<void> {
  const ids: string[] = []
  const buffer = Buffer.allocUnsafe(blockBytes)
  const source = openSync(file.path, 'r')
  try {
    for (;;) {
      const count = readSync(source, buffer)
      if (count === 0) break
      const id = Buffer.from(String(ids.length).padStart(6, '0')).toString('base64')
      const block = buffer.subarray(0, count)
      await blob.stageBlock(id, block, count, { transactionalContentMD5: createHash('md5').update(block).digest(), abortSignal })
      ids.push(id)
    }
  } finally {
    closeSync(source)
  }
  await blob.commitBlockList(ids, {
    blobHTTPHeaders: { blobContentType: 'application/zstd', blobContentMD5: file.md5 },
    metadata: { ...facts },
    abortSignal
  })
}

/** A policy of the container forbids to write over a blob. */
const isTaken = (error: unknown): boolean => [409, 412].includes((error as { statusCode?: number }).statusCode ?? 0)

async function holdsAlready(blob: BlockBlobClient, file: PackedFile, abortSignal: AbortSignal): Promise<boolean> {
  const { contentMD5 } = await blob.getProperties({ abortSignal })
  return contentMD5 !== undefined && file.md5.equals(contentMD5)
}

function failureOf(error: unknown): StepFailure {
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string }
  if (typeof statusCode !== 'number' || statusCode === 0) return networkFailure('archive a file', 'put', error)
  const failure: Failure = { stage: 'put', status: statusCode, ...(code === undefined ? {} : { errorCode: code }) }
  const brief = describe(new Error(message ?? ''))
    .replaceAll(/\s+/g, ' ')
    .slice(0, 200)
  return new StepFailure(`Cannot archive a file: the answer was ${statusCode} ${code ?? ''} ${brief}`, failure, decisionOf(statusCode), {
    cause: error
  })
}

/**
 * Nothing is given up: what the storage refuses waits, while the spool of the archive has room, for a person who mends the container, the
 * key or the quota.
 */
function decisionOf(status: number): Decision {
  if (status === 401 || status === 403) return { kind: 'stop-all', state: 'auth' }
  if (status === 429) return { kind: 'throttled', waitMs: throttleMs(undefined, 0) }
  if (status === 408 || status >= 500) return { kind: 'retry' }
  return { kind: 'stop-all', state: 'configuration' }
}

function accountOf(access: AzureAccess): string {
  if (access.kind !== 'connection-string') return new URL(access.accountUrl).origin
  const part = (name: string): string | undefined => new RegExp(`(?:^|;)${name}=([^;]*)`, 'i').exec(access.connectionString)?.[1]
  return part('BlobEndpoint') ?? part('AccountName') ?? 'a storage account'
}
