/**
 * `sluice spool export ID`: the lines of a segment as they are in the file, its head (directives, header row) included. Of a damaged
 * one, those that can be read; then it fails.
 */
import { createWriteStream } from 'node:fs'
import { resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { formatSize } from '../config/sizes.ts'
import { CollectorError } from '../errors.ts'
import { checkSegment, linesOf, openReader, type SpoolReader } from '../pipeline/spool-tools.ts'
import { ProgressLine } from './progress-line.ts'
import type { SpoolCommand } from './spool.ts'
import { visible, write } from './text-output.ts'
import { EXIT } from './verb.ts'

/** Lines are written in pieces of about this size. */
const PIECE_BYTES = 64 * 1024
const LF = Buffer.from('\n')

export async function spoolExport({ dir, ids, output, io }: SpoolCommand): Promise<number> {
  const reader = await openReader(dir)
  const id = ids[0]!
  if (output === undefined) {
    await copyLines(linesOf(reader, id), io.stdout)
    return tellDamage(reader, id, io)
  }
  const segment = await reader.segment(id)
  if (segment === undefined) throw new CollectorError('SPOOL_IO', `Cannot find segment ${JSON.stringify(id)} in ${dir}`)
  const path = resolve(io.cwd, output)
  // Of logs, which say who did what: nobody else reads them, and nothing is written over.
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 })
  const done = finished(file)
  const progress = new ProgressLine(io.stderr)
  try {
    const copying = copyLines(linesOf(reader, id), file, written =>
      progress.show(written / segment.rawBytes, () => `${formatSize(written)} of ${formatSize(segment.rawBytes)}`)
    ).then(() => file.end())
    await Promise.all([done, Promise.race([copying, done])])
    await copying
  } catch (error) {
    file.destroy()
    if (error instanceof CollectorError) throw error
    throw new CollectorError('SPOOL_IO', `Cannot write ${path}: ${(error as Error).message}`, { cause: error })
  } finally {
    progress.clear()
  }
  io.stderr.write(`the lines of ${id} are in ${path}\n`)
  return tellDamage(reader, id, io)
}

/** Of a damaged segment only the sound pieces were written, which nobody could tell by the lines. */
async function tellDamage(reader: SpoolReader, id: string, io: SpoolCommand['io']): Promise<number> {
  const soundness = await checkSegment(reader, id)
  if (soundness === undefined || soundness.sound) return EXIT.OK
  io.stderr.write(`sluice: ${visible(`${id} is damaged, so lines of it may be missing: ${soundness.fault}`)}\n`)
  return EXIT.FAILED
}

async function copyLines(
  lines: AsyncIterable<Buffer>,
  to: NodeJS.WritableStream,
  onWritten: (bytes: number) => void = () => undefined
): Promise<void> {
  let written = 0
  let pieces: Buffer[] = []
  let size = 0
  for await (const line of lines) {
    pieces.push(line, LF)
    size += line.length + 1
    if (size < PIECE_BYTES) continue
    await write(to, Buffer.concat(pieces, size))
    onWritten((written += size))
    pieces = []
    size = 0
  }
  if (size > 0) await write(to, Buffer.concat(pieces, size))
}
