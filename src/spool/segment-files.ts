/** The two files of a segment: their moves, their removal, and one more line in the ledger. */
import { spoolFailure } from './failure.ts'
import { type SpoolIo, writeFully } from './io.ts'
import { dataPath, type Folder, ledgerPath } from './layout.ts'
import { ledgerLine, type StepLine } from './ledger.ts'
import type { SpoolReader } from './reader.ts'
import type { ReserveFile } from './reserve-file.ts'
import type { Sync } from './writer.ts'

/**
 * Moves both files, the data first: a ledger left alone is carried after them at the next start (`finishOrphan`). May be called
 * again after a failure, and goes on where it stopped.
 */
export async function moveSegment(io: SpoolIo, dir: string, id: string, from: Folder, to: Folder): Promise<void> {
  for (const path of [dataPath, ledgerPath]) {
    if (io.sizeOf(path(dir, from, id)) !== undefined) await io.rename(path(dir, from, id), path(dir, to, id))
    else if (io.sizeOf(path(dir, to, id)) === undefined)
      throw Object.assign(new Error(`there is no ${path(dir, from, id)}`), { code: 'ENOENT' })
  }
}

/** Data first: a ledger left alone is removed at the next start. */
export async function removeSegment(io: SpoolIo, dir: string, folder: Folder, id: string): Promise<void> {
  await io.remove(dataPath(dir, folder, id))
  await io.remove(ledgerPath(dir, folder, id))
}

/** Notes a step durably; resolves to the bytes it took. Rejects with SPOOL_IO or SPOOL_FULL. */
export async function appendStep(
  { dir, io, reserve, sync }: { dir: string; io: SpoolIo; reserve: ReserveFile; sync: Sync },
  reader: SpoolReader,
  folder: Folder,
  id: string,
  line: StepLine
): Promise<number> {
  try {
    const { size } = await reader.ledger(id, folder)
    const bytes = ledgerLine(line)
    await reserve.use(async () => {
      const file = await io.open(ledgerPath(dir, folder, id), 'write')
      try {
        await writeFully(file, [bytes], size)
        await sync(file)
      } finally {
        await file.close()
      }
    })
    return bytes.length
  } catch (error) {
    throw spoolFailure(`note the step ${line.step} of segment ${id}`, error)
  }
}
