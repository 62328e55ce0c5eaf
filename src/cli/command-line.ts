/** From arguments to a verb, and from its end to an exit code. */
import { formatFaults } from '../config/faults.ts'
import { suggest } from '../config/suggest.ts'
import { CollectorError } from '../errors.ts'
import { packageVersion } from '../lib/package-root.ts'
import { EXIT, type Io, UsageError } from './verb.ts'
import { VERBS, type VerbEntry } from './verbs.ts'

/** Runs one command; resolves to the exit code and never rejects for what a user or the world did. */
export async function runCommandLine(args: string[], io: Io): Promise<number> {
  const [first = 'run', ...rest] = args
  if (first === 'version' || first === '--version' || first === '-V') return print(io.stdout, packageVersion())
  if (first === 'help' || first === '--help' || first === '-h') return help(rest[0], io)
  // `sluice --config x` is `sluice run --config x`.
  const [name, verbArgs] = first.startsWith('-') ? ['run', args] : [first, rest]
  const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (!entry) return unknownVerb(name, io)
  if (verbArgs.includes('--help') || verbArgs.includes('-h')) return help(name, io)
  try {
    return await (await entry.load())(verbArgs, io)
  } catch (error) {
    return explain(error, entry, io)
  }
}

function explain(error: unknown, entry: VerbEntry, io: Io): number {
  if (error instanceof UsageError || isArgumentError(error)) {
    print(io.stderr, `sluice: ${argumentMessage(error as Error, entry)}\n\nUsage: ${entry.usage}`)
    return EXIT.USAGE
  }
  if (isSystemError(error)) {
    print(io.stderr, `sluice: ${error.message}`)
    return EXIT.FAILED
  }
  if (!(error instanceof CollectorError)) throw error
  print(io.stderr, hasFaults(error) ? formatFaults(error.file, error.faults).join('\n') : `sluice: ${error.message} (${error.code})`)
  return error.code === 'CONFIG_INVALID' ? EXIT.CONFIG : EXIT.FAILED
}

/** Node's advice on how to write words that begin with a dash is left out; the option that was meant is named. */
function argumentMessage({ message }: Error, { usage }: VerbEntry): string {
  const [, unknown] = /^Unknown option '(-[^']*)'/.exec(message) ?? []
  if (unknown === undefined) return message
  const known = [...new Set(usage.match(/(?<![\w-])-{1,2}[a-z][a-z-]*/g) ?? [])]
  const near = suggest(unknown, known)
  return `Unknown option '${unknown}'${near === undefined ? '' : `; did you mean ${near}?`}`
}

/** What `parseArgs` of Node throws. */
const isArgumentError = (error: unknown): boolean =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')

/** What the kernel refused: it names the call and the path, and no stack says more. */
const isSystemError = (error: unknown): error is Error =>
  error instanceof Error && !(error instanceof CollectorError) && typeof (error as NodeJS.ErrnoException).syscall === 'string'

const hasFaults = (error: CollectorError): error is import('../config/faults.ts').ConfigError => 'faults' in error

function help(name: string | undefined, io: Io): number {
  if (name === undefined) {
    const verbs = Object.entries(VERBS).map(([verb, { summary }]) => `  ${verb.padEnd(18)}${summary}`)
    const text = `Sluice, the open log collector for Cloud Discovery\n\nUsage: sluice [VERB] [OPTIONS]\n\n${verbs.join('\n')}\n  help              this, or \`sluice help VERB\`\n  version           the version`
    return print(io.stdout, `${text}\n\nExit codes: 0 fine, 1 failed, 2 wrong usage, 78 bad configuration.`)
  }
  const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  return entry ? print(io.stdout, `${entry.summary}\n\nUsage: ${entry.usage}`) : unknownVerb(name, io)
}

function unknownVerb(name: string, io: Io): number {
  const near = suggest(name, Object.keys(VERBS))
  print(
    io.stderr,
    `sluice: unknown verb ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean "${near}"?`}\nsluice help lists them.`
  )
  return EXIT.USAGE
}

function print(stream: NodeJS.WritableStream, text: string): number {
  stream.write(`${text}\n`)
  return EXIT.OK
}
