/**
 * Makes a parser of a reader of rows. A template says how a row looks but not what a relay put before it, so a row is looked for
 * after the PRI, at the time of the syslog header, after that header and after its tag, in this order; the first place that
 * gives a time and a client wins.
 */
import type { Frame, Outcome, Parser } from '../../contracts.ts'
import { findByte } from '../../lib/bytes.ts'
import { RecordFields, SRC_IP, TIME } from '../../record.ts'
import { afterTag, malformed } from '../kit.ts'

/** Reads the row that begins at `start` into `out`, as `Parser.parse` does. */
export type ReadRow<State> = (frame: Frame, start: number, out: RecordFields, state: State) => Outcome

const PRI_MAX_BYTES = 6

export function rowParser<State = undefined>(declared: {
  id: string
  appliance: string
  newState?: () => State
  read: ReadRow<State>
}): Parser<State> {
  const { id, appliance, newState, read } = declared
  const probe = new RecordFields()
  return {
    id,
    appliance,
    ...(newState === undefined ? {} : { newState }),
    // Asked only where several sources share an intake: a row is known by being read.
    recognizes(frame, state) {
      probe.reset(frame.buf, 0, 0)
      return readAnywhere(frame, probe, state ?? (newState?.() as State), read) !== 'malformed'
    },
    parse: (frame, out, state) => readAnywhere(frame, out, state, read)
  }
}

function readAnywhere<State>(frame: Frame, out: RecordFields, state: State, read: ReadRow<State>): Outcome {
  const { scratch, scratchEnd } = out
  const line = afterPri(frame)
  const first = read(frame, line, out, state)
  if (isGood(first, out)) return first
  const { reason } = out
  // The time of a row may look like one more header: then the body begins after it.
  const places = [frame.timeStart, frame.body, afterTag(frame)]
  for (const [index, start] of places.entries()) {
    if (start < 0 || start === line || places.indexOf(start) < index) continue
    out.reset(frame.buf, scratch, scratchEnd)
    const outcome = read(frame, start, out, state)
    if (isGood(outcome, out)) return outcome
  }
  return malformed(out, first === 'malformed' ? (reason as 'bad_syntax') : Number.isNaN(out.numbers[TIME]) ? 'bad_time' : 'no_source')
}

/** A client with a blank in it is the row read from the wrong place. */
function isGood(outcome: Outcome, out: RecordFields): boolean {
  if (outcome !== 'parsed') return outcome === 'skipped'
  const start = out.start[SRC_IP]!
  return !Number.isNaN(out.numbers[TIME]) && start >= 0 && findByte(out.buf, start, out.end[SRC_IP]!, 0x20) < 0
}

function afterPri(frame: Frame): number {
  const { buf, start, end, pri } = frame
  if (pri < 0 || buf[start] !== 0x3c) return start
  const close = findByte(buf, start, Math.min(end, start + PRI_MAX_BYTES), 0x3e)
  return close < 0 ? start : close + 1
}
