/**
 * A stand-in for S3 with one bucket in memory, by Amazon's API Reference: ListObjectsV2 in pages, GetObject with range and
 * If-Match, HeadObject, DeleteObject, and a check of every signature (AWS signature 4) that shares no code with the client.
 */
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface KeptObject {
  content: Buffer
  etag: string
  modified: Date
}

export const S3_KEYS = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret/of+the test' }
const REGION = 'eu-central-1'

export class S3Server {
  readonly objects = new Map<string, KeptObject>()
  /** Method and path of each request with a good signature. */
  readonly requests: string[] = []
  pageObjects = 1000
  /** Answers instead, when it returns something: a status with headers, or `cut` after so many bytes of an object. */
  fault: (
    method: string,
    key: string
  ) => { status: number; headers?: Record<string, string>; body?: string } | { cut: number } | undefined = () => undefined
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<S3Server> {
    const server = createServer((request, response) => void s3.#handle(request, response))
    const s3 = new S3Server(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return s3
  }

  get options() {
    const endpoint = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return { bucket: 'logs', region: REGION, endpoint, pathStyle: true, ...S3_KEYS }
  }

  put(key: string, content: Buffer | string, modified = new Date()): void {
    const bytes = Buffer.from(content)
    this.objects.set(key, { content: bytes, etag: `"${createHash('md5').update(bytes).digest('hex')}"`, modified })
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = '' } = request
    const url = new URL(request.url!, 'http://127.0.0.1')
    if (!isSigned(request, url)) {
      fail(response, 403, 'SignatureDoesNotMatch')
      return
    }
    const [, bucket, ...parts] = url.pathname.split('/')
    const key = decodeURIComponent(parts.join('/'))
    this.requests.push(`${method} ${key}`)
    if (bucket !== 'logs') {
      fail(response, 404, 'NoSuchBucket')
      return
    }
    const fault = this.fault(method, key)
    if (fault !== undefined && 'status' in fault) {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '')
      return
    }
    if (key === '') {
      this.#list(url.searchParams, response)
      return
    }
    const object = this.objects.get(key)
    if (object === undefined) {
      fail(response, 404, 'NoSuchKey')
      return
    }
    if (method === 'DELETE') this.objects.delete(key)
    if (method === 'GET') {
      this.#get(request, response, object, fault?.cut)
      return
    }
    response.writeHead(method === 'DELETE' ? 204 : 200, { etag: object.etag }).end()
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const names = [...this.objects.keys()].filter(key => key.startsWith(query.get('prefix') ?? '')).sort()
    const from = Number(query.get('continuation-token') ?? 0)
    const page = names.slice(from, from + this.pageObjects)
    const isTruncated = from + page.length < names.length
    const encode = (key: string): string => encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+')
    const contents = page.map(key => {
      const { etag, content, modified } = this.objects.get(key)!
      return `<Contents><Key>${encode(key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${content.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    })
    const next = isTruncated ? `<NextContinuationToken>${from + page.length}</NextContinuationToken>` : ''
    response
      .writeHead(200, { 'content-type': 'application/xml' })
      .end(
        `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name><EncodingType>url</EncodingType><KeyCount>${page.length}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`
      )
  }

  #get(request: IncomingMessage, response: ServerResponse, { content, etag }: KeptObject, cut: number | undefined): void {
    const { 'if-match': wanted, range } = request.headers
    if (wanted !== undefined && wanted !== etag) {
      fail(response, 412, 'PreconditionFailed')
      return
    }
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
    response.writeHead(range === undefined ? 200 : 206, { etag, 'content-length': content.length - from })
    if (cut === undefined) response.end(content.subarray(from))
    else response.write(content.subarray(from, from + cut), () => response.destroy())
  }
}

function fail(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<Error><Code>${code}</Code><Message>As the test says.</Message></Error>`)
}

/** Signature 4 as the guide "Authenticating Requests (AWS Signature Version 4)" writes it. */
function isSigned({ method, headers }: IncomingMessage, url: URL): boolean {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? ''
    )
  if (match === null) return false
  const [, id, day, region, signed, signature] = match as unknown as string[]
  if (id !== S3_KEYS.accessKeyId || region !== REGION || !signed!.split(';').includes('host')) return false
  const encode = (text: string): string =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const query = [...url.searchParams].map(([key, value]) => `${encode(key)}=${encode(value)}`).sort()
  const path = url.pathname.split('/').map(part => encode(decodeURIComponent(part)))
  const canonical = [
    method,
    path.join('/'),
    query.join('&'),
    ...signed!.split(';').map(name => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    headers['x-amz-content-sha256']
  ].join('\n')
  const date = String(headers['x-amz-date'])
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/s3/aws4_request`, createHash('sha256').update(canonical).digest('hex')].join(
    '\n'
  )
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
  const key = [day!, region!, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${S3_KEYS.secretAccessKey}`)
  return date.startsWith(day!) && hmac(key, text).toString('hex') === signature
}
