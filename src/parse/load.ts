/** Loads the parsers: every file of `parsers/`, in name order, generic ones last. Folders there hold what a big parser is made of. */
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Parser } from '../contracts.ts'

const FOLDER = new URL('../../parsers/', import.meta.url)

/** The ids of all parsers, without loading them. */
export function parserIds(folder: URL = FOLDER): string[] {
  return readdirSync(folder)
    .filter(name => /^[a-z0-9-]+\.(ts|js)$/.test(name))
    .map(name => basename(name).replace(/\.(ts|js)$/, ''))
    .sort()
}

/**
 * All parsers, specific ones first.
 * @throws Error when a file's id is not its name: names are how configuration, fixtures and metrics find it.
 */
export async function loadParsers(folder: URL = FOLDER): Promise<Parser[]> {
  const extension = fileURLToPath(import.meta.url).endsWith('.ts') ? 'ts' : 'js'
  const parsers = await Promise.all(
    parserIds(folder).map(async id => {
      const url = pathToFileURL(`${fileURLToPath(folder)}${id}.${extension}`).href
      const parser = ((await import(url)) as { default: Parser }).default
      if (parser?.id !== id) throw new Error(`Cannot load parser "${id}": its id is "${parser?.id}", expected the file's name`)
      return parser
    })
  )
  return [...parsers.filter(parser => parser.generic !== true), ...parsers.filter(parser => parser.generic === true)]
}
