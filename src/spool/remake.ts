/**
 * A segment made anew in `open/` from pieces of another one, which stays as it is: the sound pieces of a damaged one (rescue.ts), or
 * half of the pieces of one that is too large (split.ts). Its id is the other's and a letter, so that the start knows a copy whose
 * original still stands (`tidy`), and removes it.
 */
import { GZIP_HEADER } from './gzip-member.ts'
import { readFully, type SpoolFile, type SpoolIo, writeFully } from './io.ts'
import { dataPath, ledgerPath } from './layout.ts'
import { ledgerLine, type PieceLine, type SegmentLine } from './ledger.ts'
import type { SpoolLog } from './options.ts'
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

/** The caller syncs `open/`. Rejects with the disk's error, and may be called again. */
export async function remake(
  place: Pick<Place, 'io' | 'dir'>,
  id: string,
  header: SegmentLine,
  from: SpoolFile,
  pieces: readonly PieceLine[]
): Promise<Resumable> {
  const { copies, totals } = await copyPieces(place, id, from, pieces)
  const ledgerBytes = await rewriteLedger(place, id, header, copies)
  return { point: { id, header, totals, ledgerBytes }, prelude: copies.find(piece => piece.t === 'prelude') }
}

async function copyPieces(
  { io, dir }: Pick<Place, 'io' | 'dir'>,
  id: string,
  from: SpoolFile,
  pieces: readonly PieceLine[]
): Promise<{ copies: PieceLine[]; totals: Totals }> {
  const copies: PieceLine[] = []
  let totals: Totals = { ...EMPTY_TOTALS }
  const target = await io.open(dataPath(dir, 'open', id), 'write')
  try {
    await writeFully(target, [GZIP_HEADER], 0)
    for (const piece of pieces) {
      await writeFully(target, [await readFully(from, piece.offset, piece.length)], totals.bytes)
      copies.push({ ...piece, offset: totals.bytes })
      totals = withPiece(totals, piece)
    }
    await target.truncate(totals.bytes)
    await target.datasync()
  } finally {
    await target.close()
  }
  return { copies, totals }
}

/** Writes the ledger anew with these pieces; returns its size. */
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
