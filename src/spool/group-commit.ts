/**
 * One sync for all who wait. The first append after a round starts a timer; when it fires, one round makes everything durable
 * that was appended until then, and all commits that asked for no more than that are answered together.
 */
import type { CollectorError } from '../errors.ts'

export interface GroupCommitOptions {
  intervalMs: number
  /** Makes everything appended so far durable; returns the failure instead of throwing it. */
  round: () => Promise<CollectorError | undefined>
}

interface Waiter {
  upTo: number
  resolve: () => void
  reject: (error: CollectorError) => void
}

const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 5_000

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #appended = 0
  #durable = 0
  #waiters: Waiter[] = []
  #timer: NodeJS.Timeout | undefined
  #dueAt = 0
  #running: Promise<void> | undefined
  /** Another round shall begin as soon as the running one has ended. */
  #isHurried = false
  #backoffMs = 0
  #refusal: CollectorError | undefined
  #refusals = 0

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** True while the last round failed. */
  get isFailing(): boolean {
    return this.#backoffMs > 0
  }

  /** A block was appended. */
  appended(): void {
    this.#appended++
    if (this.#backoffMs === 0) this.#schedule(this.#options.intervalMs)
  }

  /** A block was shed: no commit may say that all is well until a round that began later has succeeded. */
  refuse(error: CollectorError): void {
    this.#refusal = error
    this.#refusals++
    if (this.#backoffMs === 0) this.#schedule(this.#options.intervalMs)
  }

  /** Resolves when everything appended before the call is durable. */
  commit(): Promise<void> {
    // A refusal is told at the end of a round, not at once, so that who tries again and again does so at the disk's pace.
    if (this.#refusal === undefined && this.#durable === this.#appended) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.push({ upTo: this.#appended, resolve, reject }))
  }

  /** Begins a round soon instead of at the end of the interval, if anything waits for one. */
  hurry(): void {
    if (this.#backoffMs > 0 || this.#durable === this.#appended) return
    if (this.#running === undefined) this.#schedule(0)
    else this.#isHurried = true
  }

  /** Runs one round now, also when the last one failed. */
  async run(): Promise<void> {
    await this.#running
    await this.#start()
  }

  /** Ends the timers. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #schedule(delayMs: number): void {
    const dueAt = performance.now() + delayMs
    if (this.#running !== undefined || (this.#timer !== undefined && this.#dueAt <= dueAt)) return
    clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => void this.#start(), delayMs)
  }

  #start(): Promise<void> {
    this.stop()
    const startedMs = performance.now()
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined
      const isHurried = this.#isHurried
      this.#isHurried = false
      if (this.#durable === this.#appended && this.#refusal === undefined) return
      // What came during the round has waited that long already.
      const waitMs = isHurried ? 0 : this.#options.intervalMs - (performance.now() - startedMs)
      this.#schedule(this.#backoffMs > 0 ? this.#backoffMs : Math.max(0, waitMs))
    })
    return this.#running
  }

  async #round(): Promise<void> {
    const upTo = this.#appended
    const refusals = this.#refusals
    const failure = await this.#options.round()
    if (failure === undefined) {
      this.#backoffMs = 0
      this.#durable = upTo
    } else this.#backoffMs = Math.min(BACKOFF_MAX_MS, Math.max(BACKOFF_MIN_MS, this.#backoffMs * 2))
    const refusal = this.#refusal
    if (failure === undefined && refusals === this.#refusals) this.#refusal = undefined
    const answered = this.#waiters.filter(waiter => waiter.upTo <= upTo)
    this.#waiters = this.#waiters.filter(waiter => waiter.upTo > upTo)
    for (const { resolve, reject } of answered) {
      const error = failure ?? refusal
      if (error === undefined) resolve()
      else reject(error)
    }
  }
}
