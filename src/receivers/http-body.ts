/**
 * Bodies of pushed logs: read whole and bounded, unpacked by what they are and not by what their header says.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { MAGIC_BYTES, packingOf, UnpackError, unpacked } from './unpack.ts'

/** Why a body cannot be taken, with the HTTP status that says so. */
export class BodyError extends Error {
  readonly status: 400 | 408 | 413 | 415 | 429 | 503
  /** When to come again, where that is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: BodyError['status'], message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Bytes of bodies that are held at a time, over all requests. */
export class BodyBudget {
  readonly #maxBytes: number
  heldBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  take(bytes: number): void {
    this.heldBytes += bytes
    if (this.heldBytes > this.#maxBytes) throw new BodyError(503, 'too many bodies at a time')
  }

  release(bytes: number): void {
    this.heldBytes -= bytes
  }
}

/**
 * Reads the body to its end before any of it is used, so that a request that breaks off leaves nothing half taken. The caller
 * releases the length of what it gets from the budget.
 */
export async function readBody(request: IncomingMessage, maxBytes: number, budget: BodyBudget): Promise<Buffer[]> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyError(413, `the body is over ${maxBytes} bytes`)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      budget.take(chunk.length)
      if (size > maxBytes) throw new BodyError(413, `the body is over ${maxBytes} bytes`)
      chunks.push(chunk)
    }
    return chunks
  } catch (error) {
    budget.release(size)
    throw error instanceof BodyError ? error : new BodyError(400, 'the body broke off')
  }
}

const STATUS_OF_FAULT = { damaged: 400, limit: 413, unsupported: 415 } as const

/** Codings (RFC 9110 section 8.4.1) whose bytes tell by themselves whether they were applied. */
const PLAIN_CODINGS = ['', 'identity', 'gzip', 'x-gzip']

/**
 * The body in pieces, unpacked as a file is: by its first bytes. `coding` is what its header says of it; with a coding that is not read,
 * bytes that look plain are not. Throws BodyError when it is damaged, too large or not read.
 */
export async function* unpackedBody(chunks: readonly Buffer[], coding: string, maxBytes: number): AsyncGenerator<Buffer> {
  try {
    const head = Buffer.concat(chunks.slice(0, MAGIC_BYTES).map(chunk => chunk.subarray(0, MAGIC_BYTES)))
    if (packingOf(head) === 'plain' && !PLAIN_CODINGS.includes(coding))
      throw new UnpackError('unsupported', 'send it plain, or as gzip, zstd, xz, bzip2 or zip')
    yield* unpacked(Readable.from(chunks), { unpackedMaxBytes: maxBytes, unpackedMaxRatio: Number.POSITIVE_INFINITY })
  } catch (error) {
    throw error instanceof UnpackError ? new BodyError(STATUS_OF_FAULT[error.kind], `cannot read the body: ${error.message}`) : error
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Lines of events in Splunk's HEC shape (`{"event": …, "time": …}` one after another). An event that is text becomes its
 * lines; an event that is an object stays in its envelope, on one line, as does what cannot be read.
 */
export function hecLines(body: Buffer): string {
  let lines = ''
  for (const text of topLevelObjects(body)) {
    const event = eventText(text)
    lines += `${event ?? text.replaceAll(/[\r\n]+/g, ' ')}\n`
  }
  return lines
}

function eventText(text: string): string | undefined {
  try {
    const { event } = JSON.parse(text)
    return typeof event === 'string' ? event : undefined
  } catch {
    return undefined
  }
}

function* topLevelObjects(body: Buffer): Generator<string> {
  let depth = 0
  let start = -1
  let inString = false
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = depth > 0
    else if (byte === OPEN_BRACE) {
      if (depth++ === 0) start = at
    } else if (byte === CLOSE_BRACE && depth > 0 && --depth === 0) {
      yield body.toString('utf8', start, at + 1)
      start = -1
    }
  }
  if (start >= 0) yield body.toString('utf8', start)
}
