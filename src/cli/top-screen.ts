/** The board of `sluice top`: rates between two looks, in a terminal of any size from 80×24 up. */
import { formatDuration } from '../config/durations.ts'
import { formatSize } from '../config/sizes.ts'
import type { PipelineStatus, SourceStatus } from '../telemetry/status.ts'
import { sentenceOf, verdictOf } from '../telemetry/verdict.ts'
import type { Paint } from './paint.ts'

export interface Look {
  status: PipelineStatus
  atMs: number
}

export interface Size {
  columns: number
  rows: number
}

/** Lines of the uploads and of the receivers that are kept when sources are many. */
const RECEIVERS_MIN = 2
const UPLOADS_MAX = 3
const BAR_WIDTH = 24
/** A smaller terminal has no room for uploads. */
const ROWS_USUAL = 24

/** Exactly `rows` lines, none longer than `columns`; `before` is the earlier look, from which rates are told. */
export function topScreen(before: Look | undefined, now: Look, { columns, rows }: Size, paint: Paint): string[] {
  const { status } = now
  const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1000
  const rate = (count: number, earlier: number | undefined): number =>
    seconds <= 0 ? 0 : Math.max(0, count - (earlier ?? count)) / seconds
  const fit = (text: string): string => cut(clean(text), columns)
  const head = [
    bar(
      [`Sluice ${status.version}`, `up ${formatDuration(status.uptimeMs)}`, tenantOf(status)].join('  '),
      new Date(now.atMs).toTimeString().slice(0, 8),
      columns,
      paint
    ),
    headline(now, fit, paint)
  ]
  const foot = [...(rows < ROWS_USUAL ? [] : uploadLines(status, now.atMs).map(fit)), paint.dim(fit('q quits'))]
  const spool = spoolLines(before, now, seconds).map(fit)
  const receivers = status.receivers.map(({ name, protocol, address, state, reason, pauses = [], connections, counters }) => {
    const earlier = before?.status.receivers.find(one => one.name === name && one.protocol === protocol)?.counters
    const bytes = rate(counters.received_bytes_total ?? 0, earlier?.received_bytes_total)
    const lost = counters.udp_kernel_dropped_datagrams_total ?? 0
    const row = fit(
      `${pad(`${name} ${protocol}`, 24)} ${pad(address, 22)} ${pad(state, 10)}${left(connections, 6)} ${left(`${formatSize(bytes)}/s`, 12)}${lost > 0 ? `  ${lost} dropped` : ''}${reason === undefined ? '' : `  ${reason}`}`
    )
    return state === 'listening' && pauses.length === 0 ? row : paint.yellow(row)
  })
  const sources = status.sources.map(source =>
    sourceRow(
      source,
      before?.status.sources.find(({ name }) => name === source.name),
      rate,
      now.atMs,
      fit,
      paint
    )
  )
  // One line each for the two titles and the three gaps.
  const room = Math.max(2, rows - head.length - spool.length - foot.length - 5)
  const receiverRoom = Math.max(RECEIVERS_MIN, Math.min(receivers.length, room - Math.min(sources.length, Math.ceil(room / 2))))
  const screen = [
    ...head,
    '',
    paint.bold(
      fit(
        `${pad('SOURCE', 20)}${left('LINES/S', 9)}${left('RECORDS/S', 10)}${left('LOST/S', 8)}${left('SPOOLED', 11)}${left('UPLOADED', 12)}${left('LAST', 9)}`
      )
    ),
    ...atMost(sources, room - receiverRoom, 'sources', fit),
    '',
    paint.bold(fit(`${pad('RECEIVER', 24)} ${pad('ADDRESS', 22)} ${pad('STATE', 10)}${left('CONN', 6)} ${left('BYTES/S', 12)}`)),
    ...atMost(receivers, receiverRoom, 'receivers', fit),
    '',
    ...spool
  ]
  // The foot stays, whatever else has no room.
  const body = screen.slice(0, rows - foot.length)
  return [...body, ...Array.from({ length: rows - foot.length - body.length }, () => ''), ...foot]
}

/** The head line of page and `sluice status`, and everything that is wrong, as far as there is room. */
function headline({ status, atMs }: Look, fit: (text: string) => string, paint: Paint): string {
  const { level, headline, findings } = verdictOf(status, atMs)
  const color = { good: 'green', starting: 'cyan', warning: 'yellow', bad: 'red' } as const
  return paint[color[level]](fit(findings.length === 0 ? headline : findings.map(sentenceOf).join('; ')))
}

function sourceRow(
  source: SourceStatus,
  earlier: SourceStatus | undefined,
  rate: (count: number, earlier: number | undefined) => number,
  nowMs: number,
  fit: (text: string) => string,
  paint: Paint
): string {
  const { name, frames, records, lastSeenMs } = source
  const lostOf = (one: SourceStatus): number => one.frames.malformed + one.frames.unidentified + one.records.shed + one.records.setAside
  const lost = rate(lostOf(source), earlier && lostOf(earlier))
  const lines = rate(frames.received, earlier?.frames.received)
  const last = lastSeenMs === undefined ? 'never' : formatDuration(Math.max(0, nowMs - lastSeenMs)).split(' ')[0]!
  const row = fit(
    `${pad(name, 20)}${left(short(lines), 9)}${left(short(rate(records.written, earlier?.records.written)), 10)}${left(short(lost), 8)}${left(short(records.spooled), 11)}${left(short(records.uploaded), 12)}${left(last, 9)}`
  )
  return lost > 0 ? paint.yellow(row) : lines > 0 ? row : paint.dim(row)
}

function spoolLines(before: Look | undefined, { status }: Look, seconds: number): string[] {
  const { spool, balance, blocks } = status
  const share = spool.maxBytes === 0 ? 0 : Math.min(1, spool.bytes / spool.maxBytes)
  const growth = before === undefined || seconds <= 0 ? 0 : (spool.bytes - before.status.spool.bytes) / seconds
  const until = growth > 0 ? `, full in ${formatDuration(((spool.maxBytes - spool.bytes) / growth) * 1000)}` : ''
  const filled = Math.round(share * BAR_WIDTH)
  const { closed, issued, stored, finalising } = spool.segments
  const waiting = closed + issued + stored + finalising
  const difference = balance.balanced
    ? 'every line is accounted for'
    : `NOT accounted for: ${balance.frames.difference} frames, ${balance.records.difference + balance.delivery.difference} records`
  return [
    `Spool    [${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${formatSize(spool.bytes)} of ${formatSize(spool.maxBytes)}${spool.full ? ' FULL' : until}, ${waiting} waiting, ${spool.segments['set-aside']} set aside`,
    `Balance  ${difference}; ${blocks.outstanding} of ${blocks.max} blocks on the way, ${balance.frames.shed} frames shed`
  ]
}

function uploadLines({ upload }: PipelineStatus, nowMs: number): string[] {
  const paused = upload.pauses.map(({ source, reason }) => `; paused${source === undefined ? '' : ` for ${source}`}: ${reason}`).join('')
  return [
    `Uploads  ${upload.uploadedFiles} files, ${formatSize(upload.uploadedBytes)}${paused}`,
    ...upload.recent
      .slice(0, UPLOADS_MAX)
      .map(
        ({ finishedMs, source, records, bytes, outcome }) =>
          `         ${pad(`${formatDuration(Math.max(0, nowMs - finishedMs)).split(' ')[0]} ago`, 9)} ${source}  ${records} records  ${formatSize(bytes)}  ${outcome}`
      )
  ]
}

const tenantOf = ({ tenant }: PipelineStatus): string => (tenant.kind === 'local' ? 'local tenant' : tenant.url.replace(/^https:\/\//, ''))

function bar(text: string, end: string, columns: number, paint: Paint): string {
  const room = columns - end.length - 1
  return paint.inverse(`${pad(cut(clean(text), room), room)} ${end}`)
}

function atMost(lines: readonly string[], count: number, what: string, fit: (text: string) => string): string[] {
  if (lines.length <= count) return [...lines]
  return [...lines.slice(0, Math.max(0, count - 1)), fit(`… ${lines.length - Math.max(0, count - 1)} more ${what}, see sluice status`)]
}

/** 1234567 as 1.2M. */
function short(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T']
  let [value, unit] = [count, 0]
  while (value >= 9999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}${units[unit]}`
}

const pad = (text: string, width: number): string => cut(text, width).padEnd(width)
const left = (value: string | number, width: number): string => String(value).padStart(width)
const cut = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`)
/** Names and reasons come over the network. */
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
