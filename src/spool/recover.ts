/**
 * Brings `open/` back in order after a crash: finishes closings that were cut short, cuts each segment back to its last whole
 * piece, and sets aside what is damaged. Nothing here is fatal; a fault of one segment never keeps another from going on.
 * The cases are listed in format.md.
 */

import { sizeOfSegment } from './folder-scan.ts'
import { GZIP_HEADER, GZIP_TRAILER_BYTES, gzipTrailer } from './gzip-member.ts'
import { readFully, type SpoolFile, writeFully } from './io.ts'
import { dataPath, originalOf, readName } from './layout.ts'
import type { Ledger, PieceLine } from './ledger.ts'
import { SpoolReader } from './reader.ts'
import { type Place, type Resumable, rewriteLedger } from './remake.ts'
import { copySound, moveAside } from './rescue.ts'
import { type Findings, findPieces } from './salvage.ts'
import { fetchLedger, finishOrphan, moveSegment, removeSegment } from './segment-files.ts'
import { EMPTY_TOTALS, type Totals, withPiece } from './totals.ts'

export interface Recovered {
  /** Segments that go on, oldest first. */
  resume: Resumable[]
  /** Segments that stay as they are, since the disk refused; no other may get their names. */
  unrecovered: { id: string; bytes: number }[]
  counts: RecoveryCounts
}

export interface RecoveryCounts {
  /** Blocks that the ledger knew and the file did not hold. */
  lostBlocks: number
  lostRecords: number
  /** Blocks that were found though the ledger did not know them. */
  salvagedBlocks: number
  /** Bytes behind the last whole block that were cut off. */
  cutBytes: number
  /** Segments that were set aside. */
  setAside: number
}

export async function recoverOpen(place: Place): Promise<Recovered> {
  const counts: RecoveryCounts = { lostBlocks: 0, lostRecords: 0, salvagedBlocks: 0, cutBytes: 0, setAside: 0 }
  const recovered: Recovered = { resume: [], unrecovered: [], counts }
  const data = await tidy(place)
  for (const id of data) {
    try {
      await recoverSegment(place, id, recovered)
    } catch (error) {
      // The disk's own trouble. The files stay where they are; the next start tries again.
      recovered.unrecovered.push({ id, bytes: bytesOnDisk(place, id) })
      place.log.error({ segment: id, err: error }, 'a segment could not be recovered and waits for the next start')
    }
  }
  for (const folder of ['open', 'closed', 'set-aside']) await place.io.syncDirectory(`${place.dir}/${folder}`)
  return recovered
}

/** Finishes or removes what a crash left half done in `open/`; returns the ids of the data files, oldest first. */
async function tidy({ io, dir, log }: Place): Promise<string[]> {
  const data: string[] = []
  const ledgers: string[] = []
  const halves: string[] = []
  for await (const name of io.names(`${dir}/open`)) {
    const read = readName(name)
    if (read?.kind === 'gz') data.push(read.id)
    else if (read?.kind === 'ledger') ledgers.push(read.id)
    else if (name.endsWith('.new')) halves.push(name)
  }
  for (const name of halves) await io.remove(`${dir}/open/${name}`)
  // A copy whose original still stands where it was, was not finished; it is made again from the original.
  const isHalfCopy = (id: string): boolean => {
    const original = originalOf(id)
    return original !== undefined && (data.includes(original) || io.sizeOf(dataPath(dir, 'closed', original)) !== undefined)
  }
  for (const id of data.filter(isHalfCopy)) await removeSegment(io, dir, 'open', id)
  for (const id of ledgers) if (!data.includes(id)) await finishOrphan({ io, dir, log }, 'open', id)
  return data.filter(id => !isHalfCopy(id)).sort()
}

/** 0 when the disk does not even tell the size. */
function bytesOnDisk(place: Place, id: string): number {
  try {
    return sizeOfSegment(place, 'open', id)
  } catch {
    return 0
  }
}

async function recoverSegment(place: Place, id: string, recovered: Recovered): Promise<void> {
  const { io, dir } = place
  await fetchLedger(place, 'open', id)
  const ledger = await new SpoolReader(dir, io).ledger(id, 'open')
  const file = await io.open(dataPath(dir, 'open', id), 'write')
  try {
    if (ledger.header === undefined) {
      if ((await file.size()) <= GZIP_HEADER.length) return await dropEmpty(place, id)
      return await setAside(place, id, recovered, ledger, 'its ledger is missing or damaged, so its source is not known')
    }
    const findings = await findPieces(file, ledger)
    note(place, id, findings, recovered.counts)
    if (findings.hasGap || findings.gaveUp) {
      const reason = `bytes from ${findings.soundEnd} on are damaged`
      const rescue = await copySound(place, { id, file, header: ledger.header, ledger, findings, reason })
      await setAside(place, id, recovered, ledger, rescue.reason, rescue.rest)
      if (rescue.rest !== undefined) recovered.resume.push(rescue.rest)
      return
    }
    const totals = sumUp(findings.pieces)
    if (totals.recordCount === 0) return await dropUnlessDamaged(place, id, recovered, ledger, findings)
    if (await isClosed(file, ledger, totals)) return await unlessLeft(place, id, moveSegment(io, dir, id, 'open', 'closed'))
    await cutBack(file, totals, recovered.counts)
    const ledgerBytes = await rewriteLedger(place, id, ledger.header, findings.pieces)
    const prelude = findings.pieces.find(piece => piece.t === 'prelude')
    recovered.resume.push({ point: { id, header: ledger.header, totals, ledgerBytes }, prelude })
  } finally {
    await file.close()
  }
}

function sumUp(pieces: readonly PieceLine[]): Totals {
  return pieces.reduce<Totals>(withPiece, { ...EMPTY_TOTALS })
}

function note({ log }: Place, id: string, findings: Findings, counts: RecoveryCounts): void {
  const lostRecords = findings.lost.reduce((sum, piece) => sum + piece.recordCount, 0)
  counts.salvagedBlocks += findings.salvaged
  counts.lostBlocks += findings.lost.length
  counts.lostRecords += lostRecords
  if (findings.lost.length === 0) return
  // After a power cut these may be blocks that were never confirmed; the ledger cannot tell, so the worse case is said.
  log.error({ segment: id, blocks: findings.lost.length, records: lostRecords }, 'blocks of an open segment are damaged or missing')
}

function dropEmpty(place: Place, id: string): Promise<void> {
  return unlessLeft(place, id, removeSegment(place.io, place.dir, 'open', id))
}

/** Where the data are, the segment is: the queue carries the ledger after them when it looks at them, in this same start. */
async function unlessLeft({ io, dir, log }: Place, id: string, leaving: Promise<void>): Promise<void> {
  try {
    await leaving
  } catch (error) {
    if (io.sizeOf(dataPath(dir, 'open', id)) !== undefined) throw error
    log.warn({ segment: id, err: error }, 'a segment left open/ without its ledger, which is tried again')
  }
}

async function dropUnlessDamaged(place: Place, id: string, recovered: Recovered, ledger: Ledger, findings: Findings): Promise<void> {
  if (findings.lost.some(piece => piece.t === 'block')) await setAside(place, id, recovered, ledger, 'none of its blocks is sound')
  else await dropEmpty(place, id)
}

/** True when closing had come as far as the closing line, which is written after the trailer is durable. */
async function isClosed(file: SpoolFile, { closed }: Ledger, totals: Totals): Promise<boolean> {
  if (closed?.bytes !== totals.bytes + GZIP_TRAILER_BYTES || (await file.size()) !== closed.bytes) return false
  const trailer = await readFully(file, totals.bytes, GZIP_TRAILER_BYTES)
  return trailer.equals(gzipTrailer(totals.crc32, totals.rawBytes))
}

async function cutBack(file: SpoolFile, totals: Totals, counts: RecoveryCounts): Promise<void> {
  const size = await file.size()
  counts.cutBytes += size - totals.bytes
  await writeFully(file, [GZIP_HEADER], 0) // a damaged header is the one thing that can be known without the ledger
  await file.truncate(totals.bytes)
  await file.datasync()
}

async function setAside(place: Place, id: string, recovered: Recovered, ledger: Ledger, reason: string, rest?: Resumable): Promise<void> {
  await unlessLeft(place, id, moveAside(place, 'open', id, ledger, reason, rest))
  recovered.counts.setAside++
}
