/**
 * The ledger of a segment: what its file holds and how far its upload came. Append-only lines, each with its own checksum:
 *
 *   crc32 of the JSON, 8 hex digits | SP | JSON | LF
 *
 * A line that was torn by a crash, or damaged later, is seen by its checksum and skipped; the lines around it still count.
 */
import { crc32 } from 'node:zlib'
import type { Format, SegmentStep } from '../contracts.ts'

export const LEDGER_VERSION = 1
/** A larger ledger is not read: a real one has 150 bytes a block. */
export const LEDGER_MAX_BYTES = 256 * 1024 * 1024

/** First line. */
export interface SegmentLine {
  t: 'segment'
  v: number
  source: string
  format: Format
  createdMs: number
  /** The damaged segment from which this one was made. */
  rescuedFrom?: string
  /** The segment of which this one is a half. */
  splitFrom?: string
}

/** One piece of the data file: `prelude` is the lines at the head of the file, `block` are records. */
export interface PieceLine {
  t: 'prelude' | 'block'
  offset: number
  length: number
  rawLength: number
  /** Of the bytes before deflate. */
  crc32: number
  /** Of the bytes in the file, so that they can be checked without inflating them; absent in ledgers of Sluice 0.1. */
  deflatedCrc32?: number
  recordCount: number
  /** Null when the times are not known (salvaged after a crash that lost the ledger's tail). */
  firstTime: number | null
  lastTime: number | null
}

/** Written when the gzip trailer is durable. */
export interface ClosedLine {
  t: 'closed'
  closedMs: number
  bytes: number
  rawBytes: number
  crc32: number
  recordCount: number
  firstTime: number | null
  lastTime: number | null
}

/** A step of the upload. */
export interface StepLine {
  t: 'step'
  step: Exclude<SegmentStep, 'open'>
  atMs: number
  uploadUrl?: string
  provider?: string
  reason?: string
  /** Set-aside only: the segment that took over the blocks that were sound, and the records in them. */
  carriedTo?: string
  carriedRecords?: number
}

export type LedgerLine = SegmentLine | PieceLine | ClosedLine | StepLine

/** What a ledger says. */
export interface Ledger {
  header: SegmentLine | undefined
  pieces: PieceLine[]
  closed: ClosedLine | undefined
  steps: StepLine[]
  /** Lines that were damaged. */
  damagedLines: number
  /** Where the next line goes: after the last whole line. */
  size: number
}

const LF = 0x0a
const CHECKSUM_CHARS = 8

export function ledgerLine(line: LedgerLine): Buffer {
  const json = JSON.stringify(line)
  return Buffer.from(`${crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')} ${json}\n`)
}

/** Reads a ledger; never throws, whatever the bytes are. */
export function parseLedger(bytes: Buffer): Ledger {
  const ledger: Ledger = { header: undefined, pieces: [], closed: undefined, steps: [], damagedLines: 0, size: 0 }
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(LF, start)
    if (end < 0) break // torn: the next line overwrites it
    const line = parseLine(bytes, start, end)
    if (line === undefined) ledger.damagedLines++
    else keep(ledger, line)
    start = end + 1
  }
  ledger.size = start
  return ledger
}

function parseLine(bytes: Buffer, start: number, end: number): LedgerLine | undefined {
  if (end - start < CHECKSUM_CHARS + 3 || bytes[start + CHECKSUM_CHARS] !== 0x20) return undefined
  const json = bytes.subarray(start + CHECKSUM_CHARS + 1, end)
  if (bytes.toString('latin1', start, start + CHECKSUM_CHARS) !== crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')) return undefined
  try {
    const line = JSON.parse(json.toString()) as LedgerLine
    return isLine(line) ? line : undefined
  } catch {
    return undefined
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The checksum keeps chance out; this keeps out a ledger that somebody wrote by hand. */
function isLine(line: LedgerLine): boolean {
  switch (line?.t) {
    case 'segment':
      return typeof line.source === 'string' && typeof line.format === 'string' && isCount(line.createdMs)
    case 'prelude':
    case 'block':
      return [line.offset, line.length, line.rawLength, line.crc32, line.recordCount].every(isCount)
    case 'closed':
      return [line.closedMs, line.bytes, line.rawBytes, line.crc32, line.recordCount].every(isCount)
    case 'step':
      return typeof line.step === 'string' && isCount(line.atMs)
    default:
      return false
  }
}

function keep(ledger: Ledger, line: LedgerLine): void {
  if (line.t === 'segment') ledger.header ??= line
  else if (line.t === 'closed') ledger.closed = line
  else if (line.t === 'step') ledger.steps.push(line)
  else ledger.pieces.push(line)
}

/**
 * Finalise calls whose answer never came: each `finalising` that no `stored` (the service said no) and no `done` follows. The
 * last line counts too, as its answer has not come yet.
 */
export function ambiguousFinalises(steps: readonly StepLine[]): number {
  let count = 0
  for (const [index, { step }] of steps.entries()) {
    const next = steps[index + 1]?.step
    if (step === 'finalising' && next !== 'stored' && next !== 'done') count++
  }
  return count
}
