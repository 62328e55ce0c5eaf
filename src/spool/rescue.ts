/**
 * Damage in a segment: its sound pieces go on in a new one, the original is kept for a person. The new one is named after the old
 * with an `r` and made in `open/`. While the original is still where it was, a copy is a rescue that a crash cut short, and
 * the start removes it (`tidy`); so nothing is doubled, and nothing sound is lost.
 */
import { GZIP_HEADER } from './gzip-member.ts'
import { readFully, type SpoolFile, type SpoolIo, writeFully } from './io.ts'
import { dataPath, isSegmentId, ledgerPath } from './layout.ts'
import { type Ledger, ledgerLine, type PieceLine, type SegmentLine, type StepLine } from './ledger.ts'
import type { SpoolLog } from './options.ts'
import type { Findings } from './salvage.ts'
import { moveSegment } from './segment-files.ts'
import { EMPTY_TOTALS, type Totals, withPiece } from './totals.ts'
import type { ResumePoint } from './writer.ts'

export interface Place {
  io: SpoolIo
  dir: string
  log: SpoolLog
  nowMs: number
}

/** A segment that goes on, with its prelude's sums (undefined: it has none). */
export interface Resumable {
  point: ResumePoint
  prelude: PieceLine | undefined
}

/** A damaged segment and what is sound in it. */
export interface Patient {
  id: string
  file: SpoolFile
  header: SegmentLine
  ledger: Ledger
  findings: Findings
  /** What is wrong with it. */
  reason: string
}

/** What came of a try to save the sound pieces. */
export interface Rescue {
  /** The segment with the sound pieces; undefined when there is none. */
  rest: Resumable | undefined
  /** What is wrong, and what is lost. */
  reason: string
}

/** Copies the sound pieces; the original stays where it is. Rejects with the disk's error, and may be called again. */
export async function copySound(place: Place, patient: Patient): Promise<Rescue> {
  const { id, ledger, findings, reason } = patient
  const newId = `${id}r`
  const blocked = whyNot(newId, ledger, findings)
  if (blocked !== undefined) return { rest: undefined, reason: `${reason}; ${blocked}` }
  const header = { ...patient.header, rescuedFrom: id }
  const { pieces, totals } = await copyPieces(place, newId, patient)
  const ledgerBytes = await rewriteLedger(place, newId, header, pieces)
  await place.io.syncDirectory(`${place.dir}/open`)
  const prelude = pieces.find(piece => piece.t === 'prelude')
  return { rest: { point: { id: newId, header, totals, ledgerBytes }, prelude }, reason: `${reason}; ${lossOf(findings)}` }
}

/** Why its sound pieces cannot go on, as the end of a sentence; undefined when they can. */
function whyNot(newId: string, ledger: Ledger, { pieces }: Findings): string | undefined {
  if (!isSegmentId(newId)) return 'it was rescued too often'
  if (!pieces.some(piece => piece.t === 'block')) return 'none of its blocks is sound'
  if (ledger.pieces.some(piece => piece.t === 'prelude') && pieces[0]?.t !== 'prelude') return 'the head of its file is damaged'
  return undefined
}

function lossOf({ lost }: Findings): string {
  const blocks = lost.filter(piece => piece.t === 'block')
  const records = blocks.reduce((sum, piece) => sum + piece.recordCount, 0)
  return blocks.length === 0 ? 'all blocks of its ledger are sound' : `${records} records in ${blocks.length} blocks are lost`
}

async function copyPieces(
  { io, dir }: Place,
  newId: string,
  { file, findings }: Patient
): Promise<{ pieces: PieceLine[]; totals: Totals }> {
  const pieces: PieceLine[] = []
  let totals: Totals = { ...EMPTY_TOTALS }
  const target = await io.open(dataPath(dir, 'open', newId), 'write')
  try {
    await writeFully(target, [GZIP_HEADER], 0)
    for (const piece of findings.pieces) {
      await writeFully(target, [await readFully(file, piece.offset, piece.length)], totals.bytes)
      pieces.push({ ...piece, offset: totals.bytes })
      totals = withPiece(totals, piece)
    }
    await target.truncate(totals.bytes)
    await target.datasync()
  } finally {
    await target.close()
  }
  return { pieces, totals }
}

/** Writes the ledger anew with the pieces that are sound; returns its size. */
export async function rewriteLedger(
  { io, dir }: Pick<Place, 'io' | 'dir'>,
  id: string,
  header: SegmentLine,
  pieces: readonly PieceLine[]
): Promise<number> {
  const bytes = Buffer.concat([header, ...pieces].map(ledgerLine))
  const path = ledgerPath(dir, 'open', id)
  const file = await io.open(`${path}.new`, 'write')
  try {
    await file.truncate(0)
    await writeFully(file, [bytes], 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await io.rename(`${path}.new`, path)
  return bytes.length
}

/**
 * Moves a segment to `set-aside/` with the reason as its ledger's last line; one without a ledger gets one. `rest` took over its
 * sound blocks. May be called again after a failure. The caller syncs the directories.
 */
export async function moveAside(
  place: Place,
  from: 'open' | 'closed',
  id: string,
  ledger: Ledger,
  reason: string,
  rest?: Resumable
): Promise<void> {
  const { io, dir, log, nowMs } = place
  const carried = rest === undefined ? {} : { carriedTo: rest.point.id, carriedRecords: rest.point.totals.recordCount }
  if (io.sizeOf(dataPath(dir, from, id)) !== undefined) {
    const line: StepLine = { t: 'step', step: 'set-aside', atMs: nowMs, reason, ...carried }
    const file = await io.open(ledgerPath(dir, from, id), 'write')
    try {
      await writeFully(file, [ledgerLine(line)], ledger.size)
      await file.datasync()
    } finally {
      await file.close()
    }
  }
  await moveSegment(io, dir, id, from, 'set-aside')
  log.error({ segment: id, source: ledger.header?.source, reason, carriedTo: rest?.point.id }, 'a segment was set aside')
}
