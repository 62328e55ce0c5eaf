/** How results are shown and kept. */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { chooseDeflater } from '../src/encode/deflate.ts'
import { syslogNgVersion } from './rivals/syslog-ng.ts'
import { versionOf } from './sender.ts'

/** Rows of text under a head; the first column names, the others are figures. */
export interface Table {
  title: string
  head: string[]
  rows: string[][]
}

export const figure = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1))
export const percent = (part: number, whole: number): string => ((100 * part) / whole).toFixed(2)

export function printTable({ title, head, rows }: Table): void {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map(row => row[column]!.length)))
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  console.log(`\n${title}\n\n${line(head)}\n| ${rule.join(' | ')} |`)
  for (const row of rows) console.log(line(row))
}

export interface Machine {
  date: string
  commit: string
  node: string
  cpu: string
  cores: number
  memoryGb: number
  kernel: string
  deflate: string
  rsyslog?: string
  syslogNg?: string
}

export function describeMachine(): Machine {
  const rsyslog = versionOf('rsyslogd', ['-v'])
  const syslogNg = syslogNgVersion()
  return {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    deflate: chooseDeflater('auto').description,
    ...(rsyslog === undefined ? {} : { rsyslog }),
    ...(syslogNg === undefined ? {} : { syslogNg })
  }
}

export function printMachine({ cores, cpu, node, kernel, commit, deflate, rsyslog, syslogNg }: Machine): void {
  console.log(`${cores} × ${cpu}, Linux ${kernel}, Node ${node}, commit ${commit}`)
  console.log([deflate, rsyslog ?? 'no rsyslog', syslogNg ?? 'no syslog-ng'].join('; '))
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}
