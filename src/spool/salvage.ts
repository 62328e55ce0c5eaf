/**
 * Finds out which pieces of a data file are sound: those the ledger tells of, and between and behind them those whose ledger
 * lines were lost (the ledger is not synced at every commit, so a power cut may take its tail while the data are safe).
 */
import { crc32 } from 'node:zlib'
import { inflatePiece, SYNC_FLUSH_END } from './gzip-member.ts'
import { readFully, type SpoolFile } from './io.ts'
import type { Ledger, PieceLine } from './ledger.ts'
import { measureRaw, readPiece } from './reader.ts'
import { EMPTY_TOTALS } from './totals.ts'

export interface Findings {
  /** Sound pieces in file order; they never overlap. */
  pieces: PieceLine[]
  /** Pieces of the ledger that are not in the file as it says. */
  lost: PieceLine[]
  /** How many of the sound ones the ledger did not know. */
  salvaged: number
  /** End of the last sound piece when all before it is sound too, else where the first unsound byte is. */
  soundEnd: number
  /** True when sound pieces lie behind unsound bytes, so that cutting back would throw them away. */
  hasGap: boolean
  /** True when the search for unknown pieces was ended before the end of the file, so that what is behind is not known. */
  gaveUp: boolean
}

/** Largest stretch without ledger lines that is searched; a piece of a lane is far smaller than that. */
const STRETCH_MAX_BYTES = 64 * 1024 * 1024
/** Bytes of wrong guesses after which a search gives up: log lines may hold the marker on purpose. */
const GUESSED_MAX_BYTES = 1024 * 1024 * 1024
const LF = 0x0a

export async function findPieces(file: SpoolFile, ledger: Ledger): Promise<Findings> {
  const findings: Findings = { pieces: [], lost: [], salvaged: 0, soundEnd: EMPTY_TOTALS.bytes, hasGap: false, gaveUp: false }
  const size = await file.size()
  let at = EMPTY_TOTALS.bytes
  for (const piece of ledger.pieces.toSorted((a, b) => a.offset - b.offset)) {
    if (piece.offset < at) continue // the same piece again
    await addUnknown(findings, file, at, Math.min(piece.offset, size))
    // A damaged piece is not searched: it may inflate by chance, to lines that nobody sent.
    if ((await readPiece(file, piece)) === undefined) findings.lost.push(piece)
    else findings.pieces.push(piece)
    at = piece.offset + piece.length
  }
  await addUnknown(findings, file, at, size)
  for (const piece of findings.pieces) {
    if (piece.offset !== findings.soundEnd) findings.hasGap = true
    else findings.soundEnd += piece.length
  }
  return findings
}

/** Adds the pieces that are found between two offsets. */
async function addUnknown(findings: Findings, file: SpoolFile, start: number, end: number): Promise<void> {
  if (start >= end) return
  const stretch = await readFully(file, start, Math.min(end - start, STRETCH_MAX_BYTES))
  const { pieces, gaveUp } = searchPieces(stretch, start)
  findings.pieces.push(...pieces)
  findings.salvaged += pieces.length
  findings.gaveUp ||= gaveUp || stretch.length < end - start
}

/** Sound pieces from the begin of the bytes on: each inflates on its own, ends between two deflate blocks, and in a line feed. */
export function searchPieces(bytes: Buffer, offset: number): { pieces: PieceLine[]; gaveUp: boolean } {
  const pieces: PieceLine[] = []
  let start = 0
  let guessedBytes = 0
  for (let found = bytes.indexOf(SYNC_FLUSH_END); found >= 0; found = bytes.indexOf(SYNC_FLUSH_END, found + 1)) {
    const end = found + SYNC_FLUSH_END.length
    if (guessedBytes > GUESSED_MAX_BYTES) return { pieces, gaveUp: true }
    const raw = inflatePiece(bytes.subarray(start, end))
    if (raw === undefined || raw.at(-1) !== LF) {
      guessedBytes += end - start
      continue
    }
    const deflatedCrc32 = crc32(bytes.subarray(start, end))
    const piece = { offset: offset + start, length: end - start, ...measureRaw(raw), deflatedCrc32, firstTime: null, lastTime: null }
    pieces.push({ t: 'block', ...piece })
    start = end
  }
  return { pieces, gaveUp: false }
}
