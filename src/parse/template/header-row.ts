/** A line of CSV that names columns: split as the rows are, and what separates them. */
import { TEMPLATE_FIELDS_MAX } from './template.ts'

const SEPARATORS = [',', '\t', ';', '|']

/** The separator that stands most often outside quotes. */
export function separatorOf(header: string): string {
  const bare = header.replace(/"(?:[^"]|"")*"/g, '')
  const counts = SEPARATORS.map(separator => bare.split(separator).length)
  return SEPARATORS[counts.indexOf(Math.max(...counts))]!
}

/** Names of the columns, quotes and blanks around them removed. */
export function splitHeader(header: string, separator: string): string[] {
  const names: string[] = []
  let at = 0
  while (at <= header.length && names.length < TEMPLATE_FIELDS_MAX) {
    while (header[at] === ' ' && separator !== ' ') at++
    if (header[at] === '"') {
      let end = at + 1
      while (end < header.length && !(header[end] === '"' && header[end + 1] !== '"')) end += header[end] === '"' ? 2 : 1
      names.push(
        header
          .slice(at + 1, end)
          .replaceAll('""', '"')
          .trim()
      )
      at = indexOrEnd(header, separator, end) + 1
    } else {
      const end = indexOrEnd(header, separator, at)
      names.push(header.slice(at, end).trim())
      at = end + 1
    }
  }
  return names
}

function indexOrEnd(text: string, word: string, from: number): number {
  const index = text.indexOf(word, from)
  return index < 0 ? text.length : index
}
