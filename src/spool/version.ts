/** The version of the directory's layout: read before anything else is touched, so that a spool is never misread or ignored. */
import { CollectorError } from '../errors.ts'
import { type SpoolIo, writeFully } from './io.ts'
import { FOLDERS } from './layout.ts'

export const SPOOL_VERSION = 1
const TEXT = /^sluice-spool (\d{1,9})\n$/
const VERSION_FILE_MAX_BYTES = 64

/** Makes an empty spool, or rejects with SPOOL_VERSION when the directory holds one of another version. */
export async function prepareDirectory(io: SpoolIo, dir: string): Promise<void> {
  await io.makeDirectory(dir)
  await checkVersion(io, dir)
  for (const folder of FOLDERS) await io.makeDirectory(`${dir}/${folder}`)
  await io.syncDirectory(dir)
}

/** True when a spool would be begun there: what else lies in the directory is not ours. */
export const holdsNone = (io: SpoolIo, dir: string): boolean =>
  ['VERSION', ...FOLDERS].every(name => io.sizeOf(`${dir}/${name}`) === undefined)

async function checkVersion(io: SpoolIo, dir: string): Promise<void> {
  const path = `${dir}/VERSION`
  const size = io.sizeOf(path)
  if (size === undefined) {
    // The folders are made after VERSION is durable, so folders without VERSION were not made by this program.
    if (!holdsNone(io, dir)) throw unreadable(dir, 'it has segments but no VERSION file')
    return await writeVersion(io, dir, path)
  }
  await readVersion(io, dir, path, size)
}

/** For readers that own nothing: rejects with SPOOL_VERSION when the directory holds no spool, or one of another version. */
export async function checkReadable(io: SpoolIo, dir: string): Promise<void> {
  const path = `${dir}/VERSION`
  const size = io.sizeOf(path)
  if (size === undefined) throw new CollectorError('SPOOL_VERSION', `Cannot read the spool in ${dir}: there is none`)
  await readVersion(io, dir, path, size)
}

async function readVersion(io: SpoolIo, dir: string, path: string, size: number): Promise<void> {
  const text = size > VERSION_FILE_MAX_BYTES ? '' : (await io.readFile(path)).toString()
  const version = TEXT.exec(text)?.[1]
  if (version === undefined) throw unreadable(dir, 'its VERSION file is damaged')
  if (Number(version) !== SPOOL_VERSION) throw unreadable(dir, `it is of version ${version}, this program reads version ${SPOOL_VERSION}`)
}

async function writeVersion(io: SpoolIo, dir: string, path: string): Promise<void> {
  const file = await io.open(`${path}.new`, 'write')
  try {
    await file.truncate(0)
    await writeFully(file, [Buffer.from(`sluice-spool ${SPOOL_VERSION}\n`)], 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await io.rename(`${path}.new`, path)
  await io.syncDirectory(dir)
}

function unreadable(dir: string, why: string): CollectorError {
  return new CollectorError(
    'SPOOL_VERSION',
    `Cannot read the spool in ${dir}: ${why}; upload it with the program that wrote it, or use another directory`
  )
}
