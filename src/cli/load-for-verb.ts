/** The configuration as every verb loads it. */
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { applianceIds } from '../lib/appliance-ids.ts'
import { templateFaults } from '../parse/template/compile.ts'
import { pathFault } from '../upload/archive/path.ts'
import type { Io } from './verb.ts'

/** Throws ConfigError. */
export function loadForVerb(path: string | undefined, io: Pick<Io, 'env' | 'cwd'>): LoadedConfig {
  const appliances = applianceIds()
  return loadConfig({ path, env: io.env, cwd: io.cwd, appliances, checkTemplate: templateFaults, checkArchivePath: pathFault })
}
