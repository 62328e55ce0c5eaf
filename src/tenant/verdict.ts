/**
 * Judges a file as the service would when it processes it: container, byte-order mark, format against the source string, age,
 * direction, sizes. Reasons are in the words of the service's governance log. The first lines are read one by one, later ones
 * by sample, so that a file of 900 MB costs seconds, not minutes.
 */
import { stat } from 'node:fs/promises'
import { type Fault, FORMAT_MISMATCH, NO_TRANSACTIONS, readContent, TOO_LARGE, TOO_OLD, UNSUPPORTED_FILE } from './content.ts'
import { type LineJudge, lineJudge } from './formats.ts'

export const FILE_MAX_BYTES = 5 * 1024 ** 3
export const RAW_MAX_BYTES = 1024 ** 3
const EVENT_MAX_AGE_MS = 90 * 24 * 3600_000
/** Lines that are all read; after them one line of each chunk. */
const WHOLE_LINES = 20_000
const LINE_MAX_BYTES = 64 * 1024
const LF = 0x0a

export interface Verdict {
  accepted: boolean
  /** Empty when accepted. */
  reason: string
  detail: string
  kind: string
  rawBytes: number
  /** Lines of the whole file, and how many of them were looked at. */
  lines: number
  linesChecked: number
  /** Newest event among the lines looked at; undefined when none could be read. */
  newestEventMs?: number
}

export interface Limits {
  /** @default 5 GiB */
  fileMaxBytes?: number
  /** @default 1 GiB */
  rawMaxBytes?: number
}

/** Reads the file at `path` and judges it. Rejects only when the disk fails or the signal fires. */
export async function judgeFile(
  path: string,
  sourceString: string,
  now: number,
  limits: Limits = {},
  signal?: AbortSignal
): Promise<Verdict> {
  const fileMaxBytes = limits.fileMaxBytes ?? FILE_MAX_BYTES
  const { size } = await stat(path)
  if (size > fileMaxBytes) return verdict({ reason: TOO_LARGE, detail: `more than ${fileMaxBytes} bytes` })
  if (size === 0) return verdict({ reason: UNSUPPORTED_FILE, detail: 'the file is empty' })
  const sampler = new LineSampler(lineJudge(sourceString))
  const content = await readContent(path, limits.rawMaxBytes ?? RAW_MAX_BYTES, chunk => sampler.feed(chunk), signal)
  sampler.end()
  const fault = sampler.hasBom
    ? { reason: UNSUPPORTED_FILE, detail: 'the text starts with a byte-order mark' }
    : (content.fault ?? sampler.fault(now))
  return verdict(fault, content.kind, content.rawBytes, sampler)
}

function verdict(fault: Fault | undefined, kind = 'unknown', rawBytes = 0, sampler?: LineSampler): Verdict {
  return {
    accepted: fault === undefined,
    reason: fault?.reason ?? '',
    detail: fault?.detail ?? '',
    kind,
    rawBytes,
    lines: sampler?.lines ?? 0,
    linesChecked: sampler?.checked ?? 0,
    ...(sampler && sampler.newest > 0 ? { newestEventMs: sampler.newest } : {})
  }
}

class LineSampler {
  lines = 0
  checked = 0
  newest = Number.NEGATIVE_INFINITY
  hasBom = false
  #records = 0
  #outbound = 0
  #mismatch: Fault | undefined
  #carry: Buffer = Buffer.alloc(0)
  #seenBytes = 0
  readonly #judge: LineJudge | undefined

  constructor(judge: LineJudge | undefined) {
    this.#judge = judge
  }

  feed(chunk: Buffer): void {
    if (this.#seenBytes === 0) this.hasBom = chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf
    this.#seenBytes += chunk.length
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, chunk]) : chunk
    let start = 0
    let sampled = false
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, start)) {
      this.lines++
      if (this.lines <= WHOLE_LINES || !sampled) this.#line(bytes, start, lf)
      sampled = true
      start = lf + 1
    }
    const rest = bytes.subarray(start)
    if (rest.length > LINE_MAX_BYTES) this.#mismatch ??= { reason: FORMAT_MISMATCH, detail: `line ${this.lines + 1} is longer than 64 KiB` }
    this.#carry = Buffer.from(rest.subarray(0, LINE_MAX_BYTES))
  }

  end(): void {
    if (this.#carry.length === 0) return
    this.lines++
    this.#line(this.#carry, 0, this.#carry.length)
    this.#carry = Buffer.alloc(0)
  }

  /** What is wrong with the text as a whole. */
  fault(now: number): Fault | undefined {
    if (this.#mismatch) return this.#mismatch
    if (this.lines === 0) return { reason: FORMAT_MISMATCH, detail: 'the file holds no line' }
    if (!this.#judge) return undefined
    if (this.#records === 0) return { reason: NO_TRANSACTIONS, detail: 'the file holds no record' }
    if (this.newest === Number.NEGATIVE_INFINITY) return { reason: FORMAT_MISMATCH, detail: 'no line has a time that can be read' }
    if (this.newest < now - EVENT_MAX_AGE_MS)
      return { reason: TOO_OLD, detail: `the newest event is of ${new Date(this.newest).toISOString()}` }
    if (this.#outbound === 0) return { reason: NO_TRANSACTIONS, detail: 'no line names a host, a URL or a public address' }
    return undefined
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (!this.#judge || this.#mismatch) return
    this.checked++
    const stop = end > start && bytes[end - 1] === 0x0d ? end - 1 : end
    const text = bytes.toString('utf8', start, stop)
    const facts = this.#judge(text)
    if (facts.kind === 'mismatch') {
      this.#mismatch = { reason: FORMAT_MISMATCH, detail: `line ${this.lines}: ${facts.detail}: ${text.slice(0, 120)}` }
    } else if (facts.kind === 'record') {
      this.#records++
      if (facts.outbound) this.#outbound++
      // A time beyond what a Date can show would break the report; such a line counts as one without time.
      if (facts.time !== undefined && Math.abs(facts.time) <= 8.64e15 && facts.time > this.newest) this.newest = facts.time
    }
  }
}
