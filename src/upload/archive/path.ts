/**
 * Where a file of the archive lies: a template of the configuration, filled with names that are safe in any container, file system and
 * URL. What stands in a segment's ledger (the name of a source) never gets into a path unchecked.
 */
import type { Format } from '../../contracts.ts'

/** What a template may name, and what stands for it. */
export const PATH_FIELDS = {
  source: 'name of the source',
  format: 'cef, leef, w3c, csv or raw',
  date: '2026-01-31, when the file was begun, UTC',
  year: '2026',
  month: '01',
  day: '31',
  hour: '23',
  id: 'when the file was begun, and what makes it unique, also among collectors'
} as const

type PathField = keyof typeof PATH_FIELDS

export interface FileFacts {
  source: string
  format: Format
  createdMs: number
  /** Id of the segment: digits, a dash, digits. */
  id: string
  /** Tells collectors apart that share a container. */
  collector: string
}

/** Longest blob name that Azure takes is 1,024 characters; with the longest names of sources this stays below. */
const TEMPLATE_MAX = 256

/** What is wrong with a template, or undefined. */
export function pathFault(template: string): string | undefined {
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].map(match => match[1]!).find(name => !Object.hasOwn(PATH_FIELDS, name))
  if (unknown !== undefined)
    return `{${unknown}} is none of ${Object.keys(PATH_FIELDS)
      .map(name => `{${name}}`)
      .join(' ')}`
  if (!template.includes('{id}')) return 'the name must hold {id}, or files would overwrite each other'
  const literal = template.replaceAll(/\{[a-z]+\}/g, 'x')
  if (!/^[A-Za-z0-9._=/-]+$/.test(literal)) return 'outside { } only letters, digits, and . _ = / - may stand'
  if (literal.split('/').some(part => part === '' || /^\.+$/.test(part) || part.endsWith('.')))
    return 'no part between two / may be empty, be . or .., or end in a dot'
  return template.length > TEMPLATE_MAX ? `it is longer than ${TEMPLATE_MAX} characters` : undefined
}

/** The path of a file, parts separated by `/`. The template was checked. */
export function filePath(template: string, facts: FileFacts): string {
  const iso = new Date(facts.createdMs).toISOString()
  const values: Record<PathField, string> = {
    source: safe(facts.source),
    format: facts.format,
    date: iso.slice(0, 10),
    year: iso.slice(0, 4),
    month: iso.slice(5, 7),
    day: iso.slice(8, 10),
    hour: iso.slice(11, 13),
    id: `${iso.replaceAll(/[-:.]/g, '')}-${safe(facts.id.slice(15))}-${safe(facts.collector)}`
  }
  return template.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => values[name as PathField])
}

/** Names as the configuration takes them pass unchanged; a ledger may hold anything. */
const safe = (name: string): string => name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || '_'
