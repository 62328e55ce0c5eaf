/** The guides there are: the files in src/guide/appliances/. */
import { readdirSync } from 'node:fs'
import type { Guide } from './guide.ts'

const DIR = new URL('./appliances/', import.meta.url)
const FILE = /^([a-z0-9-]+)\.(?:ts|js)$/

/** Ids in the order of the alphabet. */
export const guideIds = (): string[] =>
  readdirSync(DIR)
    .flatMap(name => (name.endsWith('.d.ts') ? [] : (FILE.exec(name)?.[1] ?? [])))
    .sort()

/** Undefined when there is none of that id. */
export async function loadGuide(id: string): Promise<Guide | undefined> {
  const file = readdirSync(DIR).find(name => FILE.exec(name)?.[1] === id)
  return file === undefined ? undefined : ((await import(new URL(file, DIR).href)) as { default: Guide }).default
}
