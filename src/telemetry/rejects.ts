/** Frames that gave no record, put together by what is wrong with them: a handful of kinds instead of hundreds of lines. */
import type { RejectedSample } from './status.ts'

/** Kinds told apart, and lines shown of each. */
export const REJECT_KINDS_MAX = 30
export const REJECT_LINES_MAX = 3

export interface RejectKind extends Omit<RejectedSample, 'atMs' | 'text'> {
  /** Newest first, each once. */
  lines: { atMs: number; text: string }[]
  /** When the newest came. */
  lastMs: number
}

/** Newest first. The samples come oldest first. */
export function rejectKinds(samples: readonly RejectedSample[]): RejectKind[] {
  const kinds = new Map<string, RejectKind>()
  for (const { atMs, text, ...about } of samples.toReversed()) {
    const key = JSON.stringify([about.source, about.outcome, about.parser, about.reason])
    const known = kinds.get(key)
    if (known === undefined) {
      if (kinds.size < REJECT_KINDS_MAX) kinds.set(key, { ...about, lines: [{ atMs, text }], lastMs: atMs })
    } else if (known.lines.length < REJECT_LINES_MAX && known.lines.every(line => line.text !== text)) known.lines.push({ atMs, text })
  }
  return [...kinds.values()]
}
