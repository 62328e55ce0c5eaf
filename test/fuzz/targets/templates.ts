/** Templates: what does not compile says why, and what does reads any line. */
import { FrameReader } from '../../../src/frame-reader.ts'
import { compileTemplate, templateFaults } from '../../../src/parse/template/compile.ts'
import { type Mapping, type Template, TemplateError } from '../../../src/parse/template/template.ts'
import { UTC } from '../../../src/parse/values/zone.ts'
import { FIXTURE_NOW, fixtures } from '../../parse/fixtures.ts'
import type { FuzzTarget } from '../target.ts'
import { readLines } from './parsers.ts'

const KINDS = ['zscaler_feed', 'squid_logformat', 'w3c_fields', 'csv_header', 'mapping'] as const
const MAPPING: Mapping = {
  kind: 'csv',
  delimiter: ';',
  columns: ['when', 'from', 'who', 'to', 'verdict'],
  fields: {
    time: { column: 'when', format: 'dd/MM/yyyy HH:mm:ss' },
    srcIp: { column: 'from' },
    user: { column: 'who' },
    url: { column: 'to' },
    action: { column: 'verdict', blocked: 'Blocked|Den(y|ied)', allowed: 'Allow.*' }
  }
} as unknown as Mapping

const TEMPLATES: readonly [kind: (typeof KINDS)[number], text: string, line: string][] = [
  [
    'zscaler_feed',
    '%s{time}\\t%s{login}\\t%s{cip}\\t%s{eurl}\\t%s{action}\\n',
    'Mon Jan  5 09:15:31 2026\tbob\t192.0.2.1\texample.com/a\tAllowed'
  ],
  [
    'zscaler_feed',
    '\\{"t":"%d{epochtime}","u":"%s{elogin}","c":"%s{cip}","h":"%s{ehost}"\\}\\n',
    '{"t":"1767604530","u":"bob","c":"192.0.2.1","h":"a.example"}'
  ],
  [
    'squid_logformat',
    '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt',
    '1767604530.250    120 192.0.2.10 TCP_MISS/200 4512 GET http://www.example.com/ u1 HIER_DIRECT/203.0.113.10 text/html'
  ],
  [
    'squid_logformat',
    '%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st',
    '192.0.2.1 - bob [05/Jan/2026:09:15:31 +0000] "GET http://example.com/ HTTP/1.1" 200 5'
  ],
  [
    'w3c_fields',
    '#Fields: date time c-ip cs-username cs-uri sc-bytes cs-bytes',
    '2026-01-05 09:15:31 192.0.2.1 bob http://example.com/ 5 6'
  ],
  ['csv_header', 'Date,Time,Source IP,User,URL,Action', '2026-01-05,09:15:31,192.0.2.1,bob,http://example.com/,allowed'],
  ['mapping', JSON.stringify(MAPPING), '05/01/2026 09:15:31;192.0.2.1;bob;http://example.com/;Denied']
]

function templateOf(kind: (typeof KINDS)[number], text: string): Template | undefined {
  if (kind !== 'mapping') return { [kind]: text } as Template
  try {
    const mapping = JSON.parse(text) as Mapping
    // The schema lets nothing else through.
    if (typeof mapping !== 'object' || typeof mapping?.fields?.time !== 'object' || !Array.isArray(mapping.columns)) return undefined
    for (const field of Object.values(mapping.fields)) if (typeof field !== 'object' || field === null) return undefined
    if (Object.values(mapping.fields).some(field => Object.values(field as object).some(value => typeof value !== 'string')))
      return undefined
    if (typeof mapping.delimiter !== 'string' || mapping.columns.some(column => typeof column !== 'string')) return undefined
    return { mapping } as Template
  } catch {
    return undefined
  }
}

export const templateTargets: readonly FuzzTarget[] = [
  {
    name: 'templates',
    maxBytes: 20_000,
    tokens: [
      '%s{',
      '%d{',
      '%ts',
      '%>a',
      '%[un',
      '%03',
      '\\t',
      '\\{',
      '#Fields: ',
      'c-ip',
      '{',
      '}',
      'yyyy',
      "''",
      '(a|b)*',
      '.*',
      '[^',
      ',time,',
      'Source IP'
    ],
    seeds: () => TEMPLATES.map(([kind, text, line]) => Buffer.from(`${KINDS.indexOf(kind)}${text}\0${line}\n${fixtures()[0]!.lines[0]}`)),
    check(input) {
      const kind = KINDS[(input[0] ?? 0) % KINDS.length]!
      const border = input.indexOf(0, 1)
      const text = input.toString('utf8', 1, border < 0 ? input.length : border)
      const template = templateOf(kind, text)
      if (template === undefined) return
      let parser: ReturnType<typeof compileTemplate>
      try {
        parser = compileTemplate(template)
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
        if (templateFaults(template).length === 0) throw new Error('refused, but without a fault')
        return
      }
      const reader = new FrameReader([], [UTC])
      reader.frame.now = FIXTURE_NOW
      const lines = (border < 0 ? input : input.subarray(border + 1)).toString('latin1').split('\n').slice(0, 20)
      readLines(
        lines.map(line => Buffer.from(line, 'latin1')),
        reader,
        reader.identifier.open(0, [{ source: 0, parser }])
      )
    }
  }
]
