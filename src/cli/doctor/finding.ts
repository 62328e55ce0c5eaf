/** What a look at one thing found. */

export type Level = 'ok' | 'warn' | 'fail'

export interface Finding {
  /** What was looked at, in few words; several findings may share it. */
  what: string
  level: Level
  detail: string
  /** What to do; there for all that is not ok. */
  remedy?: string
}

export const ok = (what: string, detail: string): Finding => ({ what, level: 'ok', detail })
export const warn = (what: string, detail: string, remedy: string): Finding => ({ what, level: 'warn', detail, remedy })
export const fail = (what: string, detail: string, remedy: string): Finding => ({ what, level: 'fail', detail, remedy })

/** The worst first to find it, the best last: as sorting wants it. */
const ORDER: Readonly<Record<Level, number>> = { ok: 0, warn: 1, fail: 2 }
export const worstOf = (findings: readonly Finding[]): Level =>
  findings.reduce<Level>((worst, { level }) => (ORDER[level] > ORDER[worst] ? level : worst), 'ok')
