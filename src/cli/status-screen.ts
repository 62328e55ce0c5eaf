/** The status as text for a terminal. */
import { formatDuration } from '../config/durations.ts'
import { formatSize } from '../config/sizes.ts'
import type { ArchiveStatus } from '../telemetry/archive-status.ts'
import type { PipelineStatus, SourceStatus } from '../telemetry/status.ts'
import type { RecentUpload } from '../telemetry/upload-status.ts'
import type { Verdict } from '../telemetry/verdict.ts'
import type { Paint } from './paint.ts'
import { counted } from './text-output.ts'

const UPLOADS_SHOWN = 5

/** Several lines without a last line feed; `nowMs` is what ages are counted from. */
export function statusScreen(status: PipelineStatus, verdict: Verdict, nowMs: number, paint: Paint): string {
  const { tenant, upload, spool, balance, archive } = status
  const place = tenant.kind === 'local' ? `local, files in ${tenant.dir}` : tenant.url
  const waiting = spool.segments.closed + spool.segments.issued + spool.segments.stored + spool.segments.finalising
  const unrecovered =
    spool.unrecoveredSegments > 0
      ? paint.yellow(`, ${spool.unrecoveredSegments} not recovered (${formatSize(spool.unrecoveredBytes)})`)
      : ''
  return [
    `${paint.bold('Sluice')} ${status.version}  up ${formatDuration(status.uptimeMs)}  ${counted(status.lanes.length, 'lane')}`,
    ...verdictLines(verdict, nowMs, paint),
    '',
    ...table(
      ['SOURCE', 'RECEIVED', 'PARSED', 'WRITTEN', 'SPOOLED', 'UPLOADED', 'LAST LINE', 'LOSSES'],
      status.sources.map(source => ({ cells: sourceRow(source, nowMs), style: source.silence === undefined ? undefined : 'yellow' })),
      paint
    ),
    balance.balanced ? balanceLine(balance) : paint.red(balanceLine(balance)),
    '',
    ...table(
      ['RECEIVER', 'ADDRESS', 'STATE', 'CONNECTIONS', 'BYTES'],
      status.receivers.map(({ name, protocol, address, state, reason, connections, counters }) => ({
        cells: [
          `${name} ${protocol}`,
          address,
          reason ? `${state}: ${reason}` : state,
          String(connections),
          formatSize(counters.received_bytes_total ?? 0)
        ],
        style: state === 'listening' ? undefined : state === 'failed' ? 'red' : 'yellow'
      })),
      paint
    ),
    '',
    `Spool    ${formatSize(spool.bytes)} of ${formatSize(spool.maxBytes)}${spool.full ? paint.red(' FULL') : ''}, ${spool.segments.open} open, ${waiting} waiting, ${spool.segments['set-aside']} set aside${unrecovered}`,
    clean(`Tenant   ${place}`),
    `Uploads  ${counted(upload.uploadedFiles, 'file')}, ${formatSize(upload.uploadedBytes)}`,
    ...(archive === undefined ? [] : [clean(archiveLine(archive))]),
    ...upload.recent.slice(0, UPLOADS_SHOWN).map(recent => clean(uploadLine(recent, nowMs)))
  ].join('\n')
}

/** The head line of the page, what is wrong, and what to do. */
function verdictLines(verdict: Verdict, nowMs: number, paint: Paint): string[] {
  const { level, headline, because, remedy, sinceMs, findings } = verdict
  const color = VERDICT_COLORS[level]
  // The head line says the first finding already.
  const more = level === 'bad' ? findings.slice(1) : findings
  return [
    paint.bold(paint[color](clean(headline + since(sinceMs, nowMs)))),
    ...advice(because, remedy, paint),
    ...more.flatMap(finding => [
      paint[finding.level === 'bad' ? 'red' : 'yellow'](clean(`! ${finding.what}${since(finding.sinceMs, nowMs)}`)),
      ...advice(finding.because, finding.remedy, paint)
    ])
  ]
}

const VERDICT_COLORS = { good: 'green', starting: 'cyan', warning: 'yellow', bad: 'red' } as const
const since = (ms: number | undefined, nowMs: number): string => (ms === undefined ? '' : `, since ${age(ms, nowMs).replace(/ ago$/, '')}`)

const advice = (because: string | undefined, remedy: string | undefined, paint: Paint): string[] => [
  ...(because ? [clean(`    ${because}`)] : []),
  ...(remedy ? [paint.dim(clean(`    → ${remedy}`))] : [])
]

function sourceRow({ name, frames, records, lastSeenMs, dropped }: SourceStatus, nowMs: number): string[] {
  const losses = [
    ['skipped', frames.skipped],
    ['malformed', frames.malformed],
    ['unidentified', frames.unidentified],
    ...dropped.map(({ reason, count }) => [reason, count] as const),
    ['shed', frames.shed + records.shed],
    ['set aside', records.setAside],
    ['removed', records.removed]
  ] as const
  const counts = [frames.received, frames.parsed, records.written, records.spooled, records.uploaded].map(String)
  return [
    name,
    ...counts,
    age(lastSeenMs, nowMs),
    losses.flatMap(([label, count]) => (count > 0 ? [`${count} ${label}`] : [])).join(', ') || '-'
  ]
}

function balanceLine({ balanced, frames, records, delivery }: PipelineStatus['balance']): string {
  const lost = [...(frames.shed > 0 ? [`${frames.shed} frames`] : []), ...(delivery.shed > 0 ? [`${delivery.shed} records`] : [])]
  const shed = lost.length > 0 ? `, ${lost.join(' and ')} shed for lack of room` : ''
  return balanced
    ? `Balance  every frame and record is accounted for${shed}`
    : `Balance  NOT accounted for: ${frames.difference} frames, ${records.difference} records, ${delivery.difference} in delivery${shed}`
}

function archiveLine({ place, content, sources, uploadedFiles, uploadedBytes, troubles, bytes, maxBytes }: ArchiveStatus): string {
  const sum = (of: (source: ArchiveStatus['sources'][number]) => number): number => sources.reduce((total, source) => total + of(source), 0)
  const counts = `${sum(({ uploaded }) => uploaded)} ${content} in ${counted(uploadedFiles, 'file')}, ${formatSize(uploadedBytes)}`
  const rest = `${sum(({ waiting }) => waiting)} waiting in ${formatSize(bytes)} of ${formatSize(maxBytes)}, ${sum(({ shed }) => shed)} shed`
  return `Archive  ${place}: ${counts}; ${rest}${troubles.length > 0 ? '; see above' : ''}`
}

function uploadLine({ finishedMs, source, id, records, bytes, outcome, reason }: RecentUpload, nowMs: number): string {
  return `         ${age(finishedMs, nowMs)}  ${source} ${id}  ${counted(records, 'record')}  ${formatSize(bytes)}  ${outcome}${reason ? `: ${reason}` : ''}`
}

const age = (ms: number | undefined, nowMs: number): string =>
  ms === undefined ? 'never' : `${formatDuration(Math.max(0, nowMs - ms))} ago`

interface TableRow {
  cells: string[]
  style: 'red' | 'yellow' | undefined
}

/** Columns as wide as their widest cell, two spaces apart. */
function table(head: string[], rows: TableRow[], paint: Paint): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(({ cells }) => cells[column]!.length)))
  const line = (cells: string[]): string =>
    clean(
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()
    )
  return [paint.bold(line(head)), ...rows.map(({ cells, style }) => (style === undefined ? line(cells) : paint[style](line(cells))))]
}

/** Names and reasons come over the network. */
const clean = (text: string): string => text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '?')
