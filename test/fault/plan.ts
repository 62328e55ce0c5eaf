/** What befalls one life of a collector from within, drawn by chance; the child carries it out (inject.ts). */
import type { Fault } from '../spool/faulty-io.ts'
import type { Chance } from './chance.ts'
import { STEP_NAMES, type StepName } from './steps.ts'

/** Times are ms since the process began. */
export interface Plan {
  seed: number
  /** kill -9 by itself, at the `nth` time the step comes. */
  kill?: { step: StepName; when: 'before' | 'after'; nth: number }
  /** A share of all file operations fails, or writes short. */
  disk?: { share: number; faults: NonNullable<Fault>[]; fromMs: number; toMs: number }
  /** Every file operation takes up to so long. */
  slowMs?: number
  /** Names are not resolved. */
  dns?: { fromMs: number; toMs: number }
  /** The wall clock jumps. */
  jump?: { atMs: number; byMs: number }
}

const HOUR_MS = 3600_000
const FIRST_OF_UPLOAD = STEP_NAMES.indexOf('upload URL noted')

/** A process is up after a second or so, and lives for two or three. */
export function drawPlan(chance: Chance): Plan {
  const plan: Plan = { seed: chance.between(0, 2 ** 31) }
  if (chance.happens(0.6)) {
    const step = chance.pick(STEP_NAMES)
    const when = chance.pick(['before', 'after'] as const)
    const nth = chance.between(1, 5)
    // A life is short: the first upload in it is seldom followed by many.
    plan.kill = { step, when, nth: STEP_NAMES.indexOf(step) < FIRST_OF_UPLOAD ? nth : 1 }
  }
  if (chance.happens(0.5)) {
    const fromMs = chance.between(0, 2500)
    const faults = chance.pick([['EIO'], ['ENOSPC'], ['short'], ['torn'], ['EIO', 'ENOSPC', 'short', 'torn']] as const)
    plan.disk = { share: chance.pick([0.02, 0.1, 0.5]), faults: [...faults], fromMs, toMs: fromMs + chance.between(200, 1500) }
  }
  if (chance.happens(0.2)) plan.slowMs = chance.between(1, 40)
  if (chance.happens(0.25)) plan.dns = { fromMs: chance.between(0, 2000), toMs: 4000 }
  if (chance.happens(0.3)) plan.jump = { atMs: chance.between(500, 2500), byMs: chance.between(-1000, 1000) * HOUR_MS }
  return plan
}

export function nameOf({ kill, disk, slowMs, dns, jump }: Plan): string {
  return [
    ...(kill === undefined ? [] : [`kill ${kill.when} "${kill.step}" ${kill.nth}`]),
    ...(disk === undefined ? [] : [`${disk.faults.join('/')} in ${100 * disk.share} % of file operations, ${disk.fromMs}-${disk.toMs} ms`]),
    ...(slowMs === undefined ? [] : [`slow disk, ${slowMs} ms`]),
    ...(dns === undefined ? [] : ['no DNS']),
    ...(jump === undefined ? [] : [`clock jumps by ${jump.byMs / HOUR_MS} h`])
  ].join(', ')
}
