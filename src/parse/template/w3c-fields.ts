/**
 * Parsers from a `#Fields` line, for rows of a W3C extended log that come without it. A directive that does come is heeded from
 * there on.
 */
import type { Outcome, Parser } from '../../contracts.ts'
import { applyElff, ELFF_FIELDS } from '../elff.ts'
import { count, text } from '../field.ts'
import { FieldTable } from '../field-table.ts'
import { isDirective, readDirective, scanRow, setNames, W3cState } from '../grammar/w3c.ts'
import { malformed, skip } from '../kit.ts'
import { rowParser } from './row-parser.ts'
import { TEMPLATE_MAX_CHARS, TemplateError } from './template.ts'

const ROWS = {
  ...ELFF_FIELDS,
  'src-ip': text('srcIp'),
  'dst-ip': text('dstIp'),
  'dst-host': text('dstHost'),
  user: text('user'),
  'x-total-bytes': count('totalBytes')
}
const TIMES = ['time', 'time-local', 'gmttime', 'localtime', 'timestamp', 'x-timestamp', 'x-timestamp-unix', 'x-timestamp-unix-utc']
const CLIENTS = ['c-ip', 'x-client-address', 'src-ip']

export function w3cFieldsParser(template: string): Parser {
  if (template.length > TEMPLATE_MAX_CHARS) throw fault(`it has ${template.length} characters, more than ${TEMPLATE_MAX_CHARS}`)
  const fields = template
    .replaceAll('\\t', '\t')
    .trim()
    .replace(/^#Fields:\s*/i, '')
  if (fields === '') throw fault('there is no field in it')
  const table = new FieldTable(ROWS)
  const newState = (): W3cState => {
    const state = new W3cState()
    setNames(state, fields, table)
    return state
  }
  const { names } = newState()
  const has = (words: readonly string[]): boolean => words.some(word => names.includes(word))
  if (!has(TIMES)) throw fault('it has no time; there must be date and time, or timestamp')
  if (!has(CLIENTS)) throw fault('it has no client address; there must be c-ip')
  return rowParser<W3cState>({
    id: 'template-w3c-fields',
    appliance: 'W3C extended log, by the #Fields line of the configuration',
    newState,
    read(frame, start, out, state): Outcome {
      if (isDirective(frame)) {
        readDirective(frame, state, table)
        return skip(out, 'header')
      }
      table.begin(frame)
      if (!scanRow(frame, start, state, table.values)) return malformed(out, 'short_row')
      applyElff(table, frame, state, out)
      return 'parsed'
    }
  }) as Parser
}

const fault = (message: string): TemplateError => new TemplateError([{ path: [], message }])
