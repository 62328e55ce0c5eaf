/**
 * The segment that is being written: blocks wait in its queue until they are on the disk. Whatever fails, the writer's idea of
 * the file stays at the last durable byte and the queue keeps its blocks, so the same bytes are written to the same place again
 * at the next try. This also heals a failed fdatasync, after which the kernel may have dropped pages it calls clean.
 */
import { crc32 } from 'node:zlib'
import type { Block, Format } from '../contracts.ts'
import { deflatePiece, GZIP_HEADER, GZIP_TRAILER_BYTES, gzipTrailer } from './gzip-member.ts'
import { type SpoolFile, type SpoolIo, writeFully } from './io.ts'
import { dataPath, ledgerPath } from './layout.ts'
import { LEDGER_VERSION, ledgerLine, type PieceLine, type SegmentLine } from './ledger.ts'
import { EMPTY_TOTALS, type Totals, withPiece } from './totals.ts'

/** Runs fdatasync and counts it. */
export type Sync = (file: SpoolFile) => Promise<void>

export interface WriterPlace {
  io: SpoolIo
  dir: string
  sync: Sync
}

/** What recovery hands over so that an open segment goes on. */
export interface ResumePoint {
  id: string
  header: SegmentLine
  totals: Totals
  ledgerBytes: number
}

/** How far sealing came; each step is done once, also when a later one fails and all is tried again. */
type SealStage = 'writing' | 'trailer' | 'ledger' | 'data-moved' | 'moved'

export class SegmentWriter {
  readonly id: string
  readonly source: string
  readonly format: Format
  readonly createdMs: number
  /** Lines at the head of the file. */
  readonly prelude: Buffer
  /** Takes no more blocks and shall be sealed when its queue is written. */
  closing = false
  /** Failed flushes in a row. */
  failures = 0
  /** What of `diskBytes` is in the sum over all writers. */
  countedBytes = 0
  readonly #place: WriterPlace
  readonly #header: SegmentLine
  #queue: Block[] = []
  #queuedBytes = 0
  #queuedRawBytes = 0
  #queuedRecords = 0
  #totals: Totals = { ...EMPTY_TOTALS }
  #ledgerBytes = 0
  #isCreated = false
  #stage: SealStage = 'writing'
  #data: SpoolFile | undefined
  #ledger: SpoolFile | undefined

  constructor(place: WriterPlace, id: string, header: SegmentLine, prelude: Buffer) {
    this.#place = place
    this.id = id
    this.#header = header
    this.source = header.source
    this.format = header.format
    this.createdMs = header.createdMs
    this.prelude = prelude
  }

  static create(
    place: WriterPlace,
    id: string,
    about: { source: string; format: Format; createdMs: number },
    prelude: Buffer
  ): SegmentWriter {
    return new SegmentWriter(place, id, { t: 'segment', v: LEDGER_VERSION, ...about }, prelude)
  }

  /** Goes on with a file that recovery cut back to its last whole piece; its prelude is already in it. */
  static resume(place: WriterPlace, point: ResumePoint, prelude: Buffer): SegmentWriter {
    const writer = new SegmentWriter(place, point.id, point.header, prelude)
    writer.#totals = point.totals
    writer.#ledgerBytes = point.ledgerBytes
    writer.#isCreated = true
    return writer
  }

  /** What is durable. */
  get totals(): Readonly<Totals> {
    return this.#totals
  }

  /** Bytes of both files on the disk. */
  get diskBytes(): number {
    return this.#isCreated ? this.#totals.bytes + this.#ledgerBytes : 0
  }

  get queuedBlocks(): number {
    return this.#queue.length
  }

  /** Records that it holds, durable or not. */
  get records(): number {
    return this.#totals.recordCount + this.#queuedRecords
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#totals.recordCount === 0
  }

  /** True when the block would make the file larger than it may be; an empty segment takes a block of any size. */
  isTooFullFor(block: Block, maxBytes: number, maxRawBytes: number): boolean {
    if (this.isEmpty) return false
    const bytes = this.#totals.bytes + this.#queuedBytes + block.bytes.length + GZIP_TRAILER_BYTES
    return bytes > maxBytes || this.#totals.rawBytes + this.#queuedRawBytes + block.rawLength > maxRawBytes
  }

  push(block: Block): void {
    this.#queue.push(block)
    this.#queuedBytes += block.bytes.length
    this.#queuedRawBytes += block.rawLength
    this.#queuedRecords += block.recordCount
  }

  /** Makes the queue durable and returns its blocks. Rejects with the disk's error, and then nothing has changed. */
  async flush(): Promise<Block[]> {
    const blocks = this.#queue.slice()
    if (blocks.length === 0) return blocks
    const wasCreated = this.#isCreated
    if (!wasCreated) await this.#create()
    const { io, dir, sync } = this.#place
    const lines: Buffer[] = []
    let totals = this.#totals
    for (const block of blocks) {
      const piece = pieceOf(block)
      lines.push(ledgerLine({ t: 'block', offset: totals.bytes, ...piece }))
      totals = withPiece(totals, piece)
    }
    const entries = Buffer.concat(lines)
    const data = await this.#openData()
    await writeFully(
      data,
      blocks.map(block => block.bytes),
      this.#totals.bytes
    )
    await writeFully(await this.#openLedger(), [entries], this.#ledgerBytes)
    await sync(data)
    // Without this the file itself, not only its bytes, could be gone after a power cut.
    if (!wasCreated) await io.syncDirectory(`${dir}/open`)
    this.#isCreated = true
    this.#totals = totals
    this.#ledgerBytes += entries.length
    this.#forget(blocks)
    return blocks
  }

  /**
   * Cuts what failed flushes left behind the last durable byte off the files, so that a crash cannot bring blocks back that
   * `takeQueue` gives to another segment. Rejects with the disk's error.
   */
  async cutBack(): Promise<void> {
    if (!this.#isCreated) return this.discard()
    await (await this.#openData()).truncate(this.#totals.bytes)
    await (await this.#openLedger()).truncate(this.#ledgerBytes)
  }

  /** Gives up the blocks that are not durable. */
  takeQueue(): Block[] {
    const blocks = this.#queue.slice()
    this.#forget(blocks)
    return blocks
  }

  /**
   * Writes the trailer and the closing line and moves the segment to `closed/`. The caller then syncs both directories.
   * Rejects with the disk's error; may be called again and goes on where it stopped.
   */
  async seal(closedMs: number): Promise<void> {
    const { io, dir, sync } = this.#place
    const { bytes, ...sums } = this.#totals
    if (this.#stage === 'writing') {
      const data = await this.#openData()
      await writeFully(data, [gzipTrailer(sums.crc32, sums.rawBytes)], bytes)
      await sync(data)
      this.#stage = 'trailer'
    }
    if (this.#stage === 'trailer') {
      const ledger = await this.#openLedger()
      const line = ledgerLine({ t: 'closed', closedMs, bytes: bytes + GZIP_TRAILER_BYTES, ...sums })
      await writeFully(ledger, [line], this.#ledgerBytes)
      await sync(ledger)
      this.#ledgerBytes += line.length
      this.#totals = { ...this.#totals, bytes: bytes + GZIP_TRAILER_BYTES }
      this.#stage = 'ledger'
    }
    await this.release()
    if (this.#stage === 'ledger') {
      await io.rename(dataPath(dir, 'open', this.id), dataPath(dir, 'closed', this.id))
      this.#stage = 'data-moved'
    }
    if (this.#stage === 'data-moved') {
      await io.rename(ledgerPath(dir, 'open', this.id), ledgerPath(dir, 'closed', this.id))
      this.#stage = 'moved'
    }
  }

  /** Removes the files of a segment that holds nothing durable. */
  async discard(): Promise<void> {
    await this.release()
    await this.#place.io.remove(dataPath(this.#place.dir, 'open', this.id))
    await this.#place.io.remove(ledgerPath(this.#place.dir, 'open', this.id))
  }

  /** Closes the file handles; the next write opens them again. */
  async release(): Promise<void> {
    const files = [this.#data, this.#ledger]
    this.#data = undefined
    this.#ledger = undefined
    // Everything that matters was synced before; a failing close leaves nothing to repair.
    for (const file of files) await file?.close().catch(() => undefined)
  }

  /** Makes both files. The ledger's head is durable first: without it nobody could tell whose records the data are. */
  async #create(): Promise<void> {
    const ledger = await this.#openLedger()
    const lines = [ledgerLine(this.#header)]
    const pieces: Uint8Array[] = [GZIP_HEADER]
    let totals: Totals = { ...EMPTY_TOTALS }
    if (this.prelude.length > 0) {
      const bytes = deflatePiece(this.prelude)
      const sums = { rawLength: this.prelude.length, crc32: crc32(this.prelude), deflatedCrc32: crc32(bytes), recordCount: 0 }
      const line: PieceLine = { t: 'prelude', offset: totals.bytes, length: bytes.length, ...sums, firstTime: null, lastTime: null }
      lines.push(ledgerLine(line))
      pieces.push(bytes)
      totals = withPiece(totals, line)
    }
    const head = Buffer.concat(lines)
    await writeFully(ledger, [head], 0)
    await this.#place.sync(ledger)
    await writeFully(await this.#openData(), pieces, 0)
    this.#totals = totals
    this.#ledgerBytes = head.length
  }

  async #openData(): Promise<SpoolFile> {
    this.#data ??= await this.#place.io.open(dataPath(this.#place.dir, 'open', this.id), 'write')
    return this.#data
  }

  async #openLedger(): Promise<SpoolFile> {
    this.#ledger ??= await this.#place.io.open(ledgerPath(this.#place.dir, 'open', this.id), 'write')
    return this.#ledger
  }

  /** Takes the first blocks, which these are, off the queue. */
  #forget(blocks: readonly Block[]): void {
    this.#queue = this.#queue.slice(blocks.length)
    for (const block of blocks) {
      this.#queuedBytes -= block.bytes.length
      this.#queuedRawBytes -= block.rawLength
      this.#queuedRecords -= block.recordCount
    }
  }
}

function pieceOf(block: Block): Omit<PieceLine, 't' | 'offset'> {
  const { bytes, rawLength, recordCount, firstTime, lastTime } = block
  const time = (ms: number): number | null => (Number.isFinite(ms) ? ms : null)
  return {
    length: bytes.length,
    rawLength,
    crc32: block.crc32 >>> 0,
    deflatedCrc32: block.deflatedCrc32 >>> 0,
    recordCount,
    firstTime: time(firstTime),
    lastTime: time(lastTime)
  }
}
