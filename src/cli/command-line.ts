/** The verbs, and how their ends become exit codes. Verbs are loaded when they are called: `sluice healthcheck` must be quick. */
import { formatFaults } from '../config/faults.ts'
import { suggest } from '../config/suggest.ts'
import { CollectorError } from '../errors.ts'
import { packageVersion } from '../lib/package-root.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

interface VerbEntry {
  summary: string
  usage: string
  load(): Promise<Verb>
}

const CONFIG_OPTION = '  -c, --config FILE   configuration (default: ./sluice.yaml, then /etc/sluice/sluice.yaml, then none)'
const JSON_OPTION = '      --json          print JSON'

/** What of the help is the same for both verbs. */
const SOURCE_OPTIONS = `      --source SOURCE   auto (default), the id of an appliance, or with --config the name of a source
      --time-zone ZONE  of clocks without offset (default: that of the source, or UTC)
      --now ISO         time from which missing years are told (default: now)
  -c, --config FILE     configuration that has the source, with its template or appliance and its time zone`

const VERBS: Readonly<Record<string, VerbEntry>> = {
  run: {
    summary: 'run the collector (default)',
    usage: `sluice run [-c FILE]\n\n${CONFIG_OPTION}`,
    load: async () => (await import('./run.ts')).run
  },
  validate: {
    summary: 'check the configuration and whether this machine can run it',
    usage: `sluice validate [-c FILE] [--no-environment] [--network] [--deny-warnings] [--print] [--json]

${CONFIG_OPTION}
      --no-environment  do not try to bind addresses and to write the spool
      --network         reach tenant, storage and sign-in host, name who issued their certificates, sign in, and look for the data sources
      --deny-warnings   warnings fail as well
      --print           print the configuration with all defaults, without secrets
${JSON_OPTION}`,
    load: async () => (await import('./validate.ts')).validate
  },
  parse: {
    summary: 'show what each line of a log becomes',
    usage: `sluice parse [--source SOURCE] [-c FILE] [--time-zone ZONE] [--now ISO] [--format json|cef|leef|w3c|csv] [FILE…|-]\n\n${SOURCE_OPTIONS}`,
    load: async () => (await import('./parse.ts')).parse
  },
  explain: {
    summary: 'say what Cloud Discovery would make of a log; fails when it would refuse it',
    usage: `sluice explain [--source SOURCE] [-c FILE] [--time-zone ZONE] [--now ISO] [--json] [FILE…|-]\n\n${SOURCE_OPTIONS}\n${JSON_OPTION}`,
    load: async () => (await import('./explain.ts')).explain
  },
  tap: {
    summary: 'show lines that the running collector could not read',
    usage: `sluice tap [--outcome unidentified|malformed|rejected] [--source NAME] [--limit N] [-c FILE] [--url URL] [--json]\n\n${CONFIG_OPTION}\n${JSON_OPTION}`,
    load: async () => (await import('./tap.ts')).tap
  },
  status: {
    summary: 'show what the running collector does; fails when it is degraded',
    usage: `sluice status [-c FILE] [--url URL] [--json]\n\n${CONFIG_OPTION}\n      --url URL       admin server, instead of the one of the configuration\n${JSON_OPTION}`,
    load: async () => (await import('./status.ts')).status
  },
  spool: {
    summary: 'show, check, export or upload again what is in the spool',
    usage: `sluice spool ls|check|export|replay [ID…] [-c FILE] [--dir DIR] [--json]

  ls                  what is open, waits, was set aside, is archived
  check [ID…]         is it sound, or the first fault; fails when one is not
  export ID           the lines as they are in the file
  replay ID           upload an archived or set-aside segment again

${CONFIG_OPTION}
      --dir DIR       another spool than that of the configuration
  -o, --output FILE   where export writes (default: standard output)
${JSON_OPTION}, one object a line`,
    load: async () => (await import('./spool.ts')).spool
  },
  upload: {
    summary: 'upload old logs into a data source or a snapshot report',
    usage: `sluice upload FILE… --source NAME [--snapshot REPORT] [--again] [--wait TIME] [-c FILE] [--json]

  FILE                any log of the source, plain or as gzip, zstd, bzip2 or zip
      --source NAME   source of the configuration; may be left out when there is only one
      --snapshot REPORT  make a snapshot report of that name instead of feeding the data source
      --again         take files that were uploaded before once more
      --wait TIME     leave the rest for the next run when the upload does not go on for so long (default 10m)
${CONFIG_OPTION}
${JSON_OPTION}`,
    load: async () => (await import('./upload.ts')).upload
  },
  guide: {
    summary: 'how to set up an appliance, with this collector’s address; waits for its first good line',
    usage: `sluice guide [APPLIANCE] [--way WAY] [--host NAME] [--wait] [--timeout TIME] [-c FILE] [--url URL] [--json]

  APPLIANCE           id of an appliance, or a part of it such as fortigate; without it the list
      --way WAY       udp, tcp, tls, http-push, ftp or sftp (default: the best one that the configuration serves)
      --host NAME     what the appliance shall send to (default: the name in the certificate, or the first address of this machine)
      --wait          wait until the running collector has read a line of it, and say what it saw; fails when none comes
      --timeout TIME  how long (default 10m)
${CONFIG_OPTION}
      --url URL       admin server, instead of the one of the configuration
${JSON_OPTION}`,
    load: async () => (await import('./guide.ts')).guide
  },
  convert: {
    summary: "print the configuration for the run command of Microsoft's log collector",
    usage: `sluice convert [--data-sources NAME[=APPLIANCE],…] [--json] [FILE|-]

  FILE                the command, as the portal printed it (default: standard input)
      --data-sources LIST  data sources of the portal in their order, which the command does not name
${JSON_OPTION}`,
    load: async () => (await import('./convert.ts')).convert
  },
  starter: {
    summary: "run in the place of Microsoft's log collector, by its variables and the token on standard input",
    usage: `(echo TOKEN) | sluice starter [--state-dir DIR]

      --state-dir DIR   where spool, token and the configuration made of it lie (default /var/lib/sluice)

Variables: PUBLICIP, PROXY, SYSLOG, CONSOLE, COLLECTOR as in the run command of the portal; SLUICE_DATA_SOURCES=NAME[=APPLIANCE],…,
SLUICE_TOKEN_FILE, SLUICE_TENANT_ID, SLUICE_CLIENT_ID, SLUICE_CLIENT_SECRET_FILE, SLUICE_FTP_PASSWORD_FILE, SLUICE_ADMIN_LISTEN,
SLUICE_ADMIN_TOKEN_FILE and SLUICE_PORT_OFFSET (added to each port) on top.`,
    load: async () => (await import('./starter.ts')).starter
  },
  'collector-status': {
    summary: "say whether the collector runs properly, as collector_status -p of Microsoft's image",
    usage: `sluice collector-status [-p] [-c FILE] [--url URL]\n\n${CONFIG_OPTION}`,
    load: async () => (await import('./collector-status.ts')).collectorStatus
  },
  tenant: {
    summary: 'run only the local tenant',
    usage: `sluice tenant [--dir DIR] [--listen HOST:PORT] [--json]

      --dir DIR         where it keeps what it gets (default ./data/tenant)
      --listen ADDRESS  default 127.0.0.1:9601; port 0 takes a free one
      --json            log as JSON also on a terminal`,
    load: async () => (await import('./tenant.ts')).tenant
  },
  healthcheck: {
    summary: 'ask the running collector whether it is alive; for containers',
    usage: `sluice healthcheck [-c FILE] [--url URL] [--ready] [--json]\n\n${CONFIG_OPTION}\n      --url URL       admin server, instead of the one of the configuration\n      --ready         ask whether it is ready instead\n${JSON_OPTION}`,
    load: async () => (await import('./healthcheck.ts')).healthcheck
  }
}

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
    print(io.stderr, `sluice: ${(error as Error).message}\n\nUsage: ${entry.usage}`)
    return EXIT.USAGE
  }
  if (!(error instanceof CollectorError)) throw error
  print(io.stderr, hasFaults(error) ? formatFaults(error.file, error.faults).join('\n') : `sluice: ${error.message} (${error.code})`)
  return error.code === 'CONFIG_INVALID' ? EXIT.CONFIG : EXIT.FAILED
}

/** What `parseArgs` of Node throws. */
const isArgumentError = (error: unknown): boolean =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')

const hasFaults = (error: CollectorError): error is import('../config/faults.ts').ConfigError => 'faults' in error

function help(name: string | undefined, io: Io): number {
  if (name === undefined) {
    const verbs = Object.entries(VERBS).map(([verb, { summary }]) => `  ${verb.padEnd(13)}${summary}`)
    const text = `Sluice, the open log collector for Cloud Discovery\n\nUsage: sluice [VERB] [OPTIONS]\n\n${verbs.join('\n')}\n  help         this, or \`sluice help VERB\`\n  version      the version`
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
