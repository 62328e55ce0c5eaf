/** Names and places in the spool directory; drawn in format.md. Names are made from digits only, never from a source's name. */
import { join } from 'node:path'

/** Folders of segments. `archive` holds what the service has, `set-aside` what a person must look at. */
export type Folder = 'open' | 'closed' | 'archive' | 'set-aside'

export const FOLDERS: readonly Folder[] = ['open', 'closed', 'archive', 'set-aside']

/**
 * Creation ms, sequence, and a letter for each time it was made anew from another: `r` rescued from a damaged one, `a` and `b` halves of
 * one that was too large.
 */
const SEGMENT_ID = /^\d{14}-\d{6}[abr]{0,24}$/

/** True for what may be used to build a path; ids from outside (command line, HTTP) pass here first. */
export function isSegmentId(id: string): boolean {
  return SEGMENT_ID.test(id)
}

/** The segment from whose pieces this one was made; undefined when it is the first of its name. */
export function originalOf(id: string): string | undefined {
  return /[abr]$/.test(id) ? id.slice(0, -1) : undefined
}

export function dataPath(dir: string, folder: Folder, id: string): string {
  return join(dir, folder, `${id}.gz`)
}

export function ledgerPath(dir: string, folder: Folder, id: string): string {
  return join(dir, folder, `${id}.ledger`)
}

/** The id and kind that a file name spells, or undefined for a foreign file. */
export function readName(name: string): { id: string; kind: 'gz' | 'ledger' } | undefined {
  const dot = name.indexOf('.')
  const id = name.slice(0, dot)
  const kind = name.slice(dot + 1)
  return isSegmentId(id) && (kind === 'gz' || kind === 'ledger') ? { id, kind } : undefined
}

/** Creation time that the id carries, ms; may be later than the clock said when the clock went back. */
export function idMs(id: string): number {
  return Number(id.slice(0, 14))
}

/** Hands out ids that only grow, also when the clock jumps back or thousands are made in one millisecond. */
export class SegmentIds {
  #ms = 0
  #sequence = 0

  /** Never hand out this id or an older one again. */
  seen(id: string): void {
    const ms = idMs(id)
    const sequence = Number(id.slice(15, 21))
    if (ms < this.#ms || (ms === this.#ms && sequence <= this.#sequence)) return
    this.#ms = ms
    this.#sequence = sequence
  }

  next(nowMs: number): string {
    if (nowMs > this.#ms) {
      this.#ms = nowMs
      this.#sequence = 0
    } else if (++this.#sequence > 999_999) {
      this.#ms++
      this.#sequence = 0
    }
    return `${String(this.#ms).padStart(14, '0')}-${String(this.#sequence).padStart(6, '0')}`
  }
}
