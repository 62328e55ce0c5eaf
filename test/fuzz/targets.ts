/** All that is fuzzed. */
import type { FuzzTarget } from './target.ts'
import { bodyTargets } from './targets/bodies.ts'
import { configTargets } from './targets/config.ts'
import { framingTargets } from './targets/framing.ts'
import { parserTargets } from './targets/parsers.ts'
import { protocolTargets } from './targets/protocols.ts'
import { spoolTargets } from './targets/spool.ts'
import { templateTargets } from './targets/templates.ts'
import { valueTargets } from './targets/values.ts'

export const TARGETS: readonly FuzzTarget[] = [
  ...framingTargets,
  ...protocolTargets,
  ...bodyTargets,
  ...parserTargets,
  ...templateTargets,
  ...valueTargets,
  ...spoolTargets,
  ...configTargets
]
