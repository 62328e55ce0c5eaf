/** How often an address may name a wrong token: some in a row, then one every few seconds, so that guessing takes for ever. */
import { LRUCache } from 'lru-cache'

const BURST_MAX = 20
const REFILL_MS = 3000
/** Addresses remembered; one that is forgotten begins anew. */
const ADDRESSES_MAX = 1024

interface Attempts {
  left: number
  atMs: number
}

export class TokenAttempts {
  readonly #byAddress = new LRUCache<string, Attempts>({ max: ADDRESSES_MAX })
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Seconds until the address may name a token again; 0 while it may. */
  waitSeconds(address: string): number {
    const { left } = this.#attempts(address)
    return left >= 1 ? 0 : Math.ceil(((1 - left) * REFILL_MS) / 1000)
  }

  /** The address named a wrong one. */
  failed(address: string): void {
    const { left } = this.#attempts(address)
    this.#byAddress.set(address, { left: Math.max(0, left - 1), atMs: this.#now() })
  }

  #attempts(address: string): Attempts {
    const nowMs = this.#now()
    const known = this.#byAddress.get(address)
    if (known === undefined) return { left: BURST_MAX, atMs: nowMs }
    return { left: Math.min(BURST_MAX, known.left + (nowMs - known.atMs) / REFILL_MS), atMs: nowMs }
  }
}
