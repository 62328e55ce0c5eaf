/** Every frame and record ends in one count: the sums that show it. */
import type { BlocksStatus, SourceStatus } from './status.ts'

/** The three borders where nothing may get lost; each `difference` is 0 when every frame and record is accounted for. */
export interface Balance {
  frames: {
    received: number
    parsed: number
    skipped: number
    malformed: number
    unidentified: number
    shed: number
    inFlight: number
    difference: number
  }
  records: { parsed: number; written: number; dropped: number; difference: number }
  delivery: {
    written: number
    recovered: number
    uploaded: number
    spooled: number
    setAside: number
    removed: number
    shed: number
    difference: number
  }
  balanced: boolean
  /** True while segments of earlier processes are still being counted. */
  counting: boolean
}

/**
 * Sums the sources up. `received` of a source counts the frames its lanes took; frames in flight have no source yet and those that
 * are shed never came to a lane, so `receivedFrames` is what receivers cut, counted by them.
 */
export function balanceOf(sources: readonly SourceStatus[], blocks: BlocksStatus, receivedFrames: number, unreadSegments: number): Balance {
  const frames = {
    received: receivedFrames,
    parsed: 0,
    skipped: 0,
    malformed: 0,
    unidentified: 0,
    shed: 0,
    inFlight: blocks.framesInFlight,
    difference: 0
  }
  const records = { parsed: 0, written: 0, dropped: 0, difference: 0 }
  const delivery = { written: 0, recovered: 0, uploaded: 0, spooled: 0, setAside: 0, removed: 0, shed: 0, difference: 0 }
  for (const source of sources) {
    addInto(frames, source.frames, ['parsed', 'skipped', 'malformed', 'unidentified', 'shed'])
    addInto(records, source.records, ['parsed', 'written', 'dropped'])
    addInto(delivery, source.records, ['written', 'recovered', 'uploaded', 'spooled', 'setAside', 'removed', 'shed'])
  }
  frames.difference =
    frames.received - frames.parsed - frames.skipped - frames.malformed - frames.unidentified - frames.shed - frames.inFlight
  records.difference = records.parsed - records.written - records.dropped
  delivery.difference =
    delivery.written + delivery.recovered - delivery.uploaded - delivery.spooled - delivery.setAside - delivery.removed - delivery.shed
  const balanced = frames.difference === 0 && records.difference === 0 && delivery.difference === 0
  return { frames, records, delivery, balanced, counting: unreadSegments > 0 }
}

function addInto<Key extends string>(target: Record<Key, number>, source: Record<Key, number>, keys: readonly Key[]): void {
  for (const key of keys) target[key] += source[key]
}
