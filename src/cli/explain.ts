/** `sluice explain`: what Cloud Discovery would say of log files, before they are uploaded. */
import { parseArgs } from 'node:util'
import { Explainer, type ExplainOptions } from '../explain/explain.ts'
import { loadParsers } from '../parse/load.ts'
import { explainScreen } from './explain-screen.ts'
import { textOf } from './log-text.ts'
import { chooseSource } from './source-choice.ts'
import { EXIT, UsageError, type Verb } from './verb.ts'

/** Exit code 1 when the service would refuse one of the files, or one cannot be read; the others are explained all the same. */
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
  let exitCode: number = EXIT.OK
  for (const file of positionals.length === 0 ? ['-'] : positionals) {
    const explainer = newExplainer({ parsers, ...choice, now })
    try {
      for await (const chunk of textOf(file, io)) explainer.feed(chunk)
    } catch (error) {
      io.stderr.write(`sluice explain: cannot read ${JSON.stringify(file)}: ${(error as Error).message}\n`)
      exitCode = EXIT.FAILED
      continue
    }
    const explanation = explainer.end()
    if (explanation.verdict === 'refused') exitCode = EXIT.FAILED
    io.stdout.write(values.json ? `${JSON.stringify({ file, ...explanation })}\n` : explainScreen(file, explanation))
  }
  return exitCode
}

function newExplainer(options: ExplainOptions): Explainer {
  try {
    return new Explainer(options)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`unknown time zone ${JSON.stringify(options.timeZone)}`)
    throw error
  }
}
