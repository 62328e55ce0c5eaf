/**
 * Call 2: the bytes go to the storage, never through the API. One PUT below 64 MB, staged blocks above (cloud-discovery 1.7, 1.8).
 * Content-Length is always sent: the storage refuses chunked bodies.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { Dispatcher } from 'undici'
import { CollectorError } from '../errors.ts'
import { blobHttpClient } from './azure-http.ts'
import { type Clock, systemClock } from './clock.ts'
import { headerOf, readBounded } from './http.ts'
import { requestId } from './request-id.ts'
import { answerFailure, networkFailure, StepFailure } from './retry.ts'

/** Above this the page on uploading asks for staged blocks. */
export const SINGLE_PUT_MAX_BYTES = 64 * 1000 * 1000
/** Measured: 64 KiB reads upload at less than half the speed of 1 MiB reads. */
const READ_BYTES = 1024 * 1024
const ANSWER_MAX_BYTES = 16 * 1024
/** A line slower than this (512 kbit/s) counts as stuck. */
const SLOWEST_BYTES_PER_SECOND = 64 * 1024

export interface BlobOptions {
  dispatcher: Dispatcher
  clock?: Clock
  /** Time on top of what the slowest line would need. @default 60000 */
  timeoutMs?: number
  /** @default 64 MB */
  singlePutMaxBytes?: number
  /** @default 8 MiB */
  blockBytes?: number
}

export interface BlobFile {
  path: string
  /** Size that the ledger says; another one means that the file is damaged. */
  bytes: number
  url: string
  /** `azure` or `aws`. */
  provider: string
  /** An earlier PUT to this URL may have been stored. */
  mayBeStored: boolean
}

/** Stores the file. Rejects with StepFailure, or with SEGMENT_DAMAGED when the file is not what its ledger says. */
export async function putBlob(file: BlobFile, options: BlobOptions, signal?: AbortSignal): Promise<void> {
  const size = await stat(file.path).then(
    info => info.size,
    cause => {
      throw new CollectorError('SEGMENT_DAMAGED', `Cannot read "${file.path}": ${String(cause)}`, { cause })
    }
  )
  if (size !== file.bytes) {
    throw new CollectorError('SEGMENT_DAMAGED', `Cannot upload "${file.path}": it has ${size} bytes, expected ${file.bytes}`)
  }
  const timeoutMs = (options.timeoutMs ?? 60_000) + Math.ceil((size / SLOWEST_BYTES_PER_SECOND) * 1000)
  const staged = file.provider === 'azure' && size > (options.singlePutMaxBytes ?? SINGLE_PUT_MAX_BYTES)
  await (staged ? putBlocks(file, options, timeoutMs, signal) : putWhole(file, options, timeoutMs, signal))
}

async function putWhole(file: BlobFile, options: BlobOptions, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const url = new URL(file.url)
  const timeout = AbortSignal.timeout(timeoutMs)
  const azure = file.provider === 'azure'
  const md5 = await md5Of(file.path)
  let answer: { status: number; body: string; errorCode: string | undefined; retryAfter: string | undefined }
  try {
    const { statusCode, headers, body } = await options.dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'PUT',
      headers: {
        'content-type': 'application/gzip',
        'content-length': String(file.bytes),
        // S3 signs its headers, so an unexpected one would break the signature.
        ...(azure ? { 'x-ms-blob-type': 'BlockBlob', 'content-md5': md5 } : {}),
        ...(azure && requestId() !== undefined ? { 'x-ms-client-request-id': requestId() } : {})
      },
      body: createReadStream(file.path, { highWaterMark: READ_BYTES }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout
    })
    const text = await readBounded(body, ANSWER_MAX_BYTES)
    answer = {
      status: statusCode,
      body: text,
      errorCode: headerOf(headers, 'x-ms-error-code'),
      retryAfter: headerOf(headers, 'retry-after')
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw networkFailure('store the file', 'put', cause)
  }
  if (answer.status === 200 || answer.status === 201) return
  throw blobFailure(answer, file, options)
}

/** The storage library is big and slow to load, and Sluice's own segments stay below the limit: loaded when first needed. */
async function putBlocks(file: BlobFile, options: BlobOptions, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const { AnonymousCredential, BlockBlobClient, newPipeline } = await import('@azure/storage-blob')
  const httpClient = blobHttpClient(options.dispatcher, timeoutMs)
  const pipeline = newPipeline(new AnonymousCredential(), { httpClient, retryOptions: { maxTries: 1 } })
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    await new BlockBlobClient(file.url, pipeline).uploadFile(file.path, {
      blockSize: options.blockBytes ?? 8 * 1024 * 1024,
      maxSingleShotSize: 1,
      concurrency: 4,
      blobHTTPHeaders: { blobContentType: 'application/gzip' },
      abortSignal: signal ? AbortSignal.any([signal, timeout]) : timeout
    })
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof StepFailure) throw error
    const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string }
    if (statusCode === undefined) throw networkFailure('store the file in blocks', 'put', error)
    throw blobFailure({ status: statusCode, body: message ?? '', errorCode: code, retryAfter: undefined }, file, options)
  }
}

const blobFailure = (
  answer: { status: number; body: string; errorCode: string | undefined; retryAfter: string | undefined },
  file: BlobFile,
  options: BlobOptions
): StepFailure =>
  answerFailure('store the file', { stage: 'put', mayBeStored: file.mayBeStored, ...answer }, (options.clock ?? systemClock).now())

/** Read twice rather than kept: a segment does not belong in memory, and the page cache still holds it. */
async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5')
  // One buffer again and again: those of a stream are new memory each, which takes as long as the sum itself
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const file = await open(path)
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return hash.digest('base64')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
