/** Disk errors as CollectorErrors: a full disk is told apart from all others, because its remedy is another one. */
import { CollectorError } from '../errors.ts'

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT'])

export function isNoSpace(error: unknown): boolean {
  return NO_SPACE.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** SPOOL_FULL when the disk or the quota is full, else SPOOL_IO; both may pass. */
export function spoolFailure(action: string, error: unknown): CollectorError {
  if (error instanceof CollectorError) return error
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  const full = isNoSpace(error)
  const message = full ? `Cannot ${action}: no space is left on the disk (${code})` : `Cannot ${action}: ${code}`
  return new CollectorError(full ? 'SPOOL_FULL' : 'SPOOL_IO', message, { retryable: true, cause: error })
}
