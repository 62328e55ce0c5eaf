/**
 * Bodies of pushed logs: read whole and bounded, inflated by what they are and not by what their header says.
 */
import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'

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

/** True for gzip's magic bytes (RFC 1952 section 2.3.1), which may be split over chunks. */
export function isGzip(chunks: readonly Buffer[]): boolean {
  const head = Buffer.concat(chunks.slice(0, 2).map(chunk => chunk.subarray(0, 2)))
  return head[0] === 0x1f && head[1] === 0x8b
}

/** The body in pieces, inflated when it is gzip (all its members). Throws BodyError when it is damaged or too large. */
export async function* inflated(chunks: readonly Buffer[], maxBytes: number): AsyncGenerator<Buffer> {
  if (!isGzip(chunks)) {
    yield* chunks
    return
  }
  const gunzip = createGunzip({ chunkSize: 64 * 1024 })
  void feed(gunzip, chunks)
  let size = 0
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      size += piece.length
      if (size > maxBytes) throw new BodyError(413, `the body inflates to over ${maxBytes} bytes`)
      yield piece
    }
  } catch (error) {
    throw error instanceof BodyError ? error : new BodyError(400, `the body is damaged gzip: ${(error as Error).message}`)
  } finally {
    gunzip.destroy()
  }
}

async function feed(gunzip: ReturnType<typeof createGunzip>, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    if (gunzip.destroyed) return
    if (gunzip.write(chunk)) continue
    await new Promise<void>(resolve => {
      gunzip.once('drain', resolve)
      gunzip.once('close', resolve)
    })
  }
  if (!gunzip.destroyed) gunzip.end()
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
