/**
 * `npm run bench [-- CASE…] [--short] [--json]`: prints tables and keeps the results in bench/results/.
 * Cases: parsers, stages, spool, tcp, formats, udp. Figures are medians of interleaved rounds; compare ratios, not single runs.
 * `npm run bench -- tcp --profile [--lines KIND]`: where the time goes, by thread, stage and function; measures nothing else.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { measureStages, type StageResult } from './measure.ts'
import { type ParserResult, parserResults } from './parsers.ts'
import { profileTcp } from './profile.ts'
import { versionOf } from './sender.ts'
import { type SpoolResult, spoolResult } from './spool.ts'
import { stages } from './stages.ts'
import {
  type FormatResult,
  LOADS,
  type Load,
  type LossResult,
  type PathResult,
  wholePathFormats,
  wholePathTcp,
  wholePathUdp
} from './whole-path.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    lines: { type: 'string', default: 'fortinet-fortigate' },
    json: { type: 'boolean', default: false }
  }
})
const CASES = ['parsers', 'stages', 'spool', 'tcp', 'formats', 'udp']
const unknown = positionals.filter(name => !CASES.includes(name))
if (unknown.length > 0) {
  console.error(`bench: unknown case ${unknown.join(', ')}; there are ${CASES.join(', ')}`)
  process.exit(2)
}
if (!(LOADS as readonly string[]).includes(values.lines)) {
  console.error(`bench: unknown lines ${values.lines}; there are ${LOADS.join(', ')}`)
  process.exit(2)
}
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name)
const { short } = values

const commit = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

const machine = {
  date: new Date().toISOString(),
  commit: commit(),
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 1e9),
  rsyslog: versionOf('rsyslogd', ['-v'])
}

const number = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1))

function table(title: string, head: string[], rows: string[][]): void {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map(row => row[column]!.length)))
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  console.log(
    `\n${title}\n${line(head)}\n| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  )
  for (const row of rows) console.log(line(row))
}

interface Results {
  machine: typeof machine
  parsers?: ParserResult[]
  stages?: StageResult[]
  spool?: SpoolResult
  tcp?: PathResult[]
  formats?: FormatResult[]
  udp?: LossResult[]
}

const results: Results = { machine }
console.log(`${machine.cores} × ${machine.cpu}, Node ${machine.node}, commit ${machine.commit}, ${machine.rsyslog ?? 'no rsyslog'}`)

if (values.profile) {
  const { folder, threads } = await profileTcp(values.lines as Load, short ? 480e6 : 1920e6)
  for (const { thread, seconds, stages, functions } of threads) {
    const rows = (of: [string, number][]): string[][] => of.map(([name, share]) => [name, (100 * share).toFixed(1)])
    table(`${thread} thread, ${seconds.toFixed(2)} s busy: by stage`, ['stage', '%'], rows(stages))
    table(`${thread} thread: by function`, ['function', '%'], rows(functions))
  }
  console.log(`\nProfiles to look at in a browser's developer tools: ${folder}`)
  process.exit(0)
}
if (wants('parsers')) {
  results.parsers = await parserResults(short ? 9 : 41)
  table(
    'Parsers on their fixtures: header, recognition, parsing, normalisation',
    ['parser', 'bytes per line', 'lines/s', 'MB per CPU-s', 'recognition %'],
    results.parsers.map(row => [
      row.parser,
      String(row.bytesPerLine),
      number(row.linesPerSecond),
      number(row.megabytesPerCpuSecond),
      (100 * row.recogniserShare).toFixed(0)
    ])
  )
}
if (wants('stages')) {
  results.stages = measureStages(await stages(short ? 4e6 : 16e6), short ? 3 : 7)
  table(
    'Stages, one thread, per CPU-second of that thread',
    ['stage', 'lines/s', 'MB per CPU-s', 'ns per line'],
    results.stages.map(stage => [stage.name, number(stage.linesPerSecond), number(stage.megabytesPerCpuSecond), number(stage.nsPerLine)])
  )
}
if (wants('spool')) {
  results.spool = await spoolResult(short ? 2 : 5)
  const { linesPerSecond, megabytesPerSecond, megabytesPerCpuSecond, syncs } = results.spool
  table(
    'Spool: append and fdatasync of deflated blocks, MB before compression',
    ['stage', 'lines/s', 'MB/s', 'MB per CPU-s', 'syncs'],
    [['spool', number(linesPerSecond), number(megabytesPerSecond), number(megabytesPerCpuSecond), String(syncs)]]
  )
}
if (wants('tcp')) {
  results.tcp = await wholePathTcp({ bytes: short ? 96e6 : 480e6, rounds: short ? 1 : 3 })
  const rival = results.tcp.at(-1)!
  table(
    'Whole path over TCP: receive, parse FortiGate, GENERIC_CEF, gzip 1, spool',
    ['collector', 'lines/s', 'MB/s', 'MB per CPU-s', 'times rsyslog', 'peak MB'],
    results.tcp.map(row => [
      row.name,
      number(row.linesPerSecond),
      number(row.megabytesPerSecond),
      number(row.megabytesPerCpuSecond),
      number(row.megabytesPerCpuSecond / rival.megabytesPerCpuSecond),
      number(row.peakMegabytes)
    ])
  )
}
if (wants('formats')) {
  results.formats = await wholePathFormats({ bytes: short ? 64e6 : 240e6, rounds: short ? 1 : 3 })
  table(
    'Whole path over TCP by kind of line: two lanes against rsyslog on the same lines, MB per CPU-second',
    ['lines', 'Sluice lines/s', 'Sluice MB/s', 'Sluice', 'rsyslog', 'times rsyslog'],
    results.formats.map(({ load, sluice, rsyslog }) => [
      load,
      number(sluice.linesPerSecond),
      number(sluice.megabytesPerSecond),
      number(sluice.megabytesPerCpuSecond),
      number(rsyslog.megabytesPerCpuSecond),
      number(sluice.megabytesPerCpuSecond / rsyslog.megabytesPerCpuSecond)
    ])
  )
}
if (wants('udp')) {
  results.udp = await wholePathUdp(short ? [10_000, 40_000] : [10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 150_000], short ? 2 : 5)
  table(
    'UDP, one sender, FortiGate lines: datagrams lost',
    ['collector', 'sent per s', 'sent', 'lost', 'lost %'],
    results.udp.map(row => [row.name, number(row.perSecond), number(row.sent), number(row.lost), ((100 * row.lost) / row.sent).toFixed(2)])
  )
}
if (!short) {
  const file = new URL(`./results/${machine.date.slice(0, 10)}-${machine.commit}.json`, import.meta.url)
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
}
if (values.json) console.log(JSON.stringify(results))
