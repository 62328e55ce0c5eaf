/**
 * The blob side: Put Blob, Put Block and Put Block List of the Azure Blob REST API, as far as an upload needs them. Bytes go to
 * `.incoming/<id>`, blocks to `.incoming/<id>.blocks/`, and are moved into place only when all of them are there.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TenantContext } from './context.ts'
import { readTicket, type Ticket } from './signing.ts'

const BLOCKS_MAX = 50_000
const LIST_MAX_BYTES = 4 * 1024 * 1024

/** An answer in the form of the storage service. */
class BlobError extends Error {
  readonly status: number
  readonly errorCode: string

  constructor(status: number, errorCode: string, message: string) {
    super(message)
    this.status = status
    this.errorCode = errorCode
  }
}

export function blobRoutes(app: FastifyInstance, tenant: TenantContext): void {
  app.removeAllContentTypeParsers()
  // The body stays a stream: files do not fit in memory.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.put('/blob/:id/:filename', async (request, reply) => {
    try {
      return await put(tenant, request, reply)
    } catch (error) {
      if (!(error instanceof BlobError)) throw error
      await discardBody(request.raw)
      return reply
        .code(error.status)
        .headers({ connection: 'close', 'x-ms-error-code': error.errorCode })
        .type('application/xml')
        .send(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${error.errorCode}</Code><Message>${error.message}</Message></Error>`)
    }
  })
}

/** Which of the three storage calls a request is; the names are those of the faults. */
export function blobCall(url: string): 'put' | 'block' | 'block_list' {
  const comp = new URL(url, 'http://tenant').searchParams.get('comp')
  return comp === 'block' ? 'block' : comp === 'blocklist' ? 'block_list' : 'put'
}

async function put(tenant: TenantContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const ticket = readTicket(tenant.store.key, request.url)
  if (!ticket) throw new BlobError(403, 'AuthenticationFailed', 'Signature did not match.')
  if (Date.parse(ticket.expires) <= tenant.now())
    throw new BlobError(403, 'AuthenticationFailed', 'Signature not valid in the specified time frame.')
  if (tenant.store.find(ticket.id)) throw new BlobError(409, 'BlobAlreadyExists', 'The specified blob already exists.')
  const call = blobCall(request.url)
  if (call === 'block') await putBlock(tenant, request, ticket)
  else if (call === 'block_list') await putBlockList(tenant, request, ticket)
  else await putBlob(tenant, request, ticket)
  return reply
    .code(201)
    .headers({ etag: `"${ticket.id}"`, 'x-ms-request-id': ticket.id, 'x-ms-version': '2024-11-04' })
    .send()
}

async function putBlob(tenant: TenantContext, request: FastifyRequest, ticket: Ticket): Promise<void> {
  if (tenant.options.provider === 'azure' && request.headers['x-ms-blob-type'] !== 'BlockBlob')
    throw new BlobError(400, 'MissingRequiredHeader', 'An HTTP header that is mandatory for this request is not specified: x-ms-blob-type')
  const target = tenant.store.incomingPath(ticket.id)
  await receive(request, `${target}.part`, tenant.options.fileMaxBytes)
  await rename(`${target}.part`, target)
}

const blockName = (blockId: string): string => createHash('sha256').update(blockId).digest('hex')

async function putBlock(tenant: TenantContext, request: FastifyRequest, ticket: Ticket): Promise<void> {
  const blockId = new URL(request.url, 'http://tenant').searchParams.get('blockid') ?? ''
  if (blockId === '' || blockId.length > 128) throw new BlobError(400, 'InvalidQueryParameterValue', 'blockid is not valid')
  const folder = `${tenant.store.incomingPath(ticket.id)}.blocks`
  await mkdir(folder, { recursive: true })
  const target = join(folder, blockName(blockId))
  await receive(request, `${target}.part`, tenant.options.fileMaxBytes)
  await rename(`${target}.part`, target)
}

/** Body: `<BlockList><Latest>id</Latest>…</BlockList>`; the blob is the blocks in the order of the list. */
async function putBlockList(tenant: TenantContext, request: FastifyRequest, ticket: Ticket): Promise<void> {
  const xml = await readSmall(request.raw)
  const ids = [...xml.matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]{1,128})</g)].map(match => match[1]!)
  if (ids.length > BLOCKS_MAX) throw new BlobError(400, 'BlockListTooLong', 'The block list is too long')
  const target = tenant.store.incomingPath(ticket.id)
  const folder = `${target}.blocks`
  let size = 0
  for (const id of ids) {
    const info = await stat(join(folder, blockName(id))).catch(() => undefined)
    if (!info) throw new BlobError(400, 'InvalidBlockList', 'The specified block list is invalid.')
    size += info.size
  }
  if (size > tenant.options.fileMaxBytes) throw new BlobError(413, 'RequestBodyTooLarge', 'The blob is too large.')
  const blocks = async function* (): AsyncGenerator<Buffer> {
    for (const id of ids) yield* createReadStream(join(folder, blockName(id)), { highWaterMark: 1024 * 1024 })
  }
  await pipeline(blocks, createWriteStream(`${target}.part`))
  await rename(`${target}.part`, target)
  await rm(folder, { recursive: true, force: true })
}

/** Writes the body to a file; checks that it is as long as it says and that its MD5 is the one it gives. */
async function receive(request: FastifyRequest, path: string, maxBytes: number): Promise<void> {
  const length = request.headers['content-length']
  if (length === undefined) throw new BlobError(411, 'MissingContentLengthHeader', 'You must provide the Content-Length HTTP header.')
  if (Number(length) > maxBytes) throw new BlobError(413, 'RequestBodyTooLarge', `The request body is larger than ${maxBytes} bytes.`)
  const md5 = createHash('md5')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      md5.update(chunk)
      done(null, chunk)
    }
  })
  await pipeline(request.raw, hashing, createWriteStream(path, { highWaterMark: 1024 * 1024 }))
  const given = request.headers['content-md5']
  if (given !== undefined && given !== md5.digest('base64')) {
    await rm(path, { force: true })
    throw new BlobError(400, 'Md5Mismatch', 'The MD5 value specified in the request did not match the MD5 value calculated by the server.')
  }
}

const DISCARD_MAX_BYTES = 64 * 1024 * 1024

/**
 * Reads a body that nobody wants, so that the client comes to read the answer instead of finding its connection cut. A longer one is
 * cut after all.
 */
export async function discardBody(body: IncomingMessage): Promise<void> {
  let left = DISCARD_MAX_BYTES
  try {
    if (body.readableEnded || body.destroyed) return
    for await (const chunk of body as AsyncIterable<Buffer>) if ((left -= chunk.length) < 0) return
  } catch {
    // The client is gone, and with it the need for an answer.
  }
}

async function readSmall(body: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LIST_MAX_BYTES) throw new BlobError(413, 'RequestBodyTooLarge', 'The block list is too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
