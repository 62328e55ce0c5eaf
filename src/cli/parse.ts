/**
 * `sluice parse`: what Sluice makes of log lines. One answer per input line, or per object of a JSON document, in order, after
 * normalisation and before filters, age rule and privacy.
 */
import { parseArgs } from 'node:util'
import type { Format } from '../contracts.ts'
import { LineReader, type LineReaderOptions } from '../line-reader.ts'
import { loadParsers } from '../parse/load.ts'
import { textOf } from './log-text.ts'
import { chooseSource } from './source-choice.ts'
import { type Io, UsageError } from './verb.ts'

const FORMATS = ['json', 'cef', 'leef', 'w3c', 'csv']

/** Runs the verb; returns the exit code. */
export async function parse(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      source: { type: 'string' },
      config: { type: 'string', short: 'c' },
      'time-zone': { type: 'string' },
      now: { type: 'string' },
      format: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  const format = values.format ?? 'json'
  if (!FORMATS.includes(format)) throw new UsageError(`unknown format "${format}", expected one of ${FORMATS.join(', ')}`)
  const now = values.now === undefined ? Date.now() : Date.parse(values.now)
  if (Number.isNaN(now)) throw new UsageError(`cannot read --now "${values.now}" as an ISO 8601 time`)
  const reader = newReader({
    parsers: await loadParsers(),
    ...chooseSource(values, io),
    now,
    format: format === 'json' ? undefined : (format as Format)
  })
  const inputs = positionals.length === 0 ? ['-'] : positionals
  for (const input of inputs) {
    try {
      await readInput(input, reader, io)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0
      process.stderr.write(`sluice parse: cannot read "${input}": ${(error as Error).message}\n`)
      return 1
    }
  }
  return 0
}

function newReader(options: LineReaderOptions): LineReader {
  try {
    return new LineReader(options)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`unknown time zone "${options.timeZone}"`)
    throw error
  }
}

async function readInput(input: string, reader: LineReader, io: Io): Promise<void> {
  for await (const chunk of textOf(input, io)) await print(reader.feed(chunk))
  const { text, discardedBytes } = reader.end()
  await print(text)
  if (discardedBytes > 0)
    io.stderr.write(`sluice parse: ${discardedBytes} bytes of "${input}" belong to no JSON object and were left out\n`)
}

async function print(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await new Promise<void>(resolve => process.stdout.once('drain', resolve))
}
