/**
 * `sluice parse`: what Sluice makes of log lines. One answer per input line, in order, after normalisation and before filters,
 * age rule and privacy.
 */
import { createReadStream } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Format } from '../contracts.ts'
import { LineReader } from '../line-reader.ts'
import { loadParsers, parserIds } from '../parse/load.ts'

export const PARSE_USAGE = 'sluice parse [--source auto|ID] [--time-zone ZONE] [--now ISO] [--format json|cef|leef|w3c|csv] [FILE…|-]'

const FORMATS = ['json', 'cef', 'leef', 'w3c', 'csv']

/** Runs the verb; returns the exit code. */
export async function parse(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      source: { type: 'string' },
      'time-zone': { type: 'string' },
      now: { type: 'string' },
      format: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  const format = values.format ?? 'json'
  if (!FORMATS.includes(format)) return usage(`unknown format "${format}", expected one of ${FORMATS.join(', ')}`)
  const source = values.source ?? 'auto'
  if (source !== 'auto' && !parserIds().includes(source))
    return usage(`unknown source "${source}", expected auto or one of ${parserIds().join(', ')}`)
  const now = values.now === undefined ? Date.now() : Date.parse(values.now)
  if (Number.isNaN(now)) return usage(`cannot read --now "${values.now}" as an ISO 8601 time`)
  let reader: LineReader
  try {
    reader = new LineReader({
      parsers: await loadParsers(),
      appliance: source,
      timeZone: values['time-zone'] ?? 'UTC',
      now,
      format: format === 'json' ? undefined : (format as Format)
    })
  } catch (error) {
    return usage(error instanceof RangeError ? `unknown time zone "${values['time-zone']}"` : String(error))
  }
  const inputs = positionals.length === 0 ? ['-'] : positionals
  for (const input of inputs) {
    try {
      await readInput(input, reader)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0
      process.stderr.write(`sluice parse: cannot read "${input}": ${(error as Error).message}\n`)
      return 1
    }
  }
  return 0
}

async function readInput(input: string, reader: LineReader): Promise<void> {
  const stream = input === '-' ? process.stdin : createReadStream(input, { highWaterMark: 256 * 1024 })
  for await (const chunk of stream) await print(reader.feed(chunk as Buffer))
  await print(reader.end())
}

async function print(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await new Promise<void>(resolve => process.stdout.once('drain', resolve))
}

function usage(message: string): number {
  process.stderr.write(`sluice parse: ${message}\nusage: ${PARSE_USAGE}\n`)
  return 2
}
