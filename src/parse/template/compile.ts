/** A template becomes a parser. */
import type { Parser } from '../../contracts.ts'
import { csvHeaderParser } from './csv-header.ts'
import { mappingParser } from './mapping.ts'
import { squidLogformatParser } from './squid-logformat.ts'
import { type Template, TemplateError, type TemplateFault } from './template.ts'
import { w3cFieldsParser } from './w3c-fields.ts'
import { zscalerFeedParser } from './zscaler-feed.ts'

const TEXT_KINDS = {
  zscaler_feed: zscalerFeedParser,
  squid_logformat: squidLogformatParser,
  w3c_fields: w3cFieldsParser,
  csv_header: csvHeaderParser
} as const

/**
 * The parser that a template describes. Each call makes one of its own.
 * @throws TemplateError with all that is wrong.
 */
export function compileTemplate(template: Template): Parser {
  if (template.mapping !== undefined) return mappingParser(template.mapping)
  for (const [kind, compile] of Object.entries(TEXT_KINDS)) {
    const text = template[kind as keyof typeof TEXT_KINDS]
    if (text !== undefined) return atKey(kind, () => compile(text))
  }
  throw new TemplateError([{ path: [], message: 'is empty' }])
}

/** What is wrong with a template; empty when it compiles. */
export function templateFaults(template: Template): readonly TemplateFault[] {
  try {
    compileTemplate(template)
    return []
  } catch (error) {
    if (error instanceof TemplateError) return error.faults
    throw error
  }
}

function atKey<Made>(key: string, make: () => Made): Made {
  try {
    return make()
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(error.faults.map(fault => ({ ...fault, path: [key, ...fault.path] })))
    throw error
  }
}
