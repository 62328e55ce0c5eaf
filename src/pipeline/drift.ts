/**
 * Notices that a source's log changed shape: an attribute that nearly all records had is gone, or lines that were read are
 * rejected. Firmware updates shift columns and rename keys, and nothing else would tell before the reports are empty.
 */
import type { DriftStatus } from '../telemetry/status.ts'

/** A look needs this many new records (or frames), so that a few odd lines raise no alarm. */
const WINDOW_MIN = 200
/** How much a new window counts in the running usual share. */
const WEIGHT = 0.2
/** Usual share above which an attribute can vanish, and share below which it has. */
const USUAL_SHARE = 0.5
const VANISHED_SHARE = 0.1
/** Rejected share that is an alarm when it usually is below a tenth of it. */
const REJECTED_SHARE = 0.1

/** Totals of a source since the start. */
export interface ShapeCounts {
  parsed: number
  rejected: number
  /** Records that were written, and how many of them carry each attribute. */
  written: number
  attributes: readonly { attribute: string; count: number }[]
}

interface Usual {
  /** As of the last look at what is rejected, and at the attributes: where much is dropped, the latter takes longer to see enough. */
  lastRead: Pick<ShapeCounts, 'parsed' | 'rejected'>
  lastWritten: Pick<ShapeCounts, 'written' | 'attributes'>
  /** Usual shares by attribute, and of rejected frames. */
  shares: Map<string, number>
  alarms: Map<string, DriftStatus>
  raised: number
}

export class DriftWatch {
  readonly #sources = new Map<string, Usual>()

  /** Takes a look at a source; call it every few seconds. */
  observe(source: string, counts: ShapeCounts, nowMs: number): void {
    const usual = this.#sources.get(source)
    if (usual === undefined) {
      this.#sources.set(source, { ...NOTHING, shares: new Map(), alarms: new Map(), raised: 0 })
      return
    }
    const parsed = counts.parsed - usual.lastRead.parsed
    const rejected = counts.rejected - usual.lastRead.rejected
    if (parsed + rejected >= WINDOW_MIN) {
      look(usual, 'rejected', rejected / (parsed + rejected), nowMs, isRejecting)
      usual.lastRead = counts
    }
    const written = counts.written - usual.lastWritten.written
    if (written >= WINDOW_MIN) {
      for (const { attribute, count } of counts.attributes) {
        const before = usual.lastWritten.attributes.find(one => one.attribute === attribute)?.count ?? 0
        look(usual, attribute, (count - before) / written, nowMs, isVanished)
      }
      usual.lastWritten = counts
    }
  }

  /** What is not as it usually is, by source. */
  alarms(source: string): DriftStatus[] {
    return [...(this.#sources.get(source)?.alarms.values() ?? [])]
  }

  /** How often an alarm of a source was raised since the start. */
  raised(source: string): number {
    return this.#sources.get(source)?.raised ?? 0
  }
}

const NOTHING = { lastRead: { parsed: 0, rejected: 0 }, lastWritten: { written: 0, attributes: [] } }

const isVanished = (usual: number, now: number): boolean => usual >= USUAL_SHARE && now < VANISHED_SHARE
const isRejecting = (usual: number, now: number): boolean => now >= REJECTED_SHARE && usual < REJECTED_SHARE / 2

/** While an alarm stands, the usual share is kept, so that the alarm does not become the new usual. */
function look(usual: Usual, what: string, share: number, nowMs: number, isAlarm: (usual: number, now: number) => boolean): void {
  const before = usual.shares.get(what)
  if (before === undefined) usual.shares.set(what, share)
  else if (isAlarm(before, share)) {
    const standing = usual.alarms.get(what)
    if (standing === undefined) usual.raised++
    usual.alarms.set(what, { what, usualShare: before, share, sinceMs: standing?.sinceMs ?? nowMs })
  } else {
    usual.alarms.delete(what)
    usual.shares.set(what, before + WEIGHT * (share - before))
  }
}
