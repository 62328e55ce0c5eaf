/** `sluice explain`: what Cloud Discovery would say of log files, before they are uploaded. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { createGunzip } from 'node:zlib'
import { Explainer, type Explanation } from '../explain/explain.ts'
import { loadParsers } from '../parse/load.ts'
import { chooseSource } from './source-choice.ts'
import { UsageError, type Verb } from './verb.ts'

/** Exit code 1 when the service would refuse one of the files. */
export const explain: Verb = async (args, io) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      source: { type: 'string' },
      config: { type: 'string', short: 'c' },
      'time-zone': { type: 'string' },
      now: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const now = values.now === undefined ? Date.now() : Date.parse(values.now)
  if (Number.isNaN(now)) throw new UsageError(`cannot read --now ${JSON.stringify(values.now)} as an ISO 8601 time`)
  const choice = chooseSource(values, io)
  const parsers = await loadParsers()
  let refused = false
  for (const file of positionals.length === 0 ? ['-'] : positionals) {
    let explanation: Explanation
    try {
      const explainer = new Explainer({ parsers, ...choice, now })
      for await (const chunk of await inputOf(file)) explainer.feed(chunk as Buffer)
      explanation = explainer.end()
    } catch (error) {
      io.stderr.write(`sluice explain: ${file}: ${(error as Error).message}\n`)
      return error instanceof RangeError ? 2 : 1
    }
    refused ||= explanation.verdict === 'refused'
    io.stdout.write(values.json ? `${JSON.stringify({ file, ...explanation })}\n` : screen(file, explanation))
  }
  return refused ? 1 : 0
}

/** The file's text: gzip by its magic bytes, whatever the name. */
async function inputOf(file: string): Promise<Readable> {
  if (file === '-') return process.stdin
  const handle = await open(file)
  const magic = Buffer.alloc(2)
  await handle.read(magic, 0, 2, 0)
  await handle.close()
  const bytes = createReadStream(file, { highWaterMark: 256 * 1024 })
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return bytes
  const inflated = createGunzip()
  bytes.on('error', error => inflated.destroy(error))
  return bytes.pipe(inflated)
}

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`

/** Why: which parsers claim the first lines by their bytes. Nothing when the parser was named. */
function whyText(scores: Explanation['scores']): string[] {
  if (scores.length === 0) return []
  const shown = scores.map(({ parser, lines, generic }) => `${parser} ${lines}${generic ? ' (asked last)' : ''}`)
  return [`  by bytes    of the first ${scores[0]!.of} lines, claimed by ${shown.join(', ')}`]
}

function screen(file: string, explanation: Explanation): string {
  const { outcomes, recognised, scores, attributes, problems, dropped } = explanation
  const lines = [
    `${file}: ${explanation.verdict === 'accepted' ? 'Cloud Discovery would take it' : 'Cloud Discovery would refuse it'}`,
    `  lines       ${explanation.lines}: ${outcomes.parsed} records, ${outcomes.skipped} skipped, ${outcomes.malformed} malformed, ${outcomes.rejected} without what a record needs, ${outcomes.unidentified} not recognised`,
    ...recognised.map(({ appliance, parser, share }) => `  recognised  ${appliance} (${parser}), ${percent(share)} of the lines`),
    ...whyText(scores),
    ...(explanation.firstTime === undefined ? [] : [`  times       ${explanation.firstTime} to ${explanation.lastTime}`]),
    ...dropped.map(({ reason, count }) => `  dropped     ${count} records: ${reason}`),
    ...(explanation.records === 0 ? [] : ['  attributes  share of the records, and what is lost where one is missing']),
    ...(explanation.records === 0
      ? []
      : attributes.map(
          ({ attribute, share, costs, remedy }) =>
            `    ${attribute.padEnd(16)} ${percent(share).padStart(6)}${costs === undefined ? '' : `  ${costs}${remedy === undefined ? '' : `; ${remedy}`}`}`
        )),
    ...problems.flatMap(({ refuses, text, line, column, sample, remedy }) => [
      `  ${refuses ? 'REFUSED' : 'warning'}     ${text}`,
      ...(line === undefined ? [] : [`    first at line ${line}, column ${column}: ${sample ?? ''}`]),
      ...(remedy === undefined ? [] : [`    remedy: ${remedy}`])
    ])
  ]
  return `${lines.join('\n')}\n`
}
