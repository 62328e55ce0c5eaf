/**
 * Reads a spool without owning it: what is in it, is it sound, give me the lines. Needs no lock and changes nothing, so the
 * command line may use it beside a running collector. Memory is one piece and one ledger, whatever the spool holds.
 */
import { crc32, createGunzip } from 'node:zlib'
import type { Segment, SegmentStep } from '../contracts.ts'
import { GZIP_HEADER, GZIP_TRAILER_BYTES, gzipTrailer, inflateChecked } from './gzip-member.ts'
import { nodeIo, readFully, readInto, type SpoolFile, type SpoolIo } from './io.ts'
import { dataPath, FOLDERS, type Folder, idMs, isSegmentId, ledgerPath, readName } from './layout.ts'
import { ambiguousFinalises, LEDGER_MAX_BYTES, type Ledger, type PieceLine, parseLedger } from './ledger.ts'
import { EMPTY_TOTALS, type Totals, withPiece } from './totals.ts'

export interface ReadSegment extends Segment {
  folder: Folder
  /** Set-aside only: the segment that took over the sound blocks; `recordCount` is then what is left here. */
  carriedTo?: string
}

export type Soundness = { sound: true } | { sound: false; fault: string }

/** Most bytes of a line that `lines` gives out in one piece. */
const LINE_MAX_BYTES = 1024 * 1024
const LF = 0x0a

export class SpoolReader {
  readonly dir: string
  readonly #io: SpoolIo

  constructor(dir: string, io: SpoolIo = nodeIo) {
    this.dir = dir
    this.#io = io
  }

  /** All segments, or those of one folder; oldest first within a folder. One whose ledger is lost has source "". */
  async *list(folders: readonly Folder[] = FOLDERS): AsyncGenerator<ReadSegment> {
    for (const folder of folders) {
      for (const id of await this.ids(folder)) {
        const segment = await this.segment(id, [folder])
        if (segment !== undefined) yield segment // else it moved on meanwhile
      }
    }
  }

  /** Ids of the data files of a folder, oldest first. */
  async ids(folder: Folder): Promise<string[]> {
    const ids: string[] = []
    for await (const name of this.#io.names(`${this.dir}/${folder}`)) {
      const read = readName(name)
      if (read?.kind === 'gz') ids.push(read.id)
    }
    return ids.sort()
  }

  /** What the ledger says of a segment; undefined when there is none of that id (or the id is no id). */
  async segment(id: string, folders: readonly Folder[] = FOLDERS): Promise<ReadSegment | undefined> {
    const folder = this.#find(id, folders)
    return folder === undefined ? undefined : this.describe(id, folder, await this.ledger(id, folder))
  }

  /** The ledger; empty when it is missing or too large to be one. */
  async ledger(id: string, folder: Folder): Promise<Ledger> {
    const path = ledgerPath(this.dir, folder, id)
    const size = this.#io.sizeOf(path)
    const bytes = size === undefined || size > LEDGER_MAX_BYTES ? Buffer.alloc(0) : await this.#io.readFile(path).catch(emptyWhenMissing)
    return parseLedger(bytes)
  }

  /** A segment as its ledger tells; undefined when the data file is gone. */
  describe(id: string, folder: Folder, ledger: Ledger): ReadSegment | undefined {
    const path = dataPath(this.dir, folder, id)
    const fileBytes = this.#io.sizeOf(path)
    if (fileBytes === undefined) return undefined
    const sums = ledger.closed ?? ledger.pieces.reduce<Totals>(withPiece, { ...EMPTY_TOTALS })
    const createdMs = ledger.header?.createdMs ?? idMs(id)
    // The url carries a key of the storage: it is given out only while there is something to upload with it.
    const facts = folder === 'closed' && !isBefore(ledger, 'issued') ? ledger.steps.findLast(line => line.step === 'issued') : undefined
    const aside = folder === 'set-aside' ? ledger.steps.findLast(line => line.step === 'set-aside') : undefined
    return {
      id,
      folder,
      source: ledger.header?.source ?? '',
      format: ledger.header?.format ?? 'raw',
      step: stepOf(folder, ledger),
      path,
      createdMs,
      closedMs: ledger.closed?.closedMs ?? createdMs,
      // What waits is uploaded only when the file is as long as it was when it was closed.
      bytes: folder === 'closed' ? (ledger.closed?.bytes ?? fileBytes) : fileBytes,
      rawBytes: sums.rawBytes,
      recordCount: Math.max(0, sums.recordCount - (aside?.carriedRecords ?? 0)),
      firstTime: sums.firstTime ?? createdMs,
      lastTime: sums.lastTime ?? createdMs,
      ambiguousFinalises: ambiguousFinalises(ledger.steps),
      ...(facts?.uploadUrl === undefined ? {} : { uploadUrl: facts.uploadUrl }),
      ...(facts?.provider === undefined ? {} : { provider: facts.provider }),
      ...(aside?.reason === undefined ? {} : { reason: aside.reason }),
      ...(aside?.carriedTo === undefined ? {} : { carriedTo: aside.carriedTo })
    }
  }

  /**
   * Sound, or the first fault. An open segment is sound when all pieces of its ledger are. `inflate` reads every line; `checksum`
   * only the bytes in the file, at a tenth of the cost.
   */
  async check(id: string, how: 'inflate' | 'checksum' = 'inflate'): Promise<Soundness> {
    const folder = this.#find(id)
    if (folder === undefined) return fault(`there is no segment ${id}`)
    const ledger = await this.ledger(id, folder)
    if (ledger.header === undefined) return fault('the ledger is missing or its first line is damaged')
    const file = await this.#io.open(dataPath(this.dir, folder, id), 'read')
    try {
      const ahead = new ReadAhead(file)
      return await checkFile(file, ledger, folder, piece => (how === 'inflate' ? isReadable(file, piece) : isUnchanged(file, ahead, piece)))
    } finally {
      await file.close()
    }
  }

  /**
   * The lines of a segment, without line feed, in order, those at the head of the file (directives, header row) included.
   * Damaged pieces are left out; without a ledger the lines come until the first fault.
   */
  async *lines(id: string, options: { prelude?: boolean } = {}): AsyncGenerator<Buffer> {
    const folder = this.#find(id)
    if (folder === undefined) return
    const ledger = await this.ledger(id, folder)
    const file = await this.#io.open(dataPath(this.dir, folder, id), 'read')
    try {
      if (ledger.pieces.length === 0) yield* gunzipLines(file)
      for (const piece of ledger.pieces) {
        if (piece.t === 'prelude' && options.prelude === false) continue
        const raw = await readPiece(file, piece)
        if (raw !== undefined) yield* splitLines(raw)
      }
    } finally {
      await file.close()
    }
  }

  #find(id: string, folders: readonly Folder[] = FOLDERS): Folder | undefined {
    if (!isSegmentId(id)) return undefined
    return folders.find(folder => this.#io.sizeOf(dataPath(this.dir, folder, id)) !== undefined)
  }
}

function emptyWhenMissing(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0)
  throw error
}

function fault(text: string): Soundness {
  return { sound: false, fault: text }
}

function stepOf(folder: Folder, ledger: Ledger): SegmentStep {
  if (folder === 'open') return 'open'
  if (folder === 'archive') return 'done'
  if (folder === 'set-aside') return 'set-aside'
  // A crash between that note and the move: what led to it is found again.
  return ledger.steps.findLast(({ step }) => step !== 'set-aside')?.step ?? 'closed'
}

/** True when the upload was sent back to before its url was known. */
function isBefore(ledger: Ledger, step: 'issued'): boolean {
  const lastReset = ledger.steps.findLastIndex(line => line.step === 'closed')
  return ledger.steps.findLastIndex(line => line.step === step) < lastReset
}

/** The raw bytes of a piece, or undefined when they are not what the ledger says. */
export async function readPiece(file: SpoolFile, piece: PieceLine): Promise<Buffer | undefined> {
  if (piece.offset + piece.length > (await file.size())) return undefined
  return inflateChecked(await readFully(file, piece.offset, piece.length), piece.rawLength, piece.crc32)
}

async function isReadable(file: SpoolFile, piece: PieceLine): Promise<boolean> {
  return (await readPiece(file, piece)) !== undefined
}

/** Ledgers of Sluice 0.1 have no sum of the deflated bytes; then the piece is inflated. */
async function isUnchanged(file: SpoolFile, ahead: ReadAhead, piece: PieceLine): Promise<boolean> {
  if (piece.deflatedCrc32 === undefined) return isReadable(file, piece)
  const bytes = await ahead.bytes(piece.offset, piece.length)
  return bytes.length === piece.length && crc32(bytes) === piece.deflatedCrc32
}

const AHEAD_BYTES = 1024 * 1024

/**
 * Reads a file from front to back, many pieces at a time. Each read is a turn of an event loop that sockets keep busy: two of them
 * for each of the 2,000 pieces of a segment were what kept it from its upload.
 */
class ReadAhead {
  readonly #file: SpoolFile
  #size: number | undefined
  #at = 0
  /** Used again and again: new memory for each read takes as long as the sums of what is read. */
  #buffer: Buffer = Buffer.alloc(0)
  #held: Buffer = Buffer.alloc(0)

  constructor(file: SpoolFile) {
    this.#file = file
  }

  /** Fewer than asked for where the file ends before; they stay until the next call. */
  async bytes(position: number, length: number): Promise<Buffer> {
    this.#size ??= await this.#file.size()
    if (position + length > this.#size) return Buffer.alloc(0)
    const start = position - this.#at
    if (start < 0 || start + length > this.#held.length) {
      const wanted = Math.min(this.#size - position, Math.max(length, AHEAD_BYTES))
      if (wanted > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(wanted)
      this.#held = await readInto(this.#buffer.subarray(0, wanted), this.#file, position)
      this.#at = position
    }
    return this.#held.subarray(position - this.#at, position - this.#at + length)
  }
}

async function checkFile(
  file: SpoolFile,
  ledger: Ledger,
  folder: Folder,
  isSound: (piece: PieceLine) => Promise<boolean>
): Promise<Soundness> {
  if (!GZIP_HEADER.equals(await readFully(file, 0, GZIP_HEADER.length))) return fault('the file does not begin as a gzip file')
  let totals: Totals = { ...EMPTY_TOTALS }
  for (const [index, piece] of ledger.pieces.entries()) {
    const name = `piece ${index + 1} of ${ledger.pieces.length}`
    if (piece.offset !== totals.bytes) return fault(`${name} begins at byte ${piece.offset}, expected ${totals.bytes}`)
    if (!(await isSound(piece))) return fault(`${name}, at byte ${piece.offset}, is not what the ledger says`)
    totals = withPiece(totals, piece)
  }
  if (folder === 'open') return { sound: true }
  if (ledger.closed === undefined) return fault('the ledger has no closing line')
  const size = await file.size()
  if (size !== totals.bytes + GZIP_TRAILER_BYTES) return fault(`the file has ${size} bytes, expected ${totals.bytes + GZIP_TRAILER_BYTES}`)
  const trailer = await readFully(file, totals.bytes, GZIP_TRAILER_BYTES)
  return trailer.equals(gzipTrailer(totals.crc32, totals.rawBytes)) ? { sound: true } : fault('the trailer does not fit the pieces')
}

/** Hot enough to matter for exports only; the lines are ranges of `raw`. */
function* splitLines(raw: Buffer): Generator<Buffer> {
  let start = 0
  while (start < raw.length) {
    const found = raw.indexOf(LF, start)
    const end = found < 0 ? raw.length : found
    yield raw.subarray(start, end)
    start = end + 1
  }
}

const READ_BYTES = 256 * 1024

/** Lines of a gzip file until its first fault; a last line without line feed is left out, because it is cut. */
async function* gunzipLines(file: SpoolFile): AsyncGenerator<Buffer> {
  const gunzip = createGunzip()
  const feed = async (): Promise<void> => {
    for (let at = 0; !gunzip.destroyed; at += READ_BYTES) {
      const bytes = await readFully(file, at, READ_BYTES)
      if (bytes.length === 0) break
      if (!gunzip.write(bytes)) await new Promise(resolve => gunzip.once('drain', resolve).once('close', resolve))
    }
    gunzip.end()
  }
  const feeding = feed().catch(error => void gunzip.destroy(error as Error))
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of gunzip) {
      const bytes: Buffer = Buffer.concat([rest, chunk as Buffer])
      const end = bytes.lastIndexOf(LF) + 1
      yield* splitLines(bytes.subarray(0, end))
      rest = bytes.subarray(end)
      if (rest.length > LINE_MAX_BYTES) rest = Buffer.alloc(0)
    }
  } catch {
    // The first fault: what was readable has been given out.
  } finally {
    gunzip.destroy()
    await feeding
  }
}

/** CRC-32 and number of lines of raw bytes, for pieces whose ledger line was lost. */
export function measureRaw(raw: Buffer): { rawLength: number; crc32: number; recordCount: number } {
  let recordCount = 0
  for (let at = raw.indexOf(LF); at >= 0; at = raw.indexOf(LF, at + 1)) recordCount++
  return { rawLength: raw.length, crc32: crc32(raw), recordCount }
}
