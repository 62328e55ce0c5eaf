/**
 * Does data reach the tenant? One sentence for the person on call, and what to do. Made from the status alone, so that page,
 * API and command line say the same.
 */
import { defined, type Finding, findingsOf, type Judgeable, type Trend } from './findings.ts'
import type { PipelineStatus } from './status.ts'

export type { Finding, Trend } from './findings.ts'

/** `starting`: nothing is wrong, and nothing has come through yet. */
export type Level = 'good' | 'starting' | 'warning' | 'bad'

export interface Verdict {
  level: Level
  /** The head line; `sinceMs` and `because` belong to it. */
  headline: string
  sinceMs?: number
  because?: string
  remedy?: string
  /** Everything that is wrong, worst first, what the head line says included. */
  findings: Finding[]
}

export function verdictOf(status: Judgeable, nowMs: number, trend: Trend = {}): Verdict {
  const findings = findingsOf(status, nowMs, trend)
  const worst = findings[0]
  if (worst?.level === 'bad') {
    const { what, because, remedy, sinceMs } = worst
    return { level: 'bad', headline: what, ...defined({ because, remedy, sinceMs }), findings }
  }
  const way = howFar(status)
  if (way !== undefined) return { level: 'starting', ...way, findings }
  const place = status.tenant.kind === 'local' ? 'the local tenant' : 'the tenant'
  if (worst === undefined) return { level: 'good', headline: `Data reaches ${place}`, findings }
  const things = findings.length === 1 ? 'one thing needs' : `${findings.length} things need`
  return { level: 'warning', headline: `Data reaches ${place}, and ${things} attention`, findings }
}

/** The status with `state` and `reasons`: the same findings, as sentences. */
export function judged(status: Omit<PipelineStatus, 'state' | 'reasons'>, nowMs = Date.now()): PipelineStatus {
  const reasons = findingsOf(status, nowMs, {}).map(sentenceOf)
  return { ...status, state: reasons.length === 0 ? 'healthy' : 'degraded', reasons }
}

/** For those who read English and UTC. */
export function sentenceOf({ what, because, sinceMs }: Finding): string {
  const since = sinceMs === undefined ? '' : ` since ${new Date(sinceMs).toISOString().slice(0, 19)}Z`
  return `${what}${since}${because === undefined || because === '' ? '' : `: ${because}`}`
}

/** How far data came when it did not come to the tenant yet. */
function howFar({ sources, upload, balance }: Judgeable): { headline: string; remedy: string } | undefined {
  const { received } = balance.frames
  const { written, recovered, uploaded } = balance.delivery
  if (received === 0 && uploaded === 0 && recovered === 0)
    return { headline: 'Waiting for the first line', remedy: 'Point an appliance at one of the receivers below, or send a test line.' }
  if (uploaded > 0 || upload.uploadedFiles > 0) return undefined
  if (written > 0 || recovered > 0)
    return { headline: 'The first file is being filled', remedy: 'It is uploaded when it is full or upload.flush_interval is over.' }
  return sources.some(({ frames }) => frames.parsed > 0)
    ? { headline: 'Lines arrive, and no record is left of them yet', remedy: 'See below why records are dropped.' }
    : { headline: 'The first lines are being read', remedy: 'So far they are no web or network traffic.' }
}
