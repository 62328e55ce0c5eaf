/** Where the configuration is. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** The file that was named, else `./sluice.yaml`, then `/etc/sluice/sluice.yaml`; undefined when there is none: all defaults. */
export function findConfigFile({ path, cwd }: { path?: string | undefined; cwd: string }): string | undefined {
  if (path !== undefined) return resolve(cwd, path)
  return [resolve(cwd, 'sluice.yaml'), '/etc/sluice/sluice.yaml'].find(candidate => existsSync(candidate))
}
