/**
 * Damage in a segment: its sound pieces go on in a new one, the original is kept for a person. The new one is named after the old
 * with an `r` and made in `open/`. While the original is still where it was, a copy is a rescue that a crash cut short, and
 * the start removes it (`tidy`); so nothing is doubled, and nothing sound is lost.
 */
import { type SpoolFile, writeFully } from './io.ts'
import { dataPath, isSegmentId, ledgerPath } from './layout.ts'
import { type Ledger, ledgerLine, type SegmentLine, type StepLine } from './ledger.ts'
import { type Place, type Resumable, remake } from './remake.ts'
import type { Findings } from './salvage.ts'
import { moveSegment } from './segment-files.ts'

/** A segment that is damaged again and again lies on a bad disk. */
const RESCUES_MAX = 8

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
  const rest = await remake(place, newId, header, patient.file, findings.pieces)
  await place.io.syncDirectory(`${place.dir}/open`)
  return { rest, reason: `${reason}; ${lossOf(findings)}` }
}

/** Why its sound pieces cannot go on, as the end of a sentence; undefined when they can. */
function whyNot(newId: string, ledger: Ledger, { pieces }: Findings): string | undefined {
  if (!isSegmentId(newId) || newId.split('r').length > RESCUES_MAX + 1) return 'it was rescued too often'
  if (!pieces.some(piece => piece.t === 'block')) return 'none of its blocks is sound'
  if (ledger.pieces.some(piece => piece.t === 'prelude') && pieces[0]?.t !== 'prelude') return 'the head of its file is damaged'
  return undefined
}

function lossOf({ lost }: Findings): string {
  const blocks = lost.filter(piece => piece.t === 'block')
  const records = blocks.reduce((sum, piece) => sum + piece.recordCount, 0)
  return blocks.length === 0 ? 'all blocks of its ledger are sound' : `${records} records in ${blocks.length} blocks are lost`
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
