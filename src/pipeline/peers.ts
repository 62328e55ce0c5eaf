/** Who sends to a listener: counts by address, for the page and the API. Never a metric label, since anybody may send. */
import type { PeerStatus, RateLimits } from '../contracts.ts'
import { TokenBucket } from '../lib/token-bucket.ts'

/** Addresses kept per listener; of those that are not connected the longest silent one gives way. */
export const PEERS_KNOWN_MAX = 1024
/** Addresses listed in the status. */
export const PEERS_LISTED_MAX = 10
/** Stands for the addresses beyond PEERS_KNOWN_MAX that are connected at the same time. */
const OTHERS = '(others)'

export interface PeerCounts {
  readonly address: string
  frames: number
  bytes: number
  /** Intakes open now. */
  open: number
  lastSeenMs: number
  /** What it may still send; shared by its intakes. */
  bucket?: TokenBucket
}

export class PeerTable {
  readonly #peers = new Map<string, PeerCounts>()

  /** The counts of an address, one more intake open. Whoever holds them adds frames and bytes, and calls `close` once. */
  open(address: string, nowMs: number): PeerCounts {
    let peer = this.#peers.get(address)
    if (peer === undefined) {
      peer = this.#hasRoom() ? newPeer(address, nowMs) : (this.#peers.get(OTHERS) ?? newPeer(OTHERS, nowMs))
      this.#peers.set(peer.address, peer)
    }
    peer.open++
    return peer
  }

  close(peer: PeerCounts): void {
    peer.open--
    if (this.#peers.get(peer.address) !== peer) return
    // Last in the order of the map: the first that is not connected is the one whose end is longest ago.
    this.#peers.delete(peer.address)
    this.#peers.set(peer.address, peer)
  }

  get size(): number {
    return this.#peers.size
  }

  /** Those with the most bytes first. */
  top(): PeerStatus[] {
    return [...this.#peers.values()]
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, PEERS_LISTED_MAX)
      .map(({ bucket: _, ...peer }) => peer)
  }

  /** The bucket of an address; new when its limits are. Addresses that are not told apart do not share one. */
  bucketOf(peer: PeerCounts, limits: RateLimits, nowMs: number): TokenBucket {
    if (peer.address === OTHERS) return new TokenBucket(limits, nowMs)
    const { bucket } = peer
    const isSame = bucket?.limits.framesPerSecond === limits.framesPerSecond && bucket.limits.bytesPerSecond === limits.bytesPerSecond
    return isSame ? bucket : (peer.bucket = new TokenBucket(limits, nowMs))
  }

  #hasRoom(): boolean {
    if (this.#peers.size < PEERS_KNOWN_MAX) return true
    for (const [address, { open }] of this.#peers) {
      if (open > 0) continue
      this.#peers.delete(address)
      return true
    }
    return false
  }
}

const newPeer = (address: string, lastSeenMs: number): PeerCounts => ({ address, frames: 0, bytes: 0, open: 0, lastSeenMs })
