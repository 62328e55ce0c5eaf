/** The two files of a segment: their moves, their removal, and one more line in the ledger. */
import { spoolFailure } from './failure.ts'
import { type SpoolIo, writeFully } from './io.ts'
import { dataPath, FOLDERS, type Folder, ledgerPath } from './layout.ts'
import { ledgerLine, type StepLine } from './ledger.ts'
import type { SpoolLog } from './options.ts'
import type { SpoolReader } from './reader.ts'
import type { ReserveFile } from './reserve-file.ts'
import type { Sync } from './writer.ts'

interface Disk {
  io: SpoolIo
  dir: string
}

/**
 * Moves both files, the data first: where they are, the segment is, and a ledger left behind is carried after them (`fetchLedger`,
 * `finishOrphan`). May be called again after a failure, and goes on where it stopped.
 */
export async function moveSegment(io: SpoolIo, dir: string, id: string, from: Folder, to: Folder): Promise<void> {
  for (const path of [dataPath, ledgerPath]) {
    if (io.sizeOf(path(dir, from, id)) !== undefined) await io.rename(path(dir, from, id), path(dir, to, id))
    else if (io.sizeOf(path(dir, to, id)) === undefined)
      throw Object.assign(new Error(`there is no ${path(dir, from, id)}`), { code: 'ENOENT' })
  }
}

/**
 * Carries the ledger to its data from where a move that was broken off left it; nothing when it lies beside them, or nowhere alone.
 * Rejects with the disk's error, and may be called again.
 */
export async function fetchLedger({ io, dir }: Disk, to: Folder, id: string): Promise<void> {
  const has = (path: typeof dataPath, folder: Folder): boolean => io.sizeOf(path(dir, folder, id)) !== undefined
  if (!has(dataPath, to) || has(ledgerPath, to)) return
  const from = FOLDERS.find(folder => has(ledgerPath, folder) && !has(dataPath, folder))
  if (from !== undefined) await io.rename(ledgerPath(dir, from, id), ledgerPath(dir, to, id))
}

/**
 * A ledger without data: the second half of a move is missing, or the data file was never made or is already removed. Never rejects:
 * what the disk refuses is tried again when the data are looked at, or at the next start.
 */
export async function finishOrphan({ io, dir, log }: Disk & { log: SpoolLog }, from: Folder, id: string): Promise<void> {
  try {
    const to = FOLDERS.find(folder => folder !== from && io.sizeOf(dataPath(dir, folder, id)) !== undefined)
    if (to === undefined) await io.remove(ledgerPath(dir, from, id))
    else await fetchLedger({ io, dir }, to, id)
  } catch (error) {
    log.warn({ segment: id, err: error }, 'a ledger could not be carried to its segment; it is tried again')
  }
}

/** `moveSegment`, durably: in this order of syncs a power cut leaves the segment in both folders rather than in neither. */
export async function moveAndSync({ io, dir }: Disk, id: string, from: Folder, to: Folder): Promise<void> {
  await moveSegment(io, dir, id, from, to)
  await io.syncDirectory(`${dir}/${to}`)
  await io.syncDirectory(`${dir}/${from}`)
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
