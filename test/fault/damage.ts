/** Damages spool files of a collector that is down, and says which lines that destroyed. */
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, inflateRawSync } from 'node:zlib'
import { nodeIo } from '../../src/spool/io.ts'
import { originalOf } from '../../src/spool/layout.ts'
import type { SegmentLine } from '../../src/spool/ledger.ts'
import { SpoolReader } from '../../src/spool/reader.ts'
import { findPieces } from '../../src/spool/salvage.ts'
import type { Chance } from './chance.ts'

export const DAMAGES = [
  'garbage-tail',
  'torn-tail',
  'flipped-byte',
  'ledger-tail',
  'no-ledger',
  'closed-no-ledger',
  'closed-torn',
  'closed-flipped'
] as const
export type DamageKind = (typeof DAMAGES)[number]

export interface Damage {
  kind: DamageKind
  segment: string
  /** Source of the segment. */
  source: string
  /** Numbers of the lines whose bytes are no longer there. */
  destroyed: number[]
  /** The segment must be named in the log of the next start, as damaged or as set aside. */
  mustBeNamed: boolean
}

const NUMBER = / suser=u(\d+) /g
const numbersIn = (text: string): number[] => [...text.matchAll(NUMBER)].map(match => Number(match[1]))

/**
 * Undefined when there is no segment to damage so. A closed file that was damaged before (`damaged`) is left alone: a collector that was
 * killed before it looked has not told of it, and what a second damage destroys could not be said.
 */
export async function damage(dir: string, kind: DamageKind, chance: Chance, damaged: ReadonlySet<string>): Promise<Damage | undefined> {
  const reader = new SpoolReader(dir)
  const folder = kind.startsWith('closed-') ? 'closed' : 'open'
  if (!existsSync(join(dir, folder))) return undefined // the kill came before the spool was made
  const ids = (await reader.ids(folder)).filter(id => folder === 'open' || !damaged.has(id))
  if (ids.length === 0) return undefined
  const segment = chance.pick(ids)
  const data = join(dir, folder, `${segment}.gz`)
  // A copy whose original still stands is thrown away, whatever is in it.
  const original = originalOf(segment)
  if (original !== undefined && ['open', 'closed'].some(place => existsSync(join(dir, place, `${original}.gz`)))) return undefined
  const ledgerPath = join(dir, folder, `${segment}.ledger`)
  const ledger = await reader.ledger(segment, folder)
  if (ledger.header === undefined) return undefined // the kill came before its first line
  const found = { kind, segment, source: (ledger.header as SegmentLine).source, destroyed: [] as number[], mustBeNamed: false }
  const size = statSync(data).size
  switch (kind) {
    case 'garbage-tail':
      appendFileSync(data, Buffer.from(Array.from({ length: chance.between(1, 300) }, () => chance.between(0, 255))))
      return found
    case 'ledger-tail': {
      const first = readFileSync(ledgerPath).indexOf(10) + 1
      truncateSync(ledgerPath, chance.between(first, statSync(ledgerPath).size))
      return found
    }
    case 'no-ledger':
    case 'closed-no-ledger':
      rmSync(ledgerPath)
      return { ...found, mustBeNamed: folder === 'closed' || (await piecesOf(reader, segment, data)).length > 0 }
    case 'closed-torn':
    case 'closed-flipped': {
      const isTorn = kind === 'closed-torn'
      const from = isTorn ? size - chance.between(1, Math.min(200, size)) : chance.between(0, size - 1)
      const isStored = ['stored', 'finalising', 'done'].includes(ledger.steps.at(-1)?.step ?? 'closed')
      const destroyed = closedNumbers(ledger.pieces, data, from, isTorn ? size : from + 1)
      if (isTorn) truncateSync(data, from)
      else flip(data, from)
      // Bytes that are in the blob already are not looked at any more.
      return { ...found, destroyed: isStored ? [] : destroyed, mustBeNamed: !isStored }
    }
    default: {
      const pieces = await piecesOf(reader, segment, data)
      const end = pieces.at(-1)?.end ?? size
      const from = Math.max(10, end - chance.between(1, 200))
      if (from >= end) return undefined
      if (kind === 'torn-tail') truncateSync(data, from)
      else flip(data, from)
      const hit = pieces.filter(piece => (kind === 'torn-tail' ? piece.end > from : piece.start <= from && from < piece.end))
      const destroyed = hit.flatMap(piece => piece.numbers)
      return { ...found, destroyed, mustBeNamed: hit.some(piece => piece.isKnown) }
    }
  }
}

interface Piece {
  start: number
  end: number
  numbers: number[]
  /** The ledger tells of it. */
  isKnown: boolean
}

async function piecesOf(reader: SpoolReader, segment: string, data: string): Promise<Piece[]> {
  const ledger = await reader.ledger(segment, 'open')
  const file = await nodeIo.open(data, 'read')
  try {
    const { pieces } = await findPieces(file, ledger)
    const bytes = readFileSync(data)
    const known = new Set(ledger.pieces.map(piece => piece.offset))
    return pieces.map(({ offset, length }) => ({
      start: offset,
      end: offset + length,
      numbers: numbersIn(inflate(bytes.subarray(offset, offset + length))),
      isKnown: known.has(offset)
    }))
  } finally {
    await file.close()
  }
}

const inflate = (piece: Buffer): string => inflateRawSync(Buffer.concat([piece, Buffer.from([3, 0])])).toString('latin1')

/** Numbers in the pieces of a closed file that hold a byte from `from` on and before `to`. */
function closedNumbers(pieces: readonly { offset: number; length: number }[], data: string, from: number, to: number): number[] {
  const bytes = readFileSync(data)
  gunzipSync(bytes) // it was whole before
  return pieces
    .filter(({ offset, length }) => offset + length > from && offset < to)
    .flatMap(({ offset, length }) => numbersIn(inflate(bytes.subarray(offset, offset + length))))
}

function flip(path: string, at: number): void {
  const byte = readFileSync(path)[at]!
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.from([byte ^ 0x10]), 0, 1, at)
  closeSync(file)
}
