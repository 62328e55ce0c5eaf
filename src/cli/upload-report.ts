/** What became of each file of `sluice upload`, as text and as an exit code. */
import { formatSize } from '../config/sizes.ts'
import type { LineCounts } from '../pipeline/backfill-read.ts'
import type { FileReport } from '../pipeline/backfill-report.ts'
import { counted, visible } from './text-output.ts'

const UNFINISHED = new Set(['waiting', 'interrupted', 'set-aside', 'failed', 'not-begun'])
const DROP_REASONS: Readonly<Record<string, string>> = {
  too_old: 'older than process.max_age; the service takes 90 days',
  in_future: 'in the future',
  internal: 'internal destination',
  not_outbound: 'not outbound',
  line_too_long: 'too long for a line'
}

const amount = ({ records, files }: { records: number; files: number }): string =>
  `${counted(records, 'record')} in ${counted(files, 'file')}`

/** True when something was uploaded and nothing is left to do. */
export const isComplete = (reports: readonly FileReport[]): boolean =>
  reports.some(({ outcome }) => outcome === 'uploaded') && !reports.some(({ outcome }) => UNFINISHED.has(outcome))

/** Some lines, line feed included. */
export function reportText(report: FileReport, target: string): string {
  const { file, counts, uploaded, waiting, setAside, ambiguousFinalises, knownRecords, dir } = report
  const lines = [`${file}: ${headline(report, target)}`]
  if (counts.lines > 0) lines.push(...countLines(counts))
  if (knownRecords > 0) lines.push(`  resumed: ${counted(knownRecords, 'record')} there from an earlier run`)
  if (waiting.files > 0) lines.push(`  waiting: ${amount(waiting)}; run the same command again`)
  if (uploaded.files > 0 && report.outcome !== 'uploaded') lines.push(`  uploaded so far: ${amount(uploaded)}`)
  if (setAside.files > 0) lines.push(`  set aside: ${amount(setAside)}: ${setAside.reasons.join('; ')}`)
  if (ambiguousFinalises > 0)
    lines.push(`  ${ambiguousFinalises} calls that end an upload got no answer and were repeated; the service may count those files twice`)
  if (dir !== undefined) lines.push(`  spool: ${dir}`)
  return `${lines.map(visible).join('\n')}\n`
}

function headline({ outcome, reason, uploaded, bytes }: FileReport, target: string): string {
  switch (outcome) {
    case 'uploaded':
      return `${counted(uploaded.records, 'record')} uploaded to ${target}, in ${counted(uploaded.files, 'file')} of ${formatSize(uploaded.bytes)} (read: ${formatSize(bytes)})`
    case 'known':
      return `not taken, as it was ${reason}; --again takes it once more`
    case 'empty':
      return 'nothing in it can be uploaded'
    case 'waiting':
      return `not all could be uploaded: ${reason}`
    case 'interrupted':
      return 'interrupted; the same command goes on'
    case 'set-aside':
      return `not all was taken: ${reason}; the same command tries once more`
    case 'not-begun':
      return 'not begun'
    case 'failed':
      return `failed: ${reason}`
  }
}

function countLines({ lines, parsed, skipped, malformed, unidentified, dropped, rejected, truncated }: LineCounts): string[] {
  const why = rejected.map(({ outcome, parser, reason, count }) => `${count} ${outcome} ${reason}${parser === '' ? '' : ` (${parser})`}`)
  const drops = Object.entries(dropped)
  const total = drops.reduce((sum, [, count]) => sum + count, 0)
  return [
    `  lines: ${lines}, ${parsed} parsed, ${skipped} skipped, ${malformed} malformed, ${unidentified} unidentified`,
    ...(why.length === 0 ? [] : [`  not parsed: ${why.join(', ')}`]),
    ...(total === 0
      ? []
      : [`  dropped: ${counted(total, 'record')}: ${drops.map(([reason, count]) => `${count} ${reason}${explained(reason)}`).join(', ')}`]),
    ...(truncated === 0 ? [] : [`  cut: ${truncated} lines were longer than 64 KiB`])
  ]
}

const explained = (reason: string): string => (Object.hasOwn(DROP_REASONS, reason) ? ` (${DROP_REASONS[reason]})` : '')
