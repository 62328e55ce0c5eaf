/** What the page knows: the last overview, the history put together from all, and how the connection is. */
import type { HistoryPoint } from '../../telemetry/history.ts'
import type { Overview } from '../overview.ts'

export const HISTORY_MAX = 180

export type Link =
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** Streams are not to be had; asks now and then. */
  | { kind: 'polling' }
  | { kind: 'lost'; sinceMs: number; why: string }
  | { kind: 'locked'; message: string }

export interface PageState {
  link: Link
  overview: Overview | undefined
  history: HistoryPoint[]
  /** The collector's clock less the browser's. */
  offsetMs: number
  /** Bytes a second by receiver, protocol and address, between the last two overviews. */
  receiverRates: ReadonlyMap<string, number>
}

export const EMPTY: PageState = {
  link: { kind: 'connecting' },
  overview: undefined,
  history: [],
  offsetMs: 0,
  receiverRates: new Map()
}

export const nowOf = (state: PageState): number => Date.now() + state.offsetMs

export function withOverview(state: PageState, overview: Overview): PageState {
  const before = state.overview
  const isSameRun = before !== undefined && before.status.startedMs === overview.status.startedMs
  const history = isSameRun ? state.history : []
  const newestMs = history.at(-1)?.atMs ?? 0
  return {
    ...state,
    overview,
    history: [...history, ...overview.history.filter(({ atMs }) => atMs > newestMs)].slice(-HISTORY_MAX),
    offsetMs: overview.nowMs - Date.now(),
    receiverRates: isSameRun && overview.nowMs > before.nowMs ? ratesBetween(before, overview) : new Map()
  }
}

export const receiverKey = ({ name, protocol, address }: Overview['status']['receivers'][number]): string =>
  `${name} ${protocol} ${address}`

function ratesBetween(before: Overview, now: Overview): Map<string, number> {
  const seconds = (now.nowMs - before.nowMs) / 1000
  const bytes = new Map(before.status.receivers.map(receiver => [receiverKey(receiver), receiver.counters.received_bytes_total ?? 0]))
  return new Map(
    now.status.receivers.map(receiver => {
      const key = receiverKey(receiver)
      const total = receiver.counters.received_bytes_total ?? 0
      return [key, Math.max(0, total - (bytes.get(key) ?? total)) / seconds]
    })
  )
}

/** The mean of the last two points, so that a number does not jump with every block. */
export function currentRate(history: readonly HistoryPoint[], source: string, key: keyof HistoryPoint['sources'][string]): number {
  const last = history.slice(-2)
  return last.length === 0 ? 0 : last.reduce((sum, point) => sum + (point.sources[source]?.[key] ?? 0), 0) / last.length
}
