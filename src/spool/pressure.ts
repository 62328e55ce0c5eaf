/**
 * How near the spool is to its bounds, and who gives way in which order: first the archive is pruned, then senders that can wait
 * are stopped (`full`, from the high-water mark to the low one), and at the bound itself blocks are shed, which by then are
 * those of senders that cannot wait, and what was on its way.
 */
import type { SpoolLog } from './options.ts'
import { type WatermarkOptions, Watermarks } from './watermarks.ts'

export interface PressureOptions extends WatermarkOptions {
  queueMaxBytes: number
  log: SpoolLog
}

/** What the spool holds now. */
export interface Holdings {
  /** All files, and blocks that wait in memory. */
  usedBytes: number
  archivedBytes: number
  queuedBytes: number
}

export class Pressure {
  readonly #options: PressureOptions
  readonly #watermarks: Watermarks
  readonly #listeners = new Set<(full: boolean) => void>()
  #freeBytes = Number.POSITIVE_INFINITY
  /** What lay on the disk when it was asked for its free space. */
  #measuredBytes = 0
  /** Most that the files may hold, by the last measurement. */
  #boundBytes: number
  #isFull = false
  #isMemoryFull = false
  /** The last round ended with a full disk. */
  isDiskFull = false

  constructor(options: PressureOptions) {
    this.#options = options
    this.#watermarks = new Watermarks(options)
    this.#boundBytes = options.maxBytes
  }

  get full(): boolean {
    return this.#isFull
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  get capacityBytes(): number {
    return this.#watermarks.capacityBytes
  }

  get highWaterBytes(): number {
    return this.#watermarks.highWaterBytes
  }

  /** Calls the listener whenever `full` changes; returns how to stop that. */
  onChange(listener: (full: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The disk was asked for its free space. */
  measured(freeBytes: number, { usedBytes, archivedBytes, queuedBytes }: Holdings): void {
    const { maxBytes, diskReserveBytes } = this.#options
    this.#freeBytes = freeBytes
    this.#measuredBytes = usedBytes - queuedBytes
    // Half of the reserve is for what was on its way when the senders were stopped, and for senders that cannot be stopped.
    const onDisk = usedBytes - archivedBytes - queuedBytes
    this.#boundBytes = Math.min(maxBytes, onDisk + archivedBytes + freeBytes - diskReserveBytes / 2)
  }

  /** Why a block cannot be taken, or undefined. */
  refusal(blockBytes: number, { usedBytes, archivedBytes, queuedBytes }: Holdings): string | undefined {
    if (queuedBytes + blockBytes > 2 * this.#options.queueMaxBytes) return 'the disk fails or is too slow, and memory for blocks is full'
    return usedBytes - archivedBytes + blockBytes > this.#boundBytes
      ? 'the spool holds all that spool.max_bytes and the free disk allow'
      : undefined
  }

  /** What fills it, and what to do; the most urgent first. */
  #why(): string {
    if (this.isDiskFull) return 'the disk has no space left: free some'
    if (this.#isMemoryFull) return 'the disk fails or is too slow: blocks wait in memory'
    const isDiskShort = this.#watermarks.capacityBytes < this.#options.maxBytes
    const bound = isDiskShort
      ? 'the disk has little more than spool.min_free_bytes left: free some'
      : 'spool.max_bytes is nearly reached: raise it if the disk allows'
    return `${bound}, and see why uploads lag`
  }

  /** Takes new numbers; returns how many bytes of the archive must go (0 or less: none). */
  update({ usedBytes, archivedBytes, queuedBytes }: Holdings): number {
    const { queueMaxBytes, log } = this.#options
    // A fast sender fills a small disk between two measurements: what was written since is no longer free.
    const freeBytes = this.#freeBytes - (usedBytes - queuedBytes - this.#measuredBytes)
    // The archive goes before anybody has to wait, so for the marks its bytes are as good as free.
    this.#watermarks.update(usedBytes - archivedBytes, freeBytes + archivedBytes)
    this.#isMemoryFull = this.#isMemoryFull ? queuedBytes > queueMaxBytes / 2 : queuedBytes >= queueMaxBytes
    const isFull = this.#watermarks.isFull || this.#isMemoryFull || this.isDiskFull
    if (isFull !== this.#isFull) {
      this.#isFull = isFull
      const facts = { bytes: usedBytes, capacityBytes: this.#watermarks.capacityBytes, queuedBytes }
      if (isFull)
        log.warn({ ...facts, why: this.#why() }, 'the spool is full: senders that can wait are stopped, UDP is thrown away at the bound')
      else log.info(facts, 'the spool has room again: all senders go on')
      for (const listener of this.#listeners) listener(isFull)
    }
    return archivedBytes > 0 ? this.#watermarks.excess(usedBytes, freeBytes) + 1 : 0
  }
}
