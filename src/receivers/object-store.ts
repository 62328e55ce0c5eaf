/** What a pull needs of a bucket or container, and how a download goes on after a broken connection. */
import { setTimeout as sleep } from 'node:timers/promises'
import { PullError } from './pull-loop.ts'

export interface StoredObject {
  /** Full name (key), UTF-8. */
  name: string
  /** Changes with the content, as the store gives it. */
  etag: string
  bytes: number
  modifiedMs: number
}

export interface ObjectStore {
  /** Where it is, for people; without credentials. */
  readonly where: string
  /** Pages of objects whose names begin so, in the order of their names. Rejects with PullError. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject[]>
  /** The bytes from an offset on. Rejects with ObjectChanged when it is not that object any more, else with PullError. */
  read(object: StoredObject, fromByte: number, signal: AbortSignal): AsyncIterable<Buffer>
  /** Removes it if it is that object still. */
  remove(object: StoredObject, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The object went away, or another one took its name. */
export class ObjectChanged extends Error {}

const ATTEMPTS_MAX = 5
const RETRY_MS = 200

export interface DownloadOptions {
  signal: AbortSignal
  /** Longest wait for the next bytes. */
  timeoutMs: number
}

/** All bytes of an object; a connection that breaks or stalls is replaced by one that goes on where it was. */
export async function* download(store: ObjectStore, object: StoredObject, options: DownloadOptions): AsyncGenerator<Buffer> {
  let at = 0
  for (let failures = 0; ; ) {
    try {
      for await (const chunk of attempt(store, object, at, options)) {
        at += chunk.length
        failures = 0
        yield chunk
      }
      if (at >= object.bytes) return
      throw new PullError(`${at} of ${object.bytes} bytes came`)
    } catch (error) {
      options.signal.throwIfAborted()
      if (isFinal(error)) throw error
      if (++failures >= ATTEMPTS_MAX) throw new PullError(`${object.name}: ${(error as Error).message}`, { cause: error })
      await sleep(RETRY_MS * 2 ** failures, undefined, { signal: options.signal })
    }
  }
}

/** Asking at once again would be answered alike. */
const isFinal = (error: unknown): boolean =>
  error instanceof ObjectChanged || (error instanceof PullError && error.status !== undefined && error.status < 500)

/** One connection. The clock stands still while the reader has no room. */
async function* attempt(store: ObjectStore, object: StoredObject, at: number, options: DownloadOptions): AsyncGenerator<Buffer> {
  const stalled = new AbortController()
  const timer = setTimeout(() => stalled.abort(new PullError(`no bytes for ${options.timeoutMs} ms`)), options.timeoutMs)
  const chunks = store.read(object, at, AbortSignal.any([options.signal, stalled.signal]))[Symbol.asyncIterator]()
  try {
    for (;;) {
      timer.refresh()
      const { value, done } = await chunks.next()
      if (done === true) return
      clearTimeout(timer)
      yield value
    }
  } finally {
    clearTimeout(timer)
    await chunks.return?.().catch(() => undefined)
  }
}
