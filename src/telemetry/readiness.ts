/** Does the process live, and can it take lines? What `/health` and `/ready` answer. */
import type { PipelineStatus } from './status.ts'

/** One check of `/health` or `/ready`. */
export interface Check {
  name: string
  ok: boolean
  /** Why it fails. */
  detail?: string
}

export interface CheckReport {
  ok: boolean
  checks: Check[]
}

/** The process and its lanes answer. */
export function healthOf(status: PipelineStatus): CheckReport {
  return report(status.lanes.map(lane => check(`lane ${lane.index}`, lane.alive, 'the lane does not answer')))
}

/** Listeners are bound, the spool is writable and below high water. A failing upload never makes it unready. */
export function readinessOf(status: PipelineStatus): CheckReport {
  return report([
    ...status.receivers.map(({ name, protocol, address, state, reason }) =>
      check(
        `receiver ${name} ${protocol}`,
        state === 'listening' || state === 'paused',
        `${address} is ${state}${reason ? `: ${reason}` : ''}`
      )
    ),
    check('spool writable', status.spool.writable, `${status.spool.dir} cannot be written`),
    check('spool below high water', !status.spool.full, `the spool holds ${status.spool.bytes} of ${status.spool.maxBytes} bytes`)
  ])
}

const check = (name: string, ok: boolean, detail: string): Check => (ok ? { name, ok } : { name, ok, detail })
const report = (checks: Check[]): CheckReport => ({ ok: checks.every(({ ok }) => ok), checks })
