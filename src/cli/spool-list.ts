/** `sluice spool ls`: one line per segment, as they are found, so that 100,000 of them need no memory. */
import { formatDuration } from '../config/durations.ts'
import { formatSize } from '../config/sizes.ts'
import { openReader, type ReadSegment } from '../pipeline/spool-tools.ts'
import type { SpoolCommand } from './spool.ts'
import { visible, write } from './text-output.ts'
import { EXIT } from './verb.ts'

/** Widths of the columns before the two of free length, SOURCE and REASON. */
const COLUMNS = [
  ['ID', 24],
  ['STEP', 10],
  ['FORMAT', 6],
  ['RECORDS', -10],
  ['SIZE', -9],
  ['RAW', -9],
  ['AGE', -8]
] as const

export async function spoolList({ dir, json, io }: SpoolCommand): Promise<number> {
  const reader = await openReader(dir)
  const nowMs = Date.now()
  const sums = new Map<string, { segments: number; records: number; bytes: number }>()
  if (!json) await write(io.stdout, `${row(COLUMNS.map(([title]) => title))}  SOURCE\n`)
  for await (const segment of reader.list()) {
    const sum = sums.get(groupOf(segment)) ?? { segments: 0, records: 0, bytes: 0 }
    sum.segments++
    sum.records += segment.recordCount
    sum.bytes += segment.bytes
    sums.set(groupOf(segment), sum)
    await write(io.stdout, json ? `${JSON.stringify(facts(segment, nowMs))}\n` : `${line(segment, nowMs)}\n`)
  }
  if (json) return EXIT.OK
  const parts = [...sums].map(([group, { segments, records, bytes }]) => `${segments} ${group} (${records} records, ${formatSize(bytes)})`)
  await write(io.stdout, `${parts.length === 0 ? 'nothing' : parts.join(', ')} in ${dir}\n`)
  return EXIT.OK
}

const GROUPS = { open: 'open', closed: 'waiting', archive: 'archived', 'set-aside': 'set aside' } as const
const groupOf = ({ folder }: ReadSegment): string => GROUPS[folder]

/** Without the upload URL, which is a key of the storage. */
function facts(segment: ReadSegment, nowMs: number): object {
  const { id, source, format, step, recordCount, bytes, rawBytes, createdMs, firstTime, lastTime, ambiguousFinalises, path } = segment
  const { reason, carriedTo } = segment
  const ageMs = Math.max(0, nowMs - createdMs)
  return {
    id,
    state: groupOf(segment),
    source,
    format,
    step,
    records: recordCount,
    bytes,
    rawBytes,
    ageMs,
    firstTime: timeOf(firstTime),
    lastTime: timeOf(lastTime),
    ambiguousFinalises,
    path,
    ...(reason === undefined ? {} : { reason }),
    ...(carriedTo === undefined ? {} : { carriedTo })
  }
}

/** Undefined for what no clock means: a ledger may be damaged. */
function timeOf(ms: number): string | undefined {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

function line(segment: ReadSegment, nowMs: number): string {
  const { id, step, format, recordCount, bytes, rawBytes, createdMs, source, reason, carriedTo } = segment
  const age = formatDuration(Math.max(0, nowMs - createdMs))
  const cells = row([id, step, format, String(recordCount), formatSize(bytes), formatSize(rawBytes), age])
  const why = `${reason === undefined ? '' : `  ${reason}`}${carriedTo === undefined ? '' : `; sound records went on in ${carriedTo}`}`
  return visible(`${cells}  ${source === '' ? '(unknown)' : source}${why}`)
}

const row = (cells: readonly string[]): string =>
  cells.map((cell, column) => (COLUMNS[column]![1] < 0 ? cell.padStart(-COLUMNS[column]![1]) : cell.padEnd(COLUMNS[column]![1]))).join('  ')
