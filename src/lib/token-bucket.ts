import type { RateLimits } from '../contracts.ts'

/** Buckets are full at the start and hold what may come in so many seconds. */
const BURST_SECONDS = 1

/**
 * A token bucket for frames and one for bytes. What has been taken is known only afterwards, so a bucket may be overdrawn; the
 * debt is then waited for.
 */
export class TokenBucket {
  readonly limits: RateLimits
  #frames: number
  #bytes: number
  #atMs: number

  constructor(limits: RateLimits, nowMs: number) {
    this.limits = limits
    this.#frames = limits.framesPerSecond * BURST_SECONDS
    this.#bytes = limits.bytesPerSecond * BURST_SECONDS
    this.#atMs = nowMs
  }

  /** Takes, whatever is there. */
  take(frames: number, bytes: number, nowMs: number): void {
    this.#fill(nowMs)
    this.#frames -= frames
    this.#bytes -= bytes
  }

  /** How long until neither bucket is overdrawn; 0 when none is. */
  debtMs(nowMs: number): number {
    this.#fill(nowMs)
    const { framesPerSecond, bytesPerSecond } = this.limits
    return Math.ceil(Math.max(debtOf(this.#frames, framesPerSecond), debtOf(this.#bytes, bytesPerSecond)) * 1000)
  }

  #fill(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.#atMs) / 1000
    const { framesPerSecond, bytesPerSecond } = this.limits
    this.#frames = Math.min(framesPerSecond * BURST_SECONDS, this.#frames + framesPerSecond * seconds)
    this.#bytes = Math.min(bytesPerSecond * BURST_SECONDS, this.#bytes + bytesPerSecond * seconds)
    this.#atMs = nowMs
  }
}

const debtOf = (tokens: number, perSecond: number): number => (perSecond === 0 || tokens >= 0 ? 0 : -tokens / perSecond)
