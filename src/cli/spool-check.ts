/** `sluice spool check`: every segment, or those named, sound or the first fault. */
import { allIds, checkSegment, openReader } from '../pipeline/spool-tools.ts'
import { ProgressLine } from './progress-line.ts'
import type { SpoolCommand } from './spool.ts'
import { visible, write } from './text-output.ts'
import { EXIT } from './verb.ts'

/** Segments that were set aside for their damage fail here as well: somebody has to look at them. */
export async function spoolCheck({ dir, ids, json, io }: SpoolCommand): Promise<number> {
  const reader = await openReader(dir)
  const isNamed = ids.length > 0
  let checked = 0
  let faulty = 0
  const progress = new ProgressLine(io.stderr)
  const asked = isNamed ? ids : await allIds(reader)
  for (const [index, id] of asked.entries()) {
    progress.show(index / asked.length, () => `${index} of ${asked.length} segments`)
    const result = await checkSegment(reader, id)
    if (result === undefined && !isNamed) continue // uploaded and removed since the list was made
    const fault = result === undefined ? 'there is no such segment' : result.sound ? undefined : result.fault
    checked++
    if (fault !== undefined) faulty++
    progress.clear()
    if (json) await write(io.stdout, `${JSON.stringify({ id, sound: fault === undefined, ...(fault === undefined ? {} : { fault }) })}\n`)
    else await write(io.stdout, `${visible(`${id}  ${fault ?? 'sound'}`)}\n`)
  }
  if (!json) await write(io.stdout, `${checked} checked, ${faulty} not sound\n`)
  return faulty === 0 ? EXIT.OK : EXIT.FAILED
}
