/**
 * Buckets of S3 and of stores that speak like it: ListObjectsV2, GetObject with a range, DeleteObject, signed by AWS signature 4.
 * Facts: Amazon S3 API Reference. Names are asked for URL-encoded, since XML cannot carry all that a name may hold.
 */
import type { Readable } from 'node:stream'
import { AwsV4Signer } from 'aws4fetch'
import { XMLParser } from 'fast-xml-parser'
import Type, { type Static } from 'typebox'
import type { Dispatcher } from 'undici'
import { ObjectChanged, type ObjectStore, type StoredObject } from './object-store.ts'
import { answerError, pullDispatcher, readBounded } from './pull-http.ts'
import { PullError } from './pull-loop.ts'

export const S3Options = Type.Object({
  bucket: Type.String({ description: 'Name of the bucket.', minLength: 1 }),
  region: Type.String({ description: 'Region that requests are signed for.', default: 'us-east-1', minLength: 1 }),
  endpoint: Type.Optional(Type.String({ description: 'URL of an S3-compatible store; without it Amazon S3 of the region.' })),
  pathStyle: Type.Boolean({ description: 'The bucket stands in the path of the URL, else before the host.', default: true }),
  accessKeyId: Type.String({ description: 'Id of the access key.', minLength: 1 }),
  secretAccessKey: Type.String({ description: 'Secret of the access key.', minLength: 1 }),
  sessionToken: Type.Optional(Type.String({ description: 'Session token of temporary credentials.', minLength: 1 }))
})
export type S3Options = Static<typeof S3Options>

/** A page has at most 1000 names of at most 1024 bytes, which may be three times as long encoded. */
const PAGE_MAX_BYTES = 16 * 1024 * 1024
const GONE_OR_CHANGED = new Set([404, 412])

type Answer = Awaited<ReturnType<Dispatcher['request']>>

interface ListedObject {
  Key: string
  ETag: string
  Size: string
  LastModified: string
}

const parser = new XMLParser({ parseTagValue: false, isArray: name => name === 'Contents' })

export class S3Store implements ObjectStore {
  readonly where: string
  readonly #options: S3Options
  readonly #dispatcher: Dispatcher
  readonly #base: string

  constructor(options: S3Options, timeoutMs: number) {
    this.#options = options
    this.#dispatcher = pullDispatcher(timeoutMs)
    const { bucket, region, endpoint = `https://s3.${region}.amazonaws.com`, pathStyle } = options
    const url = new URL(endpoint)
    if (!pathStyle) url.hostname = `${bucket}.${url.hostname}`
    const path = url.pathname.replace(/\/+$/, '')
    this.#base = `${url.origin}${path}${pathStyle ? `/${encodeName(bucket)}` : ''}`
    this.where = `${url.origin}${path}/${pathStyle ? bucket : ''}`
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject[]> {
    for (let token: string | undefined; ; ) {
      const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', ...(prefix === '' ? {} : { prefix }) })
      if (token !== undefined) query.set('continuation-token', token)
      const answer = await this.#request('GET', `/?${query}`, {}, signal)
      if (answer.statusCode !== 200) throw await this.#failure('the list', answer)
      const page = readPage(await readBounded(answer.body, PAGE_MAX_BYTES))
      yield page.objects
      if (page.next === undefined) return
      if (page.next === token) throw new PullError('the list: the server gives the same page again and again')
      token = page.next
    }
  }

  async *read(object: StoredObject, fromByte: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const headers = { 'if-match': object.etag, ...(fromByte > 0 ? { range: `bytes=${fromByte}-` } : {}) }
    const answer = await this.#request('GET', `/${encodeName(object.name)}`, headers, signal)
    if (GONE_OR_CHANGED.has(answer.statusCode)) {
      await answer.body.dump()
      throw new ObjectChanged(`${object.name} has changed or is gone`)
    }
    if (answer.statusCode !== (fromByte > 0 ? 206 : 200)) throw await this.#failure(object.name, answer)
    yield* answer.body as AsyncIterable<Buffer>
  }

  /** Not every store knows conditions on removal, so the object is looked at first. */
  async remove(object: StoredObject, signal: AbortSignal): Promise<void> {
    const path = `/${encodeName(object.name)}`
    const head = await this.#request('HEAD', path, {}, signal)
    await head.body.dump()
    if (head.statusCode !== 200 || head.headers.etag !== object.etag) return
    const answer = await this.#request('DELETE', path, {}, signal)
    if (answer.statusCode >= 300 && answer.statusCode !== 404) throw await this.#failure(`removing ${object.name}`, answer)
    await answer.body.dump()
  }

  close(): Promise<void> {
    return this.#dispatcher.close()
  }

  async #request(method: 'GET' | 'HEAD' | 'DELETE', path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#options
    const signer = new AwsV4Signer({
      method,
      url: this.#base + path,
      headers,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region
    })
    const signed = await signer.sign()
    try {
      return await this.#dispatcher.request({
        origin: signed.url.origin,
        path: signed.url.pathname + signed.url.search,
        method,
        headers: Object.fromEntries(signed.headers),
        signal
      })
    } catch (error) {
      signal.throwIfAborted()
      throw new PullError(`${this.where} cannot be reached: ${(error as Error).message}`, { cause: error })
    }
  }

  async #failure(what: string, { statusCode, headers, body }: Answer): Promise<PullError> {
    const region = headers['x-amz-bucket-region']
    const hint = region === undefined || region === this.#options.region ? '' : `; the bucket is in region ${String(region)}`
    const error = await answerError(what, statusCode, headers, body as Readable)
    return new PullError(error.message + hint, { retryAfterMs: error.retryAfterMs, status: statusCode })
  }
}

/** Each part of a name encoded as the signature wants it (RFC 3986). */
const encodeName = (name: string): string =>
  name
    .split('/')
    .map(part => encodeURIComponent(part).replaceAll(/[!'()*]/g, each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`))
    .join('/')

function readPage(xml: Buffer): { objects: StoredObject[]; next: string | undefined } {
  let result: { Contents?: ListedObject[]; IsTruncated?: string; NextContinuationToken?: string; EncodingType?: string } | '' | undefined
  try {
    result = parser.parse(xml).ListBucketResult
  } catch (error) {
    throw new PullError(`the list cannot be read: ${(error as Error).message}`, { cause: error })
  }
  if (result === undefined) throw new PullError('the list cannot be read: it is no ListBucketResult')
  if (result === '') return { objects: [], next: undefined }
  const { Contents: contents = [], EncodingType: encoding, IsTruncated: isTruncated, NextContinuationToken: next } = result
  if (isTruncated === 'true' && next === undefined) throw new PullError('the list cannot be read: it goes on without saying where')
  return { objects: contents.map(object => readObject(object, encoding === 'url')), next: isTruncated === 'true' ? next : undefined }
}

function readObject({ Key: key, ETag: etag, Size: size, LastModified: modified }: ListedObject, isEncoded: boolean): StoredObject {
  const object = {
    name: isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key,
    etag,
    bytes: Number(size),
    modifiedMs: Date.parse(modified)
  }
  if (typeof etag !== 'string' || !Number.isFinite(object.bytes) || !Number.isFinite(object.modifiedMs))
    throw new PullError(`the list cannot be read: the entry of ${object.name} is not complete`)
  return object
}
