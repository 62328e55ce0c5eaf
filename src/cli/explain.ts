/** `sluice explain`: what Cloud Discovery would say of log files, before they are uploaded. */
import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { formatSize } from '../config/sizes.ts'
import { Explainer, type ExplainOptions } from '../explain/explain.ts'
import { loadParsers } from '../parse/load.ts'
import { explainScreen } from './explain-screen.ts'
import { textOf } from './log-text.ts'
import { ProgressLine } from './progress-line.ts'
import { chooseSource } from './source-choice.ts'
import { visible } from './text-output.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

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
    const progress = new ProgressLine(io.stderr)
    const totalBytes = sizeOf(file, io)
    const onRead = (bytes: number): void => {
      if (totalBytes > 0)
        progress.show(bytes / totalBytes, () => `${formatSize(bytes)} of ${formatSize(totalBytes)}  ${visible(basename(file))}`)
    }
    try {
      for await (const chunk of textOf(file, io, onRead)) explainer.feed(chunk)
      progress.clear()
    } catch (error) {
      progress.clear()
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

/** 0 when it is not known, as of standard input. */
const sizeOf = (file: string, { cwd }: Io): number =>
  file === '-' ? 0 : (statSync(resolve(cwd, file), { throwIfNoEntry: false })?.size ?? 0)

function newExplainer(options: ExplainOptions): Explainer {
  try {
    return new Explainer(options)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`unknown time zone ${JSON.stringify(options.timeZone)}`)
    throw error
  }
}
