/** Ids of the appliances there are parsers for: the file names in parsers/, without loading one. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Sorted. A parser's id is its file name; the loader refuses any other. */
export function applianceIds(): string[] {
  const names = readdirSync(join(import.meta.dirname, '../../parsers'))
  return names.flatMap(name => /^([a-z0-9-]+)\.(?:ts|js)$/.exec(name)?.[1] ?? []).sort()
}
