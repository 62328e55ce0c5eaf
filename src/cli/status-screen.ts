/** The status as text for a terminal. Names and reasons come over the network: control characters are taken out. */
import { formatDuration } from '../config/durations.ts'
import { formatSize } from '../config/sizes.ts'
import type { ArchiveStatus } from '../telemetry/archive-status.ts'
import type { PipelineStatus, SourceStatus } from '../telemetry/status.ts'
import type { RecentUpload } from '../telemetry/upload-status.ts'

const UPLOADS_SHOWN = 5

/** Several lines without a last line feed; `nowMs` is what ages are counted from. */
export function statusScreen(status: PipelineStatus, nowMs: number): string {
  const { tenant, upload, spool, balance, archive } = status
  const place = tenant.kind === 'local' ? `local, files in ${tenant.dir}` : tenant.url
  const waiting = spool.segments.closed + spool.segments.issued + spool.segments.stored + spool.segments.finalising
  return clean(
    [
      `Sluice ${status.version}  ${status.state}  up ${formatDuration(status.uptimeMs)}  ${status.lanes.length} lanes`,
      ...status.reasons.map(reason => `  ! ${reason}`),
      '',
      ...table(
        ['SOURCE', 'RECEIVED', 'PARSED', 'WRITTEN', 'SPOOLED', 'UPLOADED', 'LAST LINE', 'LOSSES'],
        status.sources.map(source => sourceRow(source, nowMs))
      ),
      balanceLine(balance),
      '',
      ...table(
        ['RECEIVER', 'ADDRESS', 'STATE', 'CONNECTIONS', 'BYTES'],
        status.receivers.map(({ name, protocol, address, state, reason, connections, counters }) => [
          `${name} ${protocol}`,
          address,
          reason ? `${state}: ${reason}` : state,
          String(connections),
          formatSize(counters.received_bytes_total ?? 0)
        ])
      ),
      '',
      `Spool    ${formatSize(spool.bytes)} of ${formatSize(spool.maxBytes)}${spool.full ? ' FULL' : ''}, ${spool.segments.open} open, ${waiting} waiting, ${spool.segments['set-aside']} set aside`,
      `Tenant   ${place}`,
      `Uploads  ${upload.uploadedFiles} files, ${formatSize(upload.uploadedBytes)}${upload.pauses.map(({ source, reason }) => `; paused${source === undefined ? '' : ` for ${source}`}: ${reason}`).join('')}`,
      ...(archive === undefined ? [] : [archiveLine(archive)]),
      ...upload.recent.slice(0, UPLOADS_SHOWN).map(recent => uploadLine(recent, nowMs))
    ].join('\n')
  )
}

function sourceRow({ name, frames, records, lastSeenMs, dropped }: SourceStatus, nowMs: number): string[] {
  const losses = [
    ['skipped', frames.skipped],
    ['malformed', frames.malformed],
    ['unidentified', frames.unidentified],
    ...dropped.map(({ reason, count }) => [reason, count] as const),
    ['set aside', records.setAside]
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
  const shed = frames.shed > 0 ? `, ${frames.shed} frames shed for lack of room` : ''
  return balanced
    ? `Balance  every frame and record is accounted for${shed}`
    : `Balance  NOT accounted for: ${frames.difference} frames, ${records.difference} records, ${delivery.difference} in delivery${shed}`
}

function archiveLine({ place, content, sources, uploadedFiles, uploadedBytes, troubles, bytes, maxBytes }: ArchiveStatus): string {
  const sum = (of: (source: ArchiveStatus['sources'][number]) => number): number => sources.reduce((total, source) => total + of(source), 0)
  const counts = `${sum(({ uploaded }) => uploaded)} ${content} in ${uploadedFiles} files, ${formatSize(uploadedBytes)}`
  const rest = `${sum(({ waiting }) => waiting)} waiting in ${formatSize(bytes)} of ${formatSize(maxBytes)}, ${sum(({ shed }) => shed)} shed`
  return `Archive  ${place}: ${counts}; ${rest}${troubles.length > 0 ? '; see above' : ''}`
}

function uploadLine({ finishedMs, source, id, records, bytes, outcome, reason }: RecentUpload, nowMs: number): string {
  return `         ${age(finishedMs, nowMs)}  ${source} ${id}  ${records} records  ${formatSize(bytes)}  ${outcome}${reason ? `: ${reason}` : ''}`
}

const age = (ms: number | undefined, nowMs: number): string =>
  ms === undefined ? 'never' : `${formatDuration(Math.max(0, nowMs - ms))} ago`

/** Columns as wide as their widest cell, two spaces apart. */
function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]!.length)))
  return [head, ...rows].map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  )
}

const clean = (text: string): string => text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '?')
