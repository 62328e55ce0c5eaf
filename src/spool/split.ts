/**
 * A segment that the service finds too large becomes two, cut between two blocks, so that no line is compressed again. The halves are
 * made in `open/`, named after the segment with an `a` and a `b`; removing the original is what makes them count. While its data file
 * stands, halves are copies that a crash cut short, and the start removes them (`tidy`); so nothing is doubled and nothing is lost.
 */
import type { SpoolFile, SpoolIo } from './io.ts'
import { dataPath, isSegmentId, ledgerPath } from './layout.ts'
import type { Ledger, PieceLine } from './ledger.ts'
import { type Resumable, remake } from './remake.ts'

/** Copies both halves, durable when it resolves; undefined when there is one block only. Rejects with the disk's error. */
export async function copyHalves(
  place: { io: SpoolIo; dir: string },
  id: string,
  ledger: Ledger,
  file: SpoolFile
): Promise<Resumable[] | undefined> {
  const { header } = ledger
  const ids = [`${id}a`, `${id}b`]
  const halves = halve(ledger.pieces)
  if (header === undefined || halves === undefined || !ids.every(isSegmentId)) return undefined
  const made: Resumable[] = []
  try {
    for (const [index, pieces] of halves.entries()) made.push(await remake(place, ids[index]!, { ...header, splitFrom: id }, file, pieces))
    await place.io.syncDirectory(`${place.dir}/open`)
    return made
  } catch (error) {
    await removeCopies(place, ids)
    throw error
  }
}

/** A full disk is when they would stand in the way most. What cannot be removed goes at the next start. */
async function removeCopies({ io, dir }: { io: SpoolIo; dir: string }, ids: readonly string[]): Promise<void> {
  for (const path of ids.flatMap(id => [dataPath(dir, 'open', id), ledgerPath(dir, 'open', id)])) await io.remove(path).catch(() => {})
}

/** Both with the prelude, cut where the bytes are nearest to half; undefined when there is one block only. */
function halve(pieces: readonly PieceLine[]): [PieceLine[], PieceLine[]] | undefined {
  const prelude = pieces.filter(piece => piece.t === 'prelude')
  const blocks = pieces.filter(piece => piece.t === 'block')
  if (blocks.length < 2) return undefined
  const total = blocks.reduce((sum, piece) => sum + piece.length, 0)
  let count = 1
  let bytes = blocks[0]!.length
  while (count < blocks.length - 1 && bytes + blocks[count]!.length / 2 <= total / 2) bytes += blocks[count++]!.length
  return [
    [...prelude, ...blocks.slice(0, count)],
    [...prelude, ...blocks.slice(count)]
  ]
}
