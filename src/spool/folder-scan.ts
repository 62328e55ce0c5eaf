/** What lies in a folder of segments, by the names and sizes of its files; no file is opened. */
import type { SpoolIo } from './io.ts'
import { dataPath, type Folder, ledgerPath, readName } from './layout.ts'

/** Ids by which of their two files are there; each list is in the order of age. */
export interface FolderScan {
  whole: string[]
  orphanLedgers: string[]
  orphanData: string[]
}

export async function scanFolder({ io, dir }: { io: SpoolIo; dir: string }, folder: Folder): Promise<FolderScan> {
  const data = new Set<string>()
  const ledgers = new Set<string>()
  for await (const name of io.names(`${dir}/${folder}`)) {
    const read = readName(name)
    if (read !== undefined) (read.kind === 'gz' ? data : ledgers).add(read.id)
  }
  const ids = [...data].sort()
  return {
    whole: ids.filter(id => ledgers.has(id)),
    orphanData: ids.filter(id => !ledgers.has(id)),
    orphanLedgers: [...ledgers].filter(id => !data.has(id)).sort()
  }
}

/** Bytes of both files. */
export function sizeOfSegment({ io, dir }: { io: SpoolIo; dir: string }, folder: Folder, id: string): number {
  return (io.sizeOf(dataPath(dir, folder, id)) ?? 0) + (io.sizeOf(ledgerPath(dir, folder, id)) ?? 0)
}
