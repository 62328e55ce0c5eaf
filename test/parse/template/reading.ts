/** Reads lines by a template, as the lanes do. */
import { LineReader } from '../../../src/line-reader.ts'
import { compileTemplate } from '../../../src/parse/template/compile.ts'
import { type Template, TemplateError } from '../../../src/parse/template/template.ts'

export interface Answer {
  outcome: string
  rejected?: string
  reason?: string
  parser: string
  record: Record<string, unknown>
}

const NOW = Date.parse('2026-02-01T00:00:00Z')

export function readLines(template: Template, lines: readonly string[], timeZone = 'UTC'): Answer[] {
  const reader = new LineReader({ parsers: [], appliance: 'auto', template, timeZone, now: NOW, format: undefined })
  const text = reader.feed(Buffer.from(lines.map(line => `${line}\n`).join('')))
  return text
    .trim()
    .split('\n')
    .map(answer => JSON.parse(answer) as Answer)
}

export const readLine = (template: Template, line: string, timeZone?: string): Answer => readLines(template, [line], timeZone)[0]!

/** Faults of a template as `path: message`. */
export function faultsOf(template: Template): string[] {
  try {
    compileTemplate(template)
    return []
  } catch (error) {
    if (error instanceof TemplateError) return error.faults.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw error
  }
}

/** Lines of 64 KiB that hurt what backtracks or looks again. */
export const hostileLines = (pieces: readonly string[]): string[] =>
  [...pieces, '"', '\\', '=', ' ', '\t', ',', '","', '{"', '%', '/', ':', '0', '-', '[', '\u0000'].map(piece =>
    piece.repeat(Math.ceil(65_536 / piece.length)).slice(0, 65_536)
  )
