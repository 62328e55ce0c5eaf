/**
 * The table of verbs: help and shell completion are made from it. A verb is loaded when it is called: `sluice healthcheck` must be
 * quick.
 */
import type { Verb } from './verb.ts'

export interface VerbEntry {
  /** One line for the list. */
  summary: string
  /** How it is called, then its arguments and options, one a line, then examples. */
  usage: string
  load(): Promise<Verb>
}

const CONFIG = '  -c, --config FILE   configuration (default: ./sluice.yaml, then /etc/sluice/sluice.yaml, then none)'
const URL = '      --url URL       admin server, instead of the one of the configuration; its token: SLUICE_ADMIN_TOKEN'
const JSON_OUT = '      --json          print JSON'

/** What of the help is the same for verbs that read a log. */
const SOURCE_OPTIONS = `      --source SOURCE   auto (default), the id of an appliance, or with --config the name of a source
      --time-zone ZONE  of clocks without offset (default: that of the source, or UTC)
      --now ISO         time from which missing years are told (default: now)
  -c, --config FILE     configuration that has the source, with its template or appliance and its time zone`

export const VERBS: Readonly<Record<string, VerbEntry>> = {
  run: {
    summary: 'run the collector (default)',
    usage: `sluice run [-c FILE]

Listens, parses, spools and uploads until SIGTERM or SIGINT, and then ends within ten seconds without losing what arrived. A second
signal ends it at once. SIGHUP, or new content of the file, reloads the configuration; a bad file keeps the old one.

${CONFIG}

Examples:
  sluice                                  all defaults: syslog on port 5514, files to a local tenant
  sluice run -c /etc/sluice/sluice.yaml`,
    load: async () => (await import('./run.ts')).run
  },
  validate: {
    summary: 'check the configuration and whether this machine can run it',
    usage: `sluice validate [-c FILE] [--no-environment] [--network] [--deny-warnings] [--print] [--json]

Lists all faults at once with line and column, exit code 78. Without faults tries to bind the addresses and to write the spool.

${CONFIG}
      --no-environment  do not try to bind addresses and to write the spool
      --network         reach tenant, storage and sign-in host, name who issued their certificates, sign in, and look for the data sources
      --deny-warnings   warnings fail as well
      --print           print the configuration with all defaults, without secrets
${JSON_OUT}`,
    load: async () => (await import('./validate.ts')).validate
  },
  config: {
    summary: 'print the configuration with all defaults, without secrets',
    usage: `sluice config [-c FILE] [--json]

${CONFIG}
${JSON_OUT}`,
    load: async () => {
      const { validate } = await import('./validate.ts')
      return (args, io) => validate(['--print', ...args], io)
    }
  },
  doctor: {
    summary: 'look at all that a collector needs here, each finding with its remedy',
    usage: `sluice doctor [-c FILE] [--offline] [--url URL] [--json]

Versions, memory, limits, kernel buffers, disk (room, kind, how long a sync takes), ports and whether they are reached, certificates; then
the way to the tenant: proxy, DNS, TLS, clock, credentials, data sources and their types. Beside a running collector it asks that one.
Exit code 1 when something fails; warnings do not.

${CONFIG}
      --offline       leave the tenant out
${URL}
${JSON_OUT}`,
    load: async () => (await import('./doctor/doctor.ts')).doctor
  },
  guide: {
    summary: 'how to set up an appliance, with this collector’s address; waits for its first good line',
    usage: `sluice guide [APPLIANCE] [--way WAY] [--host NAME] [--wait] [--timeout TIME] [-c FILE] [--url URL] [--json]

  APPLIANCE           id of an appliance, or a part of it such as fortigate; without it the list
      --way WAY       udp, tcp, tls, http-push, ftp or sftp (default: the best one that the configuration serves)
      --host NAME     what the appliance shall send to (default: the name in the certificate, or the first address of this machine)
      --wait          wait until the running collector has read a line of it, and say what it saw; fails when none comes
      --timeout TIME  how long (default 10m)
${CONFIG}
${URL}
${JSON_OUT}

Examples:
  sluice guide fortigate --wait
  sluice guide paloalto --way tls --host collector.example.com`,
    load: async () => (await import('./guide.ts')).guide
  },
  parse: {
    summary: 'show what each line of a log becomes',
    usage: `sluice parse [--source SOURCE] [-c FILE] [--time-zone ZONE] [--now ISO] [--format json|cef|leef|w3c|csv] [FILE…|-]

One object a line: the record after normalisation and before filters and privacy, or why there is none. Files packed by gzip, zstd, xz,
bzip2 or zip are unpacked; of one JSON document (an array of objects, or objects over several lines) each object counts as a line, as where it is pushed by HTTP.

${SOURCE_OPTIONS}
      --format FORMAT   json (default), or the lines as a file of that format would have them

Example:
  sluice parse firewall.log | head`,
    load: async () => (await import('./parse.ts')).parse
  },
  explain: {
    summary: 'say what Cloud Discovery would make of a log, also a packed one; fails when it would refuse it',
    usage: `sluice explain [--source SOURCE] [-c FILE] [--time-zone ZONE] [--now ISO] [--json] [FILE…|-]

Takes lines, and JSON documents (an array of objects, or objects over several lines), each also packed by
gzip, zstd, xz, bzip2 or zip.

${SOURCE_OPTIONS}
${JSON_OUT}`,
    load: async () => (await import('./explain.ts')).explain
  },
  status: {
    summary: 'say whether data reaches the tenant, and what the running collector does; fails when something is wrong',
    usage: `sluice status [-c FILE] [--url URL] [--json]\n\n${CONFIG}\n${URL}\n${JSON_OUT}`,
    load: async () => (await import('./status.ts')).status
  },
  top: {
    summary: 'show rates of sources, receivers, spool and uploads live; q quits',
    usage: `sluice top [--interval TIME] [-c FILE] [--url URL]

      --interval TIME  between two looks (default 1s)
${CONFIG}
${URL}`,
    load: async () => (await import('./top.ts')).top
  },
  tap: {
    summary: 'show single lines with what becomes of them, or those that could not be read',
    usage: `sluice tap [--stage STAGE] [--outcome OUTCOME] [--source NAME] [--limit N] [--follow] [-c FILE] [--url URL] [--json]

      --stage STAGE   rejected: lines that gave no record, the latest ones, or live with --follow (default)
                      raw: lines as they come; parsed: their records; uploaded: the lines of the upload files; all live
      --outcome OUTCOME  only these: malformed, unidentified, rejected; of raw and parsed also parsed, dropped, skipped
      --source NAME   only those of a source
      --limit N       so many, then end (default 20, with --follow none)
  -f, --follow        go on until interrupted
${CONFIG}
${URL}
${JSON_OUT}

Live lines are samples: at most twenty of each block of a few thousand. Lines hold addresses and user names.

Examples:
  sluice tap                                   why lines were not read
  sluice tap --stage parsed --source HQ --limit 5
  sluice tap --stage uploaded --follow --json | jq -r .line`,
    load: async () => (await import('./tap.ts')).tap
  },
  'log-level': {
    summary: 'show or change how much the running collector logs, until its next start',
    usage: `sluice log-level [LEVEL] [-c FILE] [--url URL] [--json]

  LEVEL               trace, debug, info, warn, error or silent
${CONFIG}
${URL}
${JSON_OUT}`,
    load: async () => (await import('./log-level.ts')).logLevel
  },
  spool: {
    summary: 'show, check, export or upload again what is in the spool',
    usage: `sluice spool ls|check|export|replay [ID…] [-c FILE] [--dir DIR] [--json]

  ls                  what is open, waits, was set aside, is archived
  check [ID…]         is it sound, or the first fault; fails when one is not
  export ID           the lines as they are in the file
  replay ID           upload an archived or set-aside segment again

${CONFIG}
      --dir DIR       another spool than that of the configuration
  -o, --output FILE   where export writes (default: standard output)
${JSON_OUT}, one object a line`,
    load: async () => (await import('./spool.ts')).spool
  },
  upload: {
    summary: 'upload old logs into a data source or a snapshot report',
    usage: `sluice upload FILE… --source NAME [--snapshot REPORT] [--again] [--wait TIME] [-c FILE] [--json]

  FILE                any log of the source, plain or as gzip, zstd, xz, bzip2 or zip
      --source NAME   source of the configuration; may be left out when there is only one
      --snapshot REPORT  make a snapshot report of that name instead of feeding the data source
      --again         take files that were uploaded before once more
      --wait TIME     leave the rest for the next run when the upload does not go on for so long (default 10m)
${CONFIG}
${JSON_OUT}`,
    load: async () => (await import('./upload.ts')).upload
  },
  convert: {
    summary: "print the configuration for the run command of Microsoft's log collector",
    usage: `sluice convert [--data-sources NAME[=APPLIANCE],…] [--json] [FILE|-]

  FILE                the command, as the portal printed it (default: standard input)
      --data-sources LIST  data sources of the portal in their order, which the command does not name
${JSON_OUT}`,
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
    usage: `sluice collector-status [-p] [-c FILE] [--url URL]

  -p, --print         as Microsoft's command is called; it changes nothing
${CONFIG}
${URL}`,
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
  'support-bundle': {
    summary: 'pack what somebody needs who helps: configuration without secrets, status, metrics, log, doctor',
    usage: `sluice support-bundle [-o FILE] [--samples] [--offline] [-c FILE] [--url URL] [--json]

  -o, --output FILE   where it goes (default ./sluice-support-TIME.tar.gz)
      --samples       with lines that could not be read; they hold addresses and user names
      --offline       do not try the way to the tenant
${CONFIG}
${URL}
${JSON_OUT}

Secrets of the configuration are taken out of every file in it. Names, addresses and host names of the configuration are not.`,
    load: async () => (await import('./support-bundle.ts')).supportBundle
  },
  healthcheck: {
    summary: 'ask the running collector whether it is alive; for containers',
    usage: `sluice healthcheck [-c FILE] [--url URL] [--ready] [--json]\n\n${CONFIG}\n${URL}\n      --ready         ask whether it is ready instead\n${JSON_OUT}`,
    load: async () => (await import('./healthcheck.ts')).healthcheck
  },
  completion: {
    summary: 'print completion for a shell',
    usage: `sluice completion bash|zsh|fish

Examples:
  sluice completion bash > /etc/bash_completion.d/sluice
  sluice completion zsh > "\${fpath[1]}/_sluice"
  sluice completion fish > ~/.config/fish/completions/sluice.fish`,
    load: async () => (await import('./completion.ts')).completion
  }
}

export interface OptionEntry {
  /** With its dashes. */
  name: string
  /** What the value is called; undefined when it has none. */
  value: string | undefined
  meaning: string
}

const OPTION_LINE = /^ +(?:(-\w), )?(--[a-z-]+)(?: ([A-Z][A-Z:|]*))? {2,}(\S.*)$/gm

/** Options of a verb as its usage lists them; a short form is an entry of its own. */
export function optionsOf(verb: string): OptionEntry[] {
  return [...VERBS[verb]!.usage.matchAll(OPTION_LINE)].flatMap(([, short, name, value, meaning]) =>
    [name!, ...(short === undefined ? [] : [short])].map(one => ({ name: one, value, meaning: meaning! }))
  )
}
