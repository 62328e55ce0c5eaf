/** `sluice spool replay ID`: an archived or set-aside segment is uploaded again, by the collector when one runs. */
import { CollectorError } from '../errors.ts'
import { isSegmentId, replayOffline } from '../pipeline/spool-tools.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import type { SpoolCommand } from './spool.ts'
import { EXIT, UsageError } from './verb.ts'

export async function spoolReplay(command: SpoolCommand): Promise<number> {
  const { dir, config, ids, json, io } = command
  const id = ids[0]!
  if (!isSegmentId(id)) throw new UsageError(`${JSON.stringify(id)} is no ID of a segment; sluice spool ls lists them`)
  const by = await replayOffline(dir, config.spool, id).then(
    () => 'spool' as const,
    async error => {
      if (!isHeld(error) || command.isOther) throw error
      await replayByCollector(command, id)
      return 'collector' as const
    }
  )
  if (json) io.stdout.write(`${JSON.stringify({ id, waiting: true, by })}\n`)
  else io.stdout.write(`${id} waits for its upload again${by === 'spool' ? '; the collector takes it at its next start' : ''}\n`)
  return EXIT.OK
}

const isHeld = (error: unknown): boolean => error instanceof CollectorError && error.code === 'SPOOL_UNUSABLE' && error.retryable

async function replayByCollector({ configPath, dir, io }: SpoolCommand, id: string): Promise<void> {
  const target = await adminTarget({ config: configPath }, io)
  try {
    const { status, body } = await askAdmin(target, `/api/v1/segments/${id}/replay`, 'POST')
    if (status === 200) return
    const { message = `${target.url} answered ${status}` } = (body ?? {}) as { message?: string }
    throw new CollectorError(status === 409 ? 'SEGMENT_DAMAGED' : 'SPOOL_IO', message)
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    throw new CollectorError('SPOOL_UNUSABLE', `A process has the spool ${dir}, but no collector answers: ${error.message}`, {
      cause: error
    })
  }
}
