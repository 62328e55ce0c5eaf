/** What came in by one listener of a receiver: frames as its framers counted them, and who sent them. */
import type { Framer, FramerStats } from '../contracts.ts'
import { PeerTable } from './peers.ts'

export class ListenerCounts {
  readonly peers = new PeerTable()
  /** Chunks whose sender had to wait for its rate. */
  rateLimited = 0
  readonly #ended: FramerStats = { truncated: 0, discardedBytes: 0, resynchronised: 0, newline: 0, octetCounted: 0 }
  readonly #live = new Set<Framer>()

  /** Counts what the framer counts, from now until `ended`. */
  began(framer: Framer): void {
    this.#live.add(framer)
  }

  ended(framer: Framer): void {
    this.#live.delete(framer)
    addInto(this.#ended, framer.stats)
  }

  /** Frames that a thread of the receiver has cut: a datagram each. */
  cutElsewhere(frames: number, truncated: number): void {
    this.#ended.newline += frames
    this.#ended.truncated += truncated
  }

  /** Sums over all framers, those that still work included. */
  framerStats(): FramerStats {
    const sum = { ...this.#ended }
    for (const { stats } of this.#live) addInto(sum, stats)
    return sum
  }
}

function addInto(sum: FramerStats, stats: FramerStats): void {
  sum.truncated += stats.truncated
  sum.discardedBytes += stats.discardedBytes
  sum.resynchronised += stats.resynchronised
  sum.newline += stats.newline
  sum.octetCounted += stats.octetCounted
}
