/** State, reason and pauses of a status entry, alike for all receivers whose senders can wait. */
import type { PauseReason, ReceiverState, ReceiverStatus } from '../contracts.ts'

/** What may hold senders of a receiver back just now. */
export interface Holds {
  /** Senders whose intake has no room, and what they are: `connections`, `transfers`, `requests`. */
  waiting?: { count: number; of: string }
  /** The spool takes nothing, so nothing is begun. */
  isFull?: boolean
  /** Senders whose last lines must become durable before they may go on. */
  uncommitted?: number
  /** Senders that wait because they were faster than they may be. */
  limited?: number
  /** No further connection, or request, is taken. */
  isOutOfConnections?: boolean
  isOutOfRequests?: boolean
  /** What is fetched from (a server, a folder) does not give what it is asked for. */
  isFailing?: boolean
}

/** While it listens, a receiver is paused when lack of room, not its senders or limits, holds them back. */
export function stateOf(
  state: ReceiverState,
  ownReason: string | undefined,
  holds: Holds
): Pick<ReceiverStatus, 'state' | 'reason' | 'pauses'> {
  const { waiting, isFull = false, uncommitted = 0 } = holds
  const waits = waiting !== undefined && waiting.count > 0
  const isPaused = state === 'listening' && (waits || isFull || uncommitted > 0)
  const reason = isPaused && waits ? `${waiting.count} ${waiting.of} wait for room` : isPaused ? undefined : ownReason
  return {
    state: isPaused ? 'paused' : state,
    ...(reason === undefined ? {} : { reason }),
    pauses: state === 'listening' ? pausesOf(holds) : []
  }
}

function pausesOf({ waiting, isFull, uncommitted = 0, limited = 0, ...rest }: Holds): PauseReason[] {
  const all: readonly (readonly [PauseReason, boolean | undefined])[] = [
    ['spool_full', isFull],
    ['no_room', isFull !== true && waiting !== undefined && waiting.count > 0],
    ['commit_pending', uncommitted > 0],
    ['rate_limit', limited > 0],
    ['connection_limit', rest.isOutOfConnections],
    ['request_limit', rest.isOutOfRequests],
    ['upstream_error', rest.isFailing]
  ]
  return all.filter(([, holds]) => holds === true).map(([reason]) => reason)
}
