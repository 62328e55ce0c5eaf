/**
 * The last minutes as rates, so that a person who opens the page sees at once what was before: counters of the status, looked at
 * every few seconds, kept in a ring. Bounded by time and by number of sources.
 */
import type { PipelineStatus, SourceStatus } from './status.ts'

export const HISTORY_INTERVAL_MS = 5000
/** A quarter of an hour. */
export const HISTORY_POINTS_MAX = 180
/** Sources beyond have no history of their own, as in the order of the status. */
export const HISTORY_SOURCES_MAX = 128

/** Rates of a source, a second: frames received and parsed, records written and uploaded, frames and records that were rejected. */
export interface SourceRates {
  received: number
  parsed: number
  written: number
  uploaded: number
  rejected: number
}

export interface HistoryPoint {
  atMs: number
  sources: Record<string, SourceRates>
  /** What the spool holds and is not only kept as archive. */
  backlogBytes: number
  /** Frames and records a second that were lost for lack of room: in the kernel, before the lanes, before the spool. */
  lost: number
}

interface Counts {
  atMs: number
  sources: Map<string, SourceRates>
  lost: number
}

/** Time over which the backlog must have grown before its growth is taken seriously. */
const TREND_MIN_MS = 60_000
const TREND_WINDOW_MS = 300_000

export class RateHistory {
  readonly #points: HistoryPoint[] = []
  #last: Counts | undefined
  #backlogLimitBytes = 0
  #isFailing = false

  /** Takes a look; call it every HISTORY_INTERVAL_MS. */
  observe(status: PipelineStatus, nowMs: number): void {
    const counts = countsOf(status, nowMs)
    const last = this.#last
    this.#last = counts
    this.#backlogLimitBytes = status.spool.highWaterBytes
    this.#isFailing = status.upload.failing
    const seconds = last === undefined ? 0 : (nowMs - last.atMs) / 1000
    if (last === undefined || seconds <= 0) return
    const sources: Record<string, SourceRates> = {}
    for (const [name, now] of counts.sources) sources[name] = ratesOf(last.sources.get(name) ?? NOTHING, now, seconds)
    this.#points.push({
      atMs: nowMs,
      sources,
      backlogBytes: backlogOf(status),
      lost: rate(last.lost, counts.lost, seconds)
    })
    if (this.#points.length > HISTORY_POINTS_MAX) this.#points.shift()
  }

  /** Oldest first; those after `sinceMs` only. */
  points(sinceMs = 0): HistoryPoint[] {
    const first = this.#points.findIndex(({ atMs }) => atMs > sinceMs)
    return first < 0 ? [] : this.#points.slice(first)
  }

  /** When something was last lost for lack of room, within the history. */
  get lastLossMs(): number | undefined {
    return this.#points.findLast(({ lost }) => lost > 0)?.atMs
  }

  /**
   * How long until the spool is above its high-water mark if it goes on filling so; undefined while it does not fill. Between two
   * uploads every spool fills, so without trouble only what is left after uploads counts: the least of the last five minutes
   * against the least of the five before.
   */
  timeToFullMs(): number | undefined {
    const now = this.#points.at(-1)
    if (now === undefined) return undefined
    const recent = this.#points.filter(({ atMs }) => atMs > now.atMs - TREND_WINDOW_MS)
    const bytesPerMs = this.#isFailing ? growth(recent[0], now) : growth(least(this.#earlier(now.atMs)), least(recent))
    if (bytesPerMs === undefined || bytesPerMs <= 0) return undefined
    return Math.max(0, this.#backlogLimitBytes - now.backlogBytes) / bytesPerMs
  }

  #earlier(nowMs: number): HistoryPoint[] {
    return this.#points.filter(({ atMs }) => atMs <= nowMs - TREND_WINDOW_MS && atMs > nowMs - 2 * TREND_WINDOW_MS)
  }
}

function countsOf(status: PipelineStatus, atMs: number): Counts {
  const kernel = status.receivers.reduce((sum, { counters }) => sum + (counters.udp_kernel_dropped_datagrams_total ?? 0), 0)
  const shedRecords = status.sources.reduce((sum, { records }) => sum + records.shed, 0)
  return {
    atMs,
    sources: new Map(status.sources.slice(0, HISTORY_SOURCES_MAX).map(source => [source.name, countsOfSource(source)])),
    lost: kernel + status.blocks.shedFrames + shedRecords
  }
}

function countsOfSource({ frames, records, dropped }: SourceStatus): SourceRates {
  const rejects = dropped.filter(({ reason }) => REJECT_REASONS.has(reason)).reduce((sum, { count }) => sum + count, 0)
  return {
    received: frames.received,
    parsed: frames.parsed,
    written: records.written,
    uploaded: records.uploaded,
    rejected: frames.malformed + frames.unidentified + rejects
  }
}

/** Reasons for which a record that was read cannot be used (process/finalize.ts). */
export const REJECT_REASONS: ReadonlySet<string> = new Set(['bad_time', 'no_source', 'no_destination'])

const NOTHING: SourceRates = { received: 0, parsed: 0, written: 0, uploaded: 0, rejected: 0 }

const ratesOf = (before: SourceRates, now: SourceRates, seconds: number): SourceRates => ({
  received: rate(before.received, now.received, seconds),
  parsed: rate(before.parsed, now.parsed, seconds),
  written: rate(before.written, now.written, seconds),
  uploaded: rate(before.uploaded, now.uploaded, seconds),
  rejected: rate(before.rejected, now.rejected, seconds)
})

/** Two digits after the point are enough for a picture, and short on the wire. */
const rate = (before: number, now: number, seconds: number): number => Math.round((Math.max(0, now - before) * 100) / seconds) / 100

const backlogOf = ({ spool }: PipelineStatus): number => Math.max(0, spool.bytes - spool.archivedBytes)

const least = (points: readonly HistoryPoint[]): HistoryPoint | undefined =>
  points.reduce<HistoryPoint | undefined>(
    (low, point) => (low === undefined || point.backlogBytes < low.backlogBytes ? point : low),
    undefined
  )

/** Bytes per millisecond. */
function growth(before: HistoryPoint | undefined, now: HistoryPoint | undefined): number | undefined {
  if (before === undefined || now === undefined || now.atMs - before.atMs < TREND_MIN_MS) return undefined
  return (now.backlogBytes - before.backlogBytes) / (now.atMs - before.atMs)
}
