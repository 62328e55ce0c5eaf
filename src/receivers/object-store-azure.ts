/** Containers of Azure Blob Storage by @azure/storage-blob: with a SAS, a connection string, or as an Entra application. */
import type { ContainerClient, StoragePipelineOptions } from '@azure/storage-blob'
import Type, { type Static } from 'typebox'
import { ObjectChanged, type ObjectStore, type StoredObject } from './object-store.ts'
import { retryAfterOf } from './pull-http.ts'
import { PullError } from './pull-loop.ts'

export const AzureBlobOptions = Type.Object({
  container: Type.Optional(Type.String({ description: 'Name of the container; with a connection string.', minLength: 1 })),
  connectionString: Type.Optional(Type.String({ description: 'Connection string of the account.', minLength: 1 })),
  containerUrl: Type.Optional(Type.String({ description: 'URL of the container; with `sas`, or to sign in as an Entra application.' })),
  sas: Type.Optional(Type.String({ description: 'Shared access signature, with or without a question mark in front.', minLength: 1 })),
  tenantId: Type.Optional(Type.String({ description: 'Entra tenant (directory) id.' })),
  clientId: Type.Optional(Type.String({ description: 'Entra application (client) id; with a managed identity the user-assigned one.' })),
  clientSecret: Type.Optional(Type.String({ description: 'Secret of the Entra application.', minLength: 1 })),
  managedIdentity: Type.Boolean({ description: 'Sign in by the managed identity of the Azure machine.', default: false })
})
export type AzureBlobOptions = Static<typeof AzureBlobOptions>

const PAGE_OBJECTS = 1000
const GONE_OR_CHANGED = new Set([404, 412])

export class AzureStore implements ObjectStore {
  readonly where: string
  readonly #container: ContainerClient

  private constructor(container: ContainerClient) {
    this.#container = container
    const url = new URL(container.url)
    this.where = url.origin + url.pathname
  }

  /** The libraries are large and loaded here only. */
  static async create(options: AzureBlobOptions, timeoutMs: number): Promise<AzureStore> {
    const { ContainerClient: Container } = await import('@azure/storage-blob')
    const { container, connectionString, containerUrl, sas } = options
    // The loop of the receiver tries again, and tells of it.
    const pipeline: StoragePipelineOptions = { retryOptions: { maxTries: 1, tryTimeoutInMs: timeoutMs } }
    if (connectionString !== undefined) return new AzureStore(new Container(connectionString, container!, pipeline))
    if (sas !== undefined) return new AzureStore(new Container(`${containerUrl}?${sas.replace(/^\?/, '')}`, undefined, pipeline))
    return new AzureStore(new Container(containerUrl!, await credentialOf(options), pipeline))
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject[]> {
    const pages = this.#container
      .listBlobsFlat({ ...(prefix === '' ? {} : { prefix }), abortSignal: signal })
      .byPage({ maxPageSize: PAGE_OBJECTS })
    try {
      for await (const { segment } of pages) {
        yield segment.blobItems.map(({ name, properties: { etag, contentLength = 0, lastModified } }) => ({
          name,
          etag: quoted(etag),
          bytes: contentLength,
          modifiedMs: lastModified.getTime()
        }))
      }
    } catch (error) {
      throw this.#failure('the list', error, signal)
    }
  }

  async *read({ name, etag }: StoredObject, fromByte: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      const answer = await this.#container
        .getBlobClient(name)
        .download(fromByte, undefined, { conditions: { ifMatch: etag }, abortSignal: signal, maxRetryRequests: 0 })
      yield* answer.readableStreamBody as unknown as AsyncIterable<Buffer>
    } catch (error) {
      throw this.#failure(name, error, signal)
    }
  }

  async remove({ name, etag }: StoredObject, signal: AbortSignal): Promise<void> {
    try {
      await this.#container.getBlobClient(name).delete({ conditions: { ifMatch: etag }, deleteSnapshots: 'include', abortSignal: signal })
    } catch (error) {
      const failure = this.#failure(`removing ${name}`, error, signal)
      if (!(failure instanceof ObjectChanged)) throw failure
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** The library's error in our words; its own text holds request ids and the whole address. */
  #failure(what: string, error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason
    const { statusCode, code, message, response } = error as {
      statusCode?: number
      code?: string
      message?: string
      response?: { headers: { get(name: string): string | undefined } }
    }
    if (statusCode === undefined) return new PullError(`${this.where} cannot be reached: ${code ?? message}`, { cause: error })
    if (GONE_OR_CHANGED.has(statusCode) && code !== 'ContainerNotFound') return new ObjectChanged(`${what} has changed or is gone`)
    const retryAfterMs = retryAfterOf(response?.headers.get('retry-after') ?? '')
    return new PullError(`${what}: the server answers ${statusCode}${code === undefined ? '' : ` (${code})`}`, {
      retryAfterMs,
      cause: error
    })
  }
}

async function credentialOf({ tenantId, clientId, clientSecret, managedIdentity }: AzureBlobOptions) {
  const { ClientSecretCredential, ManagedIdentityCredential } = await import('@azure/identity')
  if (managedIdentity) return clientId === undefined ? new ManagedIdentityCredential() : new ManagedIdentityCredential({ clientId })
  // The library takes the login host of other clouds from AZURE_AUTHORITY_HOST. Whether it is one only Microsoft's own could tell,
  // which private clouds do not reach.
  const disableInstanceDiscovery = process.env.AZURE_AUTHORITY_HOST !== undefined
  return new ClientSecretCredential(tenantId!, clientId!, clientSecret!, { disableInstanceDiscovery })
}

/** Lists give tags without the quotes that headers have. */
const quoted = (etag: string): string => (etag.startsWith('"') ? etag : `"${etag}"`)
